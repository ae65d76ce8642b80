"""Texts given to the driver, in the transaction of a connection: the one way past SQLAlchemy's execution.

SQLAlchemy makes a context, a result and row objects for each statement: more work than a short statement is
for the database. Rows come as the driver gives them: on SQLite a Boolean is 0 or 1.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")

DRIVER_ERRORS: Final = (sqlite3.Error, psycopg.Error)
_CURSOR: Final = "hub.cursor"
_KEPT_ROWS: Final = 100  # (hub/README: memory-of-a-worker)


def fetched(connection: Connection, text: str, values: Any = ()) -> list[Any]:
    """Return the rows of a statement. Raises the errors of SQLAlchemy, as every function here."""
    return _given(connection, text, values, _fetch)


def executed(connection: Connection, text: str, values: Any = ()) -> None:
    """Execute a statement that returns no rows."""
    _given(connection, text, values, _execute)


def executed_many(connection: Connection, text: str, rows: Sequence[Any]) -> None:
    """Execute a statement without returned rows for each of `rows`, as one statement."""
    _given(connection, text, rows, _execute_many, is_many=True)


def raises_as_sqlalchemy(connection: Connection, text: str, act: Callable[[Any], T]) -> T:
    """Return the result of `act` on the driver's connection. Errors of the driver become SQLAlchemy's."""
    driver: Any = connection.connection.driver_connection
    try:
        return act(driver)
    except DRIVER_ERRORS as error:
        is_gone = connection.dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type] # the driver's
        if is_gone:
            connection.invalidate(error)
            # The other connections of the pool are to the same lost server: none is given again.
            connection.engine.dispose()
        base = sqlite3.Error if isinstance(error, sqlite3.Error) else psycopg.Error
        # hide_parameters: no message repeats data of members.
        raise DBAPIError.instance(
            *(text, None, error, base),
            hide_parameters=True,
            connection_invalidated=is_gone,
            dialect=connection.dialect,
        ) from error


def _given(
    connection: Connection,
    text: str,
    values: Any,
    act: Callable[[Connection, Any, str, Any], T],
    *,
    is_many: bool = False,
) -> T:
    if not connection.in_transaction():
        connection.begin()  # as SQLAlchemy does with a first statement
    # Listeners of the engine hear of the statement, as of SQLAlchemy's own.
    for hear in connection.dispatch.before_cursor_execute:
        hear(connection, None, text, values, None, is_many)
    found = raises_as_sqlalchemy(connection, text, lambda driver: act(connection, driver, text, values))
    for hear in connection.dispatch.after_cursor_execute:
        hear(connection, None, text, values, None, is_many)
    return found


def _fetch(connection: Connection, driver: Any, text: str, values: Any) -> list[Any]:
    if isinstance(driver, sqlite3.Connection):
        return driver.execute(text, values).fetchall()
    cursor = _cursor(connection, driver).execute(text, values)
    found = cursor.fetchall()
    _let_go(connection, cursor)
    return found


def _execute(connection: Connection, driver: Any, text: str, values: Any) -> None:
    if isinstance(driver, sqlite3.Connection):
        driver.execute(text, values)
    else:
        _let_go(connection, _cursor(connection, driver).execute(text, values))


def _execute_many(connection: Connection, driver: Any, text: str, rows: Sequence[Any]) -> None:
    if isinstance(driver, sqlite3.Connection):
        driver.executemany(text, rows)
    else:
        cursor = _cursor(connection, driver)
        cursor.executemany(text, rows)
        _let_go(connection, cursor)


def _cursor(connection: Connection, driver: psycopg.Connection[Any]) -> psycopg.Cursor[Any]:
    """Return the one cursor of this driver's connection: to make one takes a third of a short statement."""
    # `info` lives as long as the driver's connection, and has one user at a time.
    cursor: psycopg.Cursor[Any] | None = connection.info.get(_CURSOR)
    if cursor is None:
        cursor = connection.info[_CURSOR] = driver.cursor()
    return cursor


def _let_go(connection: Connection, cursor: psycopg.Cursor[Any]) -> None:
    """Keep no cursor with much in it: a cursor holds its last values and rows until the next statement."""
    if cursor.rowcount > _KEPT_ROWS:
        connection.info.pop(_CURSOR, None)
