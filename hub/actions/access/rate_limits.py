"""A member asks no more than its share: so many requests and so many objects a minute, from wherever it asks.

The generic cell rate algorithm (ITU-T I.371). What a member has used is one instant, `used_until`, in the
database: each cell, that is a request or an object, moves it on by its share of a minute, and time overtakes
it. Two minutes' worth may be used ahead: the burst.

So that a poll does not pay a durable write, each process takes cells in portions of a fiftieth of the burst
and spends them from memory; a portion has no end of validity, and an idle process uses up nothing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from hub.actions.service.service import Service
from hub.errors import BadCursor, TooManyRequests, Unavailable
from hub.model import Caller, Disclosed, MemberId
from hub.proofs import cursors
from hub.store.database.connection import Store
from hub.store.members import rate_limits

# By the default rates room for a connector that starts, on `released` and the five, on a million objects.
_BURST: Final = timedelta(minutes=2)
_PORTIONS_A_MINUTE: Final = 25
_WALKS_AT_ONCE: Final = 16  # (hub/README: walk-above-limit)
_TIMES_A_PAGE: Final = 3
_NONE: Final = timedelta(0)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


class RateLimits:
    """A process's share of what the members may ask. Safe for threads.

    In any span of time a member is let in with at most the burst, what the rate gives for the span, and one
    portion for each process; of objects, also what the requests carry that are under way meanwhile, since
    they are counted only when they are known. Two kinds of request are outside: those without a member, and
    those that take a walk further. Nobody is made to wait longer than one burst, not even by a clock that has
    stepped back.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._walks = _Walks()
        self._requests = _RateLimit(service.store, "requests", service.limits.requests_per_minute)
        self._objects = _RateLimit(service.store, "objects", service.limits.objects_per_minute)

    def admit(self, caller: Caller, cursor: str | None = None, walked: Disclosed = Disclosed.OBJECTS) -> None:
        """Count a request of the caller's, before anything of it is done.

        Raises TooManyRequests when it comes too early, and counts nothing; that and Unavailable are the only
        refusals. With a `cursor` that this member was given for what is `walked` it is let in when it takes
        that walk further: a walk is not interrupted, and a cursor opens nothing for ever.
        """
        member, now = caller.member.id, caller.at
        wait = self._objects.take(member, 0, now)
        wait = max(wait, self._requests.take(member, 0 if wait else 1, now))
        if not wait:
            self._walks.forget(member)
            return
        if not self._goes_on(member, cursor, walked):
            seconds = -(-wait // _SECOND)
            raise TooManyRequests(
                f"This member asks faster than its rate limit: wait {seconds} s. A walk may go on by `next`.",
                seconds,
            )
        self._requests.owe(member, 1)

    def charge(self, caller: Caller, objects: int) -> None:
        """Count objects that the caller submitted or was given. The database learns of it later."""
        self._objects.owe(caller.member.id, objects)

    def _goes_on(self, member: MemberId, cursor: str | None, walked: Disclosed) -> bool:
        try:
            fields = cursors.unseal(self._service.secrets.cursor_key, cursor or "")
        except BadCursor:
            return False
        after = fields.pop("after", None)
        given_for = fields.get("resource", Disclosed.OBJECTS)
        if fields.get("reader") != member or given_for != walked or not isinstance(after, int):
            return False
        return self._walks.advance(member, repr(sorted(fields.items())), after)


class _Walks:
    """How far the walks have come that were let in above their members' rates, since the last request within.

    A page may be asked for a few times, as after a broken connection, and none before it again. A member
    has few walks at once: what it may have above its rate is those, once for each time that it has waited.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: dict[MemberId, dict[str, tuple[int, int]]] = {}

    def advance(self, member: MemberId, walk: str, after: int) -> bool:
        """Note that a walk asks for the page behind `after`; False when it is not to have it."""
        with self._lock:
            pages = self._pages.setdefault(member, {})
            if walk not in pages and len(pages) == _WALKS_AT_ONCE:
                return False
            last, times = pages.get(walk, (after, 0))
            times = times if after == last else 0
            if after < last or times == _TIMES_A_PAGE:
                return False
            pages[walk] = after, times + 1
            return True

    def forget(self, member: MemberId) -> None:
        with self._lock:
            self._pages.pop(member, None)


@dataclass(slots=True)
class _Bucket:
    """The cells of one member that this process holds; below zero, those that it has yet to account for."""

    cells: int = 0
    refused_until: datetime = _LONG_AGO
    failure: Unavailable | None = None  # the last that the database was not there for
    lock: threading.Lock = field(default_factory=threading.Lock)


class _RateLimit:
    """One kind of cell. `per_minute` 0: as many as anybody likes."""

    def __init__(self, store: Store, kind: str, per_minute: int) -> None:
        self._store = store
        self._kind = kind
        self._per_minute = per_minute
        self._portion = max(1, per_minute // _PORTIONS_A_MINUTE)
        self._stocks: dict[MemberId, _Bucket] = {}

    def take(self, member: MemberId, cells: int, now: datetime) -> timedelta:
        """Take `cells` and return zero, or take nothing and return how long to wait.

        Zero cells are given when one would be. Raises Unavailable without the database; whoever has waited
        meanwhile does not wait for it once more.
        """
        if not self._per_minute:
            return _NONE
        bucket = self._bucket(member)
        failure = bucket.failure
        with bucket.lock:
            if bucket.cells <= 0 and bucket.failure is not None and bucket.failure is not failure:
                raise Unavailable(str(bucket.failure), cause=bucket.failure.cause)
            wait = _NONE if bucket.cells > 0 else self._refill(member, bucket, now)
            if not wait:
                bucket.cells -= cells
            return wait

    def owe(self, member: MemberId, cells: int) -> None:
        """Take `cells` whatever is left."""
        if self._per_minute:
            bucket = self._bucket(member)
            with bucket.lock:
                bucket.cells -= cells

    def _bucket(self, member: MemberId) -> _Bucket:
        return self._stocks.get(member) or self._stocks.setdefault(member, _Bucket())

    def _refill(self, member: MemberId, bucket: _Bucket, now: datetime) -> timedelta:
        """Return zero with a new portion in stock, or how long to wait for it."""
        wait = bucket.refused_until - now
        # What was refused once costs the database nothing more until its time has come. A longer wait than
        # any that was told is the clock's doing; debts of a portion are not kept from the other processes.
        if not (_NONE < wait <= _BURST and -bucket.cells < self._portion):
            try:
                wait = self._settle(member, bucket, now)
            except Unavailable as failure:
                bucket.failure = failure
                raise
        return max(wait, _NONE)

    def _settle(self, member: MemberId, bucket: _Bucket, now: datetime) -> timedelta:
        """Account for what is owed, take a portion if there is room for it, return the wait otherwise."""
        portion = self._time(self._portion)
        with self._store.count() as connection:
            held = rate_limits.hold_used_until(connection, member, self._kind)
            used = max(held, now) + self._time(-bucket.cells)
            # Long walks, and a clock that stepped back, are forgiven what passes one burst of waiting.
            used = min(used, now + 2 * _BURST - portion)
            wait = used + portion - (now + _BURST)
            if wait <= _NONE:
                used += portion
            if used != held:
                rate_limits.set_used_until(connection, member, self._kind, used)
        bucket.cells = self._portion if wait <= _NONE else 0
        bucket.refused_until = now + wait
        return wait

    def _time(self, cells: int) -> timedelta:
        """Return the share of a minute, or more, that these cells take up."""
        return timedelta(minutes=cells) // self._per_minute
