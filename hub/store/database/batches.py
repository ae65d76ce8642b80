"""Small helps for statements over many values."""

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
_FEW: Final = 200


def batches(values: Iterable[T]) -> Iterator[list[T]]:
    """Give the values in lists short enough for one `IN`."""
    rest = iter(values)
    while batch := list(islice(rest, _VALUES_PER_STATEMENT)):
        yield batch


def insert_all(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert the rows, made as they are needed: all at once would hold each twice more, made and prepared."""
    for batch in batches(rows):
        connection.execute(insert(table), batch)


def insert_numbered(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    """Insert the rows as `insert_all` does and give the id that each was given, in their order."""
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    for batch in batches(rows):
        yield from connection.execute(statement, batch).scalars().all()


def among(
    connection: Connection, column: ColumnElement[Any], values: Collection[int] | Collection[str]
) -> ColumnElement[bool]:
    """Tell, in a statement, whether `column` is one of `values`, of which there may be any number.

    A few are a parameter each, as databases plan best; more are one parameter, as no driver's limit bounds,
    and as one costs less than a statement for each batch of them.
    """
    if len(values) <= _FEW:
        return column.in_(list(values))
    if connection.dialect.name == "postgresql":
        return column == any_(_array(values))
    return column.in_(listed(connection, values))


def listed(connection: Connection, values: Collection[int] | Collection[str]) -> Select[Any]:
    """Return a question whose answer has a row for each of `values`, of which there may be any number."""
    if connection.dialect.name == "postgresql":
        return select(func.unnest(_array(values)).column_valued("value").label("value"))
    return select(func.json_each(orjson.dumps(list(values)).decode()).table_valued("value").c.value)


def _array(values: Collection[int] | Collection[str]) -> ColumnElement[Any]:
    is_text = isinstance(next(iter(values), 0), str)
    return literal(list(values), ARRAY(String if is_text else BigInteger))


def upsert(connection: Connection, table: Table) -> Any:
    """Return the dialect's INSERT, which knows ON CONFLICT."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)
