"""Generated worlds again: explanations say what polls do, to whom they may, and disclosures what they did."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.actions.oversight import disclosures, explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.errors import NotFound
from hub.model import Caller, Clearance, Kind, Member, MemberId, Scope, StixId, Tlp, version_key
from tests.oracle import OracleAgreement
from tests.properties.playing import Play
from tests.properties.test_worlds import FEWER, a_world
from tests.properties.world_strategies import event_lists
from tests.properties.worlds import DEFAULTS, LEVELS, MEMBERS, NATIONS, Event
from tests.stix_objects import stix_id
from tests.world import KINDS, Copies, World
from tests.world.paged import Row

AUDITOR = Caller(
    Member(MemberId("auditor"), None, Kind.AUDITOR, "auditor", StixId("identity--x")), frozenset(Scope)
)
ABSENT = stix_id("malware", 4_711)
Told = dict[str, Any]


@pytest.fixture(scope="module")
def copies() -> Copies:
    return Copies(codes=NATIONS, defaults={code: Tlp.of(level) for code, level in DEFAULTS.items()})


def ask(world: World, caller: Caller, id: str, version: str) -> list[Told]:
    """Every record that the caller is told of; none where it is told that there is nothing."""
    try:
        found = explain.explain(world.service, caller, ExplanationRequest(StixId(id), version_key(version)))
    except NotFound:
        return []
    return list(found.get("records", [found]))


def versions(play: Play) -> set[tuple[str, str]]:
    """Every version of every record that was ever accepted, deleted ones too."""
    return {(v.id, v.text) for v in play.oracle.versions}


def expected(reader: str, record: Told) -> bool:
    """Whether every member of the reader's nation and clearance must be served what is explained so."""
    (own,) = [one for one in record["decisions"] if one["nation"] == reader[:2].upper()]
    if own["decision"] == "withhold":
        return False
    clearance = KINDS[reader[3:]].clearance
    assert clearance is not None
    return clearance >= Clearance[own["clearance"].upper()]


# --- explanations ---------------------------------------------------------------------------------


@FEWER
@given(events=event_lists)
def test_what_is_explained_is_what_every_reader_is_served(copies: Copies, events: list[Event]) -> None:
    """Below the clearance, at home, whoever submitted something sees it, and what hangs on nothing else."""
    with a_world(copies) as world:
        play = Play(world).play(events)
        served = {r: Counter((s.origin, s.id, s.version) for s in world.see(r)) for r in MEMBERS}
        explained: dict[str, Counter[tuple[str, str, str]]] = {reader: Counter() for reader in MEMBERS}
        for id, version in versions(play):
            for record in ask(world, AUDITOR, id, version):
                for reader in MEMBERS:
                    explained[reader][record["origin"], id, version] += expected(reader, record)
        have_submitted = {v.member for v in play.oracle.versions}
        for reader in MEMBERS:
            assert +explained[reader] <= served[reader]
            more = served[reader] - explained[reader]
            assert {origin for origin, _, _ in more} <= {reader[:2].upper()}
            assert not more or reader in have_submitted


@FEWER
@given(events=event_lists)
def test_what_a_member_is_told_is_of_what_it_is_served(copies: Copies, events: list[Event]) -> None:
    with a_world(copies) as world:
        play = Play(world).play(events)
        served = {r: Counter((s.origin, s.id, s.version) for s in world.see(r)) for r in MEMBERS}
        deleted = {(v.id, v.text) for v in play.oracle.versions if v.is_deleted}
        for id, version in versions(play):
            everything = ask(world, AUDITOR, id, version)
            for reader in MEMBERS:
                told = ask(world, world.callers[reader], id, version)
                origins = Counter((one["origin"], id, version) for one in told)
                if (id, version) not in deleted:
                    assert origins == Counter(
                        {k: n for k, n in served[reader].items() if k[1:] == (id, version)}
                    )
                for record in told:
                    check_told(reader, record, everything)


@FEWER
@given(events=event_lists)
def test_many_are_told_as_each_is_and_what_is_hidden_as_what_is_not_there(
    copies: Copies, events: list[Event]
) -> None:
    with a_world(copies) as world:
        play = Play(world).play(events)
        ids = sorted({id for id, _ in versions(play)} | world.hubs_own() | {ABSENT})
        asked = [(id, None) for id in ids] + sorted({*versions(play), (ABSENT, "2026-03-01T00:00:00.000Z")})
        questions = [ExplanationRequest(StixId(i), v and version_key(v), version=v) for i, v in asked]
        for caller in (AUDITOR, *world.callers.values()):
            told = explain.explain_many(world.service, caller, questions)
            assert len(told) == len(questions)
            for question, answer in zip(questions, told, strict=True):
                try:
                    alone = explain.explain(world.service, caller, question)
                except NotFound as refused:
                    named = {} if question.version is None else {"version": question.version}
                    alone = {"object": question.id, **named, "error": str(refused)}
                assert answer == alone


