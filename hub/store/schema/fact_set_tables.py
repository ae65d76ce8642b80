"""The tables of the facts that decide on versions, so that simulations count versions and read few."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, Text, UniqueConstraint

from hub.store.schema.tables import Id, Instant, metadata

fact_set = Table(  # INVARIANT: append-only, interned: a value of an origin has one row
    "fact_set",
    metadata,
    Column("id", Id, primary_key=True),
    Column("origin", String(3), nullable=False),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of the facts
    # A line for the own facts, then a line for each of the others; empty: facts alone do not decide.
    Column("facts", Text, nullable=False),
    UniqueConstraint("origin", "digest"),
)

version_fact_set = Table(  # all versions of an origin up to some key: later ones are to be determined
    "version_fact_set",
    metadata,
    Column("origin", String(3), primary_key=True),
    # No foreign key: on PostgreSQL each row would also write its version's row, to lock it.
    Column("version_id", Id, primary_key=True, autoincrement=False),
    Column("fact_set_id", ForeignKey(fact_set.c.id)),  # null: to be determined again
    Column("submitted_at", Instant, nullable=False),
    Column("oldest_at", Instant, nullable=False),  # of the versions with these facts
    Column("is_deleted", Boolean, nullable=False),
    Index(
        "ix_version_fact_set_counted",
        *("origin", "is_deleted", "fact_set_id", "submitted_at", "oldest_at", "version_id"),
    ),
    sqlite_with_rowid=False,
)
