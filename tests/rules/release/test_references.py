"""Policy 2.7: an object stands only with what it refers to. Withheld ones first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model import Class, Clearance, Ground, Justification, MemberId, NationCode, Reader, StixId, View
from hub.rules.release.justifications import NEVER, is_visible
from hub.rules.release.references import (
    Node,
    Settled,
    either,
    judge,
    reached,
)

US, KR = NationCode("US"), NationCode("KR")
CERT, AGENCY, PARTNER = MemberId("us-cert"), MemberId("us-agency"), MemberId("us-partner")
RECIPIENTS = [KR, US]
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
    judged = judge(nodes, settled, RECIPIENTS)
    return {
        key for key, judgement in judged.items() if is_visible(judgement[View(reader.nation)], reader, {1, 2})
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


@pytest.mark.parametrize("referring", [CERT, PARTNER])
@pytest.mark.parametrize("home", [EVERYBODY, CERT_ALONE])
def test_another_members_record_withholds_nothing(referring: MemberId, home: Class) -> None:
    """What is taken over from it was decided when the version came (policy 2.7)."""
    nodes = {
        "a": node("a", "x", member=referring),
        "b": node("b", member=AGENCY),
        "x": node("x", member=AGENCY, abroad=NEVER, home=home),
    }
    assert abroad(nodes) == {"a", "b"}


def test_of_two_records_of_one_id_the_own_one_counts() -> None:
    nodes = {
        "mine": node("x", member=CERT),
        "theirs": node("x", member=AGENCY, abroad=NEVER),
        "a": node("a", "x", member=CERT),
    }
    assert abroad(nodes) == {"mine", "a"}
    nodes = {
        "mine": node("x", member=CERT, abroad=NEVER),
        "theirs": node("x", member=AGENCY),
        "a": node("a", "x", member=CERT),
    }
    assert abroad(nodes) == {"theirs"}


# --- two references that bind nothing -------------------------------------------------------------


def test_a_marked_container_is_not_withheld_for_an_unmarked_name_in_it() -> None:
    name = replace(node("x", abroad=NEVER), is_unmarked_name=True)
    report = node("a", "x")
    assert abroad({"a": report, "x": name}) == set()
    marked = replace(report, unbound=frozenset({StixId("x")}))
    assert abroad({"a": marked, "x": name}) == {"a"}
    assert abroad({"a": marked, "x": replace(name, is_unmarked_name=False)}) == set()
    settled = Settled(CERT, StixId("x"), HIDDEN, is_unmarked_name=True)
    assert abroad({"a": marked}, settled) == {"a"}
    assert abroad({"a": report}, settled) == set()
    assert abroad({"a": marked}, replace(settled, is_unmarked_name=False)) == set()


def test_an_own_copy_withholds_nothing_from_who_may_see_what_it_is_a_copy_of() -> None:
    stands_there = {KR: [frozenset({SHARED})]}
    copy, referring = node("x", abroad=NEVER), node("a", "x")
    assert abroad({"a": referring, "x": copy}) == set()
    assert abroad({"a": referring, "x": replace(copy, originals=stands_there)}) == {"a"}
    to_the_cert = replace(copy, originals={KR: [frozenset({TO_CERT})]})
    assert abroad({"a": referring, "x": to_the_cert}) == {"a"}
    assert abroad({"a": referring, "x": to_the_cert}, reader=KR_AGENCY) == set()
    settled = Settled(CERT, StixId("x"), HIDDEN, originals=stands_there)
    assert abroad({"a": referring}, settled) == {"a"}


def test_a_copys_earlier_version_is_still_withheld_by_its_newest() -> None:
    nodes = {
        "old": node("x", later="new"),
        "new": replace(node("x", abroad=NEVER), originals={KR: [frozenset({SHARED})]}),
    }
    assert abroad(nodes) == set()


def test_either_is_the_condition_that_one_of_two_holds() -> None:
    both = either(frozenset({SHARED, CERT_ALONE}), frozenset({TO_CERT}))
    assert is_visible(both, KR_AGENCY, {1}) is False
    assert is_visible(both, KR_CERT, {1}) is True
    assert is_visible(both, KR_CERT, {2}) is True
    assert is_visible(both, KR_CERT, set()) is False


def test_what_a_version_needs_is_all_that_it_reaches() -> None:
    nodes = {"a": node("a", "b"), "b": node("b", "c"), "c": node("c", "a"), "d": node("d", "a")}
    expected = {"a": ["b", "c"], "b": ["a", "c"], "c": ["a", "b"], "d": ["a", "b", "c"]}
    assert reached(nodes, nodes, 9) == expected
    assert reached(nodes, {"c"}, 9) == {"a": ["c"], "b": ["c"], "c": [], "d": ["c"]}


@given(
    edges=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25),
    marked=st.sets(st.integers(0, 9)),
    most=st.integers(1, 4),
)
def test_the_first_of_what_is_reached_are_those_that_a_search_meets(
    edges: list[tuple[int, int]], marked: set[int], most: int
) -> None:
    nodes = {n: node(str(n), *(str(to) for start, to in edges if start == n)) for n in range(10)}
    found = reached(nodes, marked, most)  # type: ignore[type-var, arg-type]
    for start in nodes:
        met, waiting = {start}, [start]
        while waiting:
            here = waiting.pop()
            new = {to for one, to in edges if one == here} - met
            met |= new
            waiting += new
        assert found[start] == sorted((met - {start}) & marked)[:most]


# --- versions -------------------------------------------------------------------------------------


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
        (Settled(AGENCY, StixId("x"), HIDDEN), {"a"}),  # another member's
        (Settled(CERT, StixId("y"), HIDDEN), {"a"}),
        (
            Settled(CERT, StixId("x"), {View(US): frozenset({EVERYBODY}), View(KR): frozenset({SHARED})}),
            {"a"},
        ),
    ],
)
def test_settled_records_count_as_they_stand(settled: Settled, expected: set[str]) -> None:
    assert abroad({"a": node("a", "x")}, settled) == expected
