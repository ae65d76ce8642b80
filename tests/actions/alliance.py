"""Five nations under two agreements, and real products' habits, rebuilt in small: for tests of policy 8."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, NamedTuple

from hub.actions.checks import check
from hub.actions.service.in_force import InForce
from hub.model import MemberId, NationCode, StixId
from hub.store.members import members
from tests.stix_objects import Json, sdo, stix_id
from tests.world import World, build, clause

CODES = ("AU", "JP", "KR", "US")
MITRE, VENDOR = stix_id("identity", 300), stix_id("identity", 301)
_SPACE = uuid.UUID("5f0b6d1e-6a09-4d3c-8a39-0d4f8f3f9a10")


class Alliance(NamedTuple):
    """The world, and the agreement above GREEN between three of its nations."""

    world: World
    closer: Json


def allied(database_url: str) -> Alliance:
    """Everybody shares GREEN with everybody; the US, KR and JP share AMBER, and AU takes no part in that."""
    world = build(database_url, codes=CODES)
    registry = replace(world.service.registry, public_sources=frozenset({StixId(MITRE)}))
    world.service = replace(world.service, registry=registry, in_force=InForce())
    every = [clause(a, [b for b in CODES if b != a], "green", audience="partner") for a in CODES]
    world.agree(CODES, *every)
    three = ("JP", "KR", "US")
    closer = [clause(a, [b for b in three if b != a], "red", audience="partner") for a in three]
    closer_still = world.agree(three, *closer)
    world.clock.wait()
    return Alliance(world, closer_still)


def of(world: World, member: str) -> str:
    """The identity that a member speaks as."""
    return world.callers[member].member.identity


def nation_of(world: World, code: str) -> str:
    """The identity of a nation, which its cert speaks as."""
    return world.service.registry.nations[NationCode(code)].identity_id


def rel_to(world: World, *codes: str) -> list[str]:
    return [world.service.registry.nations[NationCode(code)].rel_to_id for code in codes]


def share(world: World, id: str, *who: str) -> None:
    """Register an identity to several members, as the operator does at their cert's word."""
    with world.service.store.write() as connection:
        for one in who:
            members.add_identity(connection, MemberId(one), StixId(id), world.clock())


def is_sound(world: World) -> bool:
    """Tell whether the database says what its rows and objects say (`hub check`)."""
    return check.check(world.service).faults == []


def tell(world: World, member: str, *objects: Json) -> list[str | None]:
    """Submit, and return for each object None, or the sentence with which it is refused."""
    world.clock.wait()
    outcomes = world.push(member, *objects).outcomes
    return [None if outcome.succeeded else outcome.message for outcome in outcomes]


def status(world: World, member: str, *objects: Json) -> list[str]:
    """Submit what is accepted, and return what the status says of each object."""
    world.clock.wait()
    outcomes = world.push(member, *objects).outcomes
    assert all(outcome.succeeded for outcome in outcomes), outcomes
    return [outcome.message or "" for outcome in outcomes]


def readers(world: World, obj: Json, *members: str) -> list[str]:
    return [member for member in members if obj["id"] in world.ids(member)]


def derived(stix_type: str, text: str, **more: Any) -> Json:
    """An object as a product makes it whose ids follow from content (UUID version 5)."""
    return sdo(stix_type, **more) | {"id": f"{stix_type}--{uuid.uuid5(_SPACE, text)}"}


def galaxy(event: int, stix_type: str = "threat-actor", **more: Any) -> Json:
    """An actor as an event's export has it: one id for all, no creator, dated by the event."""
    when = f"2026-02-{event:02}T08:00:00.000Z"
    named = {"name": "Quiet Heron", "aliases": ["QH-7"], "created": when, "modified": when}
    return sdo(stix_type, 77, **more) | named


def technique(**more: Any) -> Json:
    """An entry of a public catalogue, which every member pushes with its own reports."""
    return sdo("campaign", 88, tlp="clear", created_by=MITRE, name="Catalogued", **more)
