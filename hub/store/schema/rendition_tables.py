"""The tables of derived objects."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table

from hub.store.schema.tables import content, metadata, object_version

made_id = Table(  # made ids. INVARIANT: random, and never changed
    "made_id",
    metadata,
    Column("origin", String(3), primary_key=True),
    Column("stix_id", String(300), primary_key=True),
    Column("rendition", String(40), primary_key=True),
    Column("made", String(300), nullable=False, unique=True),
)

rendition = Table(  # a derived object, made with the first release in this form
    "rendition",
    metadata,
    Column("version_id", ForeignKey(object_version.c.id), primary_key=True),
    Column("rendition", String(40), primary_key=True),
    Column("stix_id", String(300), nullable=False, index=True),
    Column("type", String(250), nullable=False),
    Column("content_id", ForeignKey(content.c.id), nullable=False, index=True),
    Column("size", Integer, nullable=False),
)
