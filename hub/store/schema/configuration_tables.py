"""The table of what decides, as `hub init` kept it (interface, Configuration)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from hub.store.schema.tables import Id, metadata

configuration = Table(  # a row is never changed
    "configuration",
    metadata,
    # The microsecond in which it was kept, so that no other history has the number for other values.
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),  # for what is submitted from then on
    Column("document", Text, nullable=False),  # JSON
)
