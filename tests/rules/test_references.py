"""Policy 2.7: an object stands only with what it refers to. Withheld ones first."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hub.model import Class, Clearance, Ground, Justification, MemberId, NationCode, Reader, StixId, View
from hub.rules.references import Circle, Node, Settled, judge
from hub.rules.release import NEVER, stands

US, KR = NationCode("US"), NationCode("KR")
CERT, AGENCY, PARTNER = MemberId("us-cert"), MemberId("us-agency"), MemberId("us-partner")
CIRCLE = Circle(US, {CERT: Clearance.CERT, AGENCY: Clearance.AGENCY, PARTNER: Clearance.PARTNER}, [KR, US])
SHARED: Class = frozenset({Ground(1, Clearance.AGENCY)})
TO_CERT: Class = frozenset({Ground(2, Clearance.CERT)})
EVERYBODY: Class = frozenset({Ground(None, Clearance.PARTNER)})
CERT_ALONE: Class = frozenset({Ground(None, Clearance.CERT)})
KR_CERT = Reader(MemberId("kr-cert"), KR, Clearance.CERT)
KR_AGENCY = Reader(MemberId("kr-agency"), KR, Clearance.AGENCY)


def node(
    id: str,
    *refers: str,
    member: MemberId = CERT,
    abroad: Class = SHARED,
    home: Class = EVERYBODY,
    later: str | None = None,
) -> Node[str]:
    own = {US: home, KR: abroad}
    named = frozenset(StixId(r) for r in refers)
    return Node(member, StixId(id), own, named, later, later is None)


def abroad(nodes: Mapping[str, Node[str]], *settled: Settled, reader: Reader = KR_CERT) -> set[str]:
    """The nodes that the reader sees while both agreements are in force."""
    judged = judge(nodes, settled, CIRCLE)
    return {
        key for key, judgement in judged.items() if stands(judgement[View(reader.nation)], reader, {1, 2})
    }


HIDDEN: dict[View, Justification] = {View(US): frozenset({EVERYBODY}), View(KR): frozenset({NEVER})}


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        # a chain falls with its end
        ({"a": node("a", "b"), "b": node("b", "c"), "c": node("c", abroad=NEVER)}, set()),
        ({"a": node("a", "b"), "b": node("b", "c", abroad=NEVER), "c": node("c")}, {"c"}),
        # one withheld reference among several is enough
        ({"a": node("a", "b", "c"), "b": node("b"), "c": node("c", abroad=NEVER)}, {"b"}),
        # a circle stands or falls whole
        ({"a": node("a", "b"), "b": node("b", "a", abroad=NEVER)}, set()),
        (
            {
                "a": node("a", "b"),
                "b": node("b", "c"),
                "c": node("c", "a", "d"),
                "d": node("d", abroad=NEVER),
            },
            set(),
        ),
        ({"a": node("a", "b"), "b": node("b", "a")}, {"a", "b"}),
        ({"a": node("a", "b"), "b": node("b", "c"), "c": node("c", "a")}, {"a", "b", "c"}),
        ({"a": node("a", "a")}, {"a"}),
        # what is referred to may stand alone, and a dangling reference is none
        ({"a": node("a", "b", abroad=NEVER), "b": node("b")}, {"b"}),
        ({"a": node("a", "unknown")}, {"a"}),
    ],
)
def test_references_of_one_member(nodes: dict[str, Node[str]], expected: set[str]) -> None:
    assert abroad(nodes) == expected


def test_who_sees_less_of_a_reference_sees_less_of_what_refers_to_it() -> None:
    nodes = {"a": node("a", "b"), "b": node("b", abroad=TO_CERT)}
    assert abroad(nodes, reader=KR_AGENCY) == set()
    assert abroad(nodes, reader=KR_CERT) == {"a", "b"}


@pytest.mark.parametrize(
    ("referring", "home", "expected"),
    [
        (CERT, EVERYBODY, {"b"}),
        (PARTNER, EVERYBODY, {"b"}),  # the partner sees what it refers to, and KR does not
        (CERT, CERT_ALONE, {"b"}),
        (PARTNER, CERT_ALONE, {"a", "b"}),  # it cannot see it: nothing is looked up
    ],
)
def test_another_members_record_counts_if_the_referring_member_sees_it(
    referring: MemberId, home: Class, expected: set[str]
) -> None:
    nodes = {
        "a": node("a", "x", member=referring),
        "b": node("b", member=AGENCY),
        "x": node("x", member=AGENCY, abroad=NEVER, home=home),
    }
    assert abroad(nodes) == expected


def test_every_visible_record_of_that_id_must_be_visible() -> None:
    nodes = {
        "mine": node("x", member=CERT),
        "theirs": node("x", member=AGENCY, abroad=NEVER),
        "a": node("a", "x", member=CERT),
    }
    assert abroad(nodes) == {"mine"}


def test_the_newest_version_decides() -> None:
    nodes = {"old": node("x", later="new"), "new": node("x", abroad=NEVER)}
    assert abroad(nodes) == set()
    nodes = {"old": node("x", abroad=NEVER, later="new"), "new": node("x")}
    assert abroad(nodes) == {"new"}


def test_a_reference_is_judged_by_the_newest_version_alone() -> None:
    nodes = {"old": node("x", abroad=NEVER, later="new"), "new": node("x"), "a": node("a", "x")}
    assert abroad(nodes) == {"new", "a"}


@pytest.mark.parametrize(
    ("settled", "expected"),
    [
        (Settled(CERT, StixId("x"), HIDDEN), set()),
        (Settled(CERT, StixId("x"), {View(US): frozenset({EVERYBODY})}), set()),  # missing: withheld
        (Settled(AGENCY, StixId("x"), HIDDEN), set()),
        (Settled(AGENCY, StixId("x"), {}), {"a"}),  # the referring member cannot see it either
        (Settled(CERT, StixId("y"), HIDDEN), {"a"}),
        (
            Settled(CERT, StixId("x"), {View(US): frozenset({EVERYBODY}), View(KR): frozenset({SHARED})}),
            {"a"},
        ),
    ],
)
def test_settled_records_count_as_they_stand(settled: Settled, expected: set[str]) -> None:
    assert abroad({"a": node("a", "x")}, settled) == expected


def test_a_circle_across_members_with_a_doubt_is_withheld() -> None:
    nodes = {
        "a": node("a", "b", member=PARTNER),
        "b": node("b", "c", member=AGENCY),
        "c": node("c", "a", member=CERT, abroad=NEVER),
    }
    assert abroad(nodes) == set()
