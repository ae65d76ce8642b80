"""What binds now: the periods of agreements, and which justifications hold for a reader.

Both are few and change rarely. Each process keeps them, by the epoch, the generation and the ids it has
seen. A page is asked for with what is kept, and the statement that reads it says whether that is right still.
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from datetime import UTC, datetime
from typing import Final, NamedTuple

from hub.model import Justification, NationCode, Period, Reader
from hub.rules.release.deciding import is_visible
from hub.store.agreement import agreements
from hub.store.agreement.agreements import Generation
from hub.store.database import epochs
from hub.store.database.connection import Connection
from hub.store.ledger import justifications

_KEPT_ANSWERS: Final = 2_048
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)


class VisibleJustifications(NamedTuple):
    """The ids of the justifications that hold for a reader, and as long as what they do.

    For the `generation` of this `epoch`, from `since` until before `until`, while the reader's nation has no
    justification above `last`.
    """

    ids: tuple[int, ...]
    epoch: str
    generation: int
    last: int
    since: datetime
    until: datetime


class _Answer(NamedTuple):
    """Which of a ledger's justifications hold, as far as the one with the id `last`."""

    last: int
    ids: tuple[int, ...]


class InForce:
    """A process's memory of periods and justifications. Safe for threads."""

    def __init__(self) -> None:
        self._kept = _Kept("")

    def periods(self, connection: Connection) -> tuple[Period, ...]:
        """Return every period that was not ended before its time, as this transaction sees it."""
        return self._of(connection).bound(connection)[1]

    def ids(self, connection: Connection, now: datetime) -> frozenset[int]:
        """Return the ids of the periods that are in force at `now`."""
        return frozenset(p.id for p in self.periods(connection) if p.is_in_force(now))

    def visible(self, connection: Connection, reader: Reader, now: datetime) -> VisibleJustifications:
        """Return the justifications that hold for `reader` at `now`, in the snapshot of this transaction.

        Should the clock have stepped back, as of when agreements last came to bind or ended.
        """
        return self._of(connection).visible(connection, reader, now)

    def latest(self, reader: Reader) -> VisibleJustifications | None:
        """Return what was last found to hold for `reader`, which may be over; None: nothing was found yet."""
        return self._kept.latest.get(reader)

    def _of(self, connection: Connection) -> _Kept:
        """Return what is kept of the epoch of this transaction. Numbers of another mean other things."""
        kept, epoch = self._kept, epochs.state_of(connection).epoch or ""
        if kept.epoch != epoch:
            kept = self._kept = _Kept(epoch)
        return kept


class _Kept:
    """What is kept of one epoch."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.latest: dict[Reader, VisibleJustifications] = {}
        self._lock = threading.Lock()
        self._generation = -1
        self._periods: tuple[Period, ...] = ()
        self._justifications: dict[NationCode, dict[int, Justification]] = defaultdict(dict)
        self._answers: dict[tuple[Reader, frozenset[int]], _Answer] = {}

    def bound(self, connection: Connection) -> tuple[Generation, tuple[Period, ...]]:
        generation = agreements.generation(connection)
        with self._lock:
            if generation.number == self._generation:
                return generation, self._periods
        periods = agreements.periods(connection)
        with self._lock:
            # A slower transaction must not put an older state back.
            if generation.number > self._generation:
                self._generation, self._periods = generation.number, periods
        return generation, periods

    def visible(self, connection: Connection, reader: Reader, now: datetime) -> VisibleJustifications:
        generation, periods = self.bound(connection)
        now = max(now, generation.changed_at)
        in_force = frozenset(p.id for p in periods if p.is_in_force(now))
        known = self._known(connection, reader.nation)
        last = next(reversed(known), 0)
        answer = self._answers.get((reader, in_force), _Answer(0, ()))
        if answer.last < last:
            # Those that are new come last; what held of the others while these periods are in force, holds.
            new = itertools.takewhile(lambda id: id > answer.last, reversed(known))
            held = [id for id in new if is_visible(known[id], reader, in_force)]
            answer = _Answer(last, (*answer.ids, *reversed(held)))
            self._keep((reader, in_force), answer)
        # This snapshot may be older than what another has taught; more ids name no row in it.
        place = (self.epoch, generation.number, answer.last)
        found = VisibleJustifications(answer.ids, *place, *_stretch(periods, now))
        self.latest[reader] = found
        return found

    def _keep(self, question: tuple[Reader, frozenset[int]], answer: _Answer) -> None:
        with self._lock:
            if len(self._answers) >= _KEPT_ANSWERS:
                self._answers.clear()
                self.latest.clear()
            self._answers[question] = answer

    def _known(self, connection: Connection, recipient: NationCode) -> dict[int, Justification]:
        known = self._justifications[recipient]
        new = justifications.of_recipient(connection, recipient, after=next(reversed(known), 0))
        if new:
            with self._lock:
                # A new dictionary, so that whoever iterates over the old one is not disturbed.
                known = self._justifications[recipient] = {**self._justifications[recipient], **new}
        return known


def _stretch(periods: tuple[Period, ...], now: datetime) -> tuple[datetime, datetime]:
    """Return since when and until when the clock begins and ends none of these periods."""
    instants = [instant for p in periods for instant in (p.start, p.until)]
    since = max((instant for instant in instants if instant <= now), default=_LONG_AGO)
    return since, min((instant for instant in instants if instant > now), default=_FOR_EVER)
