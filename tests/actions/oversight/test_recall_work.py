"""The background work of recalls (policy 8): when members are told, each once, whatever happens meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from hub.actions.operation import administer
from hub.actions.oversight import recall
from hub.model import Disclosed, Disclosure, MemberId
from hub.store.agreement import agreements
from hub.store.ledger import disclosures as stored_disclosures
from hub.store.ledger import ends, recalls
from hub.store.schema.recall_tables import notice
from hub.store.schema.recall_tables import recall as recall_table
from tests.actions.recalling import MALWARE, about, fetch, sharing_nations, told, worked
from tests.patience import PATIENCE_SECONDS
from tests.recorded import add as record
from tests.stix_objects import malware, relationship, stix_id
from tests.world import EVERY_VERSION, World, paged


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from sharing_nations(database_url)


def test_the_note_comes_to_whoever_polls_on(world: World) -> None:
    followers = {member: world.follow(member) for member in ("kr-agency", "kr-cert")}
    world.push("us-agency", *(malware(n, tlp="green") for n in range(5)))
    followers["kr-agency"].poll()
    world.delete("us-agency", MALWARE)
    followers["kr-cert"].poll()
    worked(world)
    rows = followers["kr-agency"].poll()
    assert [json.loads(row.body)["object_refs"] for row in rows] == [[MALWARE]]
    assert followers["kr-cert"].poll() == []
    assert followers["kr-agency"].poll() == []


def test_work_that_is_done_twice_tells_once(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency", "kr-agency", "kr-cert")
    world.delete("us-agency", MALWARE)
    assert [worked(world) for _ in range(3)] == [2, 0, 0]
    world.clock.wait(600)
    assert [worked(world) for _ in range(2)] == [0, 0]
    assert told(world) == about("kr-cert", "kr-agency")


def in_flight(world: World, member: str) -> Disclosure:
    """Return what a page is about to record that the member is given now."""
    query = world.query(member, "US", selections=EVERY_VERSION)
    rows = paged.manifest(world.service, world.query("us-cert", "US", selections=EVERY_VERSION)).rows
    assert rows
    nation = query.reader.nation
    page = paged.manifest(world.service, query)
    with world.service.store.read() as connection:
        revision = ends.revision(connection, nation)
        generation = agreements.generation(connection).number
    positions = tuple(row.position for row in page.rows)
    return Disclosure(
        *(MemberId(member), nation, world.clock.now, Disclosed.OBJECTS, positions, revision, generation)
    )


@pytest.mark.parametrize(("seconds", "is_told"), [(1, True), (290, True), (700, False)])
@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_page_that_was_in_flight_is_told_for_five_minutes(
    world: World, seconds: int, is_told: bool, is_deleted: bool
) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    late = in_flight(world, "kr-cert")
    if is_deleted:
        world.delete("us-agency", MALWARE)
    else:
        world.push("us-agency", malware(version=2, tlp="red"))
    assert worked(world) == 1
    fetch(world, "us-cert")
    world.clock.wait(seconds)
    worked(world)
    with world.service.store.record() as connection:
        record(connection, late)
    assert worked(world) == is_told
    assert told(world) == about(*(["kr-cert"] if is_told else []), "kr-agency")
    assert worked(world) == 0


def test_what_was_looked_after_is_looked_for_in_the_latest_answers_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each pass of five minutes would read through all answers that were ever given."""
    floors: list[int] = []
    fetches = stored_disclosures.fetches

    def noting(connection: Any, recipient: Any, positions: Any, after: int = 0) -> Any:
        floors.append(after)
        return fetches(connection, recipient, positions, after)

    monkeypatch.setattr(stored_disclosures, "fetches", noting)
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    world.clock.wait(3_600)
    fetch(world, "kr-cert")
    world.delete("us-agency", MALWARE)
    assert worked(world) == 2
    assert 0 in floors
    floors.clear()
    assert worked(world) == 0
    assert floors
    assert 0 not in floors


def test_a_page_that_came_after_it_is_not_taken_for_one_before(world: World) -> None:
    """What refers to the object comes back when the object is loosened, before anybody is told."""
    link = relationship(tlp="green", refs=[MALWARE, stix_id("campaign", 4)])
    links = frozenset({"relationship"})
    world.push("us-agency", malware(tlp="green"), link)
    fetch(world, "kr-cert", types=links)
    world.push("us-agency", malware(version=2, tlp="red"))
    world.push("us-agency", malware(version=3, tlp="green"))
    fetch(world, "kr-agency", types=links)
    assert worked(world) == 1
    assert told(world) == about("kr-cert", id=link["id"])


def test_a_crash_in_between_loses_and_repeats_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "_PER_STEP", 2)
    world.push("us-agency", *(malware(n, tlp="green") for n in range(5)))
    fetch(world, "kr-agency")
    for n in range(5):
        world.delete("us-agency", stix_id("malware", n))
    steps: list[int] = []
    write = recalls.note_search

    def crash(*arguments: Any, **names: Any) -> None:
        steps.append(1)
        if len(steps) == 3:  # two a step: in the second
            raise RuntimeError("killed")
        write(*arguments, **names)

    with monkeypatch.context() as patch:
        patch.setattr(recalls, "note_search", crash)
        with pytest.raises(RuntimeError, match="killed"):
            recall.notify(world.service, time.monotonic() + PATIENCE_SECONDS)
    assert len(world.notes("kr-agency")) == 2
    assert worked(world) == 3
    assert [one["object_refs"] for one in world.notes("kr-agency")] == [
        [stix_id("malware", n)] for n in range(5)
    ]


def test_two_that_are_at_work_at_once_tell_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    world.delete("us-agency", MALWARE)
    look = recall.fetched_of
    nested: list[int] = []

    def overtaken(*arguments: Any) -> Any:
        found = look(*arguments)
        if not nested:
            nested.append(1)
            assert recall.notify(world.service, time.monotonic() + PATIENCE_SECONDS) == 1
        return found

    monkeypatch.setattr(recall, "fetched_of", overtaken)
    assert recall.notify(world.service, time.monotonic() + PATIENCE_SECONDS) == 0
    assert len(world.notes("kr-agency")) == 1


def test_a_suspended_member_is_told_when_it_comes_back(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    administer.suspend_member(world.service, "kr-agency")
    world.delete("us-agency", MALWARE)
    assert worked(world) == 1
    administer.resume_member(world.service, "kr-agency")
    assert told(world) == about("kr-agency")


def test_what_is_submitted_again_later_is_kept_apart_from_what_was_recalled(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency")
    world.delete("us-agency", MALWARE)
    world.push("us-agency", malware(version=2, tlp="green"))
    fetch(world, "kr-cert")
    assert worked(world) == 1
    assert told(world) == about("kr-agency")


def test_members_who_fetched_the_same_share_a_note_that_names_nobody_else(world: World) -> None:
    world.push("us-agency", malware(tlp="green"))
    fetch(world, "kr-agency", "kr-cert")
    world.delete("us-agency", MALWARE)
    worked(world)
    assert world.notes("kr-agency") == world.notes("kr-cert")
    with world.service.store.read() as connection:
        assert len(set(connection.execute(select(notice.c.version_id)).scalars())) == 1
        assert len(list(connection.execute(select(recall_table.c.id)))) == 1
