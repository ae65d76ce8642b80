"""Errors of the database as the hub's errors: what a stranger learns, and whether to try again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hub.errors import DamagedDatabase, Interrupted, Unavailable
from hub.store.database import causes
from hub.store.database.engines import Place

# SQLSTATEs of passing errors: serialization failure, deadlock, server stop or start, lost connection.
_PASSING: Final = ("40001", "40P01", "57P01", "57P02", "57P03", "08")
_SQLITE_PASSING: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_UNREACHABLE: Final = "The hub's database cannot be reached at the moment; try again."


@contextmanager
def unavailable_when_down(place: Place, *sqlstates: str) -> Iterator[None]:
    """Turn errors of the database into Unavailable. Strangers learn only that; the operator learns why."""
    try:
        yield
    except (OperationalError, PoolTimeoutError) as error:
        raise unavailable(error, place) from error
    except DBAPIError as error:
        if type(error) is DatabaseError:  # SQLite: not a database, or a damaged one
            cause = causes.of(error, place)
            raise DamagedDatabase(_UNREACHABLE, cause=cause.sentence) from error
        state = getattr(error.orig, "sqlstate", None)
        if error.connection_invalidated or state in sqlstates or causes.is_known(state):
            raise unavailable(error, place) from error
        raise


def unavailable(error: Exception, place: Place) -> Unavailable:
    """Return the refusal for an error of SQLAlchemy or the driver, with the cause for the operator."""
    cause = causes.of(error, place)
    kind = Interrupted if passes(getattr(error, "orig", None) or error, error) else Unavailable
    refusal = kind(_UNREACHABLE, cause=cause.sentence)
    refusal.is_lasting = cause.is_lasting
    return refusal


def passes(cause: Any, error: Exception) -> bool:
    """Return whether a repetition may succeed at once. Nothing of the failed transaction was done."""
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", None) in _SQLITE_PASSING
    state = getattr(cause, "sqlstate", None)
    if state is None:
        return bool(getattr(error, "connection_invalidated", False))
    return bool(state.startswith(_PASSING))
