"""Policy 2.3 to 2.6 and 8: how an object is handled by its marking, its containers, its default and its
predecessor. Strictness first.

Every case is told as the submissions that come one after the other; the last is looked at.
"""

from __future__ import annotations

import pytest

from hub.model import Clearance, EffectiveMarking, ObjectVersion, Taken
from tests.rules.around import JP, KR, sid
from tests.rules.marking.records import (
    AMBER,
    AT_DEFAULT,
    CLEAR,
    GREEN,
    NAME,
    NOBODY,
    ONE,
    OTHER,
    OUTER,
    RED,
    REPORT,
    STRICT,
    TO_JP,
    TO_KR,
    UNKNOWN,
    MemberRecords,
    box,
    made,
)

# --- an object that is content --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "containers", "expected"),
    [
        # unmarked takes the strictest of its containers
        (made(ONE), [box(REPORT, RED)], EffectiveMarking(RED, NOBODY)),
        (made(ONE), [box(REPORT, RED, TO_JP)], EffectiveMarking(RED, frozenset({JP}))),
        (made(ONE), [box(REPORT, GREEN), box(OTHER, STRICT)], EffectiveMarking(STRICT)),
        (made(ONE), [box(REPORT, GREEN, TO_JP), box(OTHER, CLEAR)], EffectiveMarking(GREEN, frozenset({JP}))),
        (made(ONE), [box(REPORT, GREEN, TO_JP), box(OTHER, GREEN, TO_KR)], EffectiveMarking(GREEN, NOBODY)),
        (made(ONE), [box(REPORT, GREEN, UNKNOWN)], EffectiveMarking(GREEN, None, is_closed=True)),
        (made(ONE), [box(REPORT, GREEN, fault="a part")], EffectiveMarking(GREEN, None, is_closed=True)),
        (made(ONE), [box(REPORT, GREEN)], EffectiveMarking(GREEN)),
        (made(ONE), [box(REPORT, CLEAR)], EffectiveMarking(CLEAR)),
        # a container without TLP counts at its default, and passes on
        (made(ONE), [box(REPORT, None)], AT_DEFAULT),
        (made(ONE), [box(OUTER, RED, of=(REPORT,)), box(REPORT, None)], EffectiveMarking(RED, NOBODY)),
        (made(ONE), [box(OUTER, RED, of=(REPORT,)), box(REPORT, None, TO_KR)], EffectiveMarking(RED, NOBODY)),
        (made(ONE), [box(OUTER, GREEN, of=(REPORT,)), box(REPORT, None)], AT_DEFAULT),
        (made(ONE), [box(OUTER, RED, of=(REPORT,)), box(REPORT, GREEN)], EffectiveMarking(GREEN)),
        (
            made(ONE),
            [box(REPORT, None, of=(OUTER, ONE)), box(OUTER, None, of=(REPORT,))],
            AT_DEFAULT,
        ),  # a circle
        # its own marking wins over everything but what raises
        (made(ONE, GREEN), [box(REPORT, RED, UNKNOWN)], EffectiveMarking(GREEN)),
        (made(ONE, RED), [box(REPORT, GREEN)], EffectiveMarking(RED)),
        (made(ONE, GREEN, raised=RED), [], EffectiveMarking(RED, NOBODY)),
        (made(ONE, GREEN, TO_JP, raised=RED), [], EffectiveMarking(RED, frozenset({JP}))),
        (made(ONE, raised=GREEN), [], AT_DEFAULT),  # a label alone counts as no marking
        (made(ONE, raised=RED), [box(REPORT, GREEN, TO_KR)], EffectiveMarking(RED, NOBODY)),
        # closure and REL TO of its own
        (made(ONE, GREEN, UNKNOWN), [], EffectiveMarking(GREEN, None, is_closed=True)),
        (made(ONE, None, UNKNOWN), [], EffectiveMarking(AMBER, None, is_closed=True)),
        (made(ONE, None, UNKNOWN), [box(REPORT, GREEN)], EffectiveMarking(GREEN, None, is_closed=True)),
        (made(ONE, GREEN, TO_KR), [], EffectiveMarking(GREEN, frozenset({KR}))),
        (made(ONE, None, TO_KR), [box(REPORT, GREEN, TO_JP)], EffectiveMarking(GREEN, NOBODY)),
        # what it took over from others' objects
        (
            made(ONE, GREEN, taken=Taken(EffectiveMarking(AMBER, frozenset({JP})))),
            [],
            EffectiveMarking(AMBER, frozenset({JP})),
        ),
        (made(ONE, RED, taken=Taken(EffectiveMarking(GREEN))), [], EffectiveMarking(RED, NOBODY)),
        (made(ONE), [], AT_DEFAULT),
    ],
)
def test_an_object_is_handled_by_its_own_marking_else_by_its_containers_else_by_default(
    item: ObjectVersion, containers: list[ObjectVersion], expected: EffectiveMarking
) -> None:
    assert MemberRecords().push(*containers, item)[ONE] == expected


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([box(REPORT, RED)], EffectiveMarking(RED, NOBODY)),
        ([box(REPORT, GREEN, UNKNOWN)], EffectiveMarking(AMBER, None, is_closed=True)),
        ([box(REPORT, GREEN, TO_JP)], EffectiveMarking(AMBER, frozenset({JP}))),
        ([box(REPORT, GREEN)], AT_DEFAULT),  # it never loosens the default
        ([box(REPORT, GREEN), box(OTHER, RED)], EffectiveMarking(RED, NOBODY)),
    ],
)
def test_a_container_that_arrives_later_can_only_tighten(
    containers: list[ObjectVersion], expected: EffectiveMarking
) -> None:
    records = MemberRecords()
    records.push(made(ONE))
    for one in containers:
        records.push(one)
    assert records.handled()[ONE] == expected


