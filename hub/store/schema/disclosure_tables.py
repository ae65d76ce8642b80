"""The table of disclosures, beside those of `tables`: what left, for whom, and when."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text

from hub.store.schema.tables import (
    Id,
    Instant,
    member,
    metadata,
)

disclosure = Table(  # one row per answer that held anything
    "disclosure",
    metadata,
    Column("id", Id, primary_key=True),
    Column("member", ForeignKey(member.c.id), nullable=False),
    # No foreign key: on PostgreSQL it would make each page wait for the submission that holds the ledger.
    Column("recipient", String(3), nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", String(8), nullable=False),  # objects | manifest | versions
    # What the answer was read from. Commits are ordered by these; `at` is the clock of who answered.
    Column("revision", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Column("epoch", String(32), nullable=False, server_default=""),  # in which these positions lie
    Column("runs", Text, nullable=False, server_default=""),  # the positions (`store.ledger.disclosures`)
    Index("ix_disclosure_recipient_last_position", "recipient", "last_position"),
)
