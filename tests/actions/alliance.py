"""Four nations under two agreements, and objects as real products make them: for tests of policy 8."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, NamedTuple

from hub.actions.service.in_force import InForce
from hub.model import StixId
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
    """All share up to GREEN with all; JP, KR and the US share up to RED among them, without AU."""
    world = build(database_url, codes=CODES)
    registry = replace(world.service.registry, public_sources=frozenset({StixId(MITRE)}))
    world.service = replace(world.service, registry=registry, in_force=InForce())
    every = [clause(a, [b for b in CODES if b != a], "green", audience="partner") for a in CODES]
    world.agree(CODES, *every)
    three = ("JP", "KR", "US")
    among_three = [clause(a, [b for b in three if b != a], "red", audience="partner") for a in three]
    closer = world.agree(three, *among_three)
    world.clock.wait()
    return Alliance(world, closer)


def by_content(stix_type: str, text: str, **more: Any) -> Json:
    """An object of a product whose ids follow from content (UUID version 5)."""
    return sdo(stix_type, **more) | {"id": f"{stix_type}--{uuid.uuid5(_SPACE, text)}"}


def galaxy(event: int, stix_type: str = "threat-actor", **more: Any) -> Json:
    """An actor as an event's export has it: one id for all, no creator, dated by the event."""
    when = f"2026-02-{event:02}T08:00:00.000Z"
    named = {"name": "Quiet Heron", "aliases": ["QH-7"], "created": when, "modified": when}
    return sdo(stix_type, 77, **more) | named


def technique(**more: Any) -> Json:
    """An entry of a public catalogue, which every member pushes with its own reports."""
    return sdo("campaign", 88, tlp="clear", created_by=MITRE, name="Catalogued", **more)
