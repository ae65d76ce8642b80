"""Agreements that supersede others: when one takes over, and who signs it (policy 5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from hub.actions.agreement import amend
from hub.errors import Conflict, NotFound, Unavailable
from tests.actions.lifecycles import clause, later, malware, nations_with_partners, seen, settled
from tests.stix_objects import Json, sdo
from tests.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from nations_with_partners(database_url)


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
