"""In which forms a nation may see a version, and how these hang together (policy 7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.model import (
    ANONYMISED,
    SUBMITTED,
    Anonymise,
    Clause,
    Clearance,
    Facts,
    Form,
    Granular,
    Ground,
    MemberId,
    NationCode,
    OriginalId,
    Period,
    Redaction,
    Release,
    SourceHiding,
    StixId,
    Tlp,
    View,
)
from hub.rules.release.deciding import Candidate, decide
from hub.rules.release.forms import (
    ClausesInForce,
    answered,
    audience,
    is_altering,
)
from hub.rules.release.justifications import NEVER, lowest_clearance
from hub.rules.release.references import Node, Settled, judge
from tests.rules.release.test_deciding import but

US, KR = NationCode("US"), NationCode("KR")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
PLAIN = Clause(US, frozenset({KR}), Tlp.AMBER)
HIDING = replace(PLAIN, anonymise=Anonymise.AGENCY)
CUTTING = replace(PLAIN, granular=Granular.REDACT)
AGENCYS = Candidate(US, Clearance.AGENCY, Facts(MemberId("us-agency"), "malware", Tlp.GREEN, NOW))
REDACTED = Form(ceiling=Tlp.AMBER)
RED = but(AGENCYS, tlp=Tlp.RED)
CUT = but(RED, base=Tlp.GREEN, redactions=(Redaction(Tlp.AMBER, None, frozenset(), frozenset({"name"})),))


def period(clause: Clause, id: int = 1) -> Period:
    since = {KR: NOW - timedelta(days=1)}
    return Period(id, f"agreement--{id}", 0, clause, since[KR], NOW + timedelta(days=1), since)


def forms(candidate: Candidate, *clauses: Clause, is_last: bool = True) -> dict[Form, bool]:
    """Every form but the submitted one that is thought of for KR, and whether some ground lets it stand."""
    law = ClausesInForce([KR, US], [period(clause, n) for n, clause in enumerate(clauses)], NOW)
    told = law.in_other_forms(candidate, is_last=is_last)
    return {view.form: own != NEVER for view, own in told.items() if view.recipient == KR}


def is_plain(candidate: Candidate, *clauses: Clause) -> bool:
    periods = [period(clause, n) for n, clause in enumerate(clauses)]
    return isinstance(decide(candidate, KR, periods, NOW), Release)


@pytest.mark.parametrize(
    ("candidate", "clauses", "plain", "others"),
    [
        (AGENCYS, [PLAIN], True, {}),
        (AGENCYS, [HIDING], False, {ANONYMISED: True}),
        (AGENCYS, [HIDING, PLAIN], True, {ANONYMISED: True}),
        (replace(AGENCYS, clearance=Clearance.PARTNER), [HIDING], False, {ANONYMISED: True}),
        (replace(AGENCYS, clearance=Clearance.CERT), [HIDING], True, {}),
        (but(AGENCYS, source_hiding=SourceHiding.PLAIN), [HIDING], True, {}),
        (but(AGENCYS, source_hiding=SourceHiding.NONE), [HIDING], False, {ANONYMISED: False}),
        (but(AGENCYS, source_hiding=SourceHiding.NONE), [PLAIN], True, {}),
        (but(AGENCYS, tlp=Tlp.RED), [HIDING], False, {ANONYMISED: False}),
        (but(AGENCYS, closed="x"), [HIDING], False, {ANONYMISED: False}),
        (but(AGENCYS, rel_to=frozenset({US})), [HIDING], False, {ANONYMISED: False}),
    ],
)
def test_who_is_hidden_and_who_is_not(
    candidate: Candidate, clauses: list[Clause], plain: bool, others: dict[Form, bool]
) -> None:
    assert is_plain(candidate, *clauses) == plain
    assert forms(candidate, *clauses) == others


@pytest.mark.parametrize(
    ("candidate", "is_last", "clauses", "others"),
    [
        (CUT, True, [CUTTING], {REDACTED: True}),
        (CUT, False, [CUTTING], {}),
        (but(CUT, base=Tlp.AMBER_STRICT), True, [CUTTING], {REDACTED: False}),
        (
            but(CUT, rel_to=frozenset({US}), base_rel_to=frozenset({US})),
            True,
            [CUTTING],
            {REDACTED: False},
        ),
        (RED, True, [CUTTING], {}),
        (CUT, True, [replace(CUTTING, max_tlp=Tlp.GREEN)], {}),
        (CUT, True, [replace(CUTTING, types=frozenset({"report"}))], {REDACTED: False}),
        (
            CUT,
            True,
            [replace(HIDING, granular=Granular.REDACT)],
            {ANONYMISED: False, Form(is_anonymised=True, ceiling=Tlp.AMBER): True},
        ),
    ],
)
def test_what_is_left_is_decided_by_its_own_level(
    candidate: Candidate, is_last: bool, clauses: list[Clause], others: dict[Form, bool]
) -> None:
    assert forms(candidate, *clauses, is_last=is_last) == others
    assert not is_plain(candidate, *clauses)


def test_an_answer_is_given_to_whom_it_is_about_and_to_others_it_goes_as_it_is() -> None:
    answer = but(AGENCYS, about=KR)
    assert not is_plain(answer, PLAIN)
    assert forms(answer, PLAIN) == {Form(is_answer=True): True}
    assert is_plain(but(answer, about=NationCode("JP")), PLAIN)  # to others it goes as it is
    assert forms(but(answer, about=NationCode("JP")), PLAIN) == {}
    assert forms(but(answer, about=NationCode("")), PLAIN) == {}


def test_only_altering_clauses_alter() -> None:
    assert [is_altering(clause) for clause in (PLAIN, HIDING, CUTTING)] == [False, True, True]


# --- references -----------------------------------------------------------------------------------

CERT, AGENCY, OTHER = MemberId("us-cert"), MemberId("us-agency"), MemberId("us-agency2")


def node(id: str, member: MemberId, *refers: str, plain: bool = False, hidden: bool = True) -> Node[str]:
    """A node that KR may see plain, or anonymised, references aside."""
    shown = frozenset({Ground(1, Clearance.PARTNER)})
    own = {US: frozenset({Ground(None, Clearance.PARTNER)}), KR: shown if plain else NEVER}
    is_masked = member != CERT
    others = {View(KR, ANONYMISED): frozenset({shown if hidden else NEVER})} if is_masked else {}
    return Node(
        *(member, StixId(id), own, frozenset(map(StixId, refers)), None),
        is_newest=True,
        others=others,
        is_masked=is_masked,
        sources=frozenset({StixId("source")}),
    )


def seen(nodes: dict[str, Node[str]], *settled: Settled) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"plain": set(), "anonymised": set()}
    for key, judgement in judge(nodes, settled, [KR, US]).items():
        if NEVER not in judgement[View(KR)]:
            found["plain"].add(key)
        if NEVER not in judgement.get(View(KR, ANONYMISED), frozenset({NEVER})):
            found["anonymised"].add(key)
    return found


@pytest.mark.parametrize(
    ("nodes", "plain", "anonymised"),
    [
        ([node("a", AGENCY, "b"), node("b", AGENCY)], "", "ab"),
        ([node("a", AGENCY, "b"), node("b", OTHER)], "", "ab"),
        ([node("a", AGENCY, "b"), node("b", AGENCY, hidden=False)], "", ""),
        ([node("a", AGENCY, "b"), node("b", AGENCY, plain=True, hidden=False)], "b", ""),
        # others' records are not looked at here (2.7): the cert's that names a colleague's has no such form
        ([node("a", AGENCY, "c"), node("c", CERT, plain=True)], "c", "a"),
        ([node("a", AGENCY, "c"), node("c", CERT)], "", "a"),
        ([node("c", CERT, "a", plain=True), node("a", AGENCY)], "c", "a"),
        ([node("a", AGENCY, "b"), node("b", OTHER, hidden=False)], "", "a"),
        ([node("a", AGENCY, "b"), node("b", AGENCY, "a")], "", "ab"),
        # the identity that the cert stands for is not missed
        ([node("a", AGENCY, "source"), node("source", AGENCY, hidden=False)], "", "a"),
    ],
)
def test_references_among_what_is_hidden(nodes: list[Node[str]], plain: str, anonymised: str) -> None:
    found = seen({one.id: one for one in nodes})
    assert found == {"plain": set(plain), "anonymised": set(anonymised)}


def leaf(form: Form, *refers: str) -> Node[str]:
    """A node that KR may see in this form alone, which nothing refers to, references aside."""
    shown = frozenset({Ground(1, Clearance.PARTNER)})
    named = frozenset(map(StixId, refers))
    others = {View(KR, form): frozenset({shown})}
    return replace(node("a", AGENCY, *refers, hidden=False), others=others, left={Tlp.AMBER: named})


_LEAVES = [
    Form(True, Tlp.AMBER),
    Form(True, is_answer=True),
    Form(False, Tlp.AMBER),
    Form(is_answer=True),
]


def is_shown_as_leaf(form: Form, nodes: list[Node[str]], *settled: Settled) -> bool:
    judged = judge({one.id: one for one in nodes}, settled, [KR, US])
    return NEVER not in judged["a"][View(KR, form)]


@pytest.mark.parametrize("form", _LEAVES)
def test_a_redaction_or_answer_stands_with_what_it_refers_to_in_its_own_way(form: Form) -> None:
    hidden, plain = node("b", AGENCY), node("b", AGENCY, plain=True, hidden=False)
    withheld = node("b", AGENCY, hidden=False)
    found = [is_shown_as_leaf(form, [leaf(form, "b"), one]) for one in (hidden, plain, withheld)]
    assert found == [form.is_anonymised, not form.is_anonymised, False]
    is_visible = frozenset({frozenset({Ground(1, Clearance.PARTNER)})})
    as_hidden = Settled(AGENCY, StixId("b"), {View(KR, ANONYMISED): is_visible}, is_masked=True)
    as_plain = Settled(AGENCY, StixId("b"), {View(KR): is_visible}, is_masked=True)
    found = [is_shown_as_leaf(form, [leaf(form, "b")], one) for one in (as_hidden, as_plain)]
    assert found == [form.is_anonymised, not form.is_anonymised]


@pytest.mark.parametrize("form", _LEAVES)
def test_a_hidden_redaction_or_answer_does_not_miss_the_identity_that_the_cert_stands_for(
    form: Form,
) -> None:
    withheld = node("source", AGENCY, hidden=False)
    assert is_shown_as_leaf(form, [leaf(form, "source"), withheld]) == form.is_anonymised
    settled = Settled(AGENCY, StixId("source"), {}, is_masked=True)
    assert is_shown_as_leaf(form, [leaf(form, "source")], settled) == form.is_anonymised


def test_a_redaction_stands_with_what_is_left_of_its_references() -> None:
    cut = Form(False, Tlp.AMBER)
    kept = replace(leaf(cut, "b"), left={Tlp.AMBER: frozenset()})
    assert is_shown_as_leaf(cut, [kept, node("b", AGENCY, hidden=False)])


def test_whoever_is_told_what_a_redaction_derives_from_sees_both() -> None:
    cut = Form(False, Tlp.AMBER)
    link = cut._replace(is_link=True)
    assert not is_shown_as_leaf(link, [leaf(cut)])
    shown = {KR: frozenset({Ground(1, Clearance.PARTNER)})}
    assert is_shown_as_leaf(link, [replace(leaf(cut), own=shown)])
    withheld = {View(KR, cut): frozenset({NEVER})}
    assert not is_shown_as_leaf(link, [replace(leaf(cut), own=shown, others=withheld)])


def test_what_is_settled_counts_in_the_form_that_it_has() -> None:
    is_visible = frozenset({frozenset({Ground(1, Clearance.PARTNER)})})
    at_home = {View(US): frozenset({frozenset({Ground(None, Clearance.PARTNER)})})}
    nodes = {"a": node("a", AGENCY, "b")}
    hidden = Settled(AGENCY, StixId("b"), at_home | {View(KR, ANONYMISED): is_visible}, is_masked=True)
    plain = Settled(AGENCY, StixId("b"), at_home | {View(KR, SUBMITTED): is_visible}, is_masked=True)
    unmasked = Settled(AGENCY, StixId("b"), at_home | {View(KR, SUBMITTED): is_visible}, is_masked=False)
    withheld = Settled(AGENCY, StixId("b"), at_home, is_masked=False)
    others = Settled(CERT, StixId("b"), at_home, is_masked=False)
    known = (hidden, plain, unmasked, withheld, others)
    assert [seen(nodes, one)["anonymised"] for one in known] == [{"a"}, set(), {"a"}, set(), {"a"}]
    source = Settled(AGENCY, StixId("source"), at_home, is_masked=True)
    assert seen({"a": node("a", AGENCY, "source")}, source)["anonymised"] == {"a"}


# --- answers --------------------------------------------------------------------------------------

OWNER, OTHER = MemberId("us-agency"), MemberId("us-partner")
MADE, BEHIND, MADE2, BEHIND2 = (StixId(f"malware--{n}") for n in range(4))
FROM_PARTNERS = frozenset({frozenset({Ground(None, Clearance.PARTNER)})})
ITS_OWN = Ground(None, Clearance.PARTNER, OWNER)
FROM_AGENCIES = frozenset({frozenset({Ground(None, Clearance.AGENCY), ITS_OWN})})
_STANDING = {(OWNER, BEHIND): FROM_AGENCIES, (OTHER, BEHIND): FROM_PARTNERS, (OWNER, BEHIND2): FROM_PARTNERS}


@pytest.mark.parametrize(
    ("told", "came_at", "gone", "lowest"),
    [
        ({}, 5, set(), Clearance.CERT),  # it was never released
        ({(OWNER, MADE): 5}, 5, set(), Clearance.CERT),  # it was later
        ({(OWNER, MADE): 4}, 0, set(), Clearance.CERT),  # the answer's own nation does not have that
        ({(OWNER, MADE): 4}, 5, {(OWNER, BEHIND)}, Clearance.CERT),
        ({(OWNER, MADE): 4, (OTHER, MADE): 4}, 5, {(OTHER, BEHIND)}, Clearance.CERT),  # one is gone
        ({(OWNER, MADE): 4}, 5, set(), Clearance.AGENCY),
        ({(OWNER, MADE): 4}, None, set(), Clearance.AGENCY),  # it comes now
        ({(OTHER, MADE): 4}, 5, set(), Clearance.PARTNER),
        ({(OTHER, MADE): 4, (OWNER, MADE): 6}, 5, set(), Clearance.PARTNER),  # the agency's came later
        ({(OTHER, MADE): 4, (OWNER, MADE): 3}, 5, set(), Clearance.AGENCY),
    ],
)
def test_an_answer_is_for_who_sees_what_had_been_released_when_it_came(
    told: dict[tuple[MemberId, StixId], int],
    came_at: int | None,
    gone: set[tuple[MemberId, StixId]],
    lowest: Clearance,
) -> None:
    valid = {record: value for record, value in _STANDING.items() if record not in gone}
    found = audience({MADE: BEHIND}, told, came_at, valid)
    assert lowest_clearance(found, set()) is lowest


def test_an_answer_about_several_objects_is_for_who_sees_them_all() -> None:
    both, told = {MADE: BEHIND, MADE2: BEHIND2}, {(OTHER, MADE): 1, (OWNER, MADE2): 2}
    assert lowest_clearance(audience(both, told, 3, _STANDING), set()) is Clearance.PARTNER
    assert lowest_clearance(audience(both, told, 2, _STANDING), set()) is Clearance.CERT


def test_answered_are_one_nations_objects_and_no_definitions_of_extensions() -> None:
    extension = StixId("extension-definition--1")
    behind = {
        MADE: OriginalId(US, BEHIND),
        MADE2: OriginalId(NationCode("JP"), BEHIND2),
        extension: OriginalId(US, StixId("extension-definition--2")),
    }
    assert answered(behind, US) == {MADE: BEHIND}
