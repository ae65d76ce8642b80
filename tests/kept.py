"""Databases as tests begin with them, without migrating and filling one for each test.

On SQLite a migrated file is copied. On PostgreSQL a database is kept and its rows are deleted: of what was
measured, making a database, cloning one and TRUNCATE cost between ten and fifty times as much. The rows that
many tests begin with are made once, and then put into each database.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Integer, Table, func, select

from hub.store.database.connection import Store
from hub.store.schema.tables import ledger, metadata
from tests import postgres
from tests.lock_order import RECORDER

_WAIT_MILLISECONDS = 60_000
# Deleted rows go on costing whoever reads past them, so now and then the tables are made empty at once.
_DELETIONS = 100
_SHAPE = """
    SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
        SELECT attrelid::regclass::text || attname::text || atttypid || attnotnull::text AS part
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped
        UNION ALL SELECT conrelid::regclass::text || conname::text || convalidated::text FROM pg_constraint
        UNION ALL SELECT tgrelid::regclass::text || tgname::text || tgenabled::text FROM pg_trigger
            WHERE NOT tgisinternal
        UNION ALL SELECT setconfig::text FROM pg_db_role_setting
            WHERE setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))
                AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    ) AS parts
"""


def migrated(path: Path) -> str:
    """Migrate an SQLite file for `copied`; return its URL."""
    url = f"sqlite:///{path}"
    _migrate(url)
    return url


def copied(model: Path, path: Path) -> str:
    """Copy a migrated SQLite file, of which no connection is open; return the URL of the copy."""
    shutil.copyfile(model, path)
    path.chmod(0o600)
    return f"sqlite:///{path}"


class KeptDatabase:
    """A PostgreSQL database that one test uses after another."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._made: postgres.MadeDatabase | None = None
        self._shape: str | None = None
        self._given = 0

    def emptied(self, *, alone: bool) -> str:
        """Return its URL. It has today's tables and no rows, and nobody is in the middle of anything there.

        Nobody is even connected when it is to be had `alone`. One that a test has altered is replaced.
        """
        if self._made is None or not self._clean(alone):
            self.drop()
            self._make()
        self._given += 1
        assert self._made is not None
        return self._made.url

    def drop(self) -> None:
        """Remove the database, whoever is connected."""
        if self._made is not None:
            self._made.drop()
            self._made = None

    def _make(self) -> None:
        self._made = postgres.make(self._server_url)
        _migrate(self._made.url)
        with self._connect() as connection:
            self._shape = _shape(connection)

    def _connect(self) -> psycopg.Connection:
        assert self._made is not None
        return psycopg.connect(postgres.conninfo(self._made.url), autocommit=True)

    def _clean(self, alone: bool) -> bool:
        with self._connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND (%s OR state <> 'idle')",
                [_WAIT_MILLISECONDS, alone],
            )
            if _shape(connection) != self._shape:
                return False
            connection.execute(_emptying(truncate=self._given % _DELETIONS == 0))
        return True


@contextmanager
def kept(server_url: str) -> Iterator[KeptDatabase]:
    """Give a database to use in turn; it is gone afterwards."""
    database = KeptDatabase(server_url)
    try:
        yield database
    finally:
        database.drop()


@dataclass(frozen=True)
class TableRows:
    """All that a database had in its tables, to be put into others that are empty."""

    tables: tuple[tuple[Table, list[dict[str, Any]]], ...]

    @classmethod
    def of(cls, store: Store) -> TableRows:
        with store.read() as connection:
            found = [
                (table, [dict(row) for row in connection.execute(select(table)).mappings()])
                for table in metadata.sorted_tables
            ]
        return cls(tuple((table, rows) for table, rows in found if rows))

    def put_into(self, store: Store) -> None:
        """Leave the store as the one they were read from."""
        with RECORDER.off(), store.write() as connection:
            for table, rows in self.tables:
                connection.execute(table.insert(), rows)
            if connection.dialect.name == "postgresql":
                for name, last in self._sequences():
                    connection.execute(select(func.setval(name, last)))

    def _sequences(self) -> Iterator[tuple[str, int]]:
        """The keys that PostgreSQL gives by itself, with the last that was given."""
        for table, rows in self.tables:
            column = table.autoincrement_column
            if column is not None and isinstance(column.type, Integer):
                yield f"{table.name}_{column.name}_seq", max(row[column.name] for row in rows)


def kind(store: Store) -> str:
    """Return which kind of database it is."""
    with store.read() as connection:
        return connection.dialect.name


def is_empty(store: Store) -> bool:
    """Tell whether the hub was never initialised on this store, which is migrated."""
    with store.read() as connection:
        return not connection.execute(select(func.count()).select_from(ledger)).scalar_one()


def _migrate(url: str) -> None:
    store = Store.open(url)
    store.migrate()
    store.close()


def _shape(connection: psycopg.Connection) -> str | None:
    row = connection.execute(_SHAPE).fetchone()
    assert row is not None
    return str(row[0])


def _emptying(*, truncate: bool) -> sql.Composed:
    # Looked up each time: a module with further tables may be imported later than this one.
    tables = [sql.Identifier(table.name) for table in reversed(metadata.sorted_tables)]
    if truncate:
        names = sql.SQL(", ").join(tables)
        return sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names)
    statements = [sql.SQL("DELETE FROM {}").format(name) for name in tables]
    restart = sql.SQL(
        "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
        " FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
    )
    return sql.SQL("; ").join([sql.SQL("BEGIN"), *statements, restart, sql.SQL("COMMIT")])
