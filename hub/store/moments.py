"""What time it is: the database's clock, so that hub processes whose clocks differ agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, extract, func, literal

from hub.model import to_microseconds

_SECOND: Final = 1_000_000

Clock = Callable[[], datetime]


def now(connection: Connection, clock: Clock | None = None) -> datetime:
    """Return the present: of `clock`, else the primary's on PostgreSQL, and the machine's on SQLite."""
    if clock is not None:
        return clock()
    if connection.dialect.name == "postgresql":
        moment: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return moment.astimezone(UTC)
    return datetime.now(UTC)


def expression(connection: Connection, clock: Clock | None = None) -> ColumnElement[int]:
    """The present inside a statement, in microseconds since 1970; each use of it asks the clock anew."""
    if clock is None and connection.dialect.name == "postgresql":
        seconds: Any = extract("epoch", func.clock_timestamp())
        return cast(seconds * _SECOND, BigInteger)
    return literal(to_microseconds(now(connection, clock)), BigInteger)
