"""A term that is added to the table alone is read, refused, kept and said in words to who signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime

import orjson
import pytest
from sqlalchemy import select

from hub.actions.agreement import simulate
from hub.cli import reviews
from hub.client.agreement import terms
from hub.client.agreement.reviewing import review
from hub.client.agreement.signers import Signers
from hub.errors import Unprocessable
from hub.model import Anonymise, Clause, Clearance, Granular, NationCode, Purpose, Tlp, clause_terms
from hub.store.agreement import agreements
from hub.store.schema.tables import period
from tests.client.loopback import cert
from tests.stix_objects import Json
from tests.world import World, build, clause, key_of

YES, NO = "what is given needs a note", "what is given needs no note"
US, KR = NationCode("US"), NationCode("KR")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Noted(Clause):
    """A clause with one term more than this version has."""

    note_required: bool = False


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a clause have a further term: its field, and its row in the table."""
    monkeypatch.setattr(clause_terms, "Clause", Noted)
    row = clause_terms.yes_or_no("note_required", YES, NO)
    monkeypatch.setattr(clause_terms, "TERMS", (*clause_terms.TERMS, row))


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = build(database_url, codes=("US", "KR"), kinds=("cert", "agency"))
    yield made
    made.close()


def kept(world: World) -> list[Clause]:
    with world.service.store.read() as connection:
        return [one.clause for one in agreements.every_period(connection)]


def as_signed(world: World, view: Json, former: Json | None = None) -> str:
    """What a cert reads before it signs."""
    keys = {nation: key_of(f"{nation.lower()}-cert", Purpose.AGREEMENT) for nation in ("US", "KR")}
    members = [cert(nation, key) for nation, key in keys.items()]
    signers = Signers.read(members, {}, keys["KR"].thumbprint)
    before = None if former is None else review(former, signers, world.clock.now)
    found = review(view, signers, world.clock.now, before)
    assert found.findings == ()
    return "\n".join(reviews.lines(found))


# --- a further term -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("further", "is_required", "words"),
    [({}, False, NO), ({"note_required": False}, False, NO), ({"note_required": True}, True, YES)],
)
def test_a_further_term_is_read_kept_simulated_and_said_to_the_signer(
    noted: None, world: World, further: Json, is_required: bool, words: str
) -> None:
    proposed = world.agree(["US", "KR"], clause("US", "KR", "amber", **further), signers=[])
    assert proposed["document"]["clauses"] == proposed["clauses"] == [clause("US", "KR", "amber", **further)]
    assert f"\n  note_required {words}\n" in as_signed(world, proposed)
    for nation in ("US", "KR"):
        signed = world.sign(proposed, nation)
    assert signed["state"] == "in force"
    assert kept(world) == [Noted(US, frozenset({KR}), Tlp.AMBER, note_required=is_required)]
    assert world.is_sound()
    document = {name: value for name, value in signed["document"].items() if name not in ("id", "hub")}
    told = simulate.simulate(world.service, world.callers["us-cert"], orjson.dumps(document))
    assert told["released"] == told["withdrawn"] == []


@pytest.mark.parametrize("value", ["yes", 1, None, [True]])
def test_a_further_term_that_is_malformed_is_refused_with_its_place_and_remedy(
    noted: None, world: World, value: object
) -> None:
    with pytest.raises(Unprocessable) as refusal:
        world.agree(["US", "KR"], clause("US", "KR", "amber"), clause("KR", "US", "red", note_required=value))
    assert str(refusal.value) == "clause 2, note_required: must be true or false."
    (odd,) = (term for term in terms.clause(clause("US", "KR", "amber", note_required=value)) if term.fault)
    assert odd.name == "note_required"


def test_without_its_row_the_term_is_refused_and_what_is_known_is_said(world: World) -> None:
    with pytest.raises(Unprocessable, match=r"^clause 1: unknown key 'note_required'; known are anonymise, "):
        world.agree(["US", "KR"], clause("US", "KR", "amber", note_required=True))
    (unknown,) = (
        term for term in terms.clause(clause("US", "KR", "amber", note_required=True)) if not term.is_known
    )
    assert (unknown.name, unknown.words) == ('"note_required"', "true")


def test_an_amendment_tells_the_signer_that_the_term_changes(noted: None, world: World) -> None:
    former = world.agree(["US", "KR"], clause("US", "KR", "amber"))
    changed = clause("US", "KR", "amber", note_required=True)
    amending = world.agree(["US", "KR"], changed, signers=[], supersedes=former["id"])
    assert f"\n  clause 1, note_required: was {NO}; is {YES}\n" in as_signed(world, amending, former)


def test_what_was_stored_before_the_term_has_its_default(
    world: World, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    world.agree(["US", "KR"], clause("US", "KR", "amber", audience="cert"))
    request.getfixturevalue("noted")
    assert kept(world) == [Noted(US, frozenset({KR}), Tlp.AMBER, Clearance.CERT, note_required=False)]
    assert world.is_sound()


def test_a_stored_term_that_this_version_does_not_know_is_not_passed_over() -> None:
    stored = orjson.loads(orjson.dumps(Noted(US, frozenset({KR}), Tlp.AMBER), default=sorted))
    with pytest.raises(LookupError):
        clause_terms.restore_clause(stored)


# --- the present terms ----------------------------------------------------------------------------

WHOLE = {
    "from": "US",
    "to": ["KR"],
    "max_tlp": "red",
    "audience": "partner",
    "types": ["tool", "malware"],
    "history": True,
    "granular": "redact",
    "anonymise": "agency",
}
STORED = (
    '{"origin":"US","recipients":["KR"],"max_tlp":4,"audience":1,"types":["malware","tool"],"history":true,'
    '"granular":"redact","anonymise":"agency"}'
)


def test_every_field_of_a_clause_has_one_row() -> None:
    assert [term.field for term in clause_terms.TERMS] == [field.name for field in fields(Clause)]
    assert {term.name for term in clause_terms.TERMS} == WHOLE.keys()


def test_a_clause_is_stored_as_it_ever_was(world: World) -> None:
    world.agree(["US", "KR"], WHOLE)
    with world.service.store.read() as connection:
        assert connection.execute(select(period.c.clause)).scalars().all() == [STORED]
    types = frozenset({"malware", "tool"})
    given = (Clearance.PARTNER, types, True, Granular.REDACT, Anonymise.AGENCY)
    assert kept(world) == [Clause(US, frozenset({KR}), Tlp.RED, *given)]
