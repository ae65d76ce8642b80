"""Caches the periods in force, and the visible justifications of each reader.

Both are few and change rarely. Each process caches both, by epoch, generation and highest justification id.
The statement of a page says whether the cached values are still right, so a poll needs no other query.
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from hub.model import MemberId, NationCode, Period, Query, Reader
from hub.rules.release.justifications import is_visible
from hub.store.agreement import agreements
from hub.store.agreement.agreements import Generation
from hub.store.database import epochs
from hub.store.database.connection import Connection
from hub.store.ledger import justifications
from hub.store.ledger.justifications import StoredJustification
from hub.store.ledger.pages import Valid

_KEPT_IDS: Final = 2_048
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)


class VisibleJustifications(NamedTuple):
    """The ids of a reader's visible justifications, with the conditions of their validity.

    `by_origin` has the ids by the origin of the rows; `own` are the other ids of the reader's own rows at
    home. The ids are right for the `generation` of this `epoch` and `configuration`, from `since` until
    before `until`, while the reader's nation has no justification above `last`, and the reader no own one
    above `last_own`.
    """

    by_origin: Mapping[NationCode, tuple[int, ...]]
    own: tuple[int, ...]
    epoch: str
    configuration: int
    generation: int
    last: int
    last_own: int
    since: datetime
    until: datetime

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(id for ids in self.by_origin.values() for id in ids)

    def valid(self, query: Query) -> Valid:
        """Return the ids that count for a query."""
        if query.origin is None:
            return Valid(self.ids, self.own)
        own = self.own if query.origin == query.reader.nation else ()
        return Valid(self.by_origin.get(query.origin, ()), own)


class _VisibleIds(NamedTuple):
    """The visible justifications of a ledger, up to the id `last`, by the origin of their rows."""

    last: int
    by_origin: Mapping[NationCode, tuple[int, ...]]


class _OwnIds(NamedTuple):
    """The justifications of a member's own rows at home, up to the number `last`."""

    last: int
    ids: frozenset[int]


class InForce:
    """The cached periods and justifications of a process. Safe for threads."""

    def __init__(self) -> None:
        self._cache = _EpochCache("")

    def periods(self, connection: Connection, generation: Generation | None = None) -> tuple[Period, ...]:
        """Return every period without an early end, in the snapshot of this transaction.

        `generation` is the generation that this transaction has read already.
        """
        return self._of(connection).bound(connection, generation)[1]

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
        self._justifications: dict[NationCode, dict[int, StoredJustification]] = defaultdict(dict)
        self._own_ids: dict[MemberId, _OwnIds] = {}
        self._visible_ids: dict[tuple[Reader, frozenset[int]], _VisibleIds] = {}

    def bound(
        self, connection: Connection, generation: Generation | None = None
    ) -> tuple[Generation, tuple[Period, ...]]:
        generation = generation or agreements.generation(connection)
        with self._lock:
            if generation.number == self._generation:
                return generation, self._periods
        periods = agreements.periods(connection)
        # INVARIANT: the periods of a later generation are never kept under an earlier number: without a
        # snapshot an ending may be committed between the two statements.
        is_same = agreements.generation(connection).number == generation.number
        with self._lock:
            # A slower transaction must not put an older state back.
            if is_same and generation.number > self._generation:
                self._generation, self._periods = generation.number, periods
        return generation, periods

    def visible(self, connection: Connection, reader: Reader, now: datetime) -> VisibleJustifications:
        generation, periods = self.bound(connection)
        now = max(now, generation.changed_at)
        in_force = frozenset(p.id for p in periods if p.is_in_force(now))
        known = self._known(connection, reader.nation)
        last = next(reversed(known), 0)
        answer = self._visible_ids.get((reader, in_force), _VisibleIds(0, {}))
        if answer.last < last:
            # Ids only grow, and a justification never changes: with the same periods in force only new ids
            # need a look.
            new = itertools.takewhile(lambda id: id > answer.last, reversed(known))
            answer = _VisibleIds(last, _joined(answer.by_origin, self._held(known, new, reader, in_force)))
            self._keep((reader, in_force), answer)
        own = self._own(connection, reader)
        held = {id for ids in answer.by_origin.values() for id in ids}
        # Another thread's snapshot may have added later ids: these name no row in this snapshot.
        state = epochs.state_of(connection)
        place = (self.epoch, state.configuration, generation.number, answer.last, own.last)
        span = _unchanged_span(periods, now)
        found = VisibleJustifications(answer.by_origin, tuple(sorted(own.ids - held)), *place, *span)
        self.latest[reader] = found
        return found

    def _held(
        self,
        known: Mapping[int, StoredJustification],
        ids: Iterable[int],
        reader: Reader,
        in_force: frozenset[int],
    ) -> Iterator[tuple[NationCode, int]]:
        for id in ids:
            if is_visible(known[id].value, reader, in_force):
                yield known[id].origin, id

    def _own(self, connection: Connection, reader: Reader) -> _OwnIds:
        """Return the justifications of the reader's own rows at home: these are always visible (2.7)."""
        known = self._own_ids.get(reader.member, _OwnIds(0, frozenset()))
        new = justifications.of_own_rows(connection, reader.nation, reader.member, after=known.last)
        if new:
            known = _OwnIds(max(new), known.ids | frozenset(new.values()))
            with self._lock:
                # A slower transaction must not put an older state back.
                if known.last > self._own_ids.get(reader.member, _OwnIds(0, frozenset())).last:
                    self._own_ids[reader.member] = known
        return known

    def _keep(self, question: tuple[Reader, frozenset[int]], answer: _VisibleIds) -> None:
        with self._lock:
            # The memory is bounded: a full cache is emptied, and filled again by the next polls.
            if len(self._visible_ids) >= _KEPT_IDS:
                self._visible_ids.clear()
                self.latest.clear()
            self._visible_ids[question] = answer

    def _known(self, connection: Connection, recipient: NationCode) -> dict[int, StoredJustification]:
        known = self._justifications[recipient]
        new = justifications.stored(connection, recipient, after=next(reversed(known), 0))
        if new:
            with self._lock:
                # A new dictionary: another thread may iterate over the old one.
                known = self._justifications[recipient] = {**self._justifications[recipient], **new}
        return known


def _joined(
    known: Mapping[NationCode, tuple[int, ...]], new: Iterable[tuple[NationCode, int]]
) -> Mapping[NationCode, tuple[int, ...]]:
    found = dict(known)
    for origin, id in new:
        found[origin] = (*found.get(origin, ()), id)
    return found


def _unchanged_span(periods: tuple[Period, ...], now: datetime) -> tuple[datetime, datetime]:
    """Return the span around `now` without the beginning or end of a period."""
    instants = [instant for p in periods for instant in (p.start, p.until)]
    since = max((instant for instant in instants if instant <= now), default=_LONG_AGO)
    return since, min((instant for instant in instants if instant > now), default=_FOR_EVER)
