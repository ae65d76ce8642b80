"""Agreements suspended and resumed (policy 5)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.actions.agreement import agree
from hub.errors import Conflict, Unprocessable
from tests.actions.lifecycles import clause, later, malware, nations_with_partners, seen, settled
from tests.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    yield from nations_with_partners(database_url)


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
