"""The life of agreements (policy 5): suspended, resumed, amended, and what was there before them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from hub.actions.agreement import agree, amend
from hub.actions.checks import check
from hub.actions.operation import work
from hub.actions.release import history
from hub.errors import Conflict, NotFound, Unavailable, Unprocessable
from hub.store.ledger import histories
from tests.stix_objects import Json, sdo
from tests.world import World, build


def clause(origin: str, *to: str, **terms: Any) -> Json:
    return {"from": origin, "to": list(to), "max_tlp": "amber", **terms}


def malware(n: int, **changes: Any) -> Json:
    return sdo("malware", n, **({"tlp": "amber"} | changes))


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = build(database_url, codes=("US", "KR", "JP"), kinds=("cert", "agency", "partner"))
    yield world
    world.close()


def later(world: World, **parts: float) -> None:
    world.clock.now += timedelta(**({"seconds": 1} | parts))


def settled(world: World) -> None:
    """Let due histories come to their end, and find the hub sound."""
    assert work.work(world.service).is_done
    assert check.check(world.service).faults == []


def seen(world: World, member: str) -> set[str]:
    return world.ids(member)


# --- history ------------------------------------------------------------------------------------


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


# --- suspension ---------------------------------------------------------------------------------


def test_a_suspension_hides_at_once_and_resuming_brings_all_of_it_anew(world: World) -> None:
    world.push("us-agency", malware(0))
    later(world)
    agreement = world.agree(["US", "KR"], clause("US", "KR"))
    world.push("us-agency", malware(1))
    poller = world.follow("kr-agency", "US")
    assert len(poller.poll()) == 1
    world.suspend(agreement, "KR")
    assert seen(world, "kr-agency") == set()
    later(world)
    world.push("us-agency", malware(2))
    settled(world)
    assert seen(world, "kr-agency") == set()
    view = world.resume(agreement, "KR")
    assert view["state"] == "in force"
    settled(world)
    assert [row.id for row in poller.poll()] == [malware(1)["id"], malware(2)["id"]]
    assert seen(world, "kr-agency") == {malware(1)["id"], malware(2)["id"]}


def test_it_lasts_until_everybody_who_suspended_has_resumed(world: World) -> None:
    agreement = world.agree(["US", "KR"], clause("US", "KR"))
    world.push("us-agency", malware(1))
    world.suspend(agreement, "KR")
    assert world.suspend(agreement, "US")["suspended_by"] == ["KR", "US"]
    with pytest.raises(Conflict, match="suspended this agreement already"):
        world.suspend(agreement, "US")
    assert world.resume(agreement, "KR")["state"] == "suspended"
    settled(world)
    assert seen(world, "kr-agency") == set()
    with pytest.raises(Conflict, match="only who suspended it"):
        world.resume(agreement, "KR")
    world.resume(agreement, "US")
    settled(world)
    assert seen(world, "kr-agency") == {malware(1)["id"]}


def test_a_replayed_event_is_refused(world: World) -> None:
    agreement = world.agree(["US", "KR"], clause("US", "KR"))
    world.suspend(agreement, "KR")
    old = world.show(agreement, "KR")["events"][-1]["jws"]
    world.resume(agreement, "KR")
    with pytest.raises(Unprocessable, match="its last event"):
        world.step(agree.suspend, "KR", agreement["id"], old)


def test_what_another_agreement_allows_stays_through_a_suspension(world: World) -> None:
    first = world.agree(["US", "KR"], clause("US", "KR"))
    world.agree(["US", "KR"], clause("US", "KR", max_tlp="green", audience="partner"))
    world.push("us-agency", malware(1), malware(2, tlp="green"))
    world.suspend(first, "US")
    assert seen(world, "kr-agency") == {malware(2)["id"]}
    world.resume(first, "US")
    settled(world)
    assert seen(world, "kr-agency") == {malware(1)["id"], malware(2)["id"]}


# --- amendment ----------------------------------------------------------------------------------


def test_an_amendment_takes_over_in_one_step(world: World) -> None:
    world.push("us-agency", malware(0))
    later(world)
    former = world.agree(["US", "KR"], clause("US", "KR"))
    world.push("us-agency", malware(1), malware(2, tlp="green"), sdo("identity", 1, tlp="green"))
    poller = world.follow("kr-agency", "US")
    assert len(poller.poll()) == 3
    later(world)
    amended = world.agree(["US", "KR"], clause("US", "KR", max_tlp="green"), supersedes=former["id"])
    # At once, whatever is still to be done: narrowed, and what goes on was never gone.
    both = {malware(2)["id"], sdo("identity", 1)["id"]}
    assert seen(world, "kr-agency") == both
    assert world.show(former, "US")["ended"] == "superseded"
    assert amended["state"] == "in force"
    settled(world)
    assert seen(world, "kr-agency") == both
    assert poller.poll() == []  # nothing comes twice


def test_what_an_amendment_adds_comes_with_new_dates(world: World) -> None:
    former = world.agree(["US", "KR"], clause("US", "KR", types=["identity"], max_tlp="green"))
    world.push("us-agency", malware(1), sdo("identity", 1, tlp="green"))
    agency, partner = world.follow("kr-agency", "US"), world.follow("kr-partner", "US")
    assert [row.id for row in agency.poll()] == [sdo("identity", 1)["id"]]
    assert partner.poll() == []
    later(world)
    world.agree(["US", "KR"], clause("US", "KR", audience="partner"), supersedes=former["id"])
    settled(world)
    assert {row.id for row in agency.poll()} == {malware(1)["id"], sdo("identity", 1)["id"]}
    assert [row.id for row in partner.poll()] == [sdo("identity", 1)["id"]]


def test_what_is_submitted_in_between_is_continued_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    former = world.agree(["US", "KR"], clause("US", "KR"))
    world.push("us-agency", malware(1))
    start = world.clock.now + timedelta(hours=1)
    world.agree(["US", "KR"], clause("US", "KR", max_tlp="green"), supersedes=former["id"], valid_from=start)
    world.push("us-agency", malware(2), malware(3, tlp="green"))
    assert len(seen(world, "kr-agency")) == 3
    poller = world.follow("kr-agency", "US")
    poller.poll()
    later(world, hours=1)
    assert seen(world, "kr-agency") == {malware(3)["id"]}
    settled(world)
    assert seen(world, "kr-agency") == {malware(3)["id"]}
    assert poller.poll() == []


def test_every_party_of_both_must_sign(world: World) -> None:
    former = world.agree(["US", "KR", "JP"], clause("US", "KR", "JP"))
    world.push("us-agency", malware(1))
    amended = world.agree(["US", "KR"], clause("US", "KR"), supersedes=former["id"], signers=["US", "KR"])
    assert (amended["state"], amended["to_sign"]) == ("proposed", ["JP", "KR", "US"])
    assert seen(world, "jp-agency") == {malware(1)["id"]}
    world.sign(world.show(amended, "JP"), "JP")
    assert (seen(world, "jp-agency"), seen(world, "kr-agency")) == (set(), {malware(1)["id"]})


def test_superseding_what_one_is_not_party_to_is_like_superseding_nothing(world: World) -> None:
    foreign = world.agree(["US", "JP"], clause("US", "JP"))
    said = []
    for id in (foreign["id"], "agreement--00000000-0000-4000-8000-000000000000"):
        with pytest.raises(NotFound) as refusal:
            world.agree(["KR", "US"], clause("KR", "US"), supersedes=id)
        said.append(str(refusal.value))
    assert said[0] == said[1]


def test_who_is_only_told_of_an_agreement_does_not_supersede_it(world: World) -> None:
    """JP signed it as party to what it amended, and is not party to it."""
    first = world.agree(["US", "KR", "JP"], clause("US", "KR", "JP"))
    second = world.agree(["US", "KR"], clause("US", "KR"), supersedes=first["id"])
    with pytest.raises(NotFound):
        world.agree(["JP", "US"], clause("US", "JP"), supersedes=second["id"])


def test_what_begins_later_is_amended_without_a_gap(world: World) -> None:
    """The start is that of the former, though it had not begun when the amendment was signed (policy 4)."""
    soon, then = (world.clock.now + timedelta(hours=n) for n in (1, 2))
    former = world.agree(["US", "KR"], clause("US", "KR"), valid_from=soon)
    world.agree(["US", "KR"], clause("US", "KR"), supersedes=former["id"], valid_from=then)
    world.push("us-agency", malware(1))
    later(world, hours=1)
    world.push("us-agency", malware(2))
    assert seen(world, "kr-agency") == {malware(2)["id"]}
    later(world, hours=1)
    assert seen(world, "kr-agency") == {malware(2)["id"]}
    settled(world)
    assert seen(world, "kr-agency") == {malware(2)["id"]}


def chain(world: World) -> tuple[Json, Json]:
    """An agreement in force, amended in an hour, and the amendment in two."""
    soon, then = (world.clock.now + timedelta(hours=n) for n in (1, 2))
    first = world.agree(["US", "KR"], clause("US", "KR"))
    second = world.agree(["US", "KR"], clause("US", "KR"), supersedes=first["id"], valid_from=soon)
    world.push("us-agency", malware(1))
    world.agree(["US", "KR"], clause("US", "KR"), supersedes=second["id"], valid_from=then)
    return first, second


def test_amendments_of_amendments_take_over_without_a_gap(world: World) -> None:
    chain(world)
    poller = world.follow("kr-agency", "US")
    assert [row.id for row in poller.poll()] == [malware(1)["id"]]
    for _ in range(3):
        assert seen(world, "kr-agency") == {malware(1)["id"]}
        later(world, hours=1)
    settled(world)
    assert poller.poll() == []


def test_a_suspension_before_amendments_of_amendments_loses_nobody_anything(world: World) -> None:
    first, _ = chain(world)
    world.suspend(first, "KR")
    poller = world.follow("kr-agency", "US")
    world.push("kr-agency", malware(7))
    poller.poll()
    later(world, hours=2)
    settled(world)
    assert [row.id for row in poller.poll()] == [malware(1)["id"]]


def test_what_never_began_does_not_move_the_start(world: World) -> None:
    """The amendment's chain is broken before it begins; neither its resuming nor its amendment mends it."""
    first, second = chain(world)
    world.terminate(first, "US")
    later(world, hours=1)
    assert seen(world, "kr-agency") == set()
    world.suspend(second, "KR")
    world.resume(second, "KR")
    settled(world)
    assert seen(world, "kr-agency") == set()
    later(world, hours=1)
    settled(world)
    assert seen(world, "kr-agency") == set()


