"""The present, by the database's clock. So processes with different clocks agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

Clock = Callable[[], datetime]


def now(connection: Connection, clock: Clock | None = None) -> datetime:
    """Return the present: of `clock`, else of the primary on PostgreSQL and of the machine on SQLite."""
    if clock is None and connection.dialect.name == "postgresql":
        # Not now(): that is the start of the transaction, before any wait for a lock.
        moment: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return moment.astimezone(UTC)
    return of_machine(clock)


def of_machine(clock: Clock | None = None) -> datetime:
    """Return the present of `clock`, else of the machine."""
    return datetime.now(UTC) if clock is None else clock()
