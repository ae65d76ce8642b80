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
from collections.abc import Iterator
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import DBAPIError

from hub.errors import InDoubt

_logger = logging.getLogger(__name__)

COMMIT_SECONDS: Final = 4.0  # so that a request that meets it twice still ends within ten
_CANCEL_SECONDS: Final = 1.0
_WAITING_FUNCTION: Final = "SyncRepWaitForLSN"  # in PostgreSQL's source: its name has no translation
_UNREPLICATED: Final = "hub.unreplicated"
# Of a COMMIT that fails with one of these nobody knows what became: the connection or the server went.
_GONE: Final = ("57P01", "57P02", "08")
_IN_DOUBT: Final = (
    "Whether this was done cannot be told at the moment: it could not be brought to a second place in time. "
    "Ask for the state of it before you send it again."
)


def listen(connection: psycopg.Connection[Any], info: dict[Any, Any]) -> None:
    """Let `info` tell whether a COMMIT on this new connection was acknowledged without a standby."""

    def hear(diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.source_function == _WAITING_FUNCTION:
            info[_UNREPLICATED] = True

    connection.add_notice_handler(hear)


def commit(connection: Connection, transaction: RootTransaction) -> None:
    """Commit, and return only when the transaction is certain to be where a fail-over leaves it.

    Raises InDoubt when it may be committed or not, or is committed on the primary alone: its connection is
    closed then. Whatever else a COMMIT raises says that nothing of it is committed.
    """
    connection.info.pop(_UNREPLICATED, None)
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    try:
        with _cancelled_after(driver, COMMIT_SECONDS):
            transaction.commit()
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state is None or state.startswith(_GONE):
            connection.invalidate()
            _logger.warning("database: COMMIT failed: %s %s", type(error.orig).__name__, state or "")
            raise InDoubt(_IN_DOUBT) from error
        raise
    if connection.info.pop(_UNREPLICATED, False):
        connection.invalidate()
        _logger.warning("database: no standby has confirmed a COMMIT")
        raise InDoubt(_IN_DOUBT)


@contextlib.contextmanager
def _cancelled_after(driver: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, _give_up, (driver,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _give_up(driver: psycopg.Connection[Any]) -> None:
    """Cancel what the connection waits for; where that cannot be done either, close it under its owner."""
    descriptor = os.dup(driver.fileno())
    try:
        try:
            driver.cancel_safe(timeout=_CANCEL_SECONDS)
        except (psycopg.Error, OSError):
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as peer:
                peer.shutdown(socket.SHUT_RDWR)
    finally:
        os.close(descriptor)