def test_an_amendment_made_anew_by_a_suspension_is_still_superseded_in_its_time(world: World) -> None:
    soon, then = (world.clock.now + timedelta(hours=n) for n in (1, 2))
    first = world.agree(["US", "KR"], clause("US", "KR"))
    second = world.agree(["US", "KR"], clause("US", "KR"), supersedes=first["id"], valid_from=soon)
    narrow = clause("US", "KR", max_tlp="green")
    world.agree(["US", "KR"], narrow, supersedes=second["id"], valid_from=then)
    world.suspend(first, "KR")
    world.push("us-agency", malware(1))
    later(world, hours=2)
    assert seen(world, "kr-agency") == set()
    settled(world)
    assert seen(world, "kr-agency") == set()


def test_what_has_ended_or_is_not_signed_is_not_superseded(world: World) -> None:
    unsigned = world.agree(["US", "KR"], clause("US", "KR"), signers=["US"])
    with pytest.raises(Conflict, match="not signed by all"):
        world.agree(["US", "KR"], clause("US", "KR"), supersedes=unsigned["id"])
    ended = world.agree(["US", "KR"], clause("US", "KR"))
    one, other = (
        world.agree(["US", "KR"], clause("US", "KR"), supersedes=ended["id"], signers=["US"])
        for _ in range(2)
    )
    world.sign(one, "KR")
    with pytest.raises(Conflict, match="has ended"):
        world.sign(other, "KR")
    with pytest.raises(Conflict, match="has ended"):
        world.agree(["US", "KR"], clause("US", "KR"), supersedes=ended["id"])


