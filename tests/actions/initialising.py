"""Files of nations that differ from the kept configuration, and what `hub init` and a start do with one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hub.actions.operation.initialise import Initialised, bound, initialise
from hub.actions.service.in_force import InForce
from hub.model import Nation, NationCode, Registry, StixId
from tests.named_objects import identifier
from tests.stix_objects import PUBLIC
from tests.world import World, registry

US, KR, NZ = map(NationCode, ("US", "KR", "NZ"))
VENDOR = StixId(identifier("identity", "vendor"))
OTHER = StixId(identifier("marking-definition", "other"))
EXTENSION = StixId(identifier("extension-definition", "theirs"))
ZEALAND = Nation(
    NZ,
    "New Zealand",
    "a8b0a4b6-51a4-4b8c-9d83-0a53a2f4ffb1",
    StixId(identifier("identity", "NZ")),
    StixId(identifier("marking-definition", "REL TO NZ")),
)


def of_us(**changes: Any) -> Registry:
    """The nations, with another entry for the US."""
    nations = dict(registry().nations)
    nations[US] = replace(nations[US], **changes)
    return replace(registry(), nations=nations)


def with_zealand() -> Registry:
    return replace(registry(), nations={**registry().nations, NZ: ZEALAND})


def listing(*informative: StixId, public: tuple[StixId, ...] = (StixId(PUBLIC),)) -> Registry:
    return replace(registry(), informative_markings=frozenset(informative), public_sources=frozenset(public))


def init(world: World, given: Registry, **options: Any) -> Initialised:
    """What `hub init` does, with this file."""
    world.service.store.bind(None)  # another process
    return initialise(replace(world.service, registry=given), "nations.toml", **options)


def started(world: World, given: Registry) -> World:
    """A process that was started afterwards, with this file."""
    world.service.store.bind(None)
    service = bound(replace(world.service, registry=given, in_force=InForce()), "nations.toml")
    return replace(world, service=service)


def applied(world: World, given: Registry, **options: Any) -> World:
    init(world, given, apply=True, **options)
    return started(world, given)


def statement_like(id: StixId, **more: Any) -> dict[str, Any]:
    """A definition of this id; by an extension alone where `more` has one."""
    said = {"definition_type": "statement", "definition": {"statement": "mine"}}
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": id,
        "created": "2026-01-01T00:00:00.000Z",
        **(more or said),
    }
