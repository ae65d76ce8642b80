"""What an agreement that reaches back costs, beside the same with each version judged one by one.

One nation has N objects. Two agreements reach back over all of these, for two nations: the first as the hub
does it, the second without groups of alike versions. The CPU time is that of this process, so on PostgreSQL
without the server.
"""

from __future__ import annotations

import time
from typing import NamedTuple
from unittest.mock import patch

import click

from hub.actions.release import history
from hub.store.database import statistics
from scripts.benchmarks.simulate_and_end import fill, postgresql, sqlite
from tests.properties.test_likeness import one_by_one
from tests.world import World, build, clause

_ENOUGH_SECONDS = 3_600


class HistoryTimes(NamedTuple):
    """The CPU time and the time of a history, in seconds."""

    cpu: float
    wall: float


def reach_back(world: World, nation: str) -> HistoryTimes:
    """Put an agreement with history in force, and wait until every row is there."""
    world.agree(["US", nation], clause("US", nation, "amber+strict", audience="cert", history=True))
    cpu, wall = time.process_time(), time.perf_counter()
    history.append_due(world.service, time.monotonic() + _ENOUGH_SECONDS)
    return HistoryTimes(time.process_time() - cpu, time.perf_counter() - wall)


def measure(url: str, count: int, linked: float) -> tuple[HistoryTimes, HistoryTimes]:
    """Return the times by groups, and one by one."""
    world = build(url, kinds=("cert", "agency", "agency2", "partner"))
    try:
        fill(world, count, linked)
        world.clock.wait(3_600)
        with world.service.store.write() as connection:
            statistics.keep(connection)
        alike = reach_back(world, "AU")
        with patch.object(history, "judge_next", one_by_one), patch.object(history, "_GROWTH", 1):
            return alike, reach_back(world, "KR")
    finally:
        world.close()


@click.command()
@click.option("--objects", default=20_000, help="Versions of the nation.")
@click.option("--linked", default=0.1, help="The share of objects that are relationships.")
@click.option("--postgresql", "on_postgresql", is_flag=True, help="On PostgreSQL instead of SQLite.")
def main(objects: int, linked: float, on_postgresql: bool) -> None:
    """Print versions per second of both ways, and their ratios."""
    with postgresql() if on_postgresql else sqlite() as url:
        alike, alone = measure(url, objects, linked)
    for name, taken in (("by groups", alike), ("one by one", alone)):
        cpu, wall = objects / taken.cpu, objects / taken.wall
        click.echo(f"{name}: {cpu:,.0f} versions per second of CPU, {wall:,.0f} per second")
    click.echo(f"ratio: {alone.cpu / alike.cpu:.1f} by CPU, {alone.wall / alike.wall:.1f} by the clock")


if __name__ == "__main__":
    main()