def test_amending_a_suspended_agreement_brings_its_objects_anew(world: World) -> None:
    former = world.agree(["US", "KR"], clause("US", "KR"))
    world.push("us-agency", malware(1))
    poller = world.follow("kr-agency", "US")
    poller.poll()
    world.suspend(former, "KR")
    later(world)
    world.agree(["US", "KR"], clause("US", "KR"), supersedes=former["id"])
    settled(world)
    assert [row.id for row in poller.poll()] == [malware(1)["id"]]


def test_a_suspension_before_the_take_over_loses_nobody_anything(world: World) -> None:
    former = world.agree(["US", "KR"], clause("US", "KR"))
    world.push("us-agency", malware(1))
    start = world.clock.now + timedelta(hours=1)
    world.agree(["US", "KR"], clause("US", "KR"), supersedes=former["id"], valid_from=start)
    world.suspend(former, "KR")
    poller = world.follow("kr-agency", "US")
    world.push("kr-agency", malware(7))
    poller.poll()
    later(world, hours=1)
    settled(world)
    assert [row.id for row in poller.poll()] == [malware(1)["id"]]


def test_resuming_before_the_take_over_leaves_no_gap(world: World) -> None:
    former = world.agree(["US", "KR"], clause("US", "KR"))
    world.push("us-agency", malware(1))
    start = world.clock.now + timedelta(hours=1)
    world.agree(["US", "KR"], clause("US", "KR"), supersedes=former["id"], valid_from=start)
    world.suspend(former, "KR")
    world.resume(former, "KR")
    settled(world)
    assert seen(world, "kr-agency") == {malware(1)["id"]}
    later(world, hours=1)
    assert seen(world, "kr-agency") == {malware(1)["id"]}
    settled(world)


