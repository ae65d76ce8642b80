"""Who may simulate what; that it is what then happens stands in tests/properties/test_simulate.py."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hub.actions import simulate
from hub.errors import NotFound
from hub.model import Caller, Kind, Member, MemberId, Scope, StixId
from tests.stix_objects import Json, malware
from tests.world import World, build, clause

AUDITOR = Caller(
    Member(MemberId("auditor"), None, Kind.AUDITOR, "Auditor", StixId("identity--0")), frozenset({Scope.READ})
)


def amendment(former: Json, *parties: str) -> bytes:
    kept = {name: former[name] for name in ("title", "valid_from", "valid_until")}
    terms = [clause(parties[0], parties[1], "green")]
    return json.dumps(kept | {"parties": parties, "clauses": terms, "supersedes": former["id"]}).encode()


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
    told = simulate.simulate(world.house, AUDITOR, amendment(former, "US", "KR"))
    assert [(line["origin"], line["recipient"], line["count"]) for line in told["withdrawn"]] == [
        ("US", "KR", 1)
    ]
    assert (told["released"], told["examples"]) == ([], [])


def test_a_nation_that_is_no_party_simulates_no_amendment(world: World, former: Json) -> None:
    with pytest.raises(NotFound):
        simulate.simulate(world.house, world.callers["jp-cert"], amendment(former, "JP", "US"))
