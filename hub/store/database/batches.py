"""Helpers for statements over many values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
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
    insert,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY

T = TypeVar("T")

_VALUES_PER_STATEMENT: Final = 500  # well below every driver's limit on bound parameters
_FEW: Final = 200  # values: databases plan best with a parameter for each


def batches(values: Iterable[T]) -> Iterator[list[T]]:
    """Give the values in lists short enough for one `IN`."""
    rest = iter(values)
    while batch := list(islice(rest, _VALUES_PER_STATEMENT)):
        yield batch


def insert_all(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert the rows in batches, made as needed: all at once would be held twice more in memory."""
    for batch in batches(rows):
        connection.execute(insert(table), batch)


def insert_numbered(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    """Insert the rows as `insert_all` does. Give the new ids in the order of the rows."""
    # Without `sort_by_parameter_order` a database may return the ids in any order.
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    for batch in batches(rows):
        yield from connection.execute(statement, batch).scalars().all()


def among(
    connection: Connection, column: ColumnElement[Any], values: Collection[int] | Collection[str]
) -> ColumnElement[bool]:
    """Return the condition that `column` is among any number of `values`.

    A few values are a parameter each, because databases plan best so. More values are one parameter: no limit
    of a driver applies, and one statement costs less than a statement for each batch.
    """
    if len(values) <= _FEW:
        return column.in_(list(values))
    if connection.dialect.name == "postgresql":
        return column == any_(_array(values))
    return column.in_(listed(connection, values))


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
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)
