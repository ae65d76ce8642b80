"""The table of used rate limits."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table

from hub.store.schema.tables import member, metadata

allowance = Table(  # the used part of a rate limit, as one instant (GCRA)
    "allowance",
    metadata,
    Column("member", ForeignKey(member.c.id), primary_key=True),
    Column("kind", String(8), primary_key=True),  # requests | objects
    Column("used_until", BigInteger, nullable=False),
)
