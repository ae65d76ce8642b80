"""What leaves is on record first, exactly, whatever was asked; what leaves nothing behind is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from hub.actions import poll
from hub.actions.disclose import Disclosures
from hub.errors import Unavailable
from hub.model import Disclosed, Disclosure, MemberId, NationCode
from hub.store import disclosures
from hub.store.connection import Connection, Store
from tests.stix_objects import indicator, malware, stix_id
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
    assert one == Disclosure(
        MemberId("kr-agency"), KR, one.at, Disclosed.OBJECTS, tuple(row.position for row in page.rows)
    )
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
                assert others_wait.wait(30)
            yield connection

    def record(n: int) -> None:
        one = Disclosure(MemberId("kr-cert"), KR, START, Disclosed.OBJECTS, (n + 1,))
        desk.record(store, one)

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(8) as pool:
        patch.setattr(Store, "write", counted)
        futures = [pool.submit(record, 0)]
        assert entered.wait(30)
        futures += [pool.submit(record, n) for n in range(1, 8)]
        while len(desk._waiting) < 7:
            pass
        others_wait.set()
        for future in futures:
            future.result(30)
    assert len(commits) == 2
    assert sorted(one.positions[0] for one in recorded(world)) == list(range(1, 9))
