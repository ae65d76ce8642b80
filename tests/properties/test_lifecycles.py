"""The lifecycle of agreements at every moment, also while histories are on their way (policy 4, 5 and 10)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.properties.test_worlds import FEWER, a_world, copies
from tests.properties.watching import WatchedPlay, slow_histories
from tests.properties.world_strategies import eventful_lifecycles, overlaps
from tests.properties.worlds import MEMBERS, Event
from tests.world import Copies

__all__ = ["copies"]


@FEWER
@given(events=eventful_lifecycles)
def test_once_histories_are_done_every_poll_is_what_the_policy_releases(
    copies: Copies, events: list[Event]
) -> None:
    with a_world(copies) as world:
        play = WatchedPlay(world)
        for event in events:
            play.step(event)
            play.check()


@FEWER
@given(events=eventful_lifecycles, data=st.data())
def test_on_the_way_nobody_sees_more_and_who_comes_back_misses_nothing(
    copies: Copies, events: list[Event], data: st.DataObject
) -> None:
    with a_world(copies) as world, slow_histories():
        play = WatchedPlay(world, lags=True)
        play.follow(data.draw(st.lists(st.sampled_from(MEMBERS), min_size=2, max_size=3, unique=True)))
        for event in events:
            play.step(event)
            for reader in play.pollers:
                if data.draw(st.booleans()):
                    play.poll(reader)
        play.finish()


@FEWER
@given(events=overlaps, data=st.data())
def test_what_is_visible_is_not_sent_again_by_histories_that_overlap(
    copies: Copies, events: list[Event], data: st.DataObject
) -> None:
    with a_world(copies) as world, slow_histories():
        play = WatchedPlay(world, lags=True)
        play.follow(["kr-cert", "kr-agency", "kr-partner"])
        for event in events:
            play.step(event)
            play.poll(data.draw(st.sampled_from(sorted(play.pollers))))
        play.finish()
