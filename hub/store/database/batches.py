"""Helpers for statements over many values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    any_,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from hub.store.database.execution import executed, executed_many, fetched
from hub.store.database.prepared import insertion

T = TypeVar("T")

_VALUES_PER_STATEMENT: Final = 500  # well below every driver's limit on bound parameters
_FEW: Final = 128  # values: databases plan best with a parameter for each
_ROWS_PER_STATEMENT: Final = 2_000
_BYTES_PER_STATEMENT: Final = 4_000_000
# The texts of insertions and updates: a few for each table, whatever the number of rows.
_texts: dict[tuple[Any, ...], str] = {}


def batches(values: Iterable[T]) -> Iterator[list[T]]:
    """Give the values in lists short enough for one `IN`."""
    return _in_batches(values, _VALUES_PER_STATEMENT)


def batches_by_size(values: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """Give the values in lists of a few megabytes, by the `size` of each value in bytes."""
    batch: list[T] = []
    held = 0
    for value in values:
        if batch and held + size(value) > _BYTES_PER_STATEMENT:
            yield batch
            batch, held = [], 0
        batch.append(value)
        held += size(value)
    if batch:
        yield batch


def _in_batches(values: Iterable[T], most: int) -> Iterator[list[T]]:
    rest = iter(values)
    while batch := list(islice(rest, most)):
        yield batch


def insert_all(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert the rows, with one statement for thousands of rows. All rows have the same columns in one order.

    Rows are made as needed: all at once would be held twice more in memory.
    """
    for batch in _in_batches(rows, _ROWS_PER_STATEMENT):
        _insert(connection, table, batch)


