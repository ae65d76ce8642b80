"""The operator changes what decides, in the middle of generated worlds: for what is submitted from then on.

The oracle judges each version by what was configured when it was submitted, whatever comes later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.actions.checks import check
from hub.actions.operation.initialise import bound, initialise
from hub.actions.service.in_force import InForce
from hub.model import NationCode, StixId, Tlp
from tests.properties.playing import Play
from tests.properties.test_worlds import FEWER, a_world, compare, copies
from tests.properties.world_strategies import agreements, aimed, deletes, drafts, lifecycle_events, members
from tests.properties.worlds import NATIONS, POOL, UNKNOWN, Draft, Event, Push
from tests.stix_objects import INFORMATIVE, PUBLIC, sdo, stix_id
from tests.world import Copies, World

__all__ = ["copies"]

_LISTED = [INFORMATIVE, UNKNOWN, stix_id("extension-definition"), stix_id("marking-definition")]
_PUBLIC = [PUBLIC, stix_id("identity"), stix_id("identity", 1)]


@dataclass(frozen=True)
class Change:
    """What nations.toml says from now on."""

    levels: tuple[str, ...]
    homes: frozenset[str]
    informative: frozenset[str]
    public: frozenset[str]

    def apply(self, play: Play, world: World) -> None:
        """Let `hub init --apply` take it, and the hub's process be another one."""
        defaults = dict(zip(NATIONS, self.levels, strict=True))
        play.oracle.reconfigure(defaults, self.informative, self.public, self.homes)
        registry = world.service.registry
        nations = {
            NationCode(code): replace(
                registry.nations[NationCode(code)],
                default_tlp=Tlp.of(level) or Tlp.RED,
                unmarked_stays_home=code in self.homes,
            )
            for code, level in defaults.items()
        }
        changed = replace(
            registry,
            nations=nations,
            informative_markings=frozenset(map(StixId, self.informative)),
            public_sources=frozenset(map(StixId, self.public)),
            earlier=(),
        )
        service = replace(world.service, registry=changed, in_force=InForce())
        service.store.bind(None)  # as another process
        initialise(service, apply=True)
        world.service = bound(service)


def _listing(draft: Draft) -> Draft:
    """Let a definition be one that only a configuration accepts, or a statement."""
    is_definition = POOL[draft.place][0] == "marking-definition"
    return replace(draft, extra="listed") if is_definition and draft.version != 1 else draft


pushes = st.builds(
    Push, members, st.lists(drafts.map(_listing), min_size=1, max_size=4).map(tuple[Draft, ...])
)
changes = st.builds(
    Change,
    levels=st.tuples(*(st.sampled_from(["green", "amber", "amber+strict", "red"]) for _ in NATIONS)),
    homes=st.frozensets(st.sampled_from(NATIONS), max_size=2),
    informative=st.frozensets(st.sampled_from(_LISTED)),
    public=st.frozensets(st.sampled_from(_PUBLIC)),
)
parts = st.lists(
    st.one_of(pushes, pushes, pushes, deletes, agreements, lifecycle_events), min_size=1, max_size=4
)
sequences = st.tuples(agreements, st.lists(st.tuples(parts, changes), min_size=1, max_size=3), parts)


def played(
    play: Play,
    world: World,
    sequence: tuple[Event, Sequence[tuple[Sequence[Event], Change]], Sequence[Event]],
) -> None:
    """Play the events, with the changes where they stand among them."""
    first, middle, last = sequence
    events: list[Event] = [first]
    stops: dict[int, Change] = {}
    for several, change in middle:
        events += several
        stops[len(events)] = change
    for n, event in enumerate(aimed([*events, *last])):
        if n in stops:
            before = views(world)
            stops[n].apply(play, world)
            assert views(world) == before, "the change itself moves nothing"
        play.step(event)


def views(world: World) -> dict[str, Counter[tuple[str, str]]]:
    return {member: Counter((r.id, r.version) for r in world.released(member)) for member in world.callers}


@FEWER
@given(sequence=sequences)
def test_each_version_is_judged_by_what_was_configured_when_it_was_submitted(
    copies: Copies, sequence: tuple[Event, Sequence[tuple[Sequence[Event], Change]], Sequence[Event]]
) -> None:
    with a_world(copies) as world:
        play = Play(world)
        played(play, world, sequence)
        compare(play, world)
        assert check.check(world.service).faults == []


@pytest.mark.parametrize("is_changed", [False, True])
def test_what_was_submitted_before_is_served_as_without_the_change(copies: Copies, is_changed: bool) -> None:
    """Though it is judged again, for what was submitted before comes to stand under another container."""
    change = Change(("red",) * 3, frozenset({"US"}), frozenset(), frozenset())
    with a_world(copies) as world:
        play = Play(world)
        world.agree(["US", "KR"], {"from": "US", "to": ["KR"], "max_tlp": "amber"})
        content = sdo("note", 1, refs=[])
        held = sdo("grouping", 1, refs=[content["id"]])
        marked = sdo("note", 2, refs=[], tlp="green", marks=[INFORMATIVE])
        for obj in (content, held, marked):
            world.push("us-cert", obj)
        before = views(world)
        if is_changed:
            change.apply(play, world)
        world.push("us-cert", sdo("report", 1, tlp="green", refs=[i["id"] for i in (content, held, marked)]))
        found = views(world)["kr-agency"]
        assert {key: found[key] for key in before["kr-agency"]} == before["kr-agency"]
