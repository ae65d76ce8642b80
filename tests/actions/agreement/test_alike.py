"""A history judges alike versions once. What makes a difference makes versions unlike (policy 2.7, 4, 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from hub.actions.release import history, judging
from hub.model import ObjectVersion
from hub.store.ledger import histories
from hub.store.schema.tables import justification, release
from tests.actions.lifecycles import clause, later, malware, nations_with_partners, seen, settled
from tests.stix_objects import sdo
from tests.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from nations_with_partners(database_url)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the versions that the histories of a test judge one by one, or for their group."""
    found: list[str] = []
    judge_afresh = judging.judge_afresh

    def noting(connection: Any, context: Any, versions: dict[int, ObjectVersion]) -> Any:
        found.extend(version.id for version in versions.values())
        return judge_afresh(connection, context, versions)

    monkeypatch.setattr(judging, "judge_afresh", noting)
    return found


def _unfinished(world: World) -> Any:
    with world.service.store.read() as connection:
        return histories.unfinished(connection, histories.HistoryKind.APPEND)


def _ids(*objects: Any) -> set[str]:
    return {obj["id"] for obj in objects}


def test_of_many_alike_versions_one_is_judged(world: World, judged: list[str]) -> None:
    world.push("us-agency", *(malware(n) for n in range(50)), *(malware(50 + n, tlp="red") for n in range(9)))
    notes = [sdo("note", n, tlp="amber", refs=[malware(n)["id"]]) for n in range(10)]
    world.push("us-agency", *notes)
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    judged.clear()
    settled(world)
    assert seen(world, "kr-agency") == _ids(*(malware(n) for n in range(50)), *notes)
    # A note with its target, and one of the malware. No walk goes through RED.
    assert len(judged) == 3


def test_a_version_before_the_start_is_unlike_one_after_it(world: World) -> None:
    world.push("us-agency", malware(1), malware(2))
    later(world)
    agreement = world.agree(["US", "KR"], clause("US", "KR"))
    later(world)
    world.suspend(agreement, "KR")
    later(world)
    world.push("us-agency", malware(3), malware(4))
    later(world)
    world.resume(agreement, "KR")
    settled(world)
    assert seen(world, "kr-agency") == _ids(malware(3), malware(4))


@pytest.mark.parametrize("withheld", ["red", "amber+strict"])
def test_a_version_that_refers_to_a_withheld_object_is_unlike_others(world: World, withheld: str) -> None:
    world.push("us-agency", malware(1), malware(2, tlp=withheld), malware(3), malware(4, tlp=withheld))
    notes = [sdo("note", n, tlp="green", refs=[malware(n)["id"]]) for n in (1, 2, 3, 4)]
    # At a further distance, and in a circle.
    further = [sdo("note", 10 + n, tlp="green", refs=[notes[n]["id"]]) for n in range(4)]
    circle = [sdo("report", 1, tlp="green", refs=[sdo("report", 2)["id"]])]
    circle += [sdo("report", 2, tlp="green", refs=[circle[0]["id"], malware(2)["id"]])]
    world.push("us-agency", *notes, *further, *circle)
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    settled(world)
    given = (malware(1), malware(3), notes[0], notes[2], further[0], further[2])
    assert seen(world, "kr-agency") == _ids(*given)


def test_an_unmarked_name_in_a_marked_container_is_unlike_another_target(world: World) -> None:
    names = [malware(n, tlp=None, name=f"Name {n}") for n in (1, 2)]
    world.push("us-agency", *names, sdo("note", 3, tlp="red", refs=[names[0]["id"]]))
    reports = [sdo("report", n, tlp="green", refs=[names[n]["id"]]) for n in (0, 1)]
    world.push("us-agency", *reports)
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", types=["report"], history=True))
    settled(world)
    assert seen(world, "kr-agency") == _ids(*reports)


def test_an_id_with_several_versions_is_judged_with_all_of_these(world: World) -> None:
    world.push("us-agency", malware(1), malware(2), malware(3))
    later(world)
    world.push("us-agency", malware(2, version=2, tlp="red"))
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    settled(world)
    assert seen(world, "kr-agency") == _ids(malware(1), malware(3))


def test_versions_with_other_rows_are_unlike(world: World) -> None:
    first = world.agree(["US", "KR"], clause("US", "KR", audience="cert"))
    world.push("us-agency", malware(1), malware(2))
    later(world)
    world.terminate(first, "US")
    world.push("us-agency", malware(3), malware(4))
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", audience="cert"))
    world.push("us-agency", malware(5), malware(6))
    later(world)
    poller = world.follow("kr-agency", "US")
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    settled(world)
    assert {row.id for row in poller.poll()} == _ids(*(malware(n) for n in range(1, 7)))
    assert seen(world, "kr-cert") == _ids(*(malware(n) for n in range(1, 7)))


def test_groups_are_decided_again_when_agreements_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_VERSIONS_PER_STEP", 2)
    monkeypatch.setattr(history, "_GROWTH", 1)
    other = world.agree(["US", "KR"], clause("US", "KR"))
    later(world)
    world.suspend(other, "US")
    world.push("us-agency", *(malware(n) for n in range(6)))
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    (job,) = _unfinished(world)
    steps = history._Steps()
    history._step(world.service, job, steps)
    assert {len(named) for named in _periods_of_rows(world)} == {1}
    world.resume(other, "US")
    (job, *_) = _unfinished(world)
    history._step(world.service, job, steps)
    assert {len(named) for named in _periods_of_rows(world)} == {1, 2}
    settled(world)
    assert {len(named) for named in _periods_of_rows(world)} == {2}


def _periods_of_rows(world: World) -> set[frozenset[str]]:
    """The classes of KR's rows of the US, each as the texts of its grounds."""
    query = select(justification.c.classes).join(release, release.c.justification_id == justification.c.id)
    query = query.where(release.c.recipient == "KR", release.c.origin == "US")
    with world.service.store.read() as connection:
        return {frozenset(classes.split("],[")) for (classes,) in connection.execute(query)}
