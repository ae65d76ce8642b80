"""Nations whose agreements change with time, and what their members see then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from hub.actions.checks import check
from hub.actions.operation import work
from tests.stix_objects import Json, sdo
from tests.world import World, build


def clause(origin: str, *to: str, **terms: Any) -> Json:
    return {"from": origin, "to": list(to), "max_tlp": "amber", **terms}


def malware(n: int, **changes: Any) -> Json:
    return sdo("malware", n, **({"tlp": "amber"} | changes))


def nations_with_partners(database_url: str) -> Iterator[World]:
    world = build(database_url, codes=("US", "KR", "JP"), kinds=("cert", "agency", "partner"))
    yield world
    world.close()


def later(world: World, **parts: float) -> None:
    world.clock.now += timedelta(**({"seconds": 1} | parts))


def settled(world: World) -> None:
    """Let due histories come to their end, and find the hub sound."""
    assert work.work(world.service).is_done
    assert check.check(world.service).faults == []


def seen(world: World, member: str) -> set[str]:
    return world.ids(member)
