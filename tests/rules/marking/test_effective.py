"""Policy 2.3 to 2.6 and 8: how versions are handled by what stands around them. Strictness first.

Every case is told as the submissions that come one after the other; the last is looked at.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from hub.model import Clearance, EffectiveMarking, Markings, NationCode, ObjectVersion, StixId, Taken, Tlp
from hub.rules.claims import is_decided_once
from hub.rules.marking.containers import MarkingDefaults, MarkingFacts, settle
from hub.rules.marking.effective import (
    creator_deltas,
    following_namers,
    follows_namers,
    stricter_names,
)
from tests.rules.around import DAY, JP, KR, NOW, sid, version

CLEAR, GREEN, AMBER, STRICT, RED = Tlp
ONE, NAME, IDENTITY, SCO = sid("indicator"), sid("malware"), sid("identity"), sid("ipv4-addr", 1, 5)
REPORT, OTHER, OUTER = sid("report"), sid("report", 2), sid("grouping")
TO_JP, TO_KR, UNKNOWN = (sid("marking-definition", n) for n in (1, 2, 3))
NOBODY: frozenset[NationCode] = frozenset()
AT_DEFAULT = EffectiveMarking(AMBER)


@dataclass
class MemberRecords:
    """What one member has submitted, as it is handled after each submission."""

    default: Tlp = AMBER
    home: bool = False
    held: dict[int, ObjectVersion] = field(default_factory=dict)

    def push(self, *items: ObjectVersion, again: tuple[StixId, ...] = ()) -> dict[StixId, EffectiveMarking]:
        """Submit new versions, and these names and containers again; return how each id is handled."""
        fresh = {-n: replace(one, key=-n) for n, one in enumerate(items, 1)}
        repeated = frozenset(v.key for v in self.held.values() if v.id in again and v.is_newest)
        defaults = MarkingDefaults(self.default, self.home, frozenset(), {TO_JP: JP, TO_KR: KR})
        facts = MarkingFacts(
            defaults=defaults,
            now=_newest_marked({**self.held, **fresh}),
            before=dict(self.held),
            present=repeated | fresh.keys(),
            repeated=frozenset(key for key in repeated if is_decided_once(self.held[key])),
            around={},
            closed_around={},
            accepted={},
        )
        self.settled = settle(facts)
        self.stricter = stricter_names(self.settled, list(fresh.values()), self.held.keys())
        kept = [one for key, one in self.settled.items() if key not in self.stricter]
        self.held = {n: replace(one, key=n) for n, one in enumerate(kept, 1)}
        return self.handled()

    def delete(self, id: StixId) -> None:
        self.held = {
            key: replace(one, deleted_at=NOW) if one.id == id else one for key, one in self.held.items()
        }

    def handled(self) -> dict[StixId, EffectiveMarking]:
        ordered = sorted(self.held.values(), key=lambda v: v.version_key)
        return {v.id: EffectiveMarking(v.tlp, v.rel_to, v.is_closed or v.is_home) for v in ordered}


def _newest_marked(versions: dict[int, ObjectVersion]) -> dict[int, ObjectVersion]:
    newest = {v.id: v.version_key for v in sorted(versions.values(), key=lambda v: v.version_key)}
    return {key: replace(v, is_newest=newest[v.id] == v.version_key) for key, v in versions.items()}


def made(id: StixId, own: Tlp | None = None, *others: StixId, n: int = 1, **more: Any) -> ObjectVersion:
    """The n-th version of an object with this TLP and these other markings."""
    raised, fault = more.pop("raised", None), more.pop("fault", None)
    markings = Markings(own, raised, frozenset(others), fault=fault)
    return version(id, markings=markings, key=f"{DAY}.{n}", digest=f"{id}{n}".encode(), **more)


def box(
    id: StixId, tlp: Tlp | None, *marks: StixId, of: tuple[StixId, ...] = (ONE, NAME), **more: Any
) -> Any:
    return made(id, tlp, *marks, contains=frozenset(of), **more)


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
