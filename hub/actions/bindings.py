"""What binds now: the periods of agreements, and which justifications hold for a reader.

Both are few and change rarely. Each process keeps them, by the generation and by the ids it has
seen; a poll pays two small statements to learn that nothing has changed.
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from datetime import datetime
from typing import Final, NamedTuple

from hub.model import Justification, NationCode, Period, Reader
from hub.rules.release import stands
from hub.store import agreements, releases
from hub.store.agreements import Generation
from hub.store.connection import Connection

_KEPT_ANSWERS: Final = 2_048


class Standing(NamedTuple):
    """The ids of the justifications that hold for a reader, and by which generation and when they do."""

    generation: int
    now: datetime
    ids: tuple[int, ...]


class _Answer(NamedTuple):
    """Which of a ledger's justifications hold, as far as the one with the id `last`."""

    last: int
    ids: tuple[int, ...]


class Bindings:
    """A process's memory of periods and justifications. Safe for threads; nothing in it can be stale."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generation = -1
        self._periods: tuple[Period, ...] = ()
        self._justifications: dict[NationCode, dict[int, Justification]] = defaultdict(dict)
        self._answers: dict[tuple[Reader, frozenset[int]], _Answer] = {}

    def periods(self, connection: Connection) -> tuple[Period, ...]:
        """Return every period that was not ended before its time, as this transaction sees it."""
        return self._bound(connection)[1]

    def _bound(self, connection: Connection) -> tuple[Generation, tuple[Period, ...]]:
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

    def in_force(self, connection: Connection, now: datetime) -> frozenset[int]:
        """Return the ids of the periods that are in force at `now`."""
        return frozenset(p.id for p in self.periods(connection) if p.is_in_force(now))

    def standing(self, connection: Connection, reader: Reader, now: datetime) -> Standing:
        """Return the justifications that hold for `reader` at `now`, in the snapshot of this transaction.

        Should the clock have stepped back, as of when agreements last came to bind or ended.
        """
        generation, periods = self._bound(connection)
        now = max(now, generation.changed_at)
        in_force = frozenset(p.id for p in periods if p.is_in_force(now))
        known = self._known(connection, reader.nation)
        last = next(reversed(known), 0)
        answer = self._answers.get((reader, in_force), _Answer(0, ()))
        if answer.last < last:
            # Those that are new come last; what held of the others while these periods are in force, holds.
            new = itertools.takewhile(lambda id: id > answer.last, reversed(known))
            held = [id for id in new if stands(known[id], reader, in_force)]
            answer = _Answer(last, (*answer.ids, *reversed(held)))
            self._keep((reader, in_force), answer)
        # This snapshot may be older than what another has taught; more ids name no row in it.
        return Standing(generation.number, now, answer.ids)

    def _keep(self, question: tuple[Reader, frozenset[int]], answer: _Answer) -> None:
        with self._lock:
            if len(self._answers) >= _KEPT_ANSWERS:
                self._answers.clear()
            self._answers[question] = answer

    def _known(self, connection: Connection, recipient: NationCode) -> dict[int, Justification]:
        known = self._justifications[recipient]
        new = releases.justifications(connection, recipient, after=next(reversed(known), 0))
        if new:
            with self._lock:
                # A new dictionary, so that whoever iterates over the old one is not disturbed.
                known = self._justifications[recipient] = {**self._justifications[recipient], **new}
        return known
