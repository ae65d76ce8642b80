"""The limit of writing: the rows of the same objects in one transaction of the raw driver for each batch.

The rows are those of a filled hub: contents, versions, references and releases, on tables with the same
indexes and the same settings of durability. Nothing is decided, parsed or verified.
"""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import create_engine, text

from hub.store.database.connection import Store
from scripts.benchmarks.speed.hubs import administer, url_of
from tests import postgres

_OBJECTS: Final = 3_000
# In the order of references. The rows of the first tables are there beforehand.
_BEFORE: Final = (
    "hub_state",
    "origin",
    "ledger",
    "member",
    "key",
    "submission",
    "agreement",
    "period",
    "justification",
)
_BY_VERSION: Final = {
    "content": "SELECT c.* FROM content c JOIN object_version v ON v.content_id = c.id WHERE v.id = {}",
    "object_version": "SELECT * FROM object_version WHERE id = {}",
    "reference": "SELECT * FROM reference WHERE version_id = {}",
    "release": "SELECT * FROM release WHERE version_id = {}",
}
_DURABLE: Final = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"

Rows = dict[str, list[Any]]

_ENDLESS: Final[Iterable[Rows]] = itertools.repeat({})


def rates(url: str, running: Path | None, batches: Sequence[int], seconds: float) -> dict[str, float]:
    """Return objects per second by the name of the batch.

    `url` is a filled hub; `running` the folder of its cluster, None for SQLite.
    """
    before, objects = _rows(url)
    found = {}
    for batch in batches:
        groups = [_joined(objects[n : n + batch]) for n in range(0, len(objects) - batch + 1, batch)]
        if not groups:
            continue
        write = _on_sqlite if running is None else _on_postgresql(running)
        found[f"raw {batch:,}"] = batch * write(before, groups, seconds)
    return found


def durable_row_seconds(running: Path | None, seconds: float) -> float:
    """Return the seconds of a transaction of one small row: what a disclosure costs at least."""
    if running is not None:
        with psycopg.connect(postgres.conninfo(url_of(running)), autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS one_row (value integer)")
            taken = 1 / _timed(
                lambda _: connection.execute("INSERT INTO one_row VALUES (1)"), _ENDLESS, seconds
            )
            connection.execute("DROP TABLE one_row")
            return taken
    with (
        tempfile.TemporaryDirectory(prefix="hub-speed-") as home,
        closing(sqlite3.connect(Path(home) / "row.db", isolation_level=None)) as file,
    ):
        file.executescript(f"{_DURABLE} CREATE TABLE one_row (value integer);")
        return 1 / _timed(lambda _: file.execute("INSERT INTO one_row VALUES (1)"), _ENDLESS, seconds)


def _rows(url: str) -> tuple[Rows, list[Rows]]:
    """Return the rows beforehand, and the rows of each object."""
    engine = create_engine(url)
    with engine.connect() as connection:

        def read(query: str) -> list[Any]:
            return [tuple(row) for row in connection.execute(text(query))]

        before = {table: read(f'SELECT * FROM "{table}"') for table in _BEFORE}
        keys = read(f"SELECT id FROM object_version WHERE submission_id IS NOT NULL LIMIT {_OBJECTS}")
        objects = [
            {table: read(query.format(key)) for table, query in _BY_VERSION.items()} for (key,) in keys
        ]
    engine.dispose()
    return before, objects


def _joined(objects: Sequence[Rows]) -> Rows:
    return {table: [row for one in objects for row in one[table]] for table in _BY_VERSION}


def _insert_all(connection: sqlite3.Connection, rows: Rows) -> None:
    for table, found in rows.items():
        if found:
            marks = ", ".join("?" * len(found[0]))
            connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', found)


def _copy_all(connection: psycopg.Connection[Any], rows: Rows) -> None:
    """COPY, the quickest way into PostgreSQL."""
    for table, found in rows.items():
        command = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
        with connection.cursor().copy(command) as copy:
            for row in found:
                copy.write_row(row)


def _on_sqlite(before: Rows, groups: Sequence[Rows], seconds: float) -> float:
    """Return transactions per second."""
    with tempfile.TemporaryDirectory(prefix="hub-speed-") as home:
        path = Path(home) / "raw.db"
        _migrate(f"sqlite:///{path}")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.executescript(_DURABLE)
            connection.execute("BEGIN")
            for table in reversed(_BEFORE):
                connection.execute(f'DELETE FROM "{table}"')
            _insert_all(connection, before)
            connection.execute("COMMIT")

            def act(rows: Rows) -> None:
                connection.execute("BEGIN IMMEDIATE")
                _insert_all(connection, rows)
                connection.execute("COMMIT")

            return _timed(act, groups, seconds)


def _on_postgresql(running: Path) -> Callable[[Rows, Sequence[Rows], float], float]:
    def rate(before: Rows, groups: Sequence[Rows], seconds: float) -> float:
        administer(running, "DROP DATABASE IF EXISTS raw WITH (FORCE)")
        administer(running, "CREATE DATABASE raw TEMPLATE template0")
        url = url_of(running, "raw")
        _migrate(url)
        with psycopg.connect(postgres.conninfo(url)) as connection:
            for table in reversed(_BEFORE):
                connection.execute(f'DELETE FROM "{table}"')
            _copy_all(connection, before)
            connection.commit()

            def act(rows: Rows) -> None:
                _copy_all(connection, rows)
                connection.commit()

            found = _timed(act, groups, seconds)
        administer(running, "DROP DATABASE raw WITH (FORCE)")
        return found

    return rate


def _migrate(url: str) -> None:
    store = Store.open(url)
    store.migrate()
    store.close()


def _timed(act: Callable[[Rows], object], groups: Iterable[Rows], seconds: float) -> float:
    began, count = time.perf_counter(), 0
    for rows in groups:
        act(rows)
        count += 1
        if time.perf_counter() - began > seconds:
            break
    return count / (time.perf_counter() - began)
