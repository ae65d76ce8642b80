"""The tables of recall, beside those of `tables`: what was pulled back, from whom, and who has been told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from hub.store.schema.tables import member, metadata, object_version

_Id = BigInteger().with_variant(Integer, "sqlite")

recall = Table(  # that versions of a record were deleted, or hidden by a stricter marking
    "recall",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("origin", String(3), nullable=False),
    Column("member", String(64), nullable=False),
    Column("stix_id", String(300), nullable=False),
    Column("reason", String(8), nullable=False),  # deleted | stricter
    Column("at", BigInteger, nullable=False),
    # When it was last looked for whoever fetched them; null: never. Pages in flight are on record late.
    Column("looked_at", BigInteger),
    Column("done_at", BigInteger, index=True),
)

recalled = Table(  # a version that a recall pulls back from a nation's members
    "recalled",
    metadata,
    Column("recall_id", ForeignKey(recall.c.id), primary_key=True),
    Column("recipient", String(3), primary_key=True),
    Column("version_id", ForeignKey(object_version.c.id), primary_key=True, index=True),
    Column("tlp", Integer),  # as it was shown until then; null: it was not
    Column("members", Text),  # JSON: who ceased to see it; null: whoever has fetched it
    Column("revision", BigInteger),  # of the ledger, which hid it; null: a page of any revision counts
)

notice = Table(  # which note tells a member of a recall: one, whatever it fetched
    "notice",
    metadata,
    Column("recall_id", ForeignKey(recall.c.id), primary_key=True),
    Column("member", ForeignKey(member.c.id), primary_key=True),
    Column("version_id", ForeignKey(object_version.c.id), nullable=False, index=True),
)
