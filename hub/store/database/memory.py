"""A process's memory of the database: enough to notice a loss of acknowledged data."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from hub.errors import InDoubt
from hub.model import NationCode, from_microseconds, say_instant
from hub.store.database.commits import IN_DOUBT
from hub.store.schema.tables import ledger, nonce

_KEPT: Final = 10_000  # acknowledged requests at most


@dataclass(frozen=True, slots=True)
class LastCommit:
    """An acknowledged signed request: its nonce, known until `expires`, and a sentence about its effect."""

    thumbprint: str
    nonce: str
    expires: datetime
    sentence: str


class Memory:
    """The memory of one process. Safe for threads.

    `timeline` is the highest timeline seen. `standby_names` are the names in that timeline; None: not read
    yet. `epoch` is the last epoch seen.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._served: dict[NationCode, tuple[int, datetime]] = {}
        self._done: deque[LastCommit] = deque(maxlen=_KEPT)
        self._is_counted = False  # the loss: a later commit would not be in it
        self.timeline: str | None = None
        self.standby_names: str | None = None
        self.epoch: str | None = None

    def is_behind(self, timeline: str | None) -> bool:
        """Return whether this server was left behind: the process has seen a later timeline."""
        # Timelines are hexadecimal in the names of WAL files.
        return bool(timeline and self.timeline and int(timeline, 16) < int(self.timeline, 16))

    def note_state(self, timeline: str | None, standby_names: str | None, epoch: str | None) -> None:
        """Remember the state at the start of a transaction."""
        with self._lock:
            # INVARIANT: the highest timeline never decreases: the old primary is never believed again.
            if not self.is_behind(timeline):
                self.timeline, self.standby_names, self.epoch = timeline, standby_names, epoch
                self._is_counted = False

    def note_page(self, recipient: NationCode, position: int, date: datetime, epoch: str) -> None:
        """Remember the last row of a served page. Of a page of another `epoch` only the date counts."""
        with self._lock:
            before = self._served.get(recipient, (0, date))
            # Positions are comparable within one epoch, dates across all.
            position = position if epoch == self.epoch else 0
            self._served[recipient] = max(before[0], position), max(before[1], date)

    def note_commit(self, done: LastCommit, now: datetime, epoch: str | None) -> None:
        """Remember a request before its acknowledgement, and forget requests that expired by `now`.

        Raises InDoubt when the commit was in an `epoch` that has ended since.
        """
        with self._lock:
            # INVARIANT: a request is acknowledged only if a later loss would name it. After the count, or in
            # another epoch, nobody would.
            if self._is_counted or epoch != self.epoch:
                raise InDoubt(IN_DOUBT)
            self._done.append(done)
            while self._done and self._done[0].expires < now:
                self._done.popleft()

    @property
    def last_served(self) -> datetime:
        """The last date that this process has given."""
        with self._lock:
            return max((date for _, date in self._served.values()), default=from_microseconds(0))

    def lost(self, connection: Connection, now: datetime) -> list[str]:
        """Return sentences about acknowledged or served data that is missing in the database."""
        with self._lock:
            self._is_counted = True
            done, served = list(self._done), dict(self._served)
        # The nonce was stored in the transaction of the request. Without the nonce the request is lost.
        found = [one.sentence for one in done if now < one.expires and not _is_there(connection, one)]
        rows = connection.execute(select(ledger.c.recipient, ledger.c.position))
        ends = {NationCode(code): position for code, position in rows}
        for recipient, (position, date) in sorted(served.items()):
            if ends.get(recipient, 0) < position:
                found.append(
                    f"{recipient} was served positions up to {position} (of {say_instant(date)}); "
                    f"its ledger ends at {ends.get(recipient, 0)}"
                )
        return found

    def begin_epoch(self) -> None:
        """Begin anew in another epoch: positions change, dates go on."""
        with self._lock:
            self._done.clear()
            self._served = {code: (0, date) for code, (_, date) in self._served.items()}


def _is_there(connection: Connection, done: LastCommit) -> bool:
    condition = (nonce.c.thumbprint == done.thumbprint, nonce.c.nonce == done.nonce)
    return connection.execute(select(nonce.c.nonce).where(*condition)).first() is not None
