"""Generated worlds played by hub/rules alone: every reader is served what the oracle says, after every event.

No database and no action takes part, so that a second plays many worlds. How what is decided gets into a
database and out of it is what the other properties see.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties import renditions, shared_ids, world_strategies, worlds
from tests.properties.alone import RulesAlone
from tests.properties.test_worlds import EXAMPLES, FEWER

MANY = settings(FEWER, max_examples=10 * EXAMPLES)
SOME = settings(FEWER, max_examples=4 * EXAMPLES)  # whose worlds are longer


def play(events: Sequence[renditions.Event], homes: Sequence[str] = ()) -> None:
    """Let it happen by the rules and by the oracle, and compare after every event."""
    played = RulesAlone(homes=homes)
    for event in events:
        played.step(event)
        played.compare()


@MANY
@given(events=world_strategies.event_lists)
def test_of_markings_containers_and_references(events: list[worlds.Event]) -> None:
    play(events)


@MANY
@given(events=st.one_of(world_strategies.eventful_lifecycles, world_strategies.overlaps))
def test_of_agreements_and_what_they_reach_back_to(events: list[worlds.Event]) -> None:
    play(events)


@SOME
@given(events=shared_ids.event_lists)
def test_of_members_who_meet_under_few_ids(events: list[worlds.Event]) -> None:
    play(events, homes=["JP"])


@MANY
@given(events=renditions.event_lists)
def test_of_other_forms(events: list[renditions.Event]) -> None:
    play(events)
