"""Agreements begin and end by the clock, and any party ends one (policy 5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.actions.agreement import agree
from hub.errors import Conflict, Forbidden, Unprocessable
from tests.named_objects import malware, relation
from tests.world import START, World, agreement, clause

DOCUMENT = agreement(clause("US", "KR"))


def test_termination_works_from_the_next_request_for_all(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"), clause("KR", "US"))
    world.accepted("us-cert", *(malware(f"u{n}", "amber") for n in range(20)))
    world.accepted("kr-cert", malware("k", "amber"))
    assert len(world.rows("kr-agency")) == 21
    ended = world.terminate(view, "KR")
    assert (ended["state"], ended["ended"]) == ("ended", "terminated by KR")
    assert [len(world.rows(id)) for id in ("kr-agency", "us-agency")] == [1, 20]
    with pytest.raises(Conflict, match="terminated by KR"):
        world.terminate(view, "US")
    with pytest.raises(Conflict, match="has ended"):
        world.sign(view, "US")


def test_another_process_serves_nothing_after_the_termination(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"))
    world.accepted("us-cert", malware("a"))
    other = world.changed()
    assert other.sees("kr-cert", malware("a"))
    world.terminate(view, "US")
    assert not other.sees("kr-cert", malware("a"))


def test_a_termination_names_the_last_event(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"))
    for previous in (None, view["events"][0]["digest"], "0" * 64):
        with pytest.raises(Unprocessable, match="last event"):
            world.step(
                agree.terminate, "us-cert", view["id"], world.jws("us-cert", view, "terminate", previous)
            )
    signature = view["events"][-1]["jws"]
    with pytest.raises((Unprocessable, Forbidden)):
        world.step(agree.terminate, "us-cert", view["id"], signature)
    assert world.terminate(view, "US")["ended"] == "terminated by US"


@pytest.mark.parametrize("signers", [[], ["us-cert"]])
def test_what_is_terminated_before_all_signed_never_binds(world: World, signers: list[str]) -> None:
    view = world.propose("us-cert", DOCUMENT)
    world.account("kr-cert")
    for signer in signers:
        view = world.sign(view, signer)
    world.terminate(view, "KR")
    with pytest.raises(Conflict):
        world.sign(view, "KR")
    world.accepted("us-cert", malware("a"))
    assert not world.sees("kr-cert", malware("a"))


def test_it_expires_by_the_clock_without_an_event(world: World) -> None:
    until = START + timedelta(hours=1)
    view = world.agree(["US", "KR"], clause("US", "KR"), valid_until=until)
    world.accepted("us-cert", malware("a"))
    assert world.sees("kr-cert", malware("a"))
    world.clock.wait(hours=1)
    assert not world.sees("kr-cert", malware("a"))
    shown = agree.show(world.service, world.caller("kr-cert"), view["id"])
    assert (shown["state"], shown["ended"], len(shown["events"])) == ("ended", "expired", 2)
    with pytest.raises(Conflict, match="expired"):
        world.terminate(view, "US")


def test_an_expired_proposal_cannot_be_signed(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"), valid_until=START + timedelta(hours=1), signers=())
    world.clock.wait(hours=1)
    with pytest.raises(Conflict, match="expired"):
        world.sign(view, "US")


def test_it_comes_into_force_by_the_clock(world: World) -> None:
    view = world.agree(["US", "KR"], clause("US", "KR"), valid_from=START + timedelta(hours=1))
    assert view["state"] == "proposed"
    world.accepted("us-cert", malware("before"))
    world.clock.wait(hours=1)
    assert agree.show(world.service, world.caller("us-cert"), view["id"])["state"] == "in force"
    world.accepted("us-cert", malware("after"))
    assert world.sees("kr-cert", malware("after"))
    assert not world.sees("kr-cert", malware("before"))


def test_what_another_clause_allows_stays(world: World) -> None:
    first, _ = (
        world.agree(["US", "KR"], clause("US", "KR")),
        world.agree(["US", "KR"], clause("US", "KR", max_tlp="green")),
    )
    world.accepted("us-cert", malware("green"), malware("amber", "amber"))
    world.terminate(first, "US")
    assert world.sees("kr-cert", malware("green"))
    assert not world.sees("kr-cert", malware("amber", "amber"))


@pytest.mark.parametrize("steps_back", [{"seconds": 20}, {"hours": 2}])
def test_a_clock_that_steps_back_mixes_nothing_up(world: World, steps_back: dict[str, float]) -> None:
    edge = relation(malware("nowhere"), malware("later"))
    world.accepted("us-cert", malware("before"), edge)
    view = world.propose("us-cert", DOCUMENT)
    world.account("kr-cert")
    world.clock.set_back(**steps_back)
    for signer in ("us-cert", "kr-cert"):
        view = world.sign(view, signer)
    world.accepted("us-cert", malware("after"), malware("later"))  # the latter lets the edge be judged again
    world.clock.wait(**steps_back)
    assert not world.sees("kr-cert", malware("before"))
    assert not world.sees("kr-cert", edge)
    assert world.sees("kr-cert", malware("after"))
