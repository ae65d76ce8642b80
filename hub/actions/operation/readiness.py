"""Is the hub ready: a read and a write are tried, within a few seconds, and at most once a second."""

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

# A COMMIT that waits for a standby is given up sooner.
_PATIENCE_SECONDS: Final = 6.0
_AT_MOST_EVERY_SECONDS: Final = 1.0
_CLOCK_SECONDS: Final = 1.0
_DONE: Final = "done"
_NOT_TRIED: Final = "not tried"
_NOT_SHOWN: Final = "not shown to this role"

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class ReadinessFound:
    """What was found. `has_read`: a read succeeded, so that whoever asks can be authenticated.

    `details` are for operators alone; a closed hub is ready, for the certs have to reach it.
    """

    is_ready: bool
    has_read: bool
    details: dict[str, Any] = field(default_factory=dict)


def examine(service: Service, clock: Clock) -> ReadinessFound:
    """Try a read and a write, both through the store's doors, and compare `clock` with the primary's.

    The hub is not ready when the database cannot be reached or has another schema, when its server is one
    that was left behind, when the write is not certain to be where a fail-over leaves it, or when the clock
    of this process is more than a second away.
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
    try:
        with service.store.write(when_closed=True) as connection:
            readiness.try_write(connection)
    except Unavailable as error:
        return ReadinessFound(False, True, details | {"write": error.in_full})
    return ReadinessFound(is_right, True, details | {"write": _DONE})


def _read(service: Service, clock: Clock, details: dict[str, Any]) -> bool:
    """Add what the database says to `details`; return whether the clocks agree."""
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
    details |= _told(server)
    return abs(difference) <= _CLOCK_SECONDS


def _difference(before: datetime, primary: datetime, after: datetime) -> float:
    """Return by how much this process is ahead of the primary: what the time of asking cannot explain."""
    if before <= primary <= after:
        return 0.0
    ahead: timedelta = before - primary if primary < before else after - primary
    return ahead.total_seconds()


def _told(server: DatabaseServer) -> dict[str, Any]:
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
    hidden = None if shown_all else _NOT_SHOWN
    return {"name": standby.name} | {key: hidden if value is None else value for key, value in values.items()}


def _unreachable(sentence: str) -> ReadinessFound:
    details = {"database": "unreachable", "schema": "unknown", "read": sentence, "write": _NOT_TRIED}
    return ReadinessFound(False, False, details)


_SLOW: Final = _unreachable("The database does not answer in time.")
_FAILED: Final = _unreachable("The database failed in a way that the log tells.")


class Readiness:
    """What this process found last. Safe for threads.

    The address needs no token, and a write costs an fsync: whoever asks within a second is told what was
    found before, and never does more than one examination run.
    """

    def __init__(self, service: Service, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._service = service
        self._clock = clock
        self._lock = threading.Lock()
        self._running: _Examination | None = None
        self._said = True

    def found(self) -> ReadinessFound:
        """Return what was found last, or within the last second; it takes a few seconds at most."""
        with self._lock:
            running = self._running
            if running is None or running.is_old():
                running = self._running = _Examination(self._service, self._clock)
                running.start()
        found = running.wait()
        with self._lock:
            if found.is_ready != self._said:
                self._said = found.is_ready
                _logger.warning("ready: %s %s", found.is_ready, found.details)
        return found


class _Examination(threading.Thread):
    """One examination, in a thread of its own: no time limit reaches a server that stands still."""

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
        except Exception:
            _logger.exception("ready: the examination failed")
        self._ended = time.monotonic()

    def is_old(self) -> bool:
        """Tell whether it has ended, and more than a second ago."""
        return time.monotonic() >= self._ended + _AT_MOST_EVERY_SECONDS

    def wait(self) -> ReadinessFound:
        """Return what it found, or that it took too long; again at once for whoever comes after that."""
        self.join(max(0.0, self._began + _PATIENCE_SECONDS - time.monotonic()))
        return _SLOW if self.is_alive() else self._found
