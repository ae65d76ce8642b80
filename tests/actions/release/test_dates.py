"""Dates tell nothing of what is hidden: not how much of a commit, nor of a history (policy 9)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from hub.actions.checks import check
from hub.actions.operation import work
from hub.actions.release import history
from hub.model import format_instant
from hub.store.records import likenesses
from hub.store.records.likenesses import NextVersions
from tests.stix_objects import Json, indicator, malware, observable, relationship, report
from tests.world import World, build, clause

READERS = ["us-partner", "us-agency2", "us-cert", "kr-partner", "kr-agency", "kr-cert"]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = build(database_url, codes=("US", "KR"), kinds=("cert", "agency", "agency2", "partner"))
    yield made
    made.clock.wait()
    work.work(made.service)
    assert check.check(made.service).faults == []
    made.close()


def offsets(world: World, member: str) -> list[tuple[str, timedelta]]:
    """What of the last commit the member sees, and how long after the clock it is dated."""
    rows = [row for row in world.released(member) if row.date_added >= world.clock.now]
    names = [json.loads(row.body).get("name", row.id.split("--", maxsplit=1)[0]) for row in rows]
    return [(name, row.date_added - world.clock.now) for name, row in zip(names, rows, strict=True)]


def some(first: int, levels: Sequence[str]) -> list[Json]:
    return [malware(first + n, tlp=level, name=level) for n, level in enumerate(levels)]


def steps(names: Sequence[str]) -> list[tuple[str, timedelta]]:
    return [(name, timedelta(microseconds=n)) for n, name in enumerate(names)]


SEEN = {
    "partner": ["green"],
    "agency": ["green", "amber"],
    "agency2": ["green", "amber"],
    "cert": ["green", "amber", "amber+strict"],
}


@pytest.mark.parametrize("seed", range(3))
def test_the_rows_of_a_commit_follow_each_other_for_every_reader(world: World, seed: int) -> None:
    """However many of them others alone see, and in whatever order they were sent."""
    world.agree(["US", "KR"], clause("US", "KR", "amber+strict", audience="partner"))
    world.clock.wait()
    for hidden in (1, 7):
        levels = ["green"] * 3 + [level for level in ("amber", "amber+strict") for _ in range(hidden)]
        Random(seed).shuffle(levels)
        world.push("us-agency", *some(100 * hidden, levels))
        for reader in READERS:
            visible = SEEN[reader.split("-")[1]]
            expected = [name for name in visible for _ in range(levels.count(name))]
            assert offsets(world, reader) == steps(expected)
        world.clock.wait()


def test_what_is_hidden_by_a_clause_or_a_reference_is_dated_last(world: World) -> None:
    """It is the row's clearance that counts, not the object's level."""
    world.agree(["US", "KR"], clause("US", "KR", "amber", types=["malware"]))
    world.agree(
        ["US", "KR"], clause("US", "KR", "green", types=["indicator", "relationship"], audience="partner")
    )
    world.clock.wait()
    hidden = [malware(n, tlp="green", name="agency") for n in range(5)]
    refers = [relationship(n, refs=[indicator(1)["id"], malware(n)["id"]], tlp="green") for n in range(5)]
    world.push(
        "us-cert", *refers, *hidden, indicator(1, tlp="green", name="a"), indicator(2, tlp="green", name="b")
    )
    assert offsets(world, "kr-partner") == steps(["a", "b"])
    assert [name for name, _ in offsets(world, "kr-agency")][:2] == ["a", "b"]
    assert len(offsets(world, "kr-agency")) == 12


def test_referents_come_before_what_refers_to_them(world: World) -> None:
    bare = {key: value for key, value in observable(1, tlp="green").items() if key != "spec_version"}
    links = [relationship(n, refs=[malware(n)["id"], malware(n + 1)["id"]], tlp="green") for n in range(3)]
    top = report(1, refs=[links[0]["id"], bare["id"]], tlp="green")
    world.push(
        "us-cert", report(2, refs=[top["id"]], tlp="green"), top, *links, bare, *some(0, ["green"] * 4)
    )
    order = [row.id for row in world.released("us-partner")]
    for obj in (top, *links):
        for ref in obj.get("object_refs", [obj.get("source_ref"), obj.get("target_ref")]):
            assert order.index(ref) < order.index(obj["id"])


def test_a_circle_is_served_whole(world: World) -> None:
    ids = [report(n)["id"] for n in range(3)]
    circle = [report(n, refs=[ids[(n + 1) % 3]], tlp="green", name=f"{n}") for n in range(3)]
    world.clock.wait()
    world.push("us-cert", malware(1, tlp="amber", name="hidden"), *circle)
    assert [step for _, step in offsets(world, "us-partner")] == [timedelta(microseconds=n) for n in range(3)]


# --- versions -------------------------------------------------------------------------------------


def test_the_observables_of_a_submission_have_one_version_whatever_lies_between(world: World) -> None:
    world.clock.wait()
    hidden = [malware(n, tlp="amber") for n in range(3)]
    seen = [observable(n, tlp="green") for n in range(3)]
    world.push("us-cert", seen[0], *hidden, seen[1], observable(9, tlp="red"), seen[2])
    assert {row.version for row in world.released("us-partner")} == {format_instant(world.clock.now)}


def test_an_observable_that_comes_with_other_content_again_has_a_version_for_each_submission(
    world: World,
) -> None:
    one = observable(1, tlp="green")
    for content in (one, one, one | {"x_sighted": 2}, one):
        world.push("us-cert", content)
    first, second, third = [row.version for row in world.released("us-partner")]
    assert first < second < third


# --- histories ------------------------------------------------------------------------------------


@pytest.mark.parametrize("audience", ["partner", "agency"])
def test_over_all_portions_of_a_history_the_widest_rows_come_first(
    world: World, audience: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_VERSIONS_PER_STEP", 2)
    monkeypatch.setattr(history, "_GROWTH", 1)
    levels = ["amber+strict", "green", "amber", "amber", "green", "amber+strict", "green", "amber"] * 2
    for n, level in enumerate(levels):
        world.push("us-agency", malware(n, tlp=level, name=level))
    world.push("us-agency", indicator(50, tlp="green", name="refers", x_ref=malware(2)["id"]))
    world.clock.wait(60)
    world.agree(["US", "KR"], clause("US", "KR", "amber+strict", audience=audience, history=True))
    work.work(world.service)
    got = [name for name, _ in offsets(world, "kr-cert")]
    ranks = {"green": 1, "amber": 2, "refers": 2, "amber+strict": 3}
    if audience == "agency":
        ranks["green"] = 2
    assert sorted(got) == sorted([*levels, "refers"])
    assert [ranks[name] for name in got] == sorted(ranks[name] for name in got)
    seen = offsets(world, f"kr-{audience}")
    assert [step - seen[0][1] for _, step in seen] == [timedelta(microseconds=n) for n in range(len(seen))]


def test_what_a_walk_has_settled_is_not_gone_through_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an agreement over much would be gone through three times."""
    seen: list[int] = []
    next_versions = likenesses.next_versions

    def noting(*asked: Any) -> NextVersions:
        found = next_versions(*asked)
        seen.extend(version.key for version in found.plain)
        assert not found.others
        return found

    monkeypatch.setattr(likenesses, "next_versions", noting)
    world.push("us-agency", *some(0, ["green", "amber", "green", "amber+strict"]))
    world.agree(["US", "KR"], clause("US", "KR", "amber+strict", audience="partner", history=True))
    work.work(world.service)
    assert len(world.ids("kr-cert")) == 4
    assert len(seen) == len(set(seen)) == 4


def test_a_row_that_a_later_walk_replaces_is_served_until_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an agency learns anew, its cert does not lose meanwhile."""
    monkeypatch.setattr(history, "_VERSIONS_PER_STEP", 1)
    world.agree(["US", "KR"], clause("US", "KR", "amber+strict", audience="cert"))
    world.push("us-cert", *some(0, ["green", "amber", "amber", "green"]))
    world.clock.wait()
    with monkeypatch.context() as patch:
        patch.setattr(history, "go_through", lambda service, one, deadline: history._step(service, one))
        world.agree(["US", "KR"], clause("US", "KR", "amber", audience="partner", history=True))
    counts = []
    while True:
        counts.append([len(world.ids(reader)) for reader in ("kr-cert", "kr-agency", "kr-partner")])
        with world.service.store.read() as connection:
            unfinished = history.histories.unfinished(connection, history.HistoryKind.APPEND)
        if not unfinished:
            break
        for one in unfinished:
            history._step(world.service, one)
    assert {cert for cert, _, _ in counts} == {4}
    assert counts[-1] == [4, 4, 2]
    assert counts == sorted(counts)
