"""The tables of recalls: versions, readers and notices."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from hub.store.schema.tables import member, metadata, object_version

_Id = BigInteger().with_variant(Integer, "sqlite")

recall = Table(  # versions of a record were deleted, or hidden by a stricter marking
    "recall",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("origin", String(3), nullable=False),
    Column("member", String(64), nullable=False),
    Column("stix_id", String(300), nullable=False),
    Column("reason", String(8), nullable=False),  # deleted | stricter
    Column("at", BigInteger, nullable=False),
    # The last search for fetches; null: none yet. Pages in flight are recorded late.
    Column("looked_at", BigInteger),
    Column("done_at", BigInteger, index=True),
)

recalled = Table(  # a version that is recalled from a nation's members
    "recalled",
    metadata,
    Column("recall_id", ForeignKey(recall.c.id), primary_key=True),
    Column("recipient", String(3), primary_key=True),
    Column("version_id", ForeignKey(object_version.c.id), primary_key=True, index=True),
    Column("tlp", Integer),  # the level shown before; null: not shown
    Column("members", Text),  # JSON: members that ceased to see it; null: all that fetched it
    Column("revision", BigInteger),  # of the ledger after hiding; null: pages of any revision count
)

notice = Table(  # the one note to a member about a recall
    "notice",
    metadata,
    Column("recall_id", ForeignKey(recall.c.id), primary_key=True),
    Column("member", ForeignKey(member.c.id), primary_key=True),
    Column("version_id", ForeignKey(object_version.c.id), nullable=False, index=True),
)
