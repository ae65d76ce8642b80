"""What binds now: the periods of agreements, and which justifications hold for a reader.

Both are few and change rarely. Each process keeps them, by the generation and by the ids it has
seen; a poll pays two small statements to learn that nothing has changed.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import datetime
from typing import Final

from hub.model import Justification, NationCode, Period, Reader
from hub.rules.release import stands
from hub.store import agreements, releases
from hub.store.connection import Connection

_KEPT_ANSWERS: Final = 2_048


class Bindings:
    """A process's memory of periods and justifications. Safe for threads; nothing in it can be stale."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generation = -1
        self._periods: tuple[Period, ...] = ()
        self._justifications: dict[NationCode, dict[int, Justification]] = defaultdict(dict)
        self._answers: dict[tuple[Reader, frozenset[int], int], tuple[int, ...]] = {}

    def periods(self, connection: Connection) -> tuple[Period, ...]:
        """Return every period that was not ended before its time, as this transaction sees it."""
        generation = agreements.generation(connection).number
        with self._lock:
            if generation == self._generation:
                return self._periods
        periods = agreements.periods(connection)
        with self._lock:
            # A slower transaction must not put an older state back.
            if generation > self._generation:
                self._generation, self._periods = generation, periods
        return periods

    def in_force(self, connection: Connection, now: datetime) -> frozenset[int]:
        """Return the ids of the periods that are in force at `now`."""
        return frozenset(p.id for p in self.periods(connection) if p.is_in_force(now))

    def standing(self, connection: Connection, reader: Reader, now: datetime) -> tuple[int, ...]:
        """Return the ids of the justifications that hold for `reader` at `now`."""
        in_force = self.in_force(connection, now)
        known = self._known(connection, reader.nation)
        question = (reader, in_force, max(known, default=0))
        answer = self._answers.get(question)
        if answer is None:
            answer = tuple(id for id, value in known.items() if stands(value, reader, in_force))
            with self._lock:
                if len(self._answers) >= _KEPT_ANSWERS:
                    self._answers.clear()
                self._answers[question] = answer
        return answer

    def _known(self, connection: Connection, recipient: NationCode) -> dict[int, Justification]:
        known = self._justifications[recipient]
        new = releases.justifications(connection, recipient, after=max(known, default=0))
        if new:
            with self._lock:
                # A new dictionary, so that whoever iterates over the old one is not disturbed.
                known = self._justifications[recipient] = {**self._justifications[recipient], **new}
        return known
