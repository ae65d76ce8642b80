"""Caches the periods in force, and the visible justifications of each reader.

Both are few and change rarely. Each process caches both, by epoch, generation and highest justification id.
The statement of a page says whether the cached values are still right, so a poll needs no other query.
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from datetime import UTC, datetime
from typing import Final, NamedTuple

from hub.model import Justification, NationCode, Period, Reader
from hub.rules.release.justifications import is_visible
from hub.store.agreement import agreements
from hub.store.agreement.agreements import Generation
from hub.store.database import epochs
from hub.store.database.connection import Connection
from hub.store.ledger import justifications

_KEPT_IDS: Final = 2_048
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)


class VisibleJustifications(NamedTuple):
    """The ids of a reader's visible justifications, with the conditions of their validity.

    The ids are right for the `generation` of this `epoch`, from `since` until before `until`, while the
    reader's nation has no justification above `last`.
    """

    ids: tuple[int, ...]
    epoch: str
    generation: int
    last: int
    since: datetime
    until: datetime


class _VisibleIds(NamedTuple):
    """The visible justifications of a ledger, up to the id `last`."""

    last: int
    ids: tuple[int, ...]


class InForce:
    """The cached periods and justifications of a process. Safe for threads."""

    def __init__(self) -> None:
        self._cache = _EpochCache("")

    def periods(self, connection: Connection) -> tuple[Period, ...]:
        """Return every period without an early end, in the snapshot of this transaction."""
        return self._of(connection).bound(connection)[1]

    def ids(self, connection: Connection, now: datetime) -> frozenset[int]:
        """Return the ids of the periods that are in force at `now`."""
        return frozenset(p.id for p in self.periods(connection) if p.is_in_force(now))

    def visible(self, connection: Connection, reader: Reader, now: datetime) -> VisibleJustifications:
        """Return the visible justifications of `reader` at `now`, in the snapshot of this transaction.

        If the clock has stepped back, at the last change of agreements.
        """
        return self._of(connection).visible(connection, reader, now)

    def latest(self, reader: Reader) -> VisibleJustifications | None:
        """Return the last result of `visible` for `reader`, perhaps out of date; None before the first."""
        return self._cache.latest.get(reader)

    def _of(self, connection: Connection) -> _EpochCache:
        """Return the cache for the epoch of this transaction."""
        # INVARIANT: generations and ids of another epoch mean other things: a new epoch begins empty.
        cache, epoch = self._cache, epochs.state_of(connection).epoch or ""
        if cache.epoch != epoch:
            cache = self._cache = _EpochCache(epoch)
        return cache


class _EpochCache:
    """The cache of one epoch."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.latest: dict[Reader, VisibleJustifications] = {}
        self._lock = threading.Lock()
        self._generation = -1
        self._periods: tuple[Period, ...] = ()
        self._justifications: dict[NationCode, dict[int, Justification]] = defaultdict(dict)
        self._visible_ids: dict[tuple[Reader, frozenset[int]], _VisibleIds] = {}

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
        answer = self._visible_ids.get((reader, in_force), _VisibleIds(0, ()))
        if answer.last < last:
            # Ids only grow, and a justification never changes: with the same periods in force only new ids
            # need a look.
            new = itertools.takewhile(lambda id: id > answer.last, reversed(known))
            held = [id for id in new if is_visible(known[id], reader, in_force)]
            answer = _VisibleIds(last, (*answer.ids, *reversed(held)))
            self._keep((reader, in_force), answer)
        # Another thread's snapshot may have added later ids: these name no row in this snapshot.
        place = (self.epoch, generation.number, answer.last)
        found = VisibleJustifications(answer.ids, *place, *_unchanged_span(periods, now))
        self.latest[reader] = found
        return found

    def _keep(self, question: tuple[Reader, frozenset[int]], answer: _VisibleIds) -> None:
        with self._lock:
            # The memory is bounded: a full cache is emptied, and filled again by the next polls.
            if len(self._visible_ids) >= _KEPT_IDS:
                self._visible_ids.clear()
                self.latest.clear()
            self._visible_ids[question] = answer

    def _known(self, connection: Connection, recipient: NationCode) -> dict[int, Justification]:
        known = self._justifications[recipient]
        new = justifications.of_recipient(connection, recipient, after=next(reversed(known), 0))
        if new:
            with self._lock:
                # A new dictionary: another thread may iterate over the old one.
                known = self._justifications[recipient] = {**self._justifications[recipient], **new}
        return known


def _unchanged_span(periods: tuple[Period, ...], now: datetime) -> tuple[datetime, datetime]:
    """Return the span around `now` without the beginning or end of a period."""
    instants = [instant for p in periods for instant in (p.start, p.until)]
    since = max((instant for instant in instants if instant <= now), default=_LONG_AGO)
    return since, min((instant for instant in instants if instant > now), default=_FOR_EVER)
