"""Limits the requests and the objects of each member per minute, over all processes and addresses.

The generic cell rate algorithm (ITU-T I.371). A cell is a request or an object. The database has one instant
for each member and kind, `used_until`: each cell moves the instant ahead by the cell's share of a minute. A
member may be two minutes ahead of the clock: the burst.

A poll must not wait for a durable write. So each process takes cells in portions of a fiftieth of the burst,
and spends the cells from memory. A portion does not expire, and an idle process uses no cells.
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

# At the default rates the burst is enough for a connector's first polls of `released` and the five nations'
# collections, with a million objects.
_BURST: Final = timedelta(minutes=2)
_PORTIONS_A_MINUTE: Final = 25
_WALKS_AT_ONCE: Final = 16  # (hub/README: walk-above-limit)
_TIMES_A_PAGE: Final = 3
_NONE: Final = timedelta(0)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


class RateLimits:
    """The rate limits of all members, as one process applies the limits. Safe for threads.

    In any span of time a member gets at most the burst, the rate times the span, and one portion for each
    process. For objects the running requests come on top: the hub counts objects after reading a request.
    Requests without a member, and requests for the next page of a walk, are not limited. No member waits
    longer than one burst, even if the clock has stepped back.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._walks = _Walks()
        self._requests = _RateLimit(service.store, "requests", service.limits.requests_per_minute)
        self._objects = _RateLimit(service.store, "objects", service.limits.objects_per_minute)

    def admit(self, caller: Caller, cursor: str | None = None, walked: Disclosed = Disclosed.OBJECTS) -> None:
        """Count a request of the caller, before the request is served.

        Raises TooManyRequests for a request above the rate, without counting; Unavailable without the
        database. A request above the rate is admitted if its `cursor` belongs to this member and to the
        `walked` resource, and continues that walk (hub/README: walk-above-limit).
        """
        member, now = caller.member.id, caller.at
        # Objects first, and no request is counted if they refuse: a refusal costs the member nothing.
        wait = self._objects.take(member, 0, now)
        wait = max(wait, self._requests.take(member, 0 if wait else 1, now))
        if not wait:
            self._walks.forget(member)
            return
        if not self._continues_walk(member, cursor, walked):
            seconds = -(-wait // _SECOND)
            raise TooManyRequests(
                f"This member asks faster than its rate limit: wait {seconds} s. A walk may go on by `next`.",
                seconds,
            )
        # A page of a walk counts all the same, so the member waits after the walk.
        self._requests.owe(member, 1)

    def charge(self, caller: Caller, objects: int) -> None:
        """Count objects submitted by or served to the caller; the next refill writes the count."""
        self._objects.owe(caller.member.id, objects)

    def _continues_walk(self, member: MemberId, cursor: str | None, walked: Disclosed) -> bool:
        try:
            fields = cursors.unseal(self._service.secrets.cursor_key, cursor or "")
        except BadCursor:
            return False  # the query itself names the error, if the rate admits the request
        after = fields.pop("after", None)
        given_for = fields.get("resource", Disclosed.OBJECTS)
        if fields.get("reader") != member or given_for != walked or not isinstance(after, int):
            return False
        return self._walks.advance(member, repr(sorted(fields.items())), after)


class _Walks:
    """The last page of each walk above its member's rate, since the member's last request within the rate.

    A client may ask for a page three times, as after a broken connection, and for no earlier page again. A
    member has at most sixteen walks above its rate, until the member has waited (hub/README:
    walk-above-limit).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: dict[MemberId, dict[str, tuple[int, int]]] = {}

    def advance(self, member: MemberId, walk: str, after: int) -> bool:
        """Note a request for the page behind `after`; return whether the walk may have the page."""
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
    """The cells of one member in this process. Below zero: cells used and not yet in the database."""

    cells: int = 0
    refused_until: datetime = _LONG_AGO
    failure: Unavailable | None = None  # of the last refill without the database
    lock: threading.Lock = field(default_factory=threading.Lock)


class _RateLimit:
    """One kind of cell. `per_minute` 0: no limit."""

    def __init__(self, store: Store, kind: str, per_minute: int) -> None:
        self._store = store
        self._kind = kind
        self._per_minute = per_minute
        self._portion = max(1, per_minute // _PORTIONS_A_MINUTE)
        self._buckets: dict[MemberId, _Bucket] = {}

    def take(self, member: MemberId, cells: int, now: datetime) -> timedelta:
        """Take `cells` and return zero, or take nothing and return the time to wait.

        With zero `cells`, return whether a cell is free. Raises Unavailable without the database.
        """
        if not self._per_minute:
            return _NONE
        bucket = self._bucket(member)
        failure = bucket.failure
        with bucket.lock:
            # Another thread failed while this thread waited for the lock: fail too, not after a time limit
            # of its own, or threads of one member would wait one after the other.
            if bucket.cells <= 0 and bucket.failure is not None and bucket.failure is not failure:
                raise Unavailable(str(bucket.failure), cause=bucket.failure.cause)
            wait = _NONE if bucket.cells > 0 else self._refill(member, bucket, now)
            if not wait:
                bucket.cells -= cells
            return wait

    def owe(self, member: MemberId, cells: int) -> None:
        """Take `cells`, even below zero."""
        if self._per_minute:
            bucket = self._bucket(member)
            with bucket.lock:
                bucket.cells -= cells

    def _bucket(self, member: MemberId) -> _Bucket:
        # `setdefault` is atomic in CPython: two threads never get different buckets of one member.
        return self._buckets.get(member) or self._buckets.setdefault(member, _Bucket())

    def _refill(self, member: MemberId, bucket: _Bucket, now: datetime) -> timedelta:
        """Return zero with a new portion in the bucket, or the time to wait for a portion."""
        wait = bucket.refused_until - now
        # A refused member costs no statement until its time has come. A wait above one burst means that the
        # clock has stepped back. Debts above a portion are written, for the other processes to see.
        if not (_NONE < wait <= _BURST and -bucket.cells < self._portion):
            try:
                wait = self._settle(member, bucket, now)
            except Unavailable as failure:
                bucket.failure = failure
                raise
        return max(wait, _NONE)

    def _settle(self, member: MemberId, bucket: _Bucket, now: datetime) -> timedelta:
        """Write the used cells, and take a portion if the burst allows one; else return the wait."""
        portion = self._time(self._portion)
        with self._store.count() as connection:
            # INVARIANT: the row is locked until COMMIT, so that processes never give one portion twice.
            held = rate_limits.hold_used_until(connection, member, self._kind)
            used = max(held, now) + self._time(-bucket.cells)
            # Nobody waits longer than one burst, after a long walk or a clock that stepped back.
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
        """Return the share of a minute of these cells."""
        return timedelta(minutes=cells) // self._per_minute
