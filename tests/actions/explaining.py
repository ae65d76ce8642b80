"""Nations that share, and members that ask why an object is released or withheld."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hub.actions.oversight import explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.errors import NotFound
from hub.model import Caller, Kind, Member, MemberId, NationCode, Scope, StixId, version_key
from tests.stix_objects import Json, stix_id
from tests.world import World, build, clause, registry

MALWARE, INDICATOR = stix_id("malware"), stix_id("indicator")
ABSENT = stix_id("malware", 77)
REL_TO_IN = registry().nations[NationCode("IN")].rel_to_id
UNKNOWN_MARK = stix_id("marking-definition", 9)


def stranger(kind: Kind) -> Caller:
    return Caller(
        Member(MemberId(f"an-{kind}"), None, kind, "of no nation", StixId("identity--x")), frozenset(Scope)
    )


AUDITOR = stranger(Kind.AUDITOR)


def five_nations(database_url: str) -> Iterator[World]:
    made = build(database_url)
    yield made
    made.close()


def agreed_in(world: World) -> Json:
    """US shares with KR up to AMBER, with its agencies."""
    view = world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.clock.wait()
    return view


def ask(
    world: World, who: str | Caller, id: str, version: str | None = None, to: str | None = None
) -> dict[str, Any]:
    caller = who if isinstance(who, Caller) else world.callers[who]
    key = None if version is None else version_key(version)
    recipient = None if to is None else NationCode(to)
    return explain.explain(world.service, caller, ExplanationRequest(StixId(id), key, recipient))


def decision(world: World, who: str | Caller, id: str, to: str, version: str | None = None) -> dict[str, Any]:
    (found,) = ask(world, who, id, version, to)["decisions"]
    assert found["nation"] == to
    return dict(found)


def reason(world: World, id: str, to: str = "KR", version: str | None = None) -> str:
    """Why the US's cert is told that the nation does not see the version."""
    found = decision(world, "us-cert", id, to, version)
    assert (found["decision"], found["clearance"], found["agreement"]) == ("withhold", None, None)
    return str(found["reason"])


def refusal(world: World, who: str, id: str, version: str | None = None) -> str:
    with pytest.raises(NotFound) as refused:
        ask(world, who, id, version)
    return str(refused.value)
