"""A history judges alike versions once. What makes a difference makes versions unlike (policy 2.7, 4, 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from hub.actions.release import history, judging
from hub.model import NationCode, ObjectVersion, version_key
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


def test_a_version_that_refers_to_a_withheld_object_is_unlike_others(world: World) -> None:
    """At home both are seen by the same members, so the rows at home are equal."""
    targets = [sdo(kind, n, tlp="amber") for n, kind in enumerate(["malware", "tool", "malware", "tool"])]
    notes = [sdo("note", n, tlp="green", refs=[targets[n]["id"]]) for n in range(4)]
    # At a further distance, and in a circle.
    further = [sdo("note", 10 + n, tlp="green", refs=[notes[n]["id"]]) for n in range(4)]
    circle = [sdo("report", 1, tlp="green", refs=[sdo("report", 2)["id"]])]
    circle += [sdo("report", 2, tlp="green", refs=[circle[0]["id"], targets[1]["id"]])]
    world.push("us-agency", *targets, *notes, *further, *circle)
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", types=["malware", "note", "report"], history=True))
    settled(world)
    given = (targets[0], targets[2], notes[0], notes[2], further[0], further[2])
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


def test_an_id_with_several_versions_is_judged_with_all_of_these(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_VERSIONS_PER_STEP", 4)  # the later versions are in the second step
    world.push("us-agency", *(malware(n) for n in (1, 2, 3, 4)))
    later(world)
    to_japan = world.service.registry.nations[NationCode("JP")].rel_to_id
    stricter = [malware(n, version=2, marks=[to_japan]) for n in (2, 4)]
    world.push("us-agency", *stricter)
    # A deleted version goes on restricting the earlier one (policy 4).
    world.delete("us-agency", malware(4)["id"], versions=frozenset({version_key(stricter[1]["modified"])}))
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    (job,) = _unfinished(world)
    history._step(world.service, job)
    assert seen(world, "kr-agency") == _ids(malware(1), malware(3))
    settled(world)
    assert seen(world, "kr-agency") == _ids(malware(1), malware(3))


def test_a_version_that_has_its_row_is_unlike_one_without(world: World) -> None:
    """A walk that leaves out a row goes on to another walk over the same versions."""
    strict = malware(9, tlp="amber+strict")
    alike = [malware(n, tlp="green") for n in range(4)]
    notes = [sdo("note", n, tlp="green", refs=[strict["id"]]) for n in range(3)]
    world.push("us-agency", *alike, strict, *notes)
    later(world)
    terms = clause("US", "KR", audience="partner", history=True) | {"max_tlp": "amber+strict"}
    world.agree(["US", "KR"], terms)
    settled(world)
    rows = [row.id for row in world.released("kr-cert") if row.id not in world.hubs_own()]
    assert sorted(rows) == sorted(_ids(*alike, strict, *notes))


def test_groups_are_decided_again_when_agreements_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_VERSIONS_PER_STEP", 2)
    world.push("us-agency", *(malware(n) for n in range(6)))
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    (job,) = _unfinished(world)
    steps = history._Steps()
    history._step(world.service, job, steps)
    assert {len(named) for named in _periods_of_rows(world)} == {1}
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    history._step(world.service, job, steps)
    assert {len(named) for named in _periods_of_rows(world)} == {1, 2}


def _periods_of_rows(world: World) -> set[frozenset[str]]:
    """The classes of KR's rows of the US, each as the texts of its grounds."""
    query = select(justification.c.classes).join(release, release.c.justification_id == justification.c.id)
    query = query.where(release.c.recipient == "KR", release.c.origin == "US")
    with world.service.store.read() as connection:
        return {frozenset(classes.split("],[")) for (classes,) in connection.execute(query)}
