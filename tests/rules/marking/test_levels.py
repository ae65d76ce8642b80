"""Policy 2: which level is enforced, and what closes an object. Refusals and strictness first."""

from __future__ import annotations

import pytest

from hub.model import (
    Clearance,
    DefinitionKind,
    EffectiveMarking,
    Markings,
    NationCode,
    Reach,
    StixId,
    Taken,
    Tlp,
)
from hub.rules.marking.levels import (
    accepted_as,
    accepted_by,
    handed_down,
    identity_exception,
    is_accepted_definition,
    is_stricter,
    laxest,
    raised,
    releasable_to,
    shared_reach,
    strictest,
    taken_together,
    unknown_markings,
    with_rel_to_on_parts,
)

CLEAR, GREEN, AMBER, STRICT, RED = Tlp
STATEMENT = StixId("marking-definition--11111111-1111-4111-8111-111111111111")
OTHER = StixId("marking-definition--22222222-2222-4222-8222-222222222222")
ACS = StixId("extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce")


NOBODY: frozenset[NationCode] = frozenset()
KR, JP, AU = (NationCode(code) for code in ("KR", "JP", "AU"))


def h(tlp: Tlp, *nations: NationCode, closed: bool = False) -> EffectiveMarking:
    """A handling; no nations: it goes to all."""
    return EffectiveMarking(tlp, frozenset(nations) or None, closed)


@pytest.mark.parametrize(
    ("handlings", "expected"),
    [
        ([h(CLEAR), h(RED)], h(RED)),
        ([h(GREEN, closed=True), h(AMBER)], h(AMBER, closed=True)),
        ([h(GREEN, KR, JP), h(CLEAR, JP, AU)], h(GREEN, JP)),
        ([h(GREEN, KR), h(GREEN, JP)], EffectiveMarking(GREEN, NOBODY)),
        ([h(AMBER, KR), h(GREEN)], h(AMBER, KR)),
        ([h(GREEN)], h(GREEN)),
        ([], None),
    ],
)
def test_the_strictest_is_as_strict_as_all_together(
    handlings: list[EffectiveMarking], expected: EffectiveMarking | None
) -> None:
    assert strictest(handlings) == expected
    assert strictest(reversed(handlings)) == expected


@pytest.mark.parametrize(
    ("handlings", "expected"),
    [
        ([h(GREEN, closed=True)], h(GREEN, closed=True)),  # of all, where none is open
        ([h(GREEN, closed=True), h(RED, closed=True)], h(GREEN, closed=True)),
        ([h(GREEN, closed=True), h(AMBER)], h(AMBER)),  # the open ones first
        ([h(AMBER), h(RED, KR)], h(AMBER)),  # the lowest level, whatever others name
        ([h(GREEN, KR), h(GREEN, JP), h(AMBER)], h(GREEN, KR, JP)),  # to whomever one of these goes
        ([h(GREEN, KR), h(GREEN)], h(GREEN)),
        ([EffectiveMarking(RED, NOBODY), h(RED, KR)], h(RED, KR)),
        ([], None),
    ],
)
def test_a_name_takes_the_laxest(
    handlings: list[EffectiveMarking], expected: EffectiveMarking | None
) -> None:
    assert laxest(handlings) == expected


@pytest.mark.parametrize(
    ("one", "than", "expected"),
    [
        (h(AMBER), h(GREEN), True),
        (h(GREEN, KR), h(GREEN), True),
        (h(GREEN, KR), h(GREEN, JP), True),  # some nation would lose it
        (h(GREEN, closed=True), h(GREEN), True),
        (h(CLEAR, KR), h(RED), True),  # in one of them is enough
        (h(GREEN), h(GREEN), False),
        (h(GREEN), h(GREEN, KR), False),
        (h(GREEN, KR, JP), h(GREEN, KR), False),
        (h(GREEN), h(RED, closed=True), False),
    ],
)
def test_stricter_is_in_level_rel_to_or_closure(
    one: EffectiveMarking, than: EffectiveMarking, *, expected: bool
) -> None:
    assert is_stricter(one, than) is expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (h(RED), EffectiveMarking(RED, NOBODY)),  # addressed to nobody, and that is handed down
        (h(RED, KR), h(RED, KR)),
        (h(STRICT), h(STRICT)),
        (h(GREEN, closed=True), h(GREEN, closed=True)),
    ],
)
def test_red_without_rel_to_hands_down_that_it_is_addressed_to_nobody(
    given: EffectiveMarking, expected: EffectiveMarking
) -> None:
    assert handed_down(given) == expected


