"""The table of what members have used of their rate limits."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table

from hub.store.schema.tables import member, metadata

allowance = Table(  # what a member has used of its rate limits, as one instant each (GCRA)
    "allowance",
    metadata,
    Column("member", ForeignKey(member.c.id), primary_key=True),
    Column("kind", String(8), primary_key=True),  # requests | objects
    Column("used_until", BigInteger, nullable=False),
)
