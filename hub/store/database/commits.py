"""COMMIT on PostgreSQL: a bounded wait for a standby, and no belief in an uncertain answer.

A COMMIT that waits for a synchronous standby holds its locks. No time-out of PostgreSQL ends that wait. So
the hub cancels the COMMIT after some seconds. PostgreSQL then answers success with a warning: the transaction
is committed on the primary alone, and a fail-over may undo it.
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

COMMIT_SECONDS: Final = 4.0  # with a settlement afterwards, a request still ends within ten
SETTLE_SECONDS: Final = 3.0
# After a long wait for a lock: its holder most likely waited for a standby, and others still wait.
LEAST_SECONDS: Final = 0.5
QUIET_SECONDS: Final = 2.0  # without a COMMIT, after one has waited in vain
_CANCEL_SECONDS: Final = 1.0
_IDLE_SECONDS: Final = 60.0
_WAITING_FUNCTION: Final = "SyncRepWaitForLSN"  # a name in PostgreSQL's source, the same in every language
_UNREPLICATED: Final = "hub.unreplicated"
# A COMMIT with one of these is in doubt: the connection or the server was lost.
_GONE: Final = ("57P01", "57P02", "08")
IN_DOUBT: Final = (
    "Whether this was done cannot be told at the moment: it could not be brought to a second place in time. "
    "Ask for the state of it before you send it again."
)
_NO_STANDBY: Final = "The hub cannot bring anything to a second place at the moment; try again."


class CommitInDoubt(InDoubt):
    """A COMMIT waited for a standby in vain. It is committed on the primary alone, as far as is known."""


def listen(connection: psycopg.Connection[Any], info: dict[Any, Any]) -> None:
    """Record in `info` every COMMIT of this new connection that no standby has confirmed."""

    def hear(diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.source_function == _WAITING_FUNCTION:
            info[_UNREPLICATED] = True

    connection.add_notice_handler(hear)


def commit(connection: Connection, transaction: RootTransaction, until: float) -> None:
    """Commit, and return only when a fail-over would keep the transaction.

    Waits until `until`, by time.monotonic. Raises InDoubt when the transaction may be committed or not, or is
    committed on the primary alone; the connection is then closed. After any other error nothing is committed.
    """
    # A warning of an earlier COMMIT on this pooled connection must not count for this one.
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
    # INVARIANT: acknowledged means on a standby. Success with this warning is no acknowledgement.
    if connection.info.pop(_UNREPLICATED, False):
        connection.invalidate()
        _logger.warning("database: no standby has confirmed a COMMIT")
        raise CommitInDoubt(IN_DOUBT)
    if bound.is_over:
        connection.invalidate()  # a late cancellation would hit the next transaction


class CommitAdmission:
    """Admits COMMITs, and refuses them while no standby confirms. Safe for threads.

    After one COMMIT has waited in vain, all others are refused for a while. Then one at a time is a trial,
    until a standby confirms one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_vain_at: float | None = None
        self._has_trial = False

    @contextlib.contextmanager
    def admit(self, *, settles: bool = False) -> Iterator[Callable[[Connection, RootTransaction], None]]:
        """Give the function that commits. `settles` is never refused. Raises Interrupted: nothing is done."""
        until = time.monotonic() + (SETTLE_SECONDS if settles else COMMIT_SECONDS)
        tries = not settles and self._takes_trial()

        def finish(connection: Connection, transaction: RootTransaction) -> None:
            if self._in_vain_at is not None and not (tries or settles):
                raise Interrupted(_NO_STANDBY)
            # A COMMIT without writes waits for no standby, so its success proves nothing.
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

    @contextlib.contextmanager
    def admit_alone(
        self, driver: psycopg.Connection[Any], info: dict[Any, Any], invalidate: Callable[[], None]
    ) -> Iterator[bool]:
        """Say whether one statement may be run as a transaction of its own, and bound its COMMIT.

        False while no standby confirms: then a transaction of `admit` has to be the trial. Raises
        CommitInDoubt as `commit`; the connection is then closed.
        """
        if self._in_vain_at is not None:
            yield False
            return
        info.pop(_UNREPLICATED, None)
        bound = _Bound(driver)
        with bound.within(COMMIT_SECONDS):
            yield True
        is_unreplicated = info.pop(_UNREPLICATED, False)
        if is_unreplicated or bound.is_over:  # a late cancellation would hit the next statement
            invalidate()
        # INVARIANT: recorded means on a standby, as acknowledged does.
        if is_unreplicated:
            self._in_vain_at = time.monotonic()
            _logger.warning("database: no standby has confirmed a COMMIT")
            raise CommitInDoubt(IN_DOUBT)

    def _takes_trial(self) -> bool:
        """Return whether this caller is the trial. Raises Interrupted for any other, while none confirms."""
        with self._lock:
            if self._in_vain_at is None:
                return False
            if self._has_trial or time.monotonic() < self._in_vain_at + QUIET_SECONDS:
                raise Interrupted(_NO_STANDBY)
            self._has_trial = True
            return True


def _writes(connection: Connection) -> bool:
    """Return whether the transaction has written. Without writes a COMMIT waits for no standby."""
    statement = "SELECT pg_current_xact_id_if_assigned() IS NOT NULL"
    return bool(connection.exec_driver_sql(statement).scalar_one())


class _Watch:
    """One thread for all waits of a process: a thread made for each COMMIT costs more than the COMMIT."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}
        self._acting: dict[object, threading.Thread] = {}
        self._thread: threading.Thread | None = None
        self._wakes_at = 0.0

    @contextlib.contextmanager
    def within(self, seconds: float, act: Callable[[], None]) -> Iterator[None]:
        """Call `act` in a thread if the block takes longer. Afterwards `act` has ended, or never runs."""
        wait = object()
        with self._changed:
            at = time.monotonic() + seconds
            self._due[wait] = at, act
            if self._thread is None or not self._thread.is_alive():  # the first, or a forked process
                self._thread = threading.Thread(target=self._run, daemon=True, name="commits")
                self._thread.start()
            elif at < self._wakes_at:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._due.pop(wait, None)
                acting = self._acting.pop(wait, None)
            if acting is not None:
                acting.join()

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for wait in [wait for wait, (at, _) in self._due.items() if at <= now]:
                    # In a thread of its own: to cancel one wait may take as long as the bound of another.
                    acting = threading.Thread(target=self._due.pop(wait)[1], daemon=True)
                    self._acting[wait] = acting
                    acting.start()
                self._wakes_at = min((at for at, _ in self._due.values()), default=now + _IDLE_SECONDS)
                self._changed.wait(self._wakes_at - now)


_WATCH: Final = _Watch()


class _Bound:
    """Ends the wait of a connection after some seconds."""

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self._driver = driver
        self.is_over = False

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Bound the time of the block."""
        # The block ends after `_give_up`: otherwise it might cancel the next transaction.
        with _WATCH.within(seconds, self._give_up):
            yield

    def _give_up(self) -> None:
        """Cancel the wait of the connection; if that fails, close the connection under its owner."""
        self.is_over = True
        try:
            descriptor = os.dup(self._driver.fileno())
        except (psycopg.Error, OSError):
            return  # the connection has ended meanwhile
        # A duplicate of the descriptor: the owner may close its own at any moment, and the number be reused.
        with socket.socket(fileno=descriptor) as peer:
            try:
                self._driver.cancel_safe(timeout=_CANCEL_SECONDS)
            except (psycopg.Error, OSError):
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
