"""Statements with one text: built and compiled once, then given to the driver with the values alone.

SQLAlchemy needs longer to build and to compile a short statement than the database needs to answer it. Any
number of values is one parameter, so no cache of texts grows with the lengths of lists.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    ColumnElement,
    Connection,
    LargeBinary,
    Select,
    String,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from hub.store.database import statements

_POSTGRESQL: Final = "postgresql"
_DIGEST_BYTES: Final = 32


class Prepared:
    """A statement, compiled once for each kind of database. Safe for threads.

    `build` returns the statement for PostgreSQL (True) or SQLite (False); each value is a `bindparam`. Rows
    come as the driver gives them: on SQLite a Boolean is 0 or 1.
    """

    def __init__(self, build: Callable[[bool], ClauseElement]) -> None:
        self._build = build
        self._compiled: dict[str, tuple[str, Mapping[str, Any], Sequence[str] | None]] = {}

    def run(self, connection: Connection, **values: Any) -> Any:
        """Execute the statement with these values, and return the result."""
        text, known, order = self._for(connection)
        given = {**known, **values} if known else values
        if order is None:
            return connection.exec_driver_sql(text, given)
        return connection.exec_driver_sql(text, tuple([given[name] for name in order]))

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute the statement for each of `rows`, which have all values. The rows are one statement."""
        if not rows:
            return
        text, known, order = self._for(connection)
        given: list[Any] = [{**known, **row} for row in rows]
        if order is not None:
            given = [tuple([row[name] for name in order]) for row in given]
        connection.exec_driver_sql(text, given)

    def _for(self, connection: Connection) -> tuple[str, Mapping[str, Any], Sequence[str] | None]:
        dialect = connection.dialect
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled: Any = self._build(dialect.name == _POSTGRESQL).compile(dialect=dialect)
            known = {name: value for name, value in compiled.params.items() if value is not None}
            # Two threads may compile the same text; either is right.
            found = self._compiled[dialect.name] = (
                str(compiled),
                known,
                getattr(compiled, "positiontup", None),
            )
        return found


def is_among(is_postgresql: bool, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that `column` is among the values of the parameter `name` (`carried`)."""
    if is_postgresql:
        return column == any_(bindparam(name, type_=ARRAY(_element(column))))
    return column.in_(values_of(is_postgresql, column, name))


def values_of(is_postgresql: bool, column: ColumnElement[Any], name: str) -> Select[Any]:
    """Return the query with a row for each value of the parameter `name`, of the type of `column`."""
    if is_postgresql:
        array = bindparam(name, type_=ARRAY(_element(column)))
        return select(func.unnest(array).column_valued("value").label("value"))
    return select(func.json_each(bindparam(name, type_=String)).table_valued("value").c.value)


def carried(connection: Connection, values: Collection[int] | Collection[str]) -> Any:
    """Return the one parameter with all of `values`, for `is_among` and `values_of`."""
    return statements.carried(values, is_postgresql=connection.dialect.name == _POSTGRESQL)


def is_among_digests(is_postgresql: bool, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that `column` is among the SHA-256 digests of the parameter `name`."""
    if is_postgresql:
        return column == any_(bindparam(name, type_=ARRAY(LargeBinary)))
    # JSON has no bytes: the digests come as one value, which is cut into pieces of equal length.
    all_digests = bindparam(name, type_=LargeBinary)
    starts = select(func.length(all_digests).label("left")).cte("digests_left", recursive=True)
    shorter = (starts.c.left - _DIGEST_BYTES).label("left")
    starts = starts.union_all(select(shorter).where(starts.c.left > _DIGEST_BYTES))
    piece = func.substr(all_digests, starts.c.left - (_DIGEST_BYTES - 1), _DIGEST_BYTES)
    return column.in_(select(piece).select_from(starts))


def carried_digests(connection: Connection, digests: Collection[bytes]) -> Any:
    """Return the one parameter with all digests, for `is_among_digests`."""
    return list(digests) if connection.dialect.name == _POSTGRESQL else b"".join(digests)


def _element(column: ColumnElement[Any]) -> type[String | BigInteger]:
    return String if isinstance(column.type, String) else BigInteger
