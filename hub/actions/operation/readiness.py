"""Examines whether the hub is ready: by a read and a write, within seconds, at most once a second."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hub.actions.service.service import Service
from hub.errors import Unavailable
from hub.model import format_instant
from hub.store.database import epochs, readiness
from hub.store.database.readiness import DatabaseServer, Standby

_logger = logging.getLogger(__name__)

# Longer than a COMMIT waits for a standby.
_PATIENCE_SECONDS: Final = 6.0
_AT_MOST_EVERY_SECONDS: Final = 1.0
_CLOCK_SECONDS: Final = 1.0
_DONE: Final = "done"
_NOT_TRIED: Final = "not tried"
_NOT_SHOWN: Final = "not shown to this role"

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class ReadinessFound:
    """The result of an examination. `has_read`: a read succeeded, so callers can be authenticated.

    `details` are for operators alone. A closed hub is ready, for certs must reach a closed hub.
    """

    is_ready: bool
    has_read: bool
    details: dict[str, Any] = field(default_factory=dict)


def examine(service: Service, clock: Clock) -> ReadinessFound:
    """Try a read and a write in transactions of the store, and compare `clock` with the primary's clock.

    The hub is not ready if the database is unreachable, has another schema or is a server left behind by a
    promotion; if the write might be lost in a fail-over; or if the clocks differ by more than a second.
    """
    details: dict[str, Any] = {
        "database": "reachable",
        "schema": "current",
        "read": _NOT_TRIED,
        "write": _NOT_TRIED,
    }
    try:
        if (reason := service.store.outdated()) is not None:
            return ReadinessFound(False, False, details | {"schema": reason})
    except Unavailable as error:
        return _unreachable(error.in_full)
    try:
        is_right = _read(service, clock, details)
    except Unavailable as error:
        return ReadinessFound(False, False, details | {"read": error.in_full})
    details["read"] = _DONE
    # A real write: a full disk or a missing standby shows in a COMMIT alone.
    try:
        with service.store.write(when_closed=True) as connection:
            readiness.try_write(connection)
    except Unavailable as error:
        return ReadinessFound(False, True, details | {"write": error.in_full})
    return ReadinessFound(is_right, True, details | {"write": _DONE})


def _read(service: Service, clock: Clock, details: dict[str, Any]) -> bool:
    """Add the values of the database to `details`; return whether the clocks agree."""
    with service.store.read(when_closed=True) as connection:
        state = epochs.state_of(connection)
        before = clock()
        server = readiness.server(connection)
        after = clock()
    details["epoch"] = state.epoch
    details["closed"] = state.closed_at is not None
    if state.closed_at is not None:
        details["closed_since"] = format_instant(state.closed_at)
    if server is None:
        return True
    difference = _difference(before, server.clock, after)
    details["clock_difference_seconds"] = difference
    details["timeline"] = state.timeline
    details["synchronous_standby_names"] = state.standby_names
    details |= _server_details(server)
    return abs(difference) <= _CLOCK_SECONDS


def _difference(before: datetime, primary: datetime, after: datetime) -> float:
    """Return the seconds by which this process is ahead of the primary, less the time of the query."""
    # Between both readings of this clock, the primary's may be right at any instant.
    if before <= primary <= after:
        return 0.0
    ahead: timedelta = before - primary if primary < before else after - primary
    return ahead.total_seconds()


def _server_details(server: DatabaseServer) -> dict[str, Any]:
    waiting = {"commits_waiting": server.waiting}
    if not server.shown_all:
        waiting = {"commits_waiting_of_this_role": server.waiting}
    return {**waiting, "standbys": [_standby(one, server.shown_all) for one in server.standbys]}


def _standby(standby: Standby, shown_all: bool) -> dict[str, Any]:
    values = {
        "state": standby.state,
        "sync_state": standby.sync_state,
        "flush_lag_bytes": standby.unflushed,
        "replay_lag_bytes": standby.unreplayed,
        "replay_lag_seconds": standby.seconds,
    }
    # PostgreSQL hides these values from a role without pg_monitor; a hidden value is not a missing one.
    hidden = None if shown_all else _NOT_SHOWN
    return {"name": standby.name} | {key: hidden if value is None else value for key, value in values.items()}


def _unreachable(sentence: str) -> ReadinessFound:
    details = {"database": "unreachable", "schema": "unknown", "read": sentence, "write": _NOT_TRIED}
    return ReadinessFound(False, False, details)


_SLOW: Final = _unreachable("The database does not answer in time.")
_FAILED: Final = _unreachable("The database failed in a way that the log tells.")


class Readiness:
    """The last result of this process. Safe for threads.

    A request within a second gets the last result, and one examination runs at a time.
    """

    # The address needs no token, and each examination costs an fsync: strangers must not cause many.

    def __init__(self, service: Service, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._service = service
        self._clock = clock
        self._lock = threading.Lock()
        self._running: _Examination | None = None  # the last, ended or not
        self._was_ready = True

    def found(self) -> ReadinessFound:
        """Return a result not older than a second, after at most `_PATIENCE_SECONDS`."""
        with self._lock:
            running = self._running
            if running is None or running.is_old():
                running = self._running = _Examination(self._service, self._clock)
                running.start()
        # Outside the lock: several callers wait for one examination at the same time.
        found = running.wait()
        with self._lock:
            # Only changes are logged: a monitor asks every few seconds.
            if found.is_ready != self._was_ready:
                self._was_ready = found.is_ready
                _logger.warning("ready: %s %s", found.is_ready, found.details)
        return found


class _Examination(threading.Thread):
    """One examination, in a thread of its own: a time limit has no effect on a hanging server."""

    def __init__(self, service: Service, clock: Clock) -> None:
        super().__init__(name="readiness", daemon=True)
        self._service = service
        self._clock = clock
        self._began = time.monotonic()
        self._ended = float("inf")
        self._found = _FAILED

    def run(self) -> None:
        try:
            self._found = examine(self._service, self._clock)
        except Exception:  # the caller gets `_FAILED`; the log has the cause
            _logger.exception("ready: the examination failed")
        self._ended = time.monotonic()

    def is_old(self) -> bool:
        """Return whether the examination ended more than a second ago."""
        return time.monotonic() >= self._ended + _AT_MOST_EVERY_SECONDS

    def wait(self) -> ReadinessFound:
        """Return the result, or `_SLOW` after the patience; later callers get `_SLOW` at once."""
        self.join(max(0.0, self._began + _PATIENCE_SECONDS - time.monotonic()))
        return _SLOW if self.is_alive() else self._found
