"""Policy 1, "shown": what a poll of a member could have returned, and which record stands. Refusals first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.model import Class, Clause, Clearance, Form, Ground, MemberId, Period, Reader, Shown, Tlp
from hub.rules.release.justifications import NEVER, lowest_clearance
from hub.rules.submission.others import (
    JustifiedSpan,
    by_id,
    first_of_equals,
    judged_by,
    records,
    was_shown,
)
from tests.rules.around import JP, JP_CERT, KR, KR_AGENCY, NOW, others_version, sid

PARTNER, AGENCY, CERT = Clearance
SECOND = timedelta(seconds=1)
ONE, TWO = sid("indicator"), sid("indicator", 2)
BY_ONE: Class = frozenset({Ground(1, AGENCY)})
READER = Reader(KR_AGENCY.id, KR, AGENCY)


def at(seconds: int) -> JustifiedSpan:
    """A row that stood by period 1 from NOW on, for this long."""
    return JustifiedSpan(NOW, NOW + seconds * SECOND, frozenset({BY_ONE}))


def period(start: int, until: int, ended: int | None = None) -> Period:
    clause = Clause(JP, frozenset({KR}), Tlp.AMBER)
    begun = NOW + start * SECOND
    ended_at = None if ended is None else NOW + ended * SECOND
    place = (1, "agreement-1", 0, clause, begun, NOW + until * SECOND, {KR: begun})
    return Period(*place, ended_at=ended_at)


@pytest.mark.parametrize(
    ("stretch", "periods", "expected"),
    [
        (at(10), [], False),
        (at(10), [period(-5, -1)], False),  # it had run out before
        (at(10), [period(-5, 0)], False),  # half-open: it ended as the row came
        (at(10), [period(10, 20)], False),  # it began as the row went
        (at(10), [period(-5, 20, ended=0)], False),
        (at(0), [period(-5, 20)], True),  # written and gone at once: a poll may have come between
        (at(10), [period(-5, 20)], True),
        (at(10), [period(5, 6)], True),  # within it
        (at(10), [period(9, 20)], True),
        (at(10), [period(-5, 20, ended=1)], True),  # suspended since
    ],
)
def test_a_row_was_shown_while_its_period_was_in_force(
    stretch: JustifiedSpan, periods: list[Period], expected: bool
) -> None:
    assert was_shown(stretch, READER, periods) is expected


@pytest.mark.parametrize(
    "reader",
    [Reader(MemberId("kr-partner"), KR, PARTNER)],
)
def test_what_the_nations_other_members_were_shown_does_not_count(reader: Reader) -> None:
    assert not was_shown(at(10), reader, [period(-5, 20)])


def test_what_never_stands_was_never_shown() -> None:
    row = JustifiedSpan(NOW, NOW + SECOND, frozenset({NEVER}))
    assert not was_shown(row, READER, [period(-5, 20)])


def test_the_lowest_clearance_is_that_of_no_member_in_particular() -> None:
    mine: Class = frozenset({Ground(None, CERT), Ground(None, AGENCY, KR_AGENCY.id)})
    assert lowest_clearance(frozenset({mine}), frozenset()) is CERT
    assert lowest_clearance(frozenset({BY_ONE}), frozenset({1})) is AGENCY
    assert lowest_clearance(frozenset({BY_ONE}), frozenset()) is None


def test_of_equal_versions_the_one_that_came_first_is_kept() -> None:
    first = others_version(ONE)
    copy = others_version(ONE, JP_CERT, submitted_at=NOW + SECOND, position=2)
    again = replace(first, position=3, submitted_at=NOW + 2 * SECOND)
    ordered = by_id([again, copy, first])[ONE]
    assert first_of_equals(ordered) == [first, again]


def test_a_record_is_judged_by_the_newest_version_that_is_seen_else_by_the_one_shown_last() -> None:
    old = others_version(ONE, position=9)
    new = others_version(ONE, version_key=f"{old.version_key}1", position=2)
    assert judged_by([old, new]) == [new]
    assert judged_by([old, replace(new, is_seen=False)]) == [old]
    hidden = [replace(old, is_seen=False), replace(new, is_seen=False)]
    assert judged_by(hidden) == [hidden[0]]


def test_a_version_that_was_shown_in_two_forms_counts_in_both() -> None:
    whole = others_version(ONE, version=1, tlp=Tlp.AMBER)
    cut = others_version(ONE, version=1, form=Form(ceiling=Tlp.GREEN), position=2)
    assert judged_by([whole, cut]) == [whole, cut]
    assert judged_by([replace(whole, is_seen=False), cut]) == [cut]
    hidden = [replace(one, is_seen=False) for one in (whole, cut)]
    assert judged_by(hidden) == hidden
    # As it was shown last in each form alone.
    later = replace(hidden[0], shown=Shown(Tlp.GREEN, is_bound=False), position=3)
    assert judged_by([*hidden, later]) == [later, hidden[1]]


def test_two_members_versions_that_are_one_to_who_sees_them_count_both() -> None:
    one, other = (others_version(ONE, version=n, position=n) for n in (1, 2))
    assert judged_by([one, other]) == [one, other]


def test_a_record_is_one_members_of_one_id() -> None:
    mine, other, theirs = others_version(ONE), others_version(TWO), others_version(ONE, JP_CERT)
    found = records([mine, other, theirs, replace(mine, position=2)])
    assert sorted(map(len, found)) == [1, 1, 2]
