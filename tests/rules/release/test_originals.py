"""Policy 2.7: an own copy withholds nothing from who may see what it is a copy of. Refusals first."""

from __future__ import annotations

import pytest

from hub.model import Clearance, EqualVersion, Ground, Justification, MemberId, NationCode, OriginalRow
from hub.rules.release.judgement import originals
from hub.rules.release.justifications import NEVER
from tests.rules.around import AU, JP, KR, KR_AGENCY, KR_CERT, KR_FIRM

MEMBERS = {one.id: one for one in (KR_CERT, KR_AGENCY, KR_FIRM)}
COPY = 7


def from_up(clearance: Clearance, period: int | None = 1) -> Justification:
    return frozenset({frozenset({Ground(period, clearance)})})


def for_alone(member: MemberId) -> Justification:
    return frozenset({frozenset({Ground(None, Clearance.PARTNER, member)})})


TO_CERTS, TO_AGENCIES = from_up(Clearance.CERT), from_up(Clearance.AGENCY)
AT_HOME = OriginalRow(JP, is_served=True, justification=from_up(Clearance.PARTNER, period=None))
SHOWN = OriginalRow(KR, is_served=True, justification=TO_AGENCIES)
OVER = OriginalRow(KR, is_served=False, justification=TO_AGENCIES)
ELSEWHERE = OriginalRow(AU, is_served=True, justification=TO_CERTS)


def visible_to(*rows: OriginalRow, is_deleted: bool = False, ever: bool = False) -> list[NationCode]:
    """The nations that may see the original of the Korean agency's copy."""
    found = originals([EqualVersion(COPY, KR_AGENCY.id, 1, is_deleted, rows)], MEMBERS, ever=ever)
    return sorted(found.get(COPY, {}))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # it was never shown to the submitter: no row in its nation, or none that reaches it
        ([], []),
        ([AT_HOME, ELSEWHERE], []),
        ([AT_HOME, SHOWN._replace(justification=TO_CERTS)], []),
        ([AT_HOME, SHOWN._replace(justification=frozenset({NEVER}))], []),
        ([AT_HOME, SHOWN._replace(justification=TO_AGENCIES | TO_CERTS)], []),
        ([AT_HOME, SHOWN._replace(justification=for_alone(KR_CERT.id))], []),
        # it was, whatever is in force now: it stands for whom its rows are served
        ([AT_HOME, SHOWN], [JP, KR]),
        ([AT_HOME, SHOWN, ELSEWHERE], [AU, JP, KR]),
        ([AT_HOME, SHOWN._replace(justification=for_alone(KR_AGENCY.id))], [JP, KR]),
        # it was once: it stands for others, and for its nation no more
        ([AT_HOME, OVER], [JP]),
        # it was, before the row was narrowed where it is
        ([AT_HOME, SHOWN._replace(justification=TO_CERTS), OVER], [JP, KR]),
    ],
)
def test_an_original_stands_for_whom_it_is_served_if_the_submitter_was_shown_it(
    rows: list[OriginalRow], expected: list[NationCode]
) -> None:
    assert visible_to(*rows) == sorted(expected)


def test_an_original_that_is_deleted_stands_for_nobody() -> None:
    assert visible_to(AT_HOME, SHOWN, is_deleted=True) == []


def test_what_others_do_later_is_left_out_when_it_is_asked_for_whom_it_ever_stood() -> None:
    assert visible_to(AT_HOME, OVER, is_deleted=True, ever=True) == [JP, KR]
    assert visible_to(AT_HOME, ELSEWHERE, ever=True) == []  # the submitter was never shown it


def test_each_original_and_each_submitter_is_asked_about_alone() -> None:
    """The firm was not shown what the agency was; of two originals each that was shown counts."""
    wider = SHOWN._replace(justification=from_up(Clearance.PARTNER))
    found = originals(
        [
            EqualVersion(1, KR_FIRM.id, 1, is_deleted=False, rows=[AT_HOME, SHOWN]),
            EqualVersion(COPY, KR_AGENCY.id, 1, is_deleted=False, rows=[SHOWN]),
            EqualVersion(COPY, KR_AGENCY.id, 2, is_deleted=False, rows=[wider]),
        ],
        MEMBERS,
    )
    assert found == {COPY: {KR: [SHOWN.justification, wider.justification]}}
