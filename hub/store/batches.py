"""Small helps for statements over many values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

_VALUES_PER_STATEMENT: Final = 500  # well below every driver's limit on bound parameters


def batches(values: Iterable[T]) -> Iterator[list[T]]:
    """Give the values in lists short enough for one `IN`."""
    rest = iter(values)
    while batch := list(islice(rest, _VALUES_PER_STATEMENT)):
        yield batch


def upsert(connection: Connection, table: Table) -> Any:
    """Return the dialect's INSERT, which knows ON CONFLICT."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)
