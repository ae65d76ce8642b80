"""The table of configurations, as `hub init` stored them (interface, Configuration)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from hub.store.schema.tables import Id, metadata

configuration = Table(  # INVARIANT: append-only. A row never changes.
    "configuration",
    metadata,
    # The microsecond of storing: no other history has this number for other values.
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),  # in force for later submissions
    Column("document", Text, nullable=False),  # JSON
)
