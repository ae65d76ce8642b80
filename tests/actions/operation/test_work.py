"""What nobody waits for: it changes no answer, only what the next poll has to look at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.actions.operation import administer, prune, work
from hub.actions.submission import status, submit
from hub.errors import BadSignature, NotFound
from hub.model import Scope
from hub.store.ledger import ledgers
from hub.store.records import submissions
from tests.named_objects import malware
from tests.world import START, World, clause


def test_a_hub_at_rest_has_nothing_to_do(world: World) -> None:
    assert work.work(world.service) == work.WorkReport(is_done=True)


def test_rows_of_an_ended_agreement_are_marked_and_no_answer_changes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_ROWS_PER_STEP", 2)
    ended = world.agree(["US", "KR", "JP"], clause("US", "KR"), clause("US", "JP"))
    world.agree(["US", "KR"], clause("US", "KR", max_tlp="green"))
    world.accepted("us-cert", *(malware(str(n), "amber") for n in range(5)), malware("green"))
    world.terminate(ended, "US")
    readers = ("us-cert", "kr-cert", "kr-agency", "jp-cert")
    before = [world.rows(id) for id in readers]
    assert [len(rows) for rows in before] == [6, 1, 1, 0]
    assert work.work(world.service).withdrawn == 5 + 6
    assert [world.rows(id) for id in readers] == before
    assert work.work(world.service).withdrawn == 0


def test_what_expired_is_marked_and_what_has_not_begun_is_not(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"), valid_until=START + timedelta(hours=1))
    world.agree(["US", "JP"], clause("US", "JP"), valid_from=START + timedelta(hours=2))
    world.accepted("us-cert", malware("a"))
    assert work.work(world.service).withdrawn == 0
    world.clock.wait(hours=25)
    assert work.work(world.service).withdrawn == 1
    world.accepted("us-cert", malware("b"))
    assert work.work(world.service).withdrawn == 0
    assert world.sees("jp-cert", malware("b"))


def test_a_clock_that_jumped_ahead_for_some_hours_ends_nothing(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"), valid_until=START + timedelta(hours=1))
    world.accepted("us-cert", malware("a"))
    world.clock.wait(hours=20)
    assert work.work(world.service).withdrawn == 0
    world.clock.set_back(hours=20)
    assert world.sees("kr-cert", malware("a"))


def test_a_pass_that_outlived_its_lease_leaves_the_next_ones_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[bool] = []

    def outlive(*_: object) -> int:
        if not taken:
            world.clock.wait(seconds=121)
            with world.service.store.write() as connection:
                now = world.clock()
                taken.append(ledgers.take_lease(connection, "work", now, now + timedelta(seconds=120)))
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(work, "_withdraw_ended", outlive)
        assert work.work(world.service).is_done
    assert taken == [True]
    assert not work.work(world.service).is_done


def test_a_clock_that_steps_back_before_a_start_ends_nothing(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    world.accepted("us-cert", malware("a"))
    world.clock.set_back(hours=1)
    assert work.work(world.service).withdrawn == 0
    world.clock.wait(hours=1)
    assert world.sees("kr-cert", malware("a"))


def test_nonces_are_forgotten_only_when_their_signatures_have_expired(world: World) -> None:
    submission = world.submission("us-cert", malware("a"))
    submit.submit(world.service, submission)
    world.clock.wait(seconds=140)  # signed for 120 s, and 30 s of skew
    assert work.work(world.service).pruned.nonces == 0
    with pytest.raises(BadSignature, match="received before"):
        submit.submit(world.service, submission)
    world.clock.wait(seconds=20)
    assert work.work(world.service).pruned.nonces == 1
    with pytest.raises(BadSignature, match="expired"):
        submit.submit(world.service, submission)


def test_tokens_are_forgotten_ninety_days_after_they_died(world: World) -> None:
    world.account("us-cert")
    administer.issue_token(world.service, "us-cert", [Scope.READ], expires_days=1)
    revoked = administer.issue_token(world.service, "us-cert", [Scope.READ])
    administer.revoke_token(world.service, revoked.public_id)
    world.clock.wait(days=89)
    assert prune.prune(world.service).tokens == 0
    world.clock.wait(days=1, seconds=1)
    assert prune.prune(world.service).tokens == 1
    world.clock.wait(days=1)
    assert prune.prune(world.service).tokens == 1
    world.clock.wait(days=200)
    assert prune.prune(world.service).tokens == 0  # what is valid stays


def test_a_status_is_answered_for_a_month_and_its_outcomes_stay(world: World) -> None:
    receipt = submit.submit(world.service, world.submission("us-cert", malware("a")))
    caller = world.caller("us-cert")
    world.clock.wait(days=29)
    assert status.find(world.service, caller, receipt.id) == receipt
    world.clock.wait(days=1, seconds=1)
    assert work.work(world.service).is_done
    with pytest.raises(NotFound, match="the last 30 days"):
        status.find(world.service, caller, receipt.id)
    with world.service.store.read() as connection:
        assert submissions.find_receipt(connection, receipt.id, caller.member.id) == receipt


def test_a_pass_that_died_is_followed_by_another_after_its_lease(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("hub.store.ledger.ledgers.give_lease_back", lambda *_: None)
        assert work.work(world.service).is_done
    assert not work.work(world.service).is_done
    world.clock.wait(seconds=121)
    assert work.work(world.service).is_done


def test_a_pass_that_fails_gives_its_lease_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("hub.store.members.members.prune_tokens", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            work.work(world.service)
    assert work.work(world.service).is_done
