"""A member is held to its rate, whichever process it asks; whoever asks within it never notices."""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from hub.actions.access.rate_limits import RateLimits
from hub.actions.operation import administer
from hub.actions.service.service import Service
from hub.errors import TooManyRequests, Unavailable
from hub.model import Caller, Kind, Limits
from hub.proofs import cursors
from hub.settings import load
from hub.store.database import engines
from hub.store.database.connection import Connection, Store
from tests.patience import PATIENCE_SECONDS
from tests.world import World, build

BURST_SECONDS = 120
_ROUNDING = 1e-3
EXAMPLES = int(os.environ.get("HUB_TEST_EXAMPLES", "20"))


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Members with accounts, and a clock that stands still."""
    world = build(database_url, codes=("KR", "US"), kinds=("cert",))
    yield world
    world.close()


class Worker(RateLimits):
    """A process of which each request is of the moment that the clock says."""

    clock: Callable[[], datetime]

    def admit(self, caller: Caller, cursor: str | None = None) -> None:
        super().admit(replace(caller, at=self.clock()), cursor)


def process(world: World, requests: int = 0, objects: int = 0) -> RateLimits:
    """A worker of its own over the database that all share, with these rates a minute."""
    limits = Limits(requests_per_minute=requests, objects_per_minute=objects)
    worker = Worker(replace(world.service, limits=limits))
    worker.clock = world.clock
    return worker


def admitted(process: RateLimits, caller: Caller, tries: int, cursor: str | None = None) -> int:
    """How many of so many requests are let in."""
    return sum(not refusal(process, caller, cursor) for _ in range(tries))


def refusal(process: RateLimits, caller: Caller, cursor: str | None = None) -> int:
    """The seconds that a request is told to wait; 0 when it is let in."""
    try:
        process.admit(caller, cursor)
    except TooManyRequests as caught:
        refused = caught
    else:
        return 0
    seconds = refused.retry_after_seconds or 0
    assert seconds > 0
    assert f"wait {seconds} s" in str(refused)
    return seconds


def cursor_of(service: Service, member: str, after: int = 7, filters: str = "") -> str:
    fields: dict[str, str | int] = {"after": after, "reader": member, "filters": filters}
    return cursors.seal(service.secrets.cursor_key, fields, bytes(12))


def writes(store: Store, act: Callable[[], object]) -> int:
    """How many transactions `act` opens on the database."""
    begun: list[Connection] = []

    def count(connection: Connection) -> None:
        begun.append(connection)

    event.listen(store._engine, "begin", count)
    try:
        act()
    finally:
        event.remove(store._engine, "begin", count)
    return len(begun)


# --- refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1, 7, 60, 6_000])
def test_who_has_used_the_burst_is_refused_and_told_the_wait_that_helps(world: World, rate: int) -> None:
    us, worker = world.callers["us-cert"], process(world, requests=rate)
    assert admitted(worker, us, 2 * rate + 1) == 2 * rate
    wait = refusal(worker, us)
    assert wait == max(1, -(-60 // rate)) if rate < 25 else wait in {1, 2, 3}
    world.clock.wait(wait - 1)
    assert refusal(worker, us) in ({1} if wait > 1 else {1, 2, 3})
    world.clock.wait(1)
    assert refusal(worker, us) == 0


def test_a_refused_request_counts_for_nothing_and_costs_the_database_nothing(world: World) -> None:
    us, worker, other = world.callers["us-cert"], process(world, requests=10), process(world, requests=10)
    assert admitted(worker, us, 30) == 20
    assert writes(world.service.store, lambda: admitted(worker, us, 1_000)) == 0
    world.clock.wait(6)
    assert admitted(worker, us, 5) + admitted(other, us, 5) == 1


def test_objects_are_counted_when_they_are_known_and_the_next_request_waits(world: World) -> None:
    us, worker, other = world.callers["us-cert"], process(world, objects=600), process(world, objects=600)
    assert refusal(worker, us) == 0
    worker.charge(us, 1_200 + 600)  # the burst, and a minute's worth
    wait = refusal(worker, us)
    assert 60 <= wait <= 63  # until there is room for a portion
    assert refusal(other, us) == wait
    world.clock.wait(wait - 1)
    assert (refusal(worker, us), refusal(other, us)) == (1, 1)
    world.clock.wait(1)
    assert refusal(worker, us) == 0


def test_a_cursor_that_this_member_was_not_given_opens_nothing(world: World) -> None:
    us, worker = world.callers["us-cert"], process(world, requests=10)
    assert admitted(worker, us, 20) == 20
    strange = cursors.seal(b"x" * 32, {"after": 7, "reader": "us-cert"}, bytes(12))
    own = cursor_of(world.service, "us-cert")
    for cursor in ("", "next", strange, cursor_of(world.service, "kr-cert"), own[:-2] + "AA", own + "A"):
        assert refusal(worker, us, cursor) > 0, cursor
    assert refusal(worker, us, own) == 0


def test_a_cursor_does_not_make_the_limit_void(world: World) -> None:
    """A page is there a few times, as for a connection that breaks; no walk goes back, and there are few."""
    us, worker = world.callers["us-cert"], process(world, requests=10)
    own = [cursor_of(world.service, "us-cert", after) for after in range(3)]
    assert admitted(worker, us, 20) == 20
    assert [admitted(worker, us, 500, cursor) for cursor in (own[1], own[0], own[2], own[1])] == [3, 0, 3, 0]
    others = [cursor_of(world.service, "us-cert", 0, f"filter {n}") for n in range(100)]
    assert sum(admitted(worker, us, 1, cursor) for cursor in others) == 15
    world.clock.wait(BURST_SECONDS)
    assert refusal(worker, us) == 0
    assert admitted(worker, us, 500, own[0]) >= 3  # who has waited may walk once more


class Queue:
    """A lock that tells when six have come to it."""

    def __init__(self) -> None:
        self.all_came = threading.Event()
        self._lock, self._places = threading.Lock(), itertools.count(1)

    def __enter__(self) -> None:
        if next(self._places) == 6:
            self.all_came.set()
        self._lock.acquire()

    def __exit__(self, *_error: object) -> None:
        self._lock.release()


def test_while_the_database_is_held_nobody_waits_for_it_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "SQLITE_BUSY_SECONDS", 0)
    world = build(f"sqlite:///{tmp_path / 'hub.db'}", codes=("KR", "US"), kinds=("cert",))
    us, worker = world.callers["us-cert"], process(world, requests=10)
    queue = worker._requests._bucket(us.member.id).lock = Queue()  # type: ignore[assignment]
    waits: list[Store] = []
    count = Store.count

    def wait(store: Store) -> AbstractContextManager[Connection]:
        """Wait for the database until all have come to the member's allowance."""
        waits.append(store)
        assert queue.all_came.wait(PATIENCE_SECONDS)
        return count(store)

    def ask(_: int) -> None:
        with pytest.raises(Unavailable):
            worker.admit(us)

    with closing(sqlite3.connect(tmp_path / "hub.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with monkeypatch.context() as patch, ThreadPoolExecutor(6) as pool:
            patch.setattr(Store, "count", wait)
            list(pool.map(ask, range(6)))
    assert len(waits) == 1  # one after the other they would wait six times
    assert refusal(worker, us) == 0
    world.close()


def test_without_a_database_it_is_unavailable(world: World) -> None:
    nowhere = Store.open("postgresql+psycopg://nobody@127.0.0.1:1/none")
    service = replace(world.service, store=nowhere, limits=Limits(requests_per_minute=10))
    with pytest.raises(Unavailable):
        RateLimits(service).admit(world.callers["us-cert"])


# --- let in -----------------------------------------------------------------------------------------


def test_a_walk_is_never_interrupted_and_counts_all_the_same(world: World) -> None:
    us = world.callers["us-cert"]
    worker, other = process(world, 100, 10_000), process(world, 100, 10_000)
    for page in range(250):
        assert refusal(worker, us, cursor_of(world.service, "us-cert", page)) == 0
        worker.charge(us, 100)
    assert refusal(worker, us) > 0
    assert refusal(other, us) > 0
    assert refusal(other, us, cursor_of(world.service, "us-cert", 250)) == 0
    assert refusal(process(world, requests=100), us) > 0  # requests, and
    assert refusal(process(world, objects=10_000), us) > 0  # objects


def test_what_a_walk_is_served_above_the_limit_is_counted_and_known_to_all(world: World) -> None:
    us, worker = world.callers["us-cert"], process(world, requests=100)
    assert admitted(worker, us, 300) == 200
    for page in range(100):
        assert refusal(worker, us, cursor_of(world.service, "us-cert", page)) == 0
        assert refusal(worker, us) > 0  # and lets no other request in
    assert refusal(process(world, requests=100), us) > 55


def test_one_members_requests_are_nobody_elses(world: World) -> None:
    worker = process(world, requests=10)
    assert admitted(worker, world.callers["us-cert"], 50) == 20
    assert admitted(worker, world.callers["kr-cert"], 20) == 20


def test_zero_is_no_limit_and_leaves_the_database_alone(world: World) -> None:
    us, worker = world.callers["us-cert"], process(world)

    def ask() -> None:
        assert admitted(worker, us, 1_000) == 1_000
        worker.charge(us, 10**9)
        assert refusal(worker, us) == 0

    assert writes(world.service.store, ask) == 0


def test_a_poll_pays_a_write_only_once_a_portion(world: World) -> None:
    us, worker = world.callers["us-cert"], process(world, requests=6_000, objects=1_000_000)
    assert writes(world.service.store, lambda: admitted(worker, us, 240)) == 2  # a portion of each kind
    world.clock.wait(86_400)
    assert writes(world.service.store, lambda: admitted(worker, us, 240)) == 1


# --- the clock --------------------------------------------------------------------------------------


@pytest.mark.parametrize("back_seconds", [1, 90, 3_600, 86_400 * 365])
def test_a_clock_that_steps_back_locks_nobody_out_for_longer_than_a_burst(
    world: World, back_seconds: float
) -> None:
    us, worker, other = world.callers["us-cert"], process(world, 10, 600), process(world, 10, 600)
    assert admitted(worker, us, 30) == 20
    world.clock.wait(-back_seconds)
    wait = max(refusal(worker, us), refusal(other, us))
    assert wait <= BURST_SECONDS
    world.clock.wait(wait)
    assert refusal(worker, us) == 0 or refusal(other, us) == 0


def test_the_longest_walk_holds_nobody_up_for_longer_than_a_burst(world: World) -> None:
    us, worker = world.callers["us-cert"], process(world, objects=600)
    worker.charge(us, 10**9)
    assert refusal(worker, us) == BURST_SECONDS
    world.clock.wait(BURST_SECONDS)
    assert refusal(worker, us) == 0


def test_a_clock_that_leaps_ahead_gives_no_more_than_a_burst(world: World) -> None:
    us, worker = world.callers["us-cert"], process(world, requests=10)
    assert admitted(worker, us, 30) == 20
    world.clock.wait(86_400)
    assert admitted(worker, us, 30) == 20


# --- many processes ---------------------------------------------------------------------------------


def test_threads_of_many_processes_have_one_burst_between_them(world: World) -> None:
    us = world.callers["us-cert"]
    workers = [process(world, requests=250) for _ in range(3)]
    start = threading.Barrier(6, timeout=PATIENCE_SECONDS)

    def ask(worker: RateLimits) -> int:
        start.wait()
        return admitted(worker, us, 400)

    with ThreadPoolExecutor(6) as pool:
        counts = list(pool.map(ask, [*workers, *workers]))
    assert sum(counts) == 500


def test_threads_that_ask_at_once_take_one_portion_between_them(world: World) -> None:
    us, worker = world.callers["us-cert"], process(world, requests=250)
    start = threading.Barrier(8, timeout=PATIENCE_SECONDS)

    def ask(_: int) -> int:
        start.wait()
        return refusal(worker, us)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {0}
    assert admitted(process(world, requests=250), us, 500) == 490


def test_what_a_process_holds_in_stock_comes_on_top_later_and_no_more(world: World) -> None:
    us = world.callers["us-cert"]
    workers = [process(world, requests=250) for _ in range(3)]  # portions of 10, a burst of 500
    assert [admitted(worker, us, 1) for worker in workers] == [1, 1, 1]
    world.clock.wait(86_400)
    assert sum(admitted(worker, us, 600) for worker in workers) == 500 + 3 * 9


def test_honest_members_meet_no_limit_of_the_ordinary_configuration(world: World) -> None:
    service = replace(world.service, limits=load({}).limits)
    workers = [RateLimits(service) for _ in range(8)]
    us, kr = world.callers["us-cert"], world.callers["kr-cert"]
    turns = itertools.cycle(workers)
    for _page in range(1_000):  # a million objects in no time, without the benefit of a cursor
        worker = next(turns)
        worker.admit(us)
        worker.charge(us, 1_000)
    for _post in range(200):  # and a bulk load by the same member
        worker = next(turns)
        worker.admit(us)
        worker.charge(us, 1_000)
    for _second in range(1_000):  # a connector with five collections, every second
        for _collection in range(5):
            next(turns).admit(kr)
        world.clock.wait(1)


@dataclass(frozen=True)
class Turn:
    """After a pause a process is asked so many times, each time for so many objects."""

    process: int
    pause_seconds: float
    requests: int
    objects: int


turns = st.builds(
    Turn,
    process=st.integers(0, 2),
    pause_seconds=st.sampled_from([0, 0, 0.5, 2, 17, 61, 300]),
    requests=st.integers(1, 60),
    objects=st.sampled_from([0, 1, 60, 400]),
)


@settings(max_examples=EXAMPLES)
@given(st.lists(turns, min_size=1, max_size=12))
def test_no_span_of_time_has_more_than_the_burst_the_rate_and_the_portions(
    world: World, drawn: list[Turn]
) -> None:
    newcomer = administer.add_member(world.service, f"us-{uuid.uuid4()}", "US", Kind.AGENCY, "new")
    us = Caller(newcomer, frozenset())
    workers = [process(world, requests=50, objects=5_000) for _ in range(3)]
    # The most that any span up to now has had beyond its rate.
    requests = objects = 0.0
    for turn in drawn:
        world.clock.wait(turn.pause_seconds)
        requests = max(0, requests - 50 * turn.pause_seconds / 60)
        objects = max(0, objects - 5_000 * turn.pause_seconds / 60)
        for _ in range(turn.requests):
            if not refusal(workers[turn.process], us):
                workers[turn.process].charge(us, turn.objects)
                requests, objects = requests + 1, objects + turn.objects
        assert requests <= 100 + 3 * 2 + _ROUNDING
        # The objects of one request are counted once it is served, so each process has one ahead.
        assert objects <= 10_000 + 3 * (200 + 400) + _ROUNDING
