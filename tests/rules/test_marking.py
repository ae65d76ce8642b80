"""Policy 2: which level is enforced, and what closes an object. Refusals and strictness first."""

from __future__ import annotations

import pytest

from hub.model import DefinitionKind, Markings, StixId, Tlp
from hub.rules.marking import (
    Around,
    effective_tlp,
    identity_exception,
    is_accepted_definition,
    unknown_markings,
)

CLEAR, GREEN, AMBER, STRICT, RED = Tlp
STATEMENT = StixId("marking-definition--11111111-1111-4111-8111-111111111111")
OTHER = StixId("marking-definition--22222222-2222-4222-8222-222222222222")
ACS = StixId("extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce")


@pytest.mark.parametrize(
    ("tlp", "raised", "around", "expected"),
    [
        # an own marking wins over everything but what raises
        (GREEN, None, Around(AMBER), GREEN),
        (CLEAR, None, Around(AMBER, containers=RED), CLEAR),
        (GREEN, None, Around(AMBER, floor=RED, containers=RED, exception=GREEN), GREEN),
        (RED, None, Around(AMBER, containers=GREEN), RED),
        # labels and parts raise, never lower (2.1, 2.5)
        (GREEN, RED, Around(AMBER), RED),
        (RED, GREEN, Around(AMBER), RED),
        (AMBER, STRICT, Around(AMBER), STRICT),
        # a label alone counts as no marking
        (None, GREEN, Around(AMBER), AMBER),
        (None, CLEAR, Around(AMBER), AMBER),
        (None, RED, Around(AMBER), RED),
        (None, AMBER, Around(AMBER, containers=GREEN), AMBER),
        (None, GREEN, Around(AMBER, containers=STRICT), STRICT),
        # containers before the default, in both directions (2.3)
        (None, None, Around(AMBER, containers=RED), RED),
        (None, None, Around(AMBER, containers=GREEN), GREEN),
        (None, None, Around(AMBER, containers=CLEAR), CLEAR),
        (None, None, Around(AMBER, containers=STRICT, exception=GREEN), STRICT),
        # what was enforced before is not loosened by what comes later
        (None, None, Around(AMBER, floor=AMBER, containers=GREEN), AMBER),
        (None, None, Around(AMBER, floor=RED, containers=AMBER), RED),
        (None, None, Around(AMBER, floor=GREEN, containers=AMBER), AMBER),
        (None, None, Around(AMBER, floor=STRICT), STRICT),
        # the exceptions of 2.4, then the nation's default
        (None, None, Around(AMBER, exception=GREEN), GREEN),
        (None, None, Around(GREEN, exception=RED), RED),
        (None, None, Around(AMBER), AMBER),
        (None, None, Around(GREEN), GREEN),
        (None, None, Around(STRICT), STRICT),
    ],
)
def test_the_level_is_that_of_the_first_that_says_one(
    tlp: Tlp | None, raised: Tlp | None, around: Around, expected: Tlp
) -> None:
    assert effective_tlp(Markings(tlp=tlp, raised=raised), around) is expected


@pytest.mark.parametrize("around", [Around(level) for level in Tlp if level is not CLEAR])
def test_unmarked_never_means_public(around: Around) -> None:
    assert effective_tlp(Markings(), around) is not CLEAR


@pytest.mark.parametrize("tlp", [None, *Tlp])
@pytest.mark.parametrize("raised", [None, *Tlp])
@pytest.mark.parametrize("containers", [None, *Tlp])
def test_a_label_never_lowers(tlp: Tlp | None, raised: Tlp | None, containers: Tlp | None) -> None:
    around = Around(AMBER, containers=containers)
    assert effective_tlp(Markings(tlp, raised), around) >= effective_tlp(Markings(tlp), around)


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
