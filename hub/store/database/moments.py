"""The present, by the database's clock. So processes with different clocks agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, extract, func

_SECOND: Final = 1_000_000

Clock = Callable[[], datetime]


def now(connection: Connection, clock: Clock | None = None) -> datetime:
    """Return the present: of `clock`, else of the primary on PostgreSQL and of the machine on SQLite."""
    if clock is not None:
        return clock()
    if connection.dialect.name == "postgresql":
        # Not now(): that is the start of the transaction, before any wait for a lock.
        moment: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return moment.astimezone(UTC)
    return datetime.now(UTC)


def primary_clock() -> ColumnElement[int]:
    """Return the primary's clock as an expression of PostgreSQL, in microseconds since 1970."""
    seconds: Any = extract("epoch", func.clock_timestamp())
    return cast(seconds * _SECOND, BigInteger)
