"""Statements as text, given to the driver as they are: for the few that run with every request.

To build a statement by SQLAlchemy costs as much as to answer it, and its rows cost as much again.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import orjson
import psycopg
from sqlalchemy import Connection

from hub.store.database.execution import raises_as_sqlalchemy

Values = Mapping[str, Any]
_NAME: Final = re.compile(r"\$([a-z_]+[0-9]*)")
# PostgreSQL must know the type of a value before it knows the value.
_KINDS: Final = {str: "text", int: "bigint", bytes: "bytea", list[int]: "bigint[]", list[str]: "text[]"}


class Statement:
    """One text for one database. Names of values are written `$name`; `kinds` has the type of each."""

    def __init__(self, text: str, kinds: Mapping[str, Any], *, is_postgresql: bool) -> None:
        # Several threads may run one statement: it is complete once made.
        self._names: list[str] = []

        def numbered(found: re.Match[str]) -> str:
            name = found[1]
            if name not in self._names:
                self._names.append(name)
            number = self._names.index(name) + 1
            return f"${number}::{_KINDS[kinds[name]]}" if is_postgresql else f"?{number}"

        self.text = _NAME.sub(numbered, text)

    def values(self, given: Values) -> list[Any]:
        """Return the values in the order of the text."""
        return [given[name] for name in self._names]

    def rows(self, connection: Connection, given: Values) -> list[Any]:
        """Return the rows as the driver gives them, in the transaction of `connection`.

        Raises the errors of SQLAlchemy, as every other statement does.
        """
        return raises_as_sqlalchemy(connection, self.text, lambda driver: run(driver, self, given))


# Runs a statement with these values, and returns its rows.
Ask = Callable[[Statement, Values], list[Any]]


def run(driver: Any, statement: Statement, given: Values) -> list[Any]:
    """Return the rows of a statement on a connection of the driver, with the errors of the driver."""
    if isinstance(driver, sqlite3.Connection):
        return driver.execute(statement.text, statement.values(given)).fetchall()
    with psycopg.RawCursor(driver) as cursor:
        # Binary: bytes come as they are, not as twice as many hexadecimal digits.
        # These texts come again and again: prepared at once, unless the URL says never (None).
        prepare = True if driver.prepare_threshold is not None else None
        values = statement.values(given)
        return cursor.execute(statement.text, values, binary=True, prepare=prepare).fetchall()


def ask(driver: Any, statement: Statement, given: Values) -> list[Any]:
    """Return the rows of a statement that reads, as a transaction of its own."""
    if isinstance(driver, sqlite3.Connection):  # begins no transaction by itself (`engines`)
        return run(driver, statement, given)
    # One statement is one snapshot, whatever isolation the role has.
    driver.autocommit = True
    try:
        return run(driver, statement, given)
    finally:
        driver.autocommit = False


def carried(values: Iterable[int] | Iterable[str], *, is_postgresql: bool) -> Any:
    """Return the one value that carries any number of values: no limit of a driver, one text for all."""
    found = list(values)
    if not is_postgresql:
        return orjson.dumps(found).decode()
    # PostgreSQL's text of an array: the driver would look at each of a thousand values by itself.
    if found and isinstance(found[0], int):
        return f"{{{','.join(map(str, found))}}}"
    return f"{{{','.join(map(_quoted, found))}}}"


def _quoted(value: object) -> str:
    """Return an element of an array in double quotes (PostgreSQL, 8.15.6)."""
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
