"""The clock steps: an hour back, an hour forth and back, at random. Pollers lose nothing by it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from hub.errors import Conflict
from tests.faults.faulty import inconsistencies
from tests.stix_objects import malware, relationship, stix_id
from tests.world import Poller, World, build, clause

_STEPS = [-3_600, 3_600, -7_200, 30, 0, -1, 10_800, -3_600]
_READERS = [("kr-cert", None), ("kr-agency", "US"), ("jp-partner", None), ("us-cert", "US")]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = build(database_url)
    yield world
    world.close()


def _follow(world: World) -> list[Poller]:
    return [world.follow(member, origin) for member, origin in _READERS]


def _assert_nothing_missed(world: World, pollers: list[Poller]) -> None:
    for poller in pollers:
        poller.poll()
        dates = [row.date_added for row in poller.received]
        assert all(a < b for a, b in itertools.pairwise(dates))
        received = {(row.id, row.version): row.body for row in poller.received}
        now = world.follow(poller.member, poller.origin, limit=1_000).poll()
        assert all(received[row.id, row.version] == row.body for row in now)
        assert poller.poll() == []
    assert inconsistencies(world.service.store) == []


@pytest.mark.parametrize("steps", [[-3_600], [3_600, -3_600], [-3_600, 7_200, -3_600], _STEPS])
def test_dates_grow_and_nothing_is_missed_however_the_clock_steps(world: World, steps: list[int]) -> None:
    world.agree(["US", "KR", "JP"], clause("US", ["KR", "JP"], "amber", audience="partner"))
    pollers = _follow(world)
    for n, step in enumerate([0, *steps, 0]):
        world.clock.wait(step)
        world.push("us-agency", malware(n, tlp="green"), malware(0, tlp="green", version=n + 2))
        for poller in pollers:
            poller.poll()
            assert {row.id for row in poller.received} >= {stix_id("malware", n)}
    _assert_nothing_missed(world, pollers)


def test_an_agreement_made_after_the_clock_stepped_back_covers_what_comes_after_it(world: World) -> None:
    pollers = _follow(world)
    world.push("us-agency", malware(1, tlp="green"))
    world.clock.wait(-3_600)
    view = world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.push("us-agency", malware(2, tlp="green"))
    assert world.ids("kr-cert") & {stix_id("malware", n) for n in (1, 2)} == {stix_id("malware", 2)}
    world.clock.wait(-3_600)
    world.terminate(view, "KR")
    assert not world.ids("kr-cert") & {stix_id("malware", n) for n in (1, 2)}
    world.push("us-agency", malware(3, tlp="green"))
    assert stix_id("malware", 3) not in world.ids("kr-cert")
    _assert_nothing_missed(world, pollers)


def test_what_begins_to_be_seen_when_the_clock_catches_up_has_a_date_that_is_new(world: World) -> None:
    """An agreement signed before the clock stepped back binds from then on, later than the clock says."""
    world.clock.wait(1_800)
    world.push("jp-agency", malware(1, tlp="green"))  # no ledger but its own is ahead
    world.clock.wait(-3_600)
    world.agree(["JP", "KR"], clause("JP", "KR", "amber"))
    world.agree(["US", "KR"], clause("US", "KR", "amber"))
    poller = world.follow("kr-cert")
    world.push("us-agency", malware(2, tlp="green"))
    poller.poll()
    world.clock.wait(60)
    world.push("kr-agency", malware(3, tlp="green"))
    poller.poll()
    world.clock.wait(7_200)
    _assert_nothing_missed(world, [poller])


def test_what_expired_does_not_come_back_to_whom_the_ledger_has_gone_on_for(world: World) -> None:
    until = world.clock.now + timedelta(minutes=30)
    world.agree(["US", "KR"], clause("US", "KR", "amber"), valid_until=until)
    world.agree(["US", "KR"], clause("US", "KR", "green"))
    pollers = _follow(world)
    world.push("us-agency", malware(1, tlp="amber"), malware(2, tlp="green"))
    world.clock.wait(3_600)
    world.push("us-agency", malware(3, tlp="green"))
    world.clock.wait(-3_600)
    assert stix_id("malware", 1) not in world.ids("kr-cert")
    _assert_nothing_missed(world, pollers)


def test_what_is_in_force_again_when_the_clock_steps_back_is_served(world: World) -> None:
    """What a process found to stand later does not hide what comes now: a poller would pass it over."""
    until = world.clock.now + timedelta(minutes=30)
    world.agree(["US", "KR"], clause("US", "KR", "amber"), valid_until=until)
    world.push("us-agency", malware(1, tlp="amber"))
    world.clock.wait(3_600)
    assert stix_id("malware", 1) not in world.ids("kr-cert")
    world.clock.wait(-3_600)
    world.push("us-agency", malware(2, tlp="amber"))
    assert {stix_id("malware", 1), stix_id("malware", 2)} <= set(world.ids("kr-cert"))


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_missed_whatever_happens_while_the_clock_steps_at_random(world: World, seed: int) -> None:
    chance = random.Random(seed)
    pollers = _follow(world)
    latest = world.clock.now
    views: list[dict[str, Any]] = []
    for n in range(40):
        world.clock.wait(chance.choice([0, 0.001, 1, 60, 3_600, -1, -60, -3_600]))
        match chance.randrange(8):
            case 0:
                audience = chance.choice(["partner", "agency", "cert"])
                tlp = chance.choice(["green", "amber", "amber+strict"])
                until = world.clock.now + timedelta(seconds=chance.choice([30, 600, 86_400]))
                term = clause("US", ["KR", "JP"], tlp, audience=audience)
                views += _try(lambda t=term, u=until: world.agree(["US", "KR", "JP"], t, valid_until=u))  # type: ignore[misc]
            case 1 if views:
                view = views.pop(chance.randrange(len(views)))
                _try(lambda v=view: world.terminate(v, "JP"))  # type: ignore[misc]
            case 2:
                refs = [stix_id("malware", chance.randrange(4)) for _ in range(2)]
                world.push("us-agency", relationship(n, tlp="green", refs=refs))
            case _:
                tlp = chance.choice(["green", "amber", "amber+strict", "red"])
                world.push("us-agency", malware(chance.randrange(4), tlp=tlp, version=n + 1))
        latest = max(latest, world.clock.now)
        chance.choice(pollers).poll()
    _assert_nothing_missed(world, pollers)
    world.clock.now = latest + timedelta(seconds=1)  # what was ahead of the clock is in force by now
    _assert_nothing_missed(world, pollers)


def _try(act: Callable[[], dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the agreement, unless it has expired: the ledgers are ahead of a clock that stepped back."""
    try:
        return [act()]
    except Conflict:
        return []