def test_a_later_container_does_not_address_what_is_red_by_default() -> None:
    records = MemberRecords(default=RED)
    records.push(box(REPORT, None))
    records.push(box(OUTER, GREEN, TO_KR, of=(REPORT,)))
    assert records.push(made(ONE))[ONE] == EffectiveMarking(RED, NOBODY)


def test_a_container_that_changes_or_goes_loosens_nothing() -> None:
    records = MemberRecords()
    records.push(made(ONE), box(REPORT, RED))
    assert records.push(box(REPORT, GREEN, n=2))[ONE] == EffectiveMarking(RED, NOBODY)
    records.delete(REPORT)
    assert records.push(box(OTHER, GREEN))[ONE] == EffectiveMarking(RED, NOBODY)


def test_a_deleted_container_counts_as_it_stood_for_what_comes_later() -> None:
    records = MemberRecords()
    records.push(box(OUTER, RED, TO_JP, of=(REPORT,)), box(REPORT, None))
    records.delete(REPORT)
    assert records.push(made(ONE))[ONE] == EffectiveMarking(RED, frozenset({JP}))


def test_a_new_version_of_the_object_itself_can_loosen() -> None:
    records = MemberRecords()
    records.push(made(ONE), box(REPORT, RED))
    assert records.push(made(ONE, GREEN, n=2))[ONE] == EffectiveMarking(GREEN)


def test_what_a_container_took_over_from_others_binds_it_alone() -> None:
    taken = Taken(EffectiveMarking(RED, NOBODY))
    found = MemberRecords().push(box(REPORT, GREEN, taken=taken), made(ONE), made(NAME))
    assert found == {
        REPORT: EffectiveMarking(RED, NOBODY),
        ONE: EffectiveMarking(GREEN),
        NAME: EffectiveMarking(GREEN),
    }


# --- home -----------------------------------------------------------------------------------------


def test_what_would_get_the_default_stays_at_home_and_counts_as_closed() -> None:
    records = MemberRecords(home=True)
    at_home = EffectiveMarking(AMBER, None, is_closed=True)
    assert records.push(made(ONE), made(NAME)) == {ONE: at_home, NAME: at_home}
    assert records.push(box(REPORT, GREEN))[ONE] == at_home  # a later container does not take it out
    assert records.handled()[NAME] == at_home
    assert records.push(again=(NAME, REPORT))[NAME] == EffectiveMarking(
        GREEN
    )  # but for a name said again with one


def test_a_container_kept_at_home_closes_what_it_holds() -> None:
    found = MemberRecords(home=True).push(box(REPORT, None), made(ONE), made(NAME))
    assert all(one.is_closed for one in found.values())


def test_a_definition_that_is_accepted_crosses_all_the_same() -> None:
    definition = made(sid("marking-definition", 9), is_accepted_definition=True)
    assert MemberRecords(home=True).push(definition)[definition.id] == EffectiveMarking(GREEN)


# --- revoking versions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        [made(ONE, RED, TO_JP)],
        [made(ONE, GREEN, TO_KR)],
        [made(ONE, GREEN, UNKNOWN)],
        [made(ONE, GREEN, raised=STRICT)],
        [made(ONE), box(REPORT, GREEN)],
        [made(ONE)],
    ],
)
@pytest.mark.parametrize("home", [False, True])
def test_a_revoking_version_without_tlp_is_handled_as_its_predecessor(
    first: list[ObjectVersion], home: bool
) -> None:
    records = MemberRecords(home=home)
    before = records.push(*first)[ONE]
    lax = box(OTHER, CLEAR)
    assert records.push(made(ONE, n=2, revoked=True), lax)[ONE] == before


def test_a_revoking_version_that_is_marked_is_handled_by_its_marking() -> None:
    records = MemberRecords()
    records.push(made(ONE, GREEN))
    assert records.push(made(ONE, RED, n=2, revoked=True))[ONE] == EffectiveMarking(RED)


def test_a_revoking_version_does_not_address_red_that_was_addressed_to_nobody() -> None:
    records = MemberRecords()
    records.push(made(ONE, RED))
    assert records.push(made(ONE, None, TO_KR, n=2, revoked=True))[ONE] == EffectiveMarking(RED, NOBODY)
    records.push(box(REPORT, RED, of=(NAME,)))
    inside = sid("indicator", 2)
    later = box(REPORT, None, TO_KR, n=2, revoked=True, of=(inside,))
    assert records.push(made(inside), later)[inside] == EffectiveMarking(RED, NOBODY)


def test_one_that_came_before_its_predecessor_is_judged_again_when_that_comes() -> None:
    records = MemberRecords()
    assert records.push(made(ONE, n=2, revoked=True))[ONE] == AT_DEFAULT
    assert records.push(made(ONE, GREEN, TO_KR, n=1))[ONE] == EffectiveMarking(GREEN, frozenset({KR}))


def test_it_keeps_the_limits_of_its_predecessor() -> None:
    limits = frozenset({(JP, Clearance.AGENCY)})
    records = MemberRecords()
    records.push(made(ONE, GREEN, taken=Taken(None, limits)))
    records.push(made(ONE, n=2, revoked=True))
    assert [v.taken.limits for v in records.held.values()] == [limits, limits]
