"""Policy 5: which documents are agreements, and where one stands. Refusals first."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.errors import Unprocessable
from hub.model import AgreementState, Clause, Clearance, NationCode, Tlp
from hub.rules.agreement.agreements import (
    AgreementStatus,
    Lifecycle,
    Step,
    covered_since,
    obstacle,
    periods_from,
    reaches_back,
    read_agreement,
    status_of,
)

US, KR, JP = NationCode("US"), NationCode("KR"), NationCode("JP")
NATIONS = [US, KR, JP]
FROM, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
MISSING: Any = object()


def document(**changes: Any) -> dict[str, Any]:
    whole = {
        "id": "agreement--1",
        "title": "Sharing",
        "parties": ["US", "KR"],
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2027-01-01T00:00:00Z",
        "clauses": [clause()],
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not MISSING}


def clause(**changes: Any) -> dict[str, Any]:
    terms = {"from": "US", "to": ["KR"], "max_tlp": "amber"} | {
        {"from_": "from"}.get(key, key): value for key, value in changes.items()
    }
    return {key: value for key, value in terms.items() if value is not MISSING}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"title": MISSING}, "title"),
        ({"title": "  "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": 7}, "title"),
        ({"parties": MISSING}, "parties"),
        ({"parties": []}, "parties"),
        ({"parties": ["US"]}, "parties"),
        ({"parties": ["US", "US"]}, "parties"),
        ({"parties": ["US", "XX"]}, "parties"),
        ({"parties": "US"}, "parties"),
        ({"parties": ["US", 1]}, "parties"),
        ({"parties": ["US", ["KR"]]}, "parties"),
        ({"supersedes": "agreement--0"}, "supersedes"),
        ({"supersedes": None}, "supersedes"),
        ({"valid_from": MISSING}, "valid_from"),
        ({"valid_from": "2026-01-01"}, "valid_from"),
        ({"valid_from": "2026-01-01T00:00:00"}, "valid_from"),
        ({"valid_from": 0}, "valid_from"),
        ({"valid_until": "soon"}, "valid_until"),
        ({"valid_until": "9999-12-31T23:59:59-23:59"}, "valid_until"),  # beyond the calendar in UTC
        ({"valid_until": "2026-01-01T00:00:00Z"}, "valid_until"),
        ({"valid_until": "2026-01-01T09:00:00+09:00"}, "valid_until"),  # the same instant
        ({"valid_until": "2025-01-01T00:00:00Z"}, "valid_until"),
        ({"clauses": MISSING}, "clauses"),
        ({"clauses": []}, "clauses"),
        ({"clauses": {}}, "clauses"),
        ({"clauses": [clause()] * 101}, "clauses"),
        ({"clauses": ["US"]}, "clause 1"),
        ({"iep": "terms"}, "iep"),
        ({"max_tlp": "red"}, "max_tlp"),
        ({"Title": "x"}, "Title"),
    ],
)
def test_a_document_that_is_no_agreement_is_refused_with_its_place(
    changes: dict[str, Any], place: str
) -> None:
    with pytest.raises(Unprocessable, match=re.escape(place)):
        read_agreement(document(**changes), NATIONS)


@pytest.mark.parametrize(
    ("terms", "place"),
    [
        ({"from_": MISSING}, "from"),
        ({"from_": "JP"}, "from"),  # a nation, and no party
        ({"from_": ["US"]}, "from"),
        ({"to": MISSING}, "to"),
        ({"to": []}, "to"),
        ({"to": ["JP"]}, "to"),
        ({"to": ["US"]}, "to"),
        ({"to": ["KR", "US"]}, "to"),
        ({"to": ["KR", "KR"]}, "to"),
        ({"to": "KR"}, "to"),
        ({"max_tlp": MISSING}, "max_tlp"),
        ({"max_tlp": "AMBER"}, "max_tlp"),
        ({"max_tlp": "amber-strict"}, "max_tlp"),
        ({"max_tlp": 2}, "max_tlp"),
        ({"max_tlp": ["amber"]}, "max_tlp"),
        ({"audience": "everybody"}, "audience"),
        ({"audience": "auditor"}, "audience"),
        ({"audience": None}, "audience"),
        ({"types": []}, "types"),
        ({"types": "indicator"}, "types"),
        ({"types": ["indicator", 1]}, "types"),
        ({"types": [""]}, "types"),
        ({"types": ["x" * 251]}, "types"),
        ({"types": ["indicator"] * 101}, "types"),
        ({"ceiling": "amber"}, "ceiling"),
        ({"history": 1}, "history"),
        ({"history": "no"}, "history"),
        ({"granular": "maybe"}, "granular"),
        ({"anonymise": False}, "anonymise"),
    ],
)
def test_a_clause_that_cannot_be_kept_is_refused_with_its_place(terms: dict[str, Any], place: str) -> None:
    with pytest.raises(Unprocessable, match=rf"clause 2.*{place}"):
        read_agreement(document(clauses=[clause(), clause(**terms)]), NATIONS)


def test_a_clause_says_what_it_says_and_defaults_to_the_narrow() -> None:
    plain, wide = read_agreement(
        document(
            parties=["US", "KR", "JP"],
            clauses=[
                clause(),
                clause(to=["KR", "JP"], max_tlp="white", audience="partner", types=["indicator"]),
            ],
        ),
        NATIONS,
    ).clauses
    assert plain == Clause(US, frozenset({KR}), Tlp.AMBER, Clearance.AGENCY, None)
    assert wide == Clause(US, frozenset({KR, JP}), Tlp.CLEAR, Clearance.PARTNER, frozenset({"indicator"}))


@pytest.mark.parametrize("level", list(Tlp))
def test_every_level_can_be_a_ceiling(level: Tlp) -> None:
    agreement = read_agreement(document(clauses=[clause(max_tlp=level.label)]), NATIONS)
    assert agreement.clauses[0].max_tlp is level


def test_times_with_an_offset_are_instants() -> None:
    agreement = read_agreement(document(valid_from="2026-01-01T09:00:00+09:00"), NATIONS)
    assert (agreement.valid_from, agreement.valid_until) == (FROM, UNTIL)


SIGN, SUSPEND, RESUME, TERMINATE = Step
DAY = timedelta(days=1)


def lifecycle(
    *events: tuple[Step, NationCode, datetime],
    superseded_at: datetime | None = None,
    proposed_at: datetime = FROM - 2 * DAY,
) -> Lifecycle:
    agreement = read_agreement(document(), NATIONS)
    lived = Lifecycle(agreement, agreement.parties, proposed_at)
    for event in events:
        lived = lived.after(*event)
    return lived.superseded(superseded_at)


def signed(at: datetime = FROM - DAY) -> list[tuple[Step, NationCode, datetime]]:
    return [(SIGN, US, at - TICK), (SIGN, KR, at)]


@pytest.mark.parametrize(
    ("events", "now", "expected"),
    [
        ([], FROM, AgreementStatus(AgreementState.PROPOSED)),
        (signed()[:1], FROM, AgreementStatus(AgreementState.PROPOSED)),
        (signed(), FROM - TICK, AgreementStatus(AgreementState.PROPOSED)),
        (signed(), FROM, AgreementStatus(AgreementState.IN_FORCE)),
        (signed(), UNTIL - TICK, AgreementStatus(AgreementState.IN_FORCE)),
        (signed(), UNTIL, AgreementStatus(AgreementState.ENDED, "expired")),
        (signed()[:1], UNTIL, AgreementStatus(AgreementState.ENDED, "lapsed")),
        ([], FROM + 88 * DAY - TICK, AgreementStatus(AgreementState.PROPOSED)),
        ([], FROM + 88 * DAY, AgreementStatus(AgreementState.ENDED, "lapsed")),
        (signed()[:1], FROM + 88 * DAY, AgreementStatus(AgreementState.ENDED, "lapsed")),
        ([(TERMINATE, US, FROM)], FROM + 88 * DAY, AgreementStatus(AgreementState.ENDED, "terminated by US")),
        (signed(FROM + 80 * DAY), FROM + 88 * DAY, AgreementStatus(AgreementState.IN_FORCE)),
        ([*signed(), (TERMINATE, KR, FROM)], FROM, AgreementStatus(AgreementState.ENDED, "terminated by KR")),
        ([(TERMINATE, US, FROM)], FROM, AgreementStatus(AgreementState.ENDED, "terminated by US")),
        (
            [*signed(), (TERMINATE, KR, FROM)],
            UNTIL,
            AgreementStatus(AgreementState.ENDED, "terminated by KR"),
        ),
        ([*signed(), (SUSPEND, KR, FROM)], FROM, AgreementStatus(AgreementState.SUSPENDED)),
        ([*signed(), (SUSPEND, KR, FROM)], UNTIL, AgreementStatus(AgreementState.ENDED, "expired")),
        (
            [*signed(), (SUSPEND, KR, FROM), (SUSPEND, US, FROM), (RESUME, KR, FROM + DAY)],
            FROM + DAY,
            AgreementStatus(AgreementState.SUSPENDED),
        ),
        (
            [*signed(), (SUSPEND, KR, FROM), (RESUME, KR, FROM + DAY)],
            FROM + DAY,
            AgreementStatus(AgreementState.IN_FORCE),
        ),
    ],
)
def test_where_an_agreement_stands(
    events: list[tuple[Step, NationCode, datetime]], now: datetime, expected: AgreementStatus
) -> None:
    assert status_of(lifecycle(*events), now) == expected


def test_an_amendment_takes_over_by_the_clock() -> None:
    lived = lifecycle(*signed(), superseded_at=FROM + DAY)
    assert status_of(lived, FROM + DAY - TICK) == AgreementStatus(AgreementState.IN_FORCE)
    assert status_of(lived, FROM + DAY) == AgreementStatus(AgreementState.ENDED, "superseded")


@pytest.mark.parametrize(
    ("events", "superseded_at", "expected"),
    [
        ([], None, []),
        (signed(), None, [(FROM, UNTIL)]),
        (signed(FROM + DAY), None, [(FROM + DAY, UNTIL)]),
        (signed(), FROM + DAY, [(FROM, FROM + DAY)]),
        (signed(), FROM - TICK, []),
        ([*signed(), (TERMINATE, US, FROM - TICK)], None, []),
        ([*signed(), (SUSPEND, US, FROM + DAY)], None, [(FROM, FROM + DAY)]),
        (
            [
                *signed(),
                (SUSPEND, US, FROM + DAY),
                (SUSPEND, KR, FROM + 2 * DAY),
                (RESUME, US, FROM + 3 * DAY),
                (RESUME, KR, FROM + 4 * DAY),
            ],
            None,
            [(FROM, FROM + DAY), (FROM + 4 * DAY, UNTIL)],
        ),
        (
            [*signed(), (SUSPEND, US, FROM + DAY), (RESUME, US, FROM + 2 * DAY)],
            FROM + DAY,
            [(FROM, FROM + DAY)],
        ),
    ],
)
def test_when_an_agreement_is_in_force(
    events: list[tuple[Step, NationCode, datetime]],
    superseded_at: datetime | None,
    expected: list[tuple[datetime, datetime]],
) -> None:
    assert lifecycle(*events, superseded_at=superseded_at).stretches() == expected


@pytest.mark.parametrize(
    ("events", "step", "said"),
    [
        (signed()[:1], SIGN, "signed this agreement already"),
        ([], SUSPEND, "not in force yet"),
        (signed()[:1], SUSPEND, "not in force yet"),
        ([*signed(), (SUSPEND, US, FROM)], SUSPEND, "suspended this agreement already"),
        (signed(), RESUME, "has not suspended"),
        ([*signed(), (SUSPEND, KR, FROM)], RESUME, "has not suspended"),
        ([*signed(), (TERMINATE, KR, FROM)], TERMINATE, "has ended"),
        ([*signed(), (SUSPEND, US, FROM), (TERMINATE, KR, FROM)], RESUME, "has ended"),
    ],
)
def test_steps_out_of_order_are_refused_with_the_reason(
    events: list[tuple[Step, NationCode, datetime]], step: Step, said: str
) -> None:
    assert said in (obstacle(lifecycle(*events), step, US, FROM + DAY) or "")


@pytest.mark.parametrize(
    ("events", "step"),
    [
        ([], SIGN),
        (signed(), SUSPEND),
        ([*signed(), (SUSPEND, KR, FROM)], SUSPEND),
        ([], TERMINATE),
        ([*signed(), (SUSPEND, US, FROM)], RESUME),
        ([*signed(), (SUSPEND, KR, FROM)], TERMINATE),
    ],
)
def test_any_party_may_suspend_and_end_and_who_suspended_resumes(
    events: list[tuple[Step, NationCode, datetime]], step: Step
) -> None:
    assert obstacle(lifecycle(*events), step, US, FROM + DAY) is None


def test_neither_suspension_nor_amendment_moves_the_start() -> None:
    (period,) = periods_from(lifecycle(*signed()), FROM + DAY, {(US, KR): FROM}, None)
    assert (period.start, period.until, period.since) == (FROM + DAY, UNTIL, {KR: FROM})
    assert reaches_back(period)
    (fresh,) = periods_from(lifecycle(*signed()), FROM + DAY, {(KR, US): FROM}, None)
    assert fresh.since == {KR: FROM + DAY}
    assert not reaches_back(fresh)
    assert covered_since([period, fresh]) == {(US, KR): FROM}


def test_what_would_expire_before_it_lapses_expires_for_ever() -> None:
    late = lifecycle(proposed_at=UNTIL - DAY)
    for now in (UNTIL, UNTIL + 200 * DAY):
        assert status_of(late, now) == AgreementStatus(AgreementState.ENDED, "expired")


@pytest.mark.parametrize(
    ("events", "by_us", "by_kr"),
    [([], True, True), (signed()[:1], True, False), (signed(), False, False)],
)
def test_a_proposal_waits_for_others_until_all_of_them_have_signed(
    events: list[tuple[Step, NationCode, datetime]], by_us: bool, by_kr: bool
) -> None:
    one = lifecycle(*events)
    assert (one.waits_for_others(US, FROM), one.waits_for_others(KR, FROM)) == (by_us, by_kr)
    assert not one.waits_for_others(US, FROM + 89 * DAY)
    assert not lifecycle(*events, (TERMINATE, KR, FROM)).waits_for_others(US, FROM)