def test_what_was_to_be_superseded_goes_on_when_the_amendment_is_terminated_first(world: World) -> None:
    former = world.agree(["US", "KR"], clause("US", "KR"))
    world.push("us-agency", malware(1))
    start = world.clock.now + timedelta(hours=1)
    amended = world.agree(
        ["US", "KR"], clause("US", "KR", max_tlp="green"), supersedes=former["id"], valid_from=start
    )
    world.terminate(amended, "US")
    later(world, hours=2)
    assert world.show(former, "KR")["state"] == "in force"
    assert seen(world, "kr-agency") == {malware(1)["id"]}
    settled(world)


def test_an_amendment_that_takes_long_to_prepare_asks_to_sign_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = world.agree(["US", "KR"], clause("US", "KR"))
    world.push("us-agency", malware(1))
    amended = world.agree(["US", "KR"], clause("US", "KR"), supersedes=former["id"], signers=["US"])
    monkeypatch.setattr(amend, "_PATIENCE_SECONDS", 0.0)
    with pytest.raises(Unavailable):
        world.sign(amended, "KR")
    assert world.show(amended, "KR")["signed_by"] == ["US"]
    assert seen(world, "kr-agency") == {malware(1)["id"]}
    settled(world)
    monkeypatch.undo()
    later(world)
    assert world.sign(amended, "KR")["state"] == "in force"
    assert seen(world, "kr-agency") == {malware(1)["id"]}
    settled(world)
