"""Statements with one text: built and compiled once, then given to the driver with the values alone.

SQLAlchemy needs longer to build and to compile a short statement than the database needs to answer it. Any
number of values is one parameter, so no cache of texts grows with the lengths of lists.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    ColumnElement,
    Connection,
    Dialect,
    LargeBinary,
    Select,
    String,
    Table,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY

from hub.store.database import statements
from hub.store.database.execution import executed, executed_many, fetched

_POSTGRESQL: Final = "postgresql"
_DIGEST_BYTES: Final = 32
_namedtuple: Final[Any] = namedtuple  # the names are known with the statement


class _Compiled(NamedTuple):
    """The text for one kind of database, with the values known to it, their order, and the type of a row.

    `order` is None where the driver finds values by name, `row` where the statement returns no rows.
    """

    text: str
    known: Mapping[str, Any]
    order: Sequence[str] | None
    row: Any

    def given(self, values: Mapping[str, Any]) -> Any:
        """Return the values as the driver takes them."""
        every = {**self.known, **values} if self.known else values
        return every if self.order is None else tuple([every[name] for name in self.order])


class Prepared:
    """A statement, compiled once for each kind of database. Safe for threads.

    `build` returns the statement for PostgreSQL (True) or SQLite (False); each value is a `bindparam`. Rows
    are named tuples of values as the driver gives them: on SQLite a Boolean is 0 or 1.
    """

    def __init__(self, build: Callable[[bool], ClauseElement]) -> None:
        self._build = build
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """Return the rows of the statement with these values."""
        compiled = self._for(connection)
        found = fetched(connection, compiled.text, compiled.given(values))
        return [*map(compiled.row, found)]

    def row(self, connection: Connection, **values: Any) -> Any:
        """Return the first row; None: there is no row."""
        found = self.rows(connection, **values)
        return found[0] if found else None

    def scalars(self, connection: Connection, **values: Any) -> list[Any]:
        """Return the first value of each row."""
        compiled = self._for(connection)
        return [row[0] for row in fetched(connection, compiled.text, compiled.given(values))]

    def run(self, connection: Connection, **values: Any) -> None:
        """Execute a statement that returns no rows."""
        compiled = self._for(connection)
        executed(connection, compiled.text, compiled.given(values))

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute the statement for each of `rows`, which have all values. The rows are one statement."""
        compiled = self._for(connection)
        if len(rows) == 1:  # as in most submissions
            executed(connection, compiled.text, compiled.given(rows[0]))
        elif rows:
            executed_many(connection, compiled.text, [compiled.given(row) for row in rows])

    def _for(self, connection: Connection) -> _Compiled:
        dialect = connection.dialect
        found = self._compiled.get(dialect.name)
        if found is None:
            # Two threads may compile the same text; either is right.
            found = self._compiled[dialect.name] = _compiled(
                self._build(dialect.name == _POSTGRESQL), dialect
            )
        return found


def _compiled(statement: Any, dialect: Dialect) -> _Compiled:
    compiled: Any = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    known = {name: value for name, value in compiled.params.items() if value is not None}
    names = statement.exported_columns.keys()
    # Expressions without a name get a number as their name.
    row = _namedtuple("row", names, rename=True)._make if names else None
    return _Compiled(str(compiled), known, getattr(compiled, "positiontup", None), row)


def insertion(is_postgresql: bool, table: Table) -> Any:
    """Return the dialect's INSERT, which supports ON CONFLICT."""
    return (postgresql if is_postgresql else sqlite).insert(table)


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
