"""The turns of each nation's submissions: one is decided and written at a time, in the order of arrival.

A turn spares work: two submissions decided at once for one nation would make the later one decide again. The
turn protects nothing: every decision is compared with its basis under the locks, whoever has the turn.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from hub import files
from hub.errors import Unavailable
from hub.store.database.execution import executed

SUFFIX: Final = "-turns"  # of the file beside an SQLite database by which its processes take turns
_SECONDS: Final = 30.0  # in the queue of this process, as for a lock
# For another process. It may be stopped, so a submission then goes on: its basis is compared all the same.
_OTHERS_SECONDS: Final = 10.0
_LEAST_PAUSE: Final = 0.0003
_MOST_PAUSE: Final = 0.005
_TURN_LOCK: Final = 0x6875_6202  # "hub", 2: all clients of the database share the advisory locks
_BUSY: Final = "Too many submissions of this nation wait at the moment; try again."
# Locks of an open file, not of a process: Linux alone has these. Elsewhere only threads take turns.
_SET_LOCK: Final = getattr(fcntl, "F_OFD_SETLK", None)
_FLOCK: Final = "hhqqi4x"  # type, whence, start, length and process, as Linux has them in 64 bits


class FairLock:
    """A lock given to threads in the order of asking: `threading.Lock` may favour the thread that runs."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._is_taken = False
        self._gates: deque[threading.Lock] = deque()

    def acquire(self, seconds: float) -> bool:
        """Take the lock, waiting for at most `seconds`. Return whether it was given."""
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return True
            gate = threading.Lock()
            gate.acquire()
            self._gates.append(gate)
        if gate.acquire(timeout=seconds):
            return True
        with self._guard:
            if gate not in self._gates:
                return True  # handed over just now
            self._gates.remove(gate)
            return False

    def release(self) -> None:
        """Hand the lock over to the thread that has waited longest."""
        with self._guard:
            if self._gates:
                self._gates.popleft().release()
            else:
                self._is_taken = False


class Turns:
    """The turns at one database. `file` is the SQLite file, if it is one."""

    def __init__(self, file: Path | None) -> None:
        self._guard = threading.Lock()
        self._queues: dict[str, FairLock] = {}
        self._others = None if file is None or _SET_LOCK is None else _Processes(Path(f"{file}{SUFFIX}"))

    @contextlib.contextmanager
    def of(self, nation: str) -> Iterator[None]:
        """Give the nation's turn among the threads of this process; on SQLite, among all processes.

        The first lock of all, before any transaction: a waiting thread holds no connection. Raises
        Unavailable after half a minute.
        """
        with self._guard:
            queue = self._queues.setdefault(nation, FairLock())
        if not queue.acquire(_SECONDS):
            raise Unavailable(_BUSY)
        try:
            if self._others is None:
                yield
            else:
                with self._others.turn(nation):
                    yield
        finally:
            queue.release()

    def take(self, connection: Connection, nation: str) -> None:
        """Take the nation's turn among processes, on PostgreSQL, until the end of the transaction.

        INVARIANT: after the nonce, before the generation: the order of all locks (hub/README).
        """
        if connection.dialect.name == "postgresql":
            # In the order of asking, and of a transaction: PgBouncer may give the session to another client.
            text = "SELECT pg_advisory_xact_lock(%s, %s)"
            executed(connection, text, (_TURN_LOCK, _number(nation) & 0x7FFF_FFFF))

    def close(self) -> None:
        """Close the file."""
        if self._others is not None:
            self._others.close()


class _Processes:
    """Turns among the processes that use one SQLite file, by locks on bytes of a file beside it.

    A nation has two bytes. The first is for the one process that waits, the second has the turn. So a process
    that gives the turn back cannot take it again before the one that waits.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._opened: tuple[int, int] | None = None  # the process, and its descriptor

    @contextlib.contextmanager
    def turn(self, nation: str) -> Iterator[None]:
        """Give the turn, or go on without it after some seconds."""
        descriptor = self._descriptor()
        first = 2 * _number(nation)
        until = time.monotonic() + _OTHERS_SECONDS
        taken: list[int] = []
        try:
            if _wait(descriptor, first, until):
                taken.append(first)
                if _wait(descriptor, first + 1, until):
                    taken.append(first + 1)
                _set(descriptor, taken.pop(0), fcntl.F_UNLCK)
            yield
        finally:
            for byte in taken:
                _set(descriptor, byte, fcntl.F_UNLCK)

    def close(self) -> None:
        with self._guard:
            if self._opened is not None:
                os.close(self._opened[1])
            self._opened = None

    def _descriptor(self) -> int:
        with self._guard:
            # A forked process needs an open file of its own: a lock belongs to the open file.
            if self._opened is None or self._opened[0] != os.getpid():
                files.ensure(self._path)
                self._opened = os.getpid(), os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            return self._opened[1]


def _wait(descriptor: int, byte: int, until: float) -> bool:
    """Lock a byte of the file, and return whether it was given before `until`."""
    began = time.monotonic()
    while not _set(descriptor, byte, fcntl.F_WRLCK):
        waited = time.monotonic() - began
        if began + waited >= until:
            return False
        # One thread of each process waits here at most.
        time.sleep(min(max(waited / 16, _LEAST_PAUSE), _MOST_PAUSE))
    return True


def _set(descriptor: int, byte: int, kind: int) -> bool:
    """Lock or unlock a byte of the file; return False if another open file has the lock."""
    try:
        fcntl.fcntl(
            descriptor, _SET_LOCK or fcntl.F_SETLK, struct.pack(_FLOCK, kind, os.SEEK_SET, byte, 1, 0)
        )
    except BlockingIOError:
        return False
    return True


def _number(nation: str) -> int:
    """Return a number for the nation. Two nations with one number would share their turns, no more."""
    return zlib.crc32(nation.encode())
