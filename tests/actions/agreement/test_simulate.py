"""Who may simulate what, and is told what; that it then happens is held in tests/properties."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.actions.agreement import simulate
from hub.errors import Forbidden, NotFound
from hub.model import Caller, Kind, Member, MemberId, Scope, StixId
from hub.store.schema.tables import metadata
from tests.stix_objects import Json, malware, note, stix_id
from tests.world import World, build, clause

MALWARE_3, MALWARE_4 = stix_id("malware", 3), stix_id("malware", 4)
AUDITOR = Caller(
    Member(MemberId("auditor"), None, Kind.AUDITOR, "Auditor", StixId("identity--0")), frozenset({Scope.READ})
)


def proposal(*terms: Json, supersedes: Json | None = None) -> bytes:
    """An agreement of all whom its clauses name, the first origin first."""
    nations = [code for one in terms for code in (one["from"], *one["to"])]
    times = {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2028-01-01T00:00:00Z"}
    document = {"title": "Sharing", "parties": list(dict.fromkeys(nations)), **times, "clauses": terms}
    return json.dumps(document | ({} if supersedes is None else {"supersedes": supersedes["id"]})).encode()


def lines(told: list[Json]) -> list[tuple[str, ...]]:
    return [tuple(str(value) for value in line.values()) for line in told]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = build(database_url, codes=("US", "KR", "JP"), kinds=("cert", "agency"))
    yield made
    made.close()


@pytest.fixture
def former(world: World) -> Json:
    made = world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.push("us-agency", malware(1))
    return made


def test_an_auditor_simulates_an_amendment_and_is_told_all_counts(world: World, former: Json) -> None:
    told = simulate.simulate(world.service, AUDITOR, proposal(clause("US", "KR", "green"), supersedes=former))
    assert lines(told["withdrawn"]) == [("US", "KR", "malware", "amber", "agency", "1")]
    assert (told["released"], told["examples"]) == ([], [])


def test_a_nation_that_is_no_party_simulates_no_amendment(world: World, former: Json) -> None:
    body = proposal(clause("JP", "US", "green"), supersedes=former)
    with pytest.raises(NotFound):
        simulate.simulate(world.service, world.callers["jp-cert"], body)


@pytest.mark.parametrize("member", ["us-agency", "operator"])
def test_who_is_neither_cert_nor_auditor_simulates_nothing(world: World, member: str) -> None:
    operator = replace(AUDITOR, member=replace(AUDITOR.member, kind=Kind.OPERATOR))
    caller, body = world.callers.get(member, operator), proposal(clause("US", "KR", "green"))
    with pytest.raises(Forbidden):
        simulate.simulate(world.service, caller, body)


def test_what_was_submitted_before_is_counted_if_the_clause_reaches_back(world: World) -> None:
    world.push("us-agency", malware(1, tlp="green"), malware(2, tlp="green"), malware(3, tlp="amber"))
    referring = [(4, "green", 3), (5, "amber", 1), (6, "green", 1)]
    notes = [note(n, tlp=tlp, refs=[stix_id("malware", target)]) for n, tlp, target in referring]
    world.push("us-agency", *notes)
    world.clock.wait()
    us = world.callers["us-cert"]
    told = simulate.simulate(world.service, us, proposal(clause("US", "KR", "green", audience="partner")))
    assert (told["released"], told["examples"]) == ([], [])
    terms = clause("US", "KR", "green", audience="partner", history=True)
    told = simulate.simulate(world.service, us, proposal(terms))
    assert lines(told["released"]) == [
        ("US", "KR", "malware", "green", "partner", "2"),
        ("US", "KR", "note", "green", "partner", "1"),
    ]
    shown = {one["object"] for one in told["examples"]}
    assert stix_id("note", 6) in shown
    assert shown <= {stix_id("note", 6), stix_id("malware", 1), stix_id("malware", 2)}


def test_an_agreement_without_history_tells_what_would_have_crossed_in_the_last_30_days(world: World) -> None:
    world.push("us-agency", malware(1, tlp="green"), malware(2, tlp="green"))
    world.clock.now += timedelta(days=31)
    world.push(
        "us-agency", malware(3, tlp="green"), malware(4, tlp="amber"), note(5, tlp="green", refs=[MALWARE_3])
    )
    world.push("us-agency", note(6, tlp="green", refs=[MALWARE_4]))  # refers to what would not have crossed
    world.push("kr-agency", malware(7, tlp="green"))
    world.clock.wait()
    body = proposal(clause("US", "KR", "green", audience="partner"), clause("KR", "US", "green"))
    told = simulate.simulate(world.service, world.callers["us-cert"], body)
    assert (told["released"], told["withdrawn"], told["examples"]) == ([], [], [])
    assert told["recent"]["days"] == 30
    ours = [
        ("US", "KR", "malware", "green", "partner", "1"),
        ("US", "KR", "note", "green", "partner", "1"),
    ]
    assert lines(told["recent"]["released"]) == ours
    theirs = simulate.simulate(world.service, world.callers["kr-cert"], body)["recent"]["released"]
    assert lines(theirs) == [("KR", "US", "malware", "green", "agency", "1")]
    everything = simulate.simulate(world.service, AUDITOR, body)["recent"]["released"]
    assert sorted(lines(everything)) == sorted(ours + lines(theirs))


def test_what_crosses_already_is_not_told_as_what_would_have(world: World, former: Json) -> None:
    body = proposal(clause("US", "KR", "amber", types=["malware"]))
    told = simulate.simulate(world.service, world.callers["us-cert"], body)
    assert told["recent"]["released"] == []
    wider = proposal(clause("US", "KR", "amber", audience="partner"), supersedes=former)
    assert simulate.simulate(world.service, world.callers["us-cert"], wider)["recent"]["released"] == []


def test_examples_are_of_what_the_caller_may_see(world: World, former: Json) -> None:
    world.push("us-agency", malware(2, tlp="amber+strict"), malware(3, tlp="green"))
    wider = proposal(clause("US", "KR", "amber+strict", history=True), supersedes=former)
    ours = simulate.simulate(world.service, world.callers["us-cert"], wider)
    assert [one["object"] for one in ours["examples"]] == [stix_id("malware", 2)]
    theirs = simulate.simulate(world.service, world.callers["kr-cert"], wider)
    assert theirs.pop("recent")["released"] == []
    assert theirs == {"released": [], "withdrawn": [], "examples": []}
    narrower = proposal(clause("US", "KR", "green"), supersedes=former)
    theirs = simulate.simulate(world.service, world.callers["kr-cert"], narrower)
    assert [(one["change"], one["object"]) for one in theirs["examples"]] == [
        ("withdrawn", stix_id("malware", 1))
    ]


@pytest.mark.parametrize("end", ["green", "red"])
def test_what_hangs_on_what_hangs_on_others_is_counted_however_deep(world: World, end: str) -> None:
    chain = [note(n, tlp="green", refs=[stix_id("note", n - 1)]) for n in range(1, 30)]
    circle = [note(n, tlp="green", refs=[stix_id("note", 81 - n), stix_id("note", 0)]) for n in (40, 41)]
    alike = [note(n, tlp="green", refs=[stix_id("note", 0)], version=v) for n in (50, 51) for v in (1, 2)]
    world.push("us-agency", note(0, tlp=end, refs=[stix_id("campaign")]), *chain, *circle, *alike)
    world.clock.wait()
    terms = clause("US", "KR", "green", history=True)
    told = simulate.simulate(world.service, world.callers["us-cert"], proposal(terms))
    assert sum(line["count"] for line in told["released"]) == (36 if end == "green" else 0)


def test_nothing_is_written(world: World, former: Json) -> None:
    def contents() -> list[tuple[object, ...]]:
        with world.service.store.read() as connection:
            return [
                (table.name, *row)
                for table in metadata.sorted_tables
                for row in connection.execute(select(table).order_by(*table.primary_key))
            ]

    before = contents()
    body = proposal(clause("US", "KR", "green", history=True), supersedes=former)
    assert simulate.simulate(world.service, world.callers["us-cert"], body)["withdrawn"]
    assert contents() == before
