"""Whether a row may go on where it stands: nobody new is shown its version, now or later (I4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.model import (
    Clause,
    Clearance,
    Ground,
    Justification,
    LiveRow,
    MemberId,
    NationCode,
    Period,
    RowChanges,
    Tlp,
    View,
)
from hub.rules.release.row_changes import Moment, changes_ahead, changes_to
from tests.rules.around import KR, sid, version

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PARTNER, AGENCY, CERT = Clearance
FIRST, SECOND, OVER, SOON_OVER, NEXT = range(1, 6)


def period(id: int, start: float, until: float, continues: str | None = None) -> Period:
    """A period from `start` hours from now until `until`."""
    clause = Clause(NationCode("US"), frozenset({NationCode("KR")}), Tlp.AMBER, AGENCY, history=True)
    instants = NOW + timedelta(hours=start), NOW + timedelta(hours=until)
    return Period(id, f"agreement {id}", 0, clause, *instants, {}, continues)


MOMENT = Moment.of(
    [
        *(period(FIRST, -1, 9), period(SECOND, -1, 9), period(OVER, -2, -1), period(SOON_OVER, -1, 0.1)),
        period(NEXT, 9, 10, f"agreement {FIRST}"),
    ],
    NOW,
)


def row(*classes: list[tuple[int | None, Clearance] | tuple[None, Clearance, str]]) -> Justification:
    return frozenset(
        frozenset(Ground(p, c, MemberId(named[0]) if named else None) for p, c, *named in one)
        for one in classes
    )


@pytest.mark.parametrize(
    ("old", "new", "stays"),
    [
        # Another agreement over what is visible: as wide, narrower, wider.
        (row([(FIRST, AGENCY)]), row([(FIRST, AGENCY), (SECOND, AGENCY)]), True),
        (row([(FIRST, AGENCY)]), row([(FIRST, AGENCY), (SECOND, CERT)]), True),
        (row([(FIRST, AGENCY)]), row([(FIRST, AGENCY), (SECOND, PARTNER)]), False),
        (row([(FIRST, AGENCY)]), row([(SECOND, AGENCY)]), True),
        # What it refers to limits both.
        (
            row([(FIRST, AGENCY)], [(FIRST, CERT)]),
            row([(FIRST, AGENCY), (SECOND, PARTNER)], [(FIRST, CERT)]),
            True,
        ),
        (row([(FIRST, CERT)]), row([(FIRST, CERT), (SECOND, AGENCY)], [(SECOND, AGENCY)]), False),
        # A row that nobody sees any more, or soon, was passed by whoever polls.
        (row([(OVER, AGENCY)]), row([(SECOND, AGENCY)]), False),
        (row([(OVER, PARTNER), (FIRST, CERT)]), row([(FIRST, CERT), (SECOND, AGENCY)]), False),
        (row([(SOON_OVER, AGENCY)]), row([(SOON_OVER, AGENCY), (SECOND, AGENCY)]), False),
        (row([(SOON_OVER, AGENCY), (FIRST, AGENCY)]), row([(FIRST, AGENCY), (SECOND, AGENCY)]), True),
        # What narrows stays, whatever the clock ends soon.
        (row([(SOON_OVER, AGENCY)]), row([(SOON_OVER, CERT)]), True),
        # What takes over without a gap may be added with the rest.
        (row([(FIRST, AGENCY)]), row([(FIRST, AGENCY), (SECOND, AGENCY), (NEXT, AGENCY)]), True),
        # Named members are themselves alone.
        (row([(None, CERT), (None, PARTNER, "a")]), row([(None, CERT), (None, PARTNER, "b")]), False),
        (
            row([(FIRST, AGENCY)], [(None, PARTNER, "a")]),
            row([(SECOND, AGENCY)], [(None, PARTNER, "a")]),
            True,
        ),
        # What is withheld is no row.
        (row([]), row([(FIRST, AGENCY)]), False),
    ],
)
def test_a_row_stays_where_it_shows_its_version_to_nobody_new(
    old: Justification, new: Justification, stays: bool
) -> None:
    assert MOMENT.adds_nobody(new, old) is stays


def test_what_the_clock_ends_within_minutes_is_in_force_and_does_not_last() -> None:
    assert {FIRST, SECOND, SOON_OVER} == MOMENT.in_force
    assert {FIRST, SECOND} == MOMENT.lasting


# --- what an amendment is to take over -------------------------------------------------------------

_BY_FIRST, _BY_BOTH = row([(FIRST, AGENCY)]), row([(FIRST, AGENCY), (NEXT, AGENCY)])
_BY_SOON = row([(SOON_OVER, AGENCY)])


@pytest.mark.parametrize(
    ("stands_by", "is_to_stand_by", "expected"),
    [
        # What is new, wider or withheld is left to what is to bring it there.
        (None, _BY_BOTH, {}),
        (_BY_FIRST, row([(FIRST, PARTNER), (NEXT, PARTNER)]), {}),
        (_BY_FIRST, row([]), {}),
        (_BY_FIRST, _BY_FIRST, {}),
        (_BY_FIRST, _BY_BOTH, {_BY_BOTH: [7]}),
        # The take-over looks again, however soon what it continues ends.
        (
            _BY_SOON,
            row([(SOON_OVER, AGENCY), (SECOND, AGENCY)]),
            {row([(SOON_OVER, AGENCY), (SECOND, AGENCY)]): [7]},
        ),
    ],
)
def test_before_an_amendment_takes_over_rows_stand_by_it_too_and_none_is_new(
    stands_by: Justification | None,
    is_to_stand_by: Justification,
    expected: dict[Justification, list[int]],
) -> None:
    live = [] if stands_by is None else [LiveRow(KR, 7, 1, stands_by, is_newest=True)]
    judged = [KR], {1: version(sid("malware"))}, {1: {View(KR): is_to_stand_by}}, live, MOMENT
    found = changes_ahead(*judged).get(KR, RowChanges())
    assert found == RowChanges(justify=expected)
    if is_to_stand_by not in expected and stands_by != is_to_stand_by:
        assert changes_to(*judged)[KR] != found
