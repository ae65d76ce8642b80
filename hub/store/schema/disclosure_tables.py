"""The table of disclosures."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text

from hub.store.schema.tables import (
    Id,
    Instant,
    member,
    metadata,
)

disclosure = Table(  # INVARIANT: append-only evidence. One row per page with rows.
    "disclosure",
    metadata,
    Column("id", Id, primary_key=True),
    Column("member", ForeignKey(member.c.id), nullable=False),
    # No foreign key: on PostgreSQL it would make each page wait for the submission that holds the ledger.
    Column("recipient", String(3), nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", String(8), nullable=False),  # objects | manifest | versions
    # The state that the page was read from. These order pages and changes; `at` is only the clock's word.
    Column("revision", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Column(
        "epoch", String(32), nullable=False, server_default=""
    ),  # of these positions: they mean something only within it
    Column("runs", Text, nullable=False, server_default=""),  # the positions (`store.ledger.disclosures`)
    Index("ix_disclosure_recipient_last_position", "recipient", "last_position"),
)
