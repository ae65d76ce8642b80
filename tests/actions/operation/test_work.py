"""What nobody waits for: it changes no answer, only what the next poll has to look at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.actions.operation import administer, prune, work
from hub.actions.submission import status, submit
from hub.errors import BadSignature, NotFound
from hub.model import Scope, format_instant
from hub.store.ledger import ledgers
from hub.store.records import submissions
from tests.actions.hubs import START, Hub, clause, malware


def test_a_hub_at_rest_has_nothing_to_do(hub: Hub) -> None:
    assert work.work(hub.service) == work.WorkReport(is_done=True)


def test_rows_of_an_ended_agreement_are_marked_and_no_answer_changes(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_ROWS_PER_STEP", 2)
    ended = hub.agree(clause("US", "KR"), clause("US", "JP"))
    hub.agree(clause("US", "KR", max_tlp="green"))
    hub.accepted("us-cert", *(malware(str(n), "amber") for n in range(5)), malware("green"))
    hub.terminate("us-cert", ended)
    readers = ("us-cert", "kr-cert", "kr-agency", "jp-cert")
    before = [hub.rows(id) for id in readers]
    assert [len(rows) for rows in before] == [6, 1, 1, 0]
    assert work.work(hub.service).withdrawn == 5 + 6
    assert [hub.rows(id) for id in readers] == before
    assert work.work(hub.service).withdrawn == 0


def test_what_expired_is_marked_and_what_has_not_begun_is_not(hub: Hub) -> None:
    hub.agree(clause("US", "KR"), valid_until=format_instant(START + timedelta(hours=1)))
    hub.agree(clause("US", "JP"), valid_from=format_instant(START + timedelta(hours=2)))
    hub.accepted("us-cert", malware("a"))
    assert work.work(hub.service).withdrawn == 0
    hub.clock.forward(hours=25)
    assert work.work(hub.service).withdrawn == 1
    hub.accepted("us-cert", malware("b"))
    assert work.work(hub.service).withdrawn == 0
    assert hub.sees("jp-cert", malware("b"))


def test_a_clock_that_jumped_ahead_for_some_hours_ends_nothing(hub: Hub) -> None:
    hub.agree(clause("US", "KR"), valid_until=format_instant(START + timedelta(hours=1)))
    hub.accepted("us-cert", malware("a"))
    hub.clock.forward(hours=20)
    assert work.work(hub.service).withdrawn == 0
    hub.clock.back(hours=20)
    assert hub.sees("kr-cert", malware("a"))


def test_a_pass_that_outlived_its_lease_leaves_the_next_ones_alone(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[bool] = []

    def outlive(*_: object) -> int:
        if not taken:
            hub.clock.forward(seconds=121)
            with hub.service.store.write() as connection:
                now = hub.clock()
                taken.append(ledgers.take_lease(connection, "work", now, now + timedelta(seconds=120)))
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(work, "_withdraw_ended", outlive)
        assert work.work(hub.service).is_done
    assert taken == [True]
    assert not work.work(hub.service).is_done


def test_a_clock_that_steps_back_before_a_start_ends_nothing(hub: Hub) -> None:
    hub.agree(clause("US", "KR"))
    hub.accepted("us-cert", malware("a"))
    hub.clock.back(hours=1)
    assert work.work(hub.service).withdrawn == 0
    hub.clock.forward(hours=1)
    assert hub.sees("kr-cert", malware("a"))


def test_nonces_are_forgotten_only_when_their_signatures_have_expired(hub: Hub) -> None:
    submission = hub.submission("us-cert", malware("a"))
    submit.submit(hub.service, submission)
    hub.clock.forward(seconds=140)  # signed for 120 s, and 30 s of skew
    assert work.work(hub.service).pruned.nonces == 0
    with pytest.raises(BadSignature, match="received before"):
        submit.submit(hub.service, submission)
    hub.clock.forward(seconds=20)
    assert work.work(hub.service).pruned.nonces == 1
    with pytest.raises(BadSignature, match="expired"):
        submit.submit(hub.service, submission)


def test_tokens_are_forgotten_ninety_days_after_they_died(hub: Hub) -> None:
    hub.account("us-cert")
    administer.issue_token(hub.service, "us-cert", [Scope.READ], expires_days=1)
    revoked = administer.issue_token(hub.service, "us-cert", [Scope.READ])
    administer.revoke_token(hub.service, revoked.public_id)
    hub.clock.forward(days=89)
    assert prune.prune(hub.service).tokens == 0
    hub.clock.forward(days=1, seconds=1)
    assert prune.prune(hub.service).tokens == 1
    hub.clock.forward(days=1)
    assert prune.prune(hub.service).tokens == 1
    hub.clock.forward(days=200)
    assert prune.prune(hub.service).tokens == 0  # what is valid stays


def test_a_status_is_answered_for_a_month_and_its_outcomes_stay(hub: Hub) -> None:
    receipt = submit.submit(hub.service, hub.submission("us-cert", malware("a")))
    caller = hub.caller("us-cert")
    hub.clock.forward(days=29)
    assert status.find(hub.service, caller, receipt.id) == receipt
    hub.clock.forward(days=1, seconds=1)
    assert work.work(hub.service).is_done
    with pytest.raises(NotFound, match="the last 30 days"):
        status.find(hub.service, caller, receipt.id)
    with hub.service.store.read() as connection:
        assert submissions.find_receipt(connection, receipt.id, caller.member.id) == receipt


def test_a_pass_that_died_is_followed_by_another_after_its_lease(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("hub.store.ledger.ledgers.give_lease_back", lambda *_: None)
        assert work.work(hub.service).is_done
    assert not work.work(hub.service).is_done
    hub.clock.forward(seconds=121)
    assert work.work(hub.service).is_done


def test_a_pass_that_fails_gives_its_lease_back(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("hub.store.members.members.prune_tokens", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            work.work(hub.service)
    assert work.work(hub.service).is_done
