"""The invariants of policy 10 where objects are served in other forms than as submitted (policy 7)."""

from __future__ import annotations

from hypothesis import given

from hub.actions.checks import check
from tests.properties.renditions import Event, RenditionPlay, event_lists
from tests.properties.test_worlds import MORE, a_world, copies
from tests.world import Copies

__all__ = ["copies"]


# --- I1, I5, I7 -----------------------------------------------------------------------------------


@MORE
@given(events=event_lists)
def test_a_full_poll_is_exactly_what_the_policy_lets_be_seen_in_each_form(
    copies: Copies, events: list[Event]
) -> None:
    with a_world(copies) as world:
        play = RenditionPlay(world)
        for event in events:
            play.step(event)
        play.compare()
        assert check.check(world.service).faults == []
