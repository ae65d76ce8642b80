"""The facts kept for simulations are those of the versions, whatever was submitted, deleted and agreed."""

from __future__ import annotations

import time
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from hub.actions.operation import work
from hub.actions.release import fact_sets
from hub.model import NationCode, ObjectVersion
from hub.rules.release import fact_sets as rules
from hub.store.records import fact_sets as kept
from hub.store.records import objects
from tests.properties.playing import Play
from tests.properties.test_worlds import MORE, a_world, copies
from tests.properties.world_strategies import agreements, aimed, deletes, pushes
from tests.properties.worlds import NATIONS, Event
from tests.world import Copies, World

__all__ = ["copies"]

many = st.lists(st.one_of(*[pushes] * 5, deletes, agreements), min_size=2, max_size=12).map(aimed)


def versions_of(world: World, nation: str) -> Mapping[int, ObjectVersion]:
    with world.service.store.read() as connection:
        keys = connection.exec_driver_sql(f"SELECT id FROM object_version WHERE origin = '{nation}'")
        return {v.key: v for v in objects.versions_by_key(connection, list(keys.scalars()))}


def compare(world: World, *, is_complete: bool) -> None:
    for nation in NATIONS:
        versions = versions_of(world, nation)
        right = rules.fact_sets(versions, {})
        with world.service.store.read() as connection:
            known = kept.stored(connection, NationCode(nation), versions)
        if is_complete:
            assert known.keys() == right.keys()
            assert None not in known.values()
        for key, one in known.items():
            if one is not None:
                version = versions[key]
                found = one.facts, one.submitted_at, one.is_deleted
                assert found == (right[key], version.submitted_at, version.deleted_at is not None)


@MORE
@given(events=many, places=st.sets(st.integers(0, 12), max_size=4))
def test_known_facts_are_those_of_the_versions_whatever_happened(
    copies: Copies, events: list[Event], places: set[int]
) -> None:
    with a_world(copies) as world:
        play = Play(world)
        for place, event in enumerate(events):
            play.step(event)
            compare(world, is_complete=False)
            if place in places:
                fact_sets.determine(world.service, time.monotonic() + 60)
                compare(world, is_complete=True)
        work.work(world.service)
        compare(world, is_complete=True)