def insert_numbered(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    """Insert the rows as `insert_all` does. Give the new ids in the order of the rows."""
    for batch in _in_batches(rows, _ROWS_PER_STATEMENT):
        if connection.dialect.name == "postgresql":
            # PostgreSQL numbers the rows in the order of ORDER BY, but may return them in any order.
            text = _insertion(connection, table, (*batch[0],), returns=True)
            yield from sorted(id for (id,) in fetched(connection, text, _as_json(batch)))
            continue
        if len(batch) == 1:  # as most submissions are: one statement, not two
            text = _insertion(connection, table, (*batch[0],), returns=True)
            yield from (id for (id,) in fetched(connection, text, tuple(batch[0].values())))
            continue
        # INVARIANT: the transaction holds SQLite's write lock. So nobody else takes these numbers.
        text = f"SELECT coalesce(max(id), 0) FROM {_quoted(connection, table.name)}"  # noqa: S608 - a name alone
        first = fetched(connection, text)[0][0] + 1
        _insert(connection, table, [{"id": first + n, **row} for n, row in enumerate(batch)])
        yield from range(first, first + len(batch))


def update_all(
    connection: Connection, table: Table, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Update one row of `table` by each of `rows`: the columns `keys` find the row, the others are written.

    One statement for thousands of rows. All rows have the same columns in one order.
    """
    for batch in _in_batches(rows, _ROWS_PER_STATEMENT):
        text = _updating(connection, table, tuple(keys), (*batch[0],))
        if connection.dialect.name == "postgresql":
            executed(connection, text, _as_json(batch))
        else:
            names = [*(name for name in batch[0] if name not in keys), *keys]
            executed_many(connection, text, [tuple([row[name] for name in names]) for row in batch])


def _insert(connection: Connection, table: Table, batch: Sequence[Mapping[str, Any]]) -> None:
    text = _insertion(connection, table, (*batch[0],), returns=False)
    if connection.dialect.name == "postgresql":
        executed(connection, text, _as_json(batch))
    else:
        executed_many(connection, text, [tuple(row.values()) for row in batch])


def _insertion(connection: Connection, table: Table, columns: tuple[str, ...], *, returns: bool) -> str:
    """Return the text that inserts rows with these columns."""
    key = (connection.dialect.name, table.name, columns, returns)
    if key not in _texts:
        names = ", ".join(_quoted(connection, name) for name in columns)
        into = f"INSERT INTO {_quoted(connection, table.name)} ({names})"
        if connection.dialect.name == "postgresql":
            # INVARIANT: ORDER BY, because the new ids follow the order of the rows (`insert_numbered`).
            rows = f"{into} SELECT {names} FROM {_rows(connection, table, columns)} ORDER BY n"  # noqa: S608
        else:
            rows = f"{into} VALUES ({', '.join('?' * len(columns))})"
        _texts[key] = f"{rows} RETURNING id" if returns else rows
    return _texts[key]


def _updating(connection: Connection, table: Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """Return the text that updates rows with these columns, found by `keys`."""
    key = (connection.dialect.name, table.name, keys, columns)
    if key not in _texts:
        name = _quoted(connection, table.name)
        written = [_quoted(connection, column) for column in columns if column not in keys]
        found = [_quoted(connection, column) for column in keys]
        if connection.dialect.name == "postgresql":
            values = ", ".join(f"{column} = r.{column}" for column in written)
            where = " AND ".join(f"{name}.{column} = r.{column}" for column in found)
            rows = _rows(connection, table, columns)
            _texts[key] = f"UPDATE {name} SET {values} FROM {rows} WHERE {where}"  # noqa: S608 - names alone
        else:
            values = ", ".join(f"{column} = ?" for column in written)
            where = " AND ".join(f"{column} = ?" for column in found)
            _texts[key] = f"UPDATE {name} SET {values} WHERE {where}"  # noqa: S608 - names alone
    return _texts[key]


def _rows(connection: Connection, table: Table, columns: Sequence[str]) -> str:
    """Return the rows of the one JSON parameter as a relation `r`, with their number `n`, for PostgreSQL.

    Of arrays, COPY and JSON, JSON costs this process the least but for COPY, which returns no ids.
    """
    types = ", ".join(
        f"{_quoted(connection, name)} {table.c[name].type.compile(dialect=connection.dialect)}"
        for name in columns
    )
    names = ", ".join(_quoted(connection, name) for name in columns)
    parsed = f"ROWS FROM (json_to_recordset(%(rows)s::json) AS ({types}))"
    return f"{parsed} WITH ORDINALITY AS r({names}, n)"


def _as_json(batch: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {"rows": orjson.dumps(batch, default=_as_hex).decode()}


def _as_hex(value: Any) -> str:
    """Return bytes as PostgreSQL reads them from text: JSON has no bytes."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def among(
    connection: Connection, column: ColumnElement[Any], values: Collection[int] | Collection[str]
) -> ColumnElement[bool]:
    """Return the condition that `column` is among any number of `values`.

    A few values are a parameter each, because databases plan best so. More values are one parameter: no limit
    of a driver applies, and one statement costs less than a statement for each batch.
    """
    if len(values) <= _FEW:
        return column.in_(_padded(list(values)))
    if connection.dialect.name == "postgresql":
        return column == any_(_array(values))
    return column.in_(listed(connection, values))


def _padded(values: list[Any]) -> list[Any]:
    """Return the values with the last one repeated, up to a power of two."""
    # Drivers and servers keep statements by their text: eight lengths, not one for each number of values.
    wanted = 1 << max(len(values) - 1, 0).bit_length()
    return values + values[-1:] * (wanted - len(values))


def listed(connection: Connection, values: Collection[int] | Collection[str]) -> Select[Any]:
    """Return the query with a row for each of `values`, of any number."""
    if connection.dialect.name == "postgresql":
        return select(func.unnest(_array(values)).column_valued("value").label("value"))
    return select(func.json_each(orjson.dumps(list(values)).decode()).table_valued("value").c.value)


def _array(values: Collection[int] | Collection[str]) -> ColumnElement[Any]:
    # PostgreSQL needs the type of an array, also of an empty one.
    is_text = isinstance(next(iter(values), 0), str)
    return literal(list(values), ARRAY(String if is_text else BigInteger))


def upsert(connection: Connection, table: Table) -> Any:
    """Return the dialect's INSERT, which supports ON CONFLICT."""
    return insertion(connection.dialect.name == "postgresql", table)
