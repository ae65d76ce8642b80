"""The present, by the database's clock. So processes with different clocks agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

from hub.store.database.execution import fetched

Clock = Callable[[], datetime]


def now(connection: Connection, clock: Clock | None = None) -> datetime:
    """Return the present: of `clock`, else of the primary on PostgreSQL and of the machine on SQLite."""
    if clock is None and connection.dialect.name == "postgresql":
        # Not now(): that is the start of the transaction, before any wait for a lock.
        ((moment,),) = fetched(connection, "SELECT clock_timestamp()")
        return of_server(moment)
    return of_machine(clock)


def of_server(moment: datetime) -> datetime:
    """Return an instant of PostgreSQL's clock in UTC: the session may have another time zone."""
    return moment.astimezone(UTC)


def of_machine(clock: Clock | None = None) -> datetime:
    """Return the present of `clock`, else of the machine."""
    return datetime.now(UTC) if clock is None else clock()
