"""COMMIT on PostgreSQL, which may wait for a standby: with an end, and without believing what is not certain.

A COMMIT that waits for a synchronous standby holds its locks, and no time-out of PostgreSQL's reaches it. So
it is cancelled after some seconds. PostgreSQL then answers success, with a warning: the transaction is
committed on the primary alone, and a fail-over may undo it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import DBAPIError

from hub.errors import InDoubt, Interrupted

_logger = logging.getLogger(__name__)

COMMIT_SECONDS: Final = 4.0  # so that a request that settles it afterwards still ends within ten
SETTLE_SECONDS: Final = 3.0
# For who has waited so long for a lock: whoever held it waited for a standby most likely, and others wait.
LEAST_SECONDS: Final = 0.5
QUIET_SECONDS: Final = 2.0
_CANCEL_SECONDS: Final = 1.0
_WAITING_FUNCTION: Final = "SyncRepWaitForLSN"  # in PostgreSQL's source: its name has no translation
_UNREPLICATED: Final = "hub.unreplicated"
# Of a COMMIT that fails with one of these nobody knows what became: the connection or the server went.
_GONE: Final = ("57P01", "57P02", "08")
IN_DOUBT: Final = (
    "Whether this was done cannot be told at the moment: it could not be brought to a second place in time. "
    "Ask for the state of it before you send it again."
)
_NO_STANDBY: Final = "The hub cannot bring anything to a second place at the moment; try again."


class CommitInDoubt(InDoubt):
    """A COMMIT waited for a standby in vain: it is committed on the primary alone, as far as is known."""


def listen(connection: psycopg.Connection[Any], info: dict[Any, Any]) -> None:
    """Let `info` tell whether a COMMIT on this new connection was acknowledged without a standby."""

    def hear(diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.source_function == _WAITING_FUNCTION:
            info[_UNREPLICATED] = True

    connection.add_notice_handler(hear)


def commit(connection: Connection, transaction: RootTransaction, until: float) -> None:
    """Commit, and return only when the transaction is certain to be where a fail-over leaves it.

    It waits `until` then, as time.monotonic has it. Raises InDoubt when it may be committed or not, or is
    committed on the primary alone: its connection is closed then. Whatever else a COMMIT raises says that
    nothing of it is committed.
    """
    connection.info.pop(_UNREPLICATED, None)
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    bound = _Bound(driver)
    try:
        with bound.within(max(LEAST_SECONDS, until - time.monotonic())):
            transaction.commit()
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state is None or state.startswith(_GONE):
            connection.invalidate()
            _logger.warning("database: COMMIT failed: %s %s", type(error.orig).__name__, state or "")
            raise (CommitInDoubt if bound.is_over else InDoubt)(IN_DOUBT) from error
        raise
    if connection.info.pop(_UNREPLICATED, False):
        connection.invalidate()
        _logger.warning("database: no standby has confirmed a COMMIT")
        raise CommitInDoubt(IN_DOUBT)
    if bound.is_over:
        connection.invalidate()  # a cancellation that comes late would meet the next transaction


class CommitAdmission:
    """Lets nobody wait for a standby while it is known that none confirms anything. Safe for threads.

    When one COMMIT has waited in vain all others are refused for a while; then one at a time tries, until one
    is confirmed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_vain_at: float | None = None
        self._has_trial = False

    @contextlib.contextmanager
    def admit(self, *, settles: bool = False) -> Iterator[Callable[[Connection, RootTransaction], None]]:
        """Give what commits. Who `settles` a doubt is never refused. Raises Interrupted: nothing is done."""
        until = time.monotonic() + (SETTLE_SECONDS if settles else COMMIT_SECONDS)
        tries = not settles and self._takes_trial()

        def finish(connection: Connection, transaction: RootTransaction) -> None:
            if self._in_vain_at is not None and not (tries or settles):
                raise Interrupted(_NO_STANDBY)
            is_proof = self._in_vain_at is not None and _writes(connection)
            try:
                commit(connection, transaction, until)
            except CommitInDoubt:
                self._in_vain_at = time.monotonic()
                raise
            if is_proof:
                self._in_vain_at = None

        try:
            yield finish
        finally:
            if tries:
                self._has_trial = False

    def _takes_trial(self) -> bool:
        """Return whether who comes is the one that tries."""
        with self._lock:
            if self._in_vain_at is None:
                return False
            if self._has_trial or time.monotonic() < self._in_vain_at + QUIET_SECONDS:
                raise Interrupted(_NO_STANDBY)
            self._has_trial = True
            return True


def _writes(connection: Connection) -> bool:
    """Tell whether the transaction has written anything, for a COMMIT that has not waits for no standby."""
    statement = "SELECT pg_current_xact_id_if_assigned() IS NOT NULL"
    return bool(connection.exec_driver_sql(statement).scalar_one())


class _Bound:
    """Ends what a connection waits for."""

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self._driver = driver
        self.is_over = False

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let the block wait for so long."""
        timer = threading.Timer(seconds, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # or what it cancels would be the next transaction's

    def _give_up(self) -> None:
        """Cancel what the connection waits for; where that cannot be done, close it under its owner."""
        self.is_over = True
        try:
            descriptor = os.dup(self._driver.fileno())
        except (psycopg.Error, OSError):
            return  # it has ended meanwhile
        with socket.socket(fileno=descriptor) as peer:
            try:
                self._driver.cancel_safe(timeout=_CANCEL_SECONDS)
            except (psycopg.Error, OSError):
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
