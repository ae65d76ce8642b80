"""What was there before an agreement comes with its history, whatever happens meanwhile (policy 5)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from hub.actions.release import history
from hub.store.ledger import histories
from tests.actions.lifecycles import clause, later, malware, nations_with_partners, seen, settled
from tests.actions.pausing import without_turns
from tests.stix_objects import sdo
from tests.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from nations_with_partners(database_url)


def test_without_history_what_is_older_stays(world: World) -> None:
    world.push("us-agency", malware(1))
    later(world)
    world.agree(["US", "KR"], clause("US", "KR"))
    world.push("us-agency", malware(2))
    settled(world)
    assert seen(world, "kr-agency") == {malware(2)["id"]}


def test_history_comes_with_new_dates_to_whoever_polls_on(world: World) -> None:
    world.push("us-agency", malware(1))
    poller = world.follow("kr-agency", "US")
    world.push("kr-agency", malware(7))
    poller.poll()
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    settled(world)
    assert [row.id for row in poller.poll()] == [malware(1)["id"]]
    assert poller.poll() == []


def test_history_brings_what_refers_to_each_other_whatever_comes_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_VERSIONS_PER_STEP", 1)
    monkeypatch.setattr(history, "_GROWTH", 1)
    circle = [sdo("note", 1, refs=[sdo("note", 2)["id"]]), sdo("note", 2, refs=[sdo("note", 1)["id"]])]
    world.push("us-agency", sdo("report", 1, refs=[malware(1)["id"], sdo("note", 1)["id"]]), *circle)
    world.push("us-agency", malware(1), malware(2, tlp="red"), sdo("note", 3, refs=[malware(2)["id"]]))
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    settled(world)
    assert seen(world, "kr-agency") == {o["id"] for o in (sdo("report", 1), *circle, malware(1))}


def test_history_begins_when_the_agreement_does(world: World) -> None:
    world.push("us-agency", malware(1))
    start = world.clock.now + timedelta(hours=1)
    world.agree(["US", "KR"], clause("US", "KR", history=True), valid_from=start)
    settled(world)
    assert seen(world, "kr-agency") == set()
    poller = world.follow("kr-agency", "US")
    world.push("kr-agency", malware(7))
    poller.poll()
    later(world, hours=1)
    settled(world)
    assert [row.id for row in poller.poll()] == [malware(1)["id"]]


def test_history_goes_on_after_a_crash_and_repeats_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_VERSIONS_PER_STEP", 2)
    monkeypatch.setattr(history, "_GROWTH", 1)
    world.push("us-agency", *(malware(n) for n in range(7)))
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    (job,) = _unfinished(world)
    assert not history._step(world.service, job)
    monkeypatch.setattr(history, "write_rows", _crash)
    with pytest.raises(ZeroDivisionError):
        history._step(world.service, job)
    monkeypatch.undo()
    poller = world.follow("kr-agency", "US")
    assert len(poller.poll()) == 2
    settled(world)
    assert len(poller.poll()) == 5
    assert _unfinished(world) == []


def _crash(*_arguments: Any) -> None:
    raise ZeroDivisionError


def _unfinished(world: World) -> Any:
    with world.service.store.read() as connection:
        return histories.unfinished(connection, histories.HistoryKind.APPEND)


def test_what_is_submitted_while_history_is_under_way_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_VERSIONS_PER_STEP", 1)
    monkeypatch.setattr(history, "_GROWTH", 1)
    world.push("us-agency", malware(1), malware(2))
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", history=True))
    (job,) = _unfinished(world)
    history._step(world.service, job)
    world.push("us-agency", sdo("note", 1, refs=[malware(2)["id"]]))
    assert seen(world, "kr-agency") == {malware(1)["id"]}
    settled(world)
    assert seen(world, "kr-agency") == {malware(1)["id"], malware(2)["id"], sdo("note", 1)["id"]}


def test_who_goes_on_with_a_list_that_is_done_takes_nothing_of_what_comes_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last signature of an amendment is sent twice: SQLite gives the ids of what is done again."""
    world.push("us-agency", malware(1, tlp="green"))
    later(world)
    former = world.agree(["US", "KR"], clause("US", "KR", max_tlp="clear", history=True))
    settled(world)
    later(world)
    gone_through: list[Any] = []
    go_through = history.go_through

    def noting(service: Any, one: Any, deadline: float) -> bool:
        gone_through.append(one)
        return go_through(service, one, deadline)

    with monkeypatch.context() as patch:
        patch.setattr(history, "go_through", noting)
        start = world.clock.now + timedelta(days=10)
        world.agree(["US", "KR"], clause("US", "KR", history=True), valid_from=start, supersedes=former["id"])
    assert gone_through
    waiting = _unfinished(world)
    for one in gone_through:
        assert go_through(world.service, one, time.monotonic() + 20)
    assert _unfinished(world) == waiting
    later(world, days=11)
    settled(world)
    assert seen(world, "kr-agency") == {malware(1)["id"]}


def test_an_ending_half_way_stops_history(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_VERSIONS_PER_STEP", 1)
    monkeypatch.setattr(history, "_GROWTH", 1)
    world.push("us-agency", malware(1), malware(2))
    later(world)
    agreement = world.agree(["US", "KR"], clause("US", "KR", history=True))
    (job,) = _unfinished(world)
    history._step(world.service, job)
    world.terminate(agreement, "KR")
    assert seen(world, "kr-agency") == set()
    settled(world)
    assert seen(world, "kr-agency") == set()
    assert _unfinished(world) == []


@pytest.mark.parametrize("between", ["a stricter version", "a deletion", "the end"])
def test_what_happens_while_a_step_decides_is_decided_on_too(
    world: World, monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    world.push("us-agency", malware(1), malware(2))
    later(world)
    agreement = world.agree(["US", "KR"], clause("US", "KR", history=True))
    (job,) = _unfinished(world)
    happens = {
        "a stricter version": lambda: world.push("us-agency", malware(1, version=2, tlp="red")),
        "a deletion": lambda: world.delete("us-agency", malware(1)["id"]),
        "the end": lambda: world.terminate(agreement, "US"),
    }
    decide, decided = history._decide, []
    without_turns(monkeypatch)

    def interrupted(*arguments: Any) -> Any:
        decided.append(decide(*arguments))
        if len(decided) == 1:
            happens[between]()
        return decided[-1]

    monkeypatch.setattr(history, "_decide", interrupted)
    history._step(world.service, job)
    monkeypatch.undo()
    assert len(decided) == 2
    settled(world)
    assert seen(world, "kr-agency") == (set() if between == "the end" else {malware(2)["id"]})


def test_a_history_ends_though_its_nation_submits_after_each_step(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.push("us-agency", *(malware(n, tlp="green") for n in range(3)))
    later(world)
    original, steps = history._step, itertools.count(100)

    def step(*given: Any) -> bool:
        is_done = original(*given)
        n = next(steps)
        assert n < 120, "the history follows the submissions"
        world.push("us-agency", malware(n, tlp="green"))
        return is_done

    with monkeypatch.context() as patch:
        patch.setattr(history, "_step", step)
        world.agree(["US", "KR"], clause("US", "KR", history=True))
        settled(world)
    assert seen(world, "kr-agency") == {malware(n)["id"] for n in [0, 1, 2, *range(100, next(steps))]}
