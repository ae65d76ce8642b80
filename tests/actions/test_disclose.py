"""What leaves is on record first, exactly, whatever was asked; what leaves nothing behind is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

import pytest
from sqlalchemy import select

from hub.actions import poll
from hub.actions.disclose import Disclosures
from hub.errors import Unavailable
from hub.model import Disclosed, Disclosure, MemberId, NationCode, to_microseconds
from hub.store import agreements, disclosures
from hub.store.connection import Connection, Store
from hub.store.tables import period, rejustification
from tests.patience import PATIENCE_SECONDS
from tests.stix_objects import indicator, malware, relationship, report, sdo, stix_id
from tests.world import EVERY_VERSION, START, World, build, clause

KR = NationCode("KR")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = build(database_url)
    world.agree(["US", "KR"], clause("US", "KR", "green"))
    for n in range(6):
        world.push("us-agency", indicator(n, tlp="green" if n % 2 else "red"), malware(n, tlp="green"))
    yield world
    world.close()


def recorded(world: World) -> list[Disclosure]:
    with world.house.store.read() as connection:
        return list(disclosures.all_of(connection, KR))


def test_an_answer_without_objects_discloses_nothing(world: World) -> None:
    poll.objects(world.house, world.query("kr-cert", "JP"))
    poll.objects(world.house, world.query("kr-cert", types=frozenset({"campaign"})))
    assert poll.exists(world.house, world.query("kr-cert", "US"))
    assert not recorded(world)


def test_a_page_is_recorded_with_exactly_the_rows_it_held(world: World) -> None:
    query = world.query("kr-agency", "US", 4, types=frozenset({"malware"}))
    page = poll.objects(world.house, query)
    (one,) = recorded(world)
    positions = tuple(row.position for row in page.rows)
    snapshot = (one.revision, one.generation)
    assert one == Disclosure(MemberId("kr-agency"), KR, one.at, Disclosed.OBJECTS, positions, *snapshot)
    assert len(one.positions) == 4
    assert one.at >= START


def test_every_page_of_a_walk_is_recorded(world: World) -> None:
    rows = world.drain(world.query("kr-cert", limit=3))
    assert [position for one in recorded(world) for position in one.positions] == [r.position for r in rows]


@pytest.mark.parametrize("kind", [Disclosed.MANIFEST, Disclosed.VERSIONS])
def test_what_was_told_about_objects_is_recorded_as_such(world: World, kind: Disclosed) -> None:
    query = world.query("kr-cert", "US", selections=EVERY_VERSION)
    page = poll.manifest(world.house, query, kind)
    (one,) = recorded(world)
    assert (one.kind, len(one.positions)) == (kind, len(page.rows))


def test_it_is_known_who_was_given_one_row(world: World) -> None:
    (row,) = poll.objects(world.house, world.query("kr-cert", ids=frozenset({stix_id("malware", 3)}))).rows
    world.drain(world.query("kr-agency", types=frozenset({"indicator"})))
    world.drain(world.query("kr-partner"))
    world.drain(world.query("kr-agency", "US", types=frozenset({"malware"})))
    with world.house.store.read() as connection:
        found = list(disclosures.fetches(connection, KR, [row.position]))
    assert [one.member for one in found] == ["kr-cert", "kr-agency"]


def test_what_was_read_before_an_ending_is_ordered_before_it_whatever_the_clocks_say(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader takes its snapshot after the ending has its date and before it is committed."""
    view = world.agree(["JP", "KR"], clause("JP", "KR", "green"))
    query = world.query("kr-cert", "US", 1)
    pages = []

    def read_meanwhile(store: Store) -> None:
        world.clock.wait(2)
        with store.read() as connection:
            pages.append(poll._look(world.house, connection, query))

    original = agreements.advance

    def advance(connection: Connection, now: datetime) -> None:
        original(connection, now)
        read_meanwhile(world.house.store)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreements, "advance", advance)
        world.terminate(view, "JP")
    poll.objects(world.house, query)
    (after,) = recorded(world)
    with world.house.store.read() as connection:
        ended = select(period.c.ended_at, period.c.ended_generation).where(period.c.ended_at.is_not(None))
        ((ended_at, ended_generation),) = connection.execute(ended)
    assert to_microseconds(pages[0].standing.now) > ended_at
    assert pages[0].standing.generation < ended_generation <= after.generation


def test_what_was_read_before_a_row_was_narrowed_is_ordered_before_it(world: World) -> None:
    query = world.query("kr-cert", ids=frozenset({stix_id("malware", 1)}))
    poll.objects(world.house, query)
    target = stix_id("malware", 1)
    world.push("us-agency", report(tlp="green", refs=[target]))
    world.push("us-agency", malware(1, tlp="red", version=2))
    poll.objects(world.house, world.query("kr-cert", types=frozenset({"malware"})))
    world.delete("us-agency", stix_id("malware", 3))
    poll.objects(world.house, world.query("kr-cert", types=frozenset({"malware"})))
    revisions = [one.revision for one in recorded(world)]
    assert revisions == sorted(set(revisions))


def test_a_narrowed_row_tells_which_revision_narrowed_it(world: World) -> None:
    id = stix_id("relationship")
    query = world.query("kr-cert", ids=frozenset({id}))
    world.agree(["US", "KR"], clause("US", "KR", "green", types=["relationship", "note"]))
    world.push("us-agency", relationship(tlp="green", refs=[stix_id("note")]))
    poll.objects(world.house, query)
    world.push("us-agency", sdo("note", tlp="green"), malware(1, tlp="green", version=2))
    world.push("us-agency", relationship(tlp="green", version=2, refs=[stix_id("note"), stix_id("malware")]))
    poll.objects(world.house, world.query("kr-cert", ids=frozenset({id}), selections=EVERY_VERSION))
    with world.house.store.read() as connection:
        (narrowed,) = connection.execute(select(rejustification.c.revision)).scalars()
    before, after = recorded(world)
    assert before.revision < narrowed <= after.revision


class Failing(Store):
    """A store of which every commit fails."""

    @contextmanager
    def write(self) -> Iterator[Connection]:
        raise Unavailable("down")
        yield


def test_nothing_leaves_when_it_cannot_be_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "write", Failing.write)
    with pytest.raises(Unavailable):
        poll.objects(world.house, world.query("kr-cert"))
    assert not poll.objects(world.house, world.query("kr-cert", "JP")).rows


def test_pages_that_are_answered_together_share_a_commit(world: World) -> None:
    """The first to commit is held up until the others wait: then one transaction takes them all."""
    store, desk = world.house.store, Disclosures()
    entered, others_wait = threading.Event(), threading.Event()
    commits = []
    original = Store.write

    @contextmanager
    def counted(self: Store) -> Iterator[Connection]:
        with original(self) as connection:
            commits.append(1)
            if len(commits) == 1:
                entered.set()
                assert others_wait.wait(PATIENCE_SECONDS)
            yield connection

    def record(n: int) -> None:
        one = Disclosure(MemberId("kr-cert"), KR, START, Disclosed.OBJECTS, (n + 1,), 0, 0)
        desk.record(store, one)

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(8) as pool:
        patch.setattr(Store, "write", counted)
        futures = [pool.submit(record, 0)]
        assert entered.wait(PATIENCE_SECONDS)
        futures += [pool.submit(record, n) for n in range(1, 8)]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(desk._waiting) < 7:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        others_wait.set()
        for future in futures:
            future.result(PATIENCE_SECONDS)
    assert len(commits) == 2
    assert sorted(one.positions[0] for one in recorded(world)) == list(range(1, 9))
