"""The table of the justifications that a member's own rows have."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, UniqueConstraint

from hub.store.schema.tables import Id, justification, metadata

own_justification = Table(  # INVARIANT: append-only. Of each row at home: its member and its justification
    "own_justification",
    metadata,
    Column("id", Id, primary_key=True),
    Column("recipient", String(3), nullable=False),
    Column("member", String(64), nullable=False),
    Column("justification_id", ForeignKey(justification.c.id), nullable=False),
    UniqueConstraint("recipient", "member", "justification_id"),
    Index("ix_own_justification_recipient_member_id", "recipient", "member", "id"),
)
