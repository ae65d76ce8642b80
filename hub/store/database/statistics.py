"""The statistics by which the databases choose indexes.

SQLite gets the same statistics in every hub, those of a large hub. PostgreSQL gathers its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, text

from hub.store.schema.tables import metadata

Statistic = tuple[str, str | None, str]  # of SQLite: table, index and text of `sqlite_stat1`

_LARGE: Final = 100_000_000
_ROWS: Final = {
    "content": _LARGE,
    "object_version": _LARGE,
    "reference": 2 * _LARGE,
    "release": 5 * _LARGE,
    "rejustification": _LARGE,
    "disclosure": _LARGE,
    "submission": _LARGE,
    "submission_item": _LARGE,
    "rendition": _LARGE,
    "made_id": _LARGE,
    "justification": 10_000,
}
# The numbers of different values in columns with few. Every other column counts as one value for each row.
_VALUES: Final = {
    "recipient": 5,
    "origin": 5,
    "member": 50,
    "type": 50,
    "kind": 4,
    "is_newest": 2,
    "rendition": 10,
    "justification_id": 2_000,
}
# PostgreSQL analyses a table again when more rows than these have changed, and more than its rows before.
_CHANGED: Final = 1_000


def keep(connection: Connection) -> None:
    """Bring the statistics of the database up to date. Costs little if these are up to date.

    `connection` is in a transaction that writes.
    """
    if connection.dialect.name == "sqlite":
        _keep_sqlite(connection)
    else:
        _keep_postgresql(connection)


# --- SQLite ---------------------------------------------------------------------------------------


def _keep_sqlite(connection: Connection) -> None:
    # INVARIANT: the same statistics whatever the hub holds (policy 9). Gathered statistics would let hidden
    # rows change the plans of a reader, and SQLite then reads whole indexes for Bloom filters. To a large
    # table SQLite makes no such filter, and of two indexes it takes the narrower one.
    wanted = set(_statistics(connection))
    if wanted == set(_stored(connection)):
        return
    connection.exec_driver_sql("ANALYZE sqlite_master")  # makes the table `sqlite_stat1`, and reads no rows
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    for statistic in sorted(wanted, key=str):
        connection.exec_driver_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", statistic)
    # Connections that are open read the new statistics with the next change of the schema.
    connection.exec_driver_sql("ANALYZE sqlite_master")


def _stored(connection: Connection) -> Iterator[Statistic]:
    is_there = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'"
    if connection.exec_driver_sql(is_there).first() is not None:
        found = connection.exec_driver_sql("SELECT tbl, idx, stat FROM sqlite_stat1")
        yield from ((table, index, stat) for table, index, stat in found)


def _statistics(connection: Connection) -> Iterator[Statistic]:
    """Give the statistics for the indexes that the database has now."""
    for table, rows in _ROWS.items():
        indexes = connection.exec_driver_sql(f"PRAGMA index_list({table})").all()
        if not indexes:
            yield table, None, str(rows)
        for _, index, is_unique, origin, _ in indexes:
            info = connection.exec_driver_sql(f"PRAGMA index_info({index})")
            columns = [name for *_, name in info]
            # Of a table without rowid the primary key is the table itself.
            is_table = origin == "pk" and not metadata.tables[table].dialect_options["sqlite"]["with_rowid"]
            yield table, table if is_table else index, _stat(rows, columns, is_unique=bool(is_unique))


def _stat(rows: int, columns: Sequence[str], *, is_unique: bool) -> str:
    """Return the number of rows, then of rows with equal values in the first column, in the first two, …"""
    left, found = rows, [rows]
    for column in columns:
        left = max(1, left // _VALUES.get(column, rows))
        found.append(left)
    if is_unique:
        found[-1] = 1
    return " ".join(map(str, found))


# --- PostgreSQL -------------------------------------------------------------------------------------


def _keep_postgresql(connection: Connection) -> None:
    # Autovacuum does the same, but later, and may be off. ANALYZE reads a sample of bounded size, and blocks
    # neither readers nor writers.
    for table in _outdated(connection):
        connection.execute(text(f'ANALYZE "{table}"'))


def _outdated(connection: Connection) -> Collection[str]:
    query = text(
        "SELECT c.relname FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid"
        " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'"
        " AND pg_has_role(c.relowner, 'USAGE')"
        " AND (c.reltuples < 0 OR s.n_mod_since_analyze > greatest(c.reltuples, :changed)) ORDER BY 1"
    )
    found = set(connection.scalars(query, {"changed": _CHANGED}))
    return [table.name for table in metadata.sorted_tables if table.name in found]