@pytest.mark.parametrize(
    ("effective", "level", "expected"),
    [
        (
            h(GREEN, KR),
            RED,
            EffectiveMarking(RED, NOBODY),
        ),  # a container's REL TO does not address what is raised
        (h(GREEN, KR), AMBER, h(AMBER, KR)),
        (h(RED, KR), RED, h(RED, KR)),
        (h(RED), GREEN, h(RED)),  # never lower
        (h(GREEN, closed=True), AMBER, h(AMBER, closed=True)),
        (h(GREEN), None, h(GREEN)),
    ],
)
def test_labels_and_parts_raise_and_never_lower(
    effective: EffectiveMarking, level: Tlp | None, expected: EffectiveMarking
) -> None:
    assert raised(effective, level) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"KR": 2}, {"JP": 2}, {}),
        ({"KR": 2, "JP": 1}, {"JP": 3}, {"JP": 3}),
        ({"KR": 2}, None, {"KR": 2}),
        (None, {}, {}),
        (None, None, None),
    ],
)
def test_a_shared_reach_is_where_both_let_it_go_from_the_higher_clearance(
    one: dict[str, int] | None, other: dict[str, int] | None, expected: dict[str, int] | None
) -> None:
    def reach(of: dict[str, int] | None) -> Reach | None:
        return None if of is None else frozenset((NationCode(c), Clearance(n)) for c, n in of.items())

    assert shared_reach(reach(one), reach(other)) == reach(expected)
    assert taken_together([Taken(None, reach(one)), Taken(h(AMBER), reach(other))]) == Taken(
        h(AMBER), reach(expected)
    )


@pytest.mark.parametrize(
    ("refs", "expected"),
    [(set(), None), ({OTHER}, None), ({STATEMENT}, frozenset({KR})), ({STATEMENT, OTHER}, frozenset({KR}))],
)
def test_rel_to_names_its_nations(refs: set[StixId], expected: frozenset[NationCode] | None) -> None:
    assert releasable_to(refs, {STATEMENT: KR}) == expected


def test_rel_to_on_a_part_closes_the_object() -> None:
    on_part = Markings(others=frozenset({STATEMENT}), parts=frozenset({STATEMENT}))
    assert "REL TO stands on a part" in (with_rel_to_on_parts(on_part, {STATEMENT: KR}).fault or "")
    assert with_rel_to_on_parts(on_part, {OTHER: KR}) == on_part


@pytest.mark.parametrize(
    ("namers", "expected"),
    [
        ({}, None),
        ({RED: 0}, None),  # nobody is left
        ({RED: 1}, RED),
        ({RED: 3, AMBER: 1}, AMBER),
        ({RED: 3, AMBER: 0}, RED),
        ({GREEN: 1, RED: 9}, GREEN),
        ({CLEAR: 1}, GREEN),  # never below green
        ({CLEAR: 1, RED: 1}, GREEN),
        ({STRICT: 2}, STRICT),
    ],
)
def test_an_unmarked_identity_takes_the_laxest_level_of_those_who_name_it(
    namers: dict[Tlp, int], expected: Tlp | None
) -> None:
    assert identity_exception(namers) is expected


@pytest.mark.parametrize(
    ("kind", "id", "extensions", "informative", "expected"),
    [
        (None, STATEMENT, (), (), False),  # no marking-definition at all
        (DefinitionKind.OTHER, OTHER, (), (), False),
        (DefinitionKind.OTHER, OTHER, (ACS,), (), False),  # ACS closes by default
        (DefinitionKind.TLP_COPY, OTHER, (), (), False),
        (DefinitionKind.OTHER, OTHER, (), (OTHER,), True),
        (DefinitionKind.OTHER, OTHER, (ACS,), (ACS,), True),
        (DefinitionKind.STATEMENT, STATEMENT, (), (), True),
        (None, OTHER, (), (OTHER,), False),
    ],
)
def test_a_definition_is_accepted_as_statement_or_by_configuration(
    kind: DefinitionKind | None,
    id: StixId,
    extensions: tuple[StixId, ...],
    informative: tuple[StixId, ...],
    *,
    expected: bool,
) -> None:
    assert is_accepted_definition(id, kind, frozenset(extensions), frozenset(informative)) is expected


@pytest.mark.parametrize(
    ("others", "accepted", "informative", "unknown"),
    [
        ({OTHER}, set(), set(), {OTHER}),
        ({OTHER, STATEMENT}, {STATEMENT}, set(), {OTHER}),  # one is enough
        ({OTHER}, {STATEMENT}, {ACS}, {OTHER}),
        ({STATEMENT}, {STATEMENT}, set(), set()),
        ({OTHER}, set(), {OTHER}, set()),
        (set(), set(), set(), set()),
    ],
)
def test_every_marking_that_nobody_knows_closes(
    others: set[StixId], accepted: set[StixId], informative: set[StixId], unknown: set[StixId]
) -> None:
    markings = Markings(others=frozenset(others))
    assert unknown_markings(markings, accepted, frozenset(informative)) == unknown


@pytest.mark.parametrize(
    ("versions", "configured", "expected"),
    [
        ([], {ACS}, False),
        ([{ACS}], set(), False),
        ([{ACS}], {OTHER}, False),
        ([{ACS}], {ACS}, True),
        ([{ACS}, {OTHER}], set(), False),
        ([{ACS}, {OTHER}], {ACS}, True),  # whichever of its versions is listed
        ([{OTHER}, {ACS}], {ACS}, True),
        ([set()], set(), True),  # a statement
        ([set(), {ACS}], set(), True),  # a statement once: whichever came first
        ([{ACS}, set()], set(), True),
        ([{ACS}, set(), {ACS}], set(), True),
        ([{ACS}, {ACS}], set(), False),  # the same version, once more
    ],
)
def test_the_versions_of_a_definition_count_together(
    versions: list[set[StixId]], configured: set[StixId], *, expected: bool
) -> None:
    accepted = accepted_as((STATEMENT, frozenset(listed)) for listed in versions)
    assert (STATEMENT in accepted_by(accepted, frozenset(configured))) is expected
