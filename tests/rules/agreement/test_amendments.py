"""Policy 5: what an amendment may supersede, when it takes over, and since when it covers what it does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.model import NationCode, Period
from hub.rules.agreement.agreements import (
    Lifecycle,
    Step,
    periods_from,
    read_agreement,
)
from hub.rules.agreement.amendments import (
    amended_from,
    continues,
    forbids_superseding,
    superseded_by,
)

US, KR = NationCode("US"), NationCode("KR")
FROM, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)


def lifecycle(
    *events: tuple[Step, NationCode, datetime], valid_from: datetime = FROM, **changes: Any
) -> Lifecycle:
    document = {
        "id": "agreement--1",
        "title": "Sharing",
        "parties": ["US", "KR"],
        "valid_from": valid_from.isoformat(),
        "valid_until": UNTIL.isoformat(),
        "clauses": [{"from": "US", "to": ["KR"], "max_tlp": "amber"}],
    }
    lived = Lifecycle(read_agreement(document, [US, KR]), frozenset({US, KR}), FROM)
    for event in events:
        lived = lived.after(*event)
    return replace(lived, **changes)


def signed(at: datetime = FROM) -> list[tuple[Step, NationCode, datetime]]:
    return [(Step.SIGN, US, at), (Step.SIGN, KR, at)]


def period(**changes: Any) -> Period:
    (one,) = periods_from(lifecycle(*signed()), FROM, {}, None)
    return replace(one, **changes)


@pytest.mark.parametrize(
    ("former", "told"),
    [
        (lifecycle(*signed(), (Step.TERMINATE, KR, FROM)), "has ended (terminated by KR)"),
        (lifecycle(*signed()[:1]), "not signed by all"),
        (lifecycle(*signed(), superseded_at=FROM + 2 * DAY), "another amendment of that agreement"),
        (lifecycle(*signed(), superseded_at=FROM + TICK), "has ended (superseded)"),
    ],
)
def test_what_has_ended_or_is_not_signed_or_is_to_be_superseded_is_not_superseded(
    former: Lifecycle, told: str
) -> None:
    assert told in (forbids_superseding(former, FROM + DAY) or "")


@pytest.mark.parametrize(
    "former",
    [
        lifecycle(*signed()),
        lifecycle(*signed(), (Step.SUSPEND, KR, FROM)),
        lifecycle(*signed(), valid_from=FROM + 9 * DAY),
    ],
)
def test_what_is_signed_by_all_and_lives_may_be_superseded(former: Lifecycle) -> None:
    assert forbids_superseding(former, FROM + DAY) is None


def test_the_first_amendment_that_takes_over_supersedes() -> None:
    early, late = lifecycle(*signed(), valid_from=FROM + DAY), lifecycle(*signed(), valid_from=FROM + 2 * DAY)
    unsigned = lifecycle(*signed()[:1])
    never = lifecycle(*signed(), (Step.TERMINATE, US, FROM), valid_from=FROM + DAY)
    assert superseded_by(lifecycle(*signed()), [late, unsigned, never, early]).superseded_at == FROM + DAY
    assert superseded_by(lifecycle(*signed()), [unsigned, never]).superseded_at is None
    begun = lifecycle(*signed(), (Step.TERMINATE, US, FROM + DAY), valid_from=FROM + DAY)
    assert superseded_by(lifecycle(*signed()), [begun]).superseded_at == FROM + DAY


@pytest.mark.parametrize(
    ("former", "at", "expected"),
    [
        (period(), FROM + DAY, True),
        (period(), FROM, False),  # it begins in the same instant
        (period(until=FROM + DAY), FROM + DAY, False),
        (period(ended_at=FROM + TICK), FROM + DAY, False),
    ],
)
def test_an_amendment_continues_what_is_in_force_until_it_begins(
    former: Period, at: datetime, *, expected: bool
) -> None:
    assert continues([former], lifecycle(*signed()), at) is expected


def test_what_ends_in_the_instant_in_which_the_amendment_begins_is_continued() -> None:
    later = lifecycle(*signed(), valid_from=FROM + 2 * DAY)
    assert continues([period(until=FROM + 2 * DAY)], later, FROM + DAY)
    assert not continues([period(until=FROM + 2 * DAY - TICK)], later, FROM + DAY)


@pytest.mark.parametrize(
    ("former", "since"),
    [
        (lifecycle(*signed()), FROM),
        (lifecycle(*signed(), (Step.SUSPEND, KR, FROM + TICK)), FROM),
        (lifecycle(*signed(), (Step.TERMINATE, KR, FROM + TICK)), FROM + DAY),
        (lifecycle(*signed(), valid_from=FROM + DAY), FROM + DAY),  # it has not begun before
    ],
)
def test_what_was_covered_is_covered_since_then_if_that_lives_until_the_amendment(
    former: Lifecycle, since: datetime
) -> None:
    (new,) = amended_from(lifecycle(*signed()), FROM + DAY, (former, [period()]), "agreement--0")
    assert (new.start, new.since, new.continues) == (FROM + DAY, {KR: since}, "agreement--0")
