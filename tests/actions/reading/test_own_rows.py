"""A submitter sees its own object, whatever the row's justification says (policy 2.7)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from hub.actions.reading import poll
from hub.model import Clearance, Kind, NationCode, StixId, VersionFilter
from hub.store.schema.tables import member
from tests.named_objects import identifier, malware
from tests.world import World, paged

_FIRST, _ALL = (frozenset({one}) for one in (VersionFilter.FIRST, VersionFilter.ALL))
_OWN = StixId(identifier("malware", "own"))


@pytest.fixture
def demoted(world: World) -> World:
    """The US agency submitted what agencies may read, and is a partner since."""
    world.accepted("us-agency", malware("own", "amber"), malware("own too", "amber"))
    world.accepted("us-agency", malware("own", "amber", version=2))
    world.accepted("us-cert", malware("of the cert", "amber"), malware("for all", "green"))
    with world.service.store.write() as connection:
        of_agency = update(member).where(member.c.id == "us-agency")
        connection.execute(of_agency.values(kind=Kind.PARTNER.value))
    return world


@pytest.mark.parametrize(
    ("filters", "right"),
    [
        ({}, ["own too", "own", "for all"]),
        ({"selections": _ALL}, ["own", "own too", "own", "for all"]),
        ({"selections": _FIRST}, ["own", "own too", "for all"]),
        ({"types": frozenset({"malware"})}, ["own too", "own", "for all"]),
        ({"types": frozenset({"tool"})}, []),
        ({"ids": frozenset({_OWN})}, ["own"]),
        ({"ids": frozenset({_OWN}), "types": frozenset({"tool"})}, []),
        ({"limit": 2}, ["own too", "own"]),
        ({"origin": "JP"}, []),
    ],
    ids=str,
)
def test_a_submitter_polls_its_own_object_whatever_the_justification_says(
    demoted: World, filters: dict[str, Any], right: list[str]
) -> None:
    asked = demoted.query("us-agency", **{"origin": "US", **filters})
    asked = replace(asked, reader=replace(asked.reader, clearance=Clearance.PARTNER))
    assert _names(demoted, asked) == right
    assert poll.exists(demoted.service, asked) == bool(right)
    if asked.origin == "US" and "limit" not in filters:
        assert _names(demoted, replace(asked, origin=None)) == right


def test_a_row_given_a_known_justification_is_found_by_a_process_that_knew_it_before(world: World) -> None:
    """The justification of the first object is known; the second one has the same and another submitter."""
    query = world.query("us-agency", "US")
    world.accepted("us-cert", malware("of the cert", "red"))
    assert _names(world, query) == []
    with world.service.store.read() as connection:
        known = world.service.in_force.visible(connection, query.reader, world.clock())
    assert known.own == ()
    world.accepted("us-agency", malware("own", "red"))
    world.service.in_force._cache.latest[query.reader] = known  # as in a process that took no part
    assert _names(world, query) == ["own"]
    assert world.service.in_force.latest(query.reader) != known


def _names(world: World, query: Any) -> list[str]:
    rows = paged.objects(world.service, query).rows
    return [json.loads(row.body)["name"] for row in rows if not world.is_hubs_own(row)]


def test_each_origin_has_justifications_of_its_own(world: World) -> None:
    world.accepted("us-cert", malware("one", "green"))
    with world.service.store.read() as connection:
        visible = world.service.in_force.visible(connection, world.query("us-cert").reader, world.clock())
    by_origin = [set(ids) for ids in visible.by_origin.values()]
    assert NationCode("US") in visible.by_origin
    assert sum(map(len, by_origin)) == len(set.union(*by_origin))