def check_told(reader: str, record: Told, everything: list[Told]) -> None:
    home, is_cert = reader[:2].upper(), reader.endswith("-cert")
    nations = [one["nation"] for one in record["decisions"]]
    assert nations == (sorted(NATIONS) if is_cert and record["origin"] == home else [home])
    if not is_cert:
        assert all(one["agreement"] is one["clause"] is None for one in record["decisions"])
    same = [one for one in everything if record["effective_tlp"] == one["effective_tlp"]]
    decided = [{d["nation"]: (d["decision"], d["clearance"]) for d in one["decisions"]} for one in same]
    assert any(
        all(one[d["nation"]] == (d["decision"], d["clearance"]) for d in record["decisions"])
        and (
            "abroad" not in record
            or leaves(record) == any(one[n][0] == "release" for n in {*NATIONS} - {home})
        )
        for one in decided
    )


def leaves(record: Told) -> bool:
    """Whether a member is told that its object leaves; if not, by what."""
    decision, because = record["abroad"]["decision"], record["abroad"]["because"]
    assert (decision, because) == ("leaves", []) or decision == "stays at home"
    assert set(because) <= {"marking", "reference", "ceiling", "type"}
    return bool(decision == "leaves")


@FEWER
@given(events=event_lists)
def test_every_release_abroad_names_a_clause_that_matches(copies: Copies, events: list[Event]) -> None:
    with a_world(copies) as world:
        play = Play(world).play(events)
        for id, version in versions(play):
            for record in ask(world, AUDITOR, id, version):
                for one in record["decisions"]:
                    if one["decision"] == "release" and one["nation"] != record["origin"]:
                        assert is_covered(play, record, one, play.now)
                    else:
                        assert one["agreement"] is one["clause"] is None
                    assert (one["reason"] is None) == (one["decision"] == "release")


def is_covered(play: Play, record: Told, told: Told, at: datetime) -> bool:
    """Whether the named clause releases objects of this type and level from this origin to this nation."""
    agreement, clause = named(play, told)
    level = LEVELS.index(record.get("effective_tlp", "clear"))
    types = [*clause.get("types", [type_of(record)]), "identity", "marking-definition"]
    return (
        agreement.is_in_force(at)
        and clause["from"] == record["origin"]
        and told["nation"] in clause["to"]
        and level <= LEVELS.index(clause["max_tlp"])
        and type_of(record) in types
    )


def named(play: Play, told: Told) -> tuple[OracleAgreement, Told]:
    (n,) = [n for n, view in enumerate(play.made) if view is not None and view["id"] == told["agreement"]]
    agreement = play.agreements[n]
    assert agreement is not None
    return agreement, agreement.clauses[told["clause"] - 1]


def type_of(record: Told) -> str:
    return str(record["object"]).partition("--")[0]


# --- disclosures ----------------------------------------------------------------------------------


@FEWER
@given(events=event_lists, data=st.data())
def test_what_was_fetched_is_told_whole_and_under_a_clause_of_its_moment(
    copies: Copies, events: list[Event], data: st.DataObject
) -> None:
    readers = data.draw(st.lists(st.sampled_from(MEMBERS), min_size=2, max_size=3, unique=True))
    with a_world(copies) as world:
        play = Play(world)
        fetched: Counter[tuple[str, str, str]] = Counter()
        pollers = {reader: world.follow(reader) for reader in readers}
        for event in events:
            play.step(event)
            for reader, poller in pollers.items():
                if data.draw(st.booleans()):
                    fetched += counted(reader, poller.poll(), world)
        told: Counter[tuple[str, str, str]] = Counter()
        for id in {id for id, _ in versions(play)}:
            for one in disclosures.of_object(world.service, AUDITOR, StixId(id)):
                told[one["member"], id, one["version"]] += 1
                if one["agreement"] is not None:
                    assert was_in_force(play, one)
        assert told == fetched


def counted(reader: str, rows: list[Row], world: World) -> Counter[tuple[str, str, str]]:
    return Counter((reader, row.id, row.version) for row in rows if row.id not in world.hubs_own())


def was_in_force(play: Play, told: Told) -> bool:
    agreement, clause = named(play, told)
    return told["nation"] in clause["to"] and agreement.is_in_force(datetime.fromisoformat(told["at"]))
