"""Policy 2.3 to 2.6 and 8: how names and identities are handled, which many objects share. Strictness first.

Every case is told as the submissions that come one after the other; the last is looked at.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from hub.model import EffectiveMarking, Markings, ObjectVersion, StixId, Tlp
from hub.rules.marking.effective import creator_deltas, following_namers, follows_namers
from tests.rules.around import JP, KR, NOW, sid
from tests.rules.marking.records import (
    AMBER,
    AT_DEFAULT,
    CLEAR,
    GREEN,
    IDENTITY,
    NAME,
    NOBODY,
    ONE,
    OTHER,
    OUTER,
    RED,
    REPORT,
    SCO,
    STRICT,
    TO_JP,
    TO_KR,
    UNKNOWN,
    MemberRecords,
    box,
    made,
)

# --- names are decided once -----------------------------------------------------------------------


@pytest.mark.parametrize("id", [NAME, SCO])
@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([box(REPORT, RED)], EffectiveMarking(RED, NOBODY)),
        ([box(REPORT, RED), box(OTHER, GREEN)], EffectiveMarking(GREEN)),  # the laxest
        ([box(REPORT, GREEN, TO_JP), box(OTHER, GREEN, TO_KR)], EffectiveMarking(GREEN, frozenset({JP, KR}))),
        ([box(REPORT, GREEN, TO_JP), box(OTHER, GREEN)], EffectiveMarking(GREEN)),
        ([box(REPORT, CLEAR, UNKNOWN), box(OTHER, STRICT)], EffectiveMarking(STRICT)),  # of the open ones
        ([box(REPORT, CLEAR, UNKNOWN)], EffectiveMarking(CLEAR, None, is_closed=True)),
        ([], AT_DEFAULT),
    ],
)
def test_a_name_takes_the_laxest_container_of_its_own_submission(
    id: StixId, containers: list[ObjectVersion], expected: EffectiveMarking
) -> None:
    around = [replace(one, contains=frozenset({id})) for one in containers]
    assert MemberRecords().push(*around, made(id))[id] == expected


def test_a_name_alone_takes_the_strictest_container_that_is_held() -> None:
    records = MemberRecords()
    records.push(box(REPORT, GREEN), box(OTHER, STRICT))
    assert records.push(made(NAME))[NAME] == EffectiveMarking(STRICT)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([box(REPORT, RED)], [], EffectiveMarking(RED, NOBODY)),
        (
            [box(REPORT, STRICT), box(OTHER, RED)],
            [],
            EffectiveMarking(STRICT),
        ),  # to the laxest that it brings
        ([box(REPORT, GREEN)], [], AT_DEFAULT),  # it tightens only
        ([box(REPORT, GREEN, UNKNOWN)], [], EffectiveMarking(AMBER, None, is_closed=True)),
        # the first submission that brings one, and no later one
        ([box(REPORT, GREEN)], [box(OTHER, RED)], AT_DEFAULT),
        ([box(REPORT, STRICT)], [box(OTHER, RED)], EffectiveMarking(STRICT)),
    ],
)
def test_a_name_at_its_default_is_tightened_by_the_first_submission_that_names_it(
    first: list[ObjectVersion], second: list[ObjectVersion], expected: EffectiveMarking
) -> None:
    records = MemberRecords()
    records.push(made(NAME))
    records.push(*first)
    if second:
        records.push(*second)
    assert records.handled()[NAME] == expected


def test_after_that_no_container_moves_it() -> None:
    records = MemberRecords()
    records.push(made(NAME), box(REPORT, GREEN))
    records.push(box(OTHER, RED, UNKNOWN))
    records.push(box(REPORT, RED, n=2))
    records.delete(REPORT)
    assert records.push(box(OUTER, STRICT))[NAME] == EffectiveMarking(GREEN)


def test_said_again_beside_a_laxer_container_it_is_loosened_and_alone_it_is_not() -> None:
    records = MemberRecords()
    records.push(made(NAME), box(REPORT, RED))
    assert records.push(again=(NAME,))[NAME] == EffectiveMarking(RED, NOBODY)
    assert records.push(box(OTHER, GREEN))[NAME] == EffectiveMarking(RED, NOBODY)  # naming alone never does
    assert records.push(box(OUTER, AMBER), again=(NAME,))[NAME] == EffectiveMarking(AMBER)
    assert records.push(again=(NAME, OTHER))[NAME] == EffectiveMarking(GREEN)
    assert records.push(box(sid("report", 9), RED), again=(NAME,))[NAME] == EffectiveMarking(GREEN)


def test_its_closure_ends_with_that_of_the_container_that_gave_it() -> None:
    records = MemberRecords()
    records.push(made(NAME), box(REPORT, GREEN, UNKNOWN))
    closed = records.held
    assert records.handled()[NAME].is_closed
    opened = {  # the definition has come: the stored container is judged again, open
        key: replace(one, markings=Markings(GREEN)) if one.id == REPORT else one
        for key, one in closed.items()
    }
    records.held = opened
    assert records.push(made(ONE, GREEN))[NAME] == EffectiveMarking(GREEN)
    records.held = closed
    records.delete(REPORT)
    assert records.push(made(ONE, GREEN))[NAME].is_closed  # deleted, it goes on restricting


def test_a_name_that_is_marked_is_handled_by_its_marking() -> None:
    assert MemberRecords().push(made(NAME, GREEN), box(REPORT, RED))[NAME] == EffectiveMarking(GREEN)


@pytest.mark.parametrize(
    ("newer", "beside", "is_refused"),
    [
        (made(NAME, n=2), [box(OTHER, RED)], True),
        (made(NAME, n=2), [box(OTHER, GREEN, TO_JP)], True),
        (made(NAME, n=2), [box(OTHER, GREEN, UNKNOWN)], True),
        (made(NAME, n=2, raised=RED), [box(OTHER, GREEN)], True),
        (made(NAME, RED, n=2), [], False),  # it is marked
        (made(NAME, n=2), [box(OTHER, GREEN)], False),
        (made(NAME, n=2), [box(OTHER, CLEAR)], False),
        (made(NAME, n=2), [box(OTHER, GREEN), box(OUTER, RED)], False),
    ],
)
def test_a_newer_unmarked_version_of_a_name_is_refused_where_it_would_be_stricter(
    newer: ObjectVersion, beside: list[ObjectVersion], *, is_refused: bool
) -> None:
    records = MemberRecords()
    records.push(made(NAME), box(REPORT, GREEN))
    records.push(newer, *beside)
    assert bool(records.stricter) is is_refused
    assert set(records.stricter.values()) <= {GREEN}


def test_what_is_deleted_is_no_measure_for_a_new_version() -> None:
    records = MemberRecords()
    records.push(made(NAME), box(REPORT, GREEN))
    records.delete(NAME)
    records.push(made(NAME, n=2), box(OTHER, RED))
    assert not records.stricter


# --- identities -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("namers", "stored", "expected"),
    [
        ({RED: 1}, None, RED),
        ({RED: 1, GREEN: 1}, None, GREEN),
        ({CLEAR: 1}, None, GREEN),
        ({}, None, AMBER),
        ({RED: 1}, GREEN, GREEN),  # later ones only loosen it
        ({GREEN: 1}, RED, GREEN),
    ],
)
def test_an_identity_follows_the_laxest_that_name_it(
    namers: dict[Tlp, int], stored: Tlp | None, expected: Tlp
) -> None:
    one = made(IDENTITY, base=AMBER)
    before = None if stored is None else replace(one, tlp=stored, base=stored)
    assert follows_namers(one)
    assert following_namers(one, before, Counter(namers)).tlp is expected


@pytest.mark.parametrize(
    ("namer", "counts"),
    [
        (made(ONE, GREEN, creator=IDENTITY, tlp=GREEN, is_closed=True), False),
        (made(ONE, GREEN, creator=IDENTITY, tlp=GREEN, is_home=True), False),
        (made(ONE, GREEN, creator=IDENTITY, tlp=GREEN, deleted_at=NOW), False),
        (made(ONE, GREEN, creator=IDENTITY, tlp=GREEN, is_newest=False), False),
        (made(IDENTITY, None, creator=IDENTITY, tlp=GREEN), False),  # itself
        (made(sid("identity", 8), None, creator=IDENTITY, tlp=GREEN), False),  # it would only pass on
        (made(ONE, GREEN, creator=IDENTITY, tlp=GREEN), True),
    ],
)
def test_who_counts_as_naming_an_identity(namer: ObjectVersion, *, counts: bool) -> None:
    expected = {(IDENTITY, GREEN): 1} if counts else {}
    assert creator_deltas({1: namer}, {}) == expected
    assert creator_deltas({1: namer}, {1: namer}) == {}


def test_a_contained_identity_does_not_follow_its_namers() -> None:
    records = MemberRecords()
    records.push(made(IDENTITY), box(REPORT, RED, of=(IDENTITY,)))
    assert [follows_namers(v) for v in records.held.values() if v.id == IDENTITY] == [False]
