"""Nations that sign all they submit, and the versions that deletions take and leave."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from hub.model import version_key
from tests.stix_objects import stamp, stix_id
from tests.world import World, build, clause

OBJECT = stix_id("indicator")


def signing_nations(database_url: str) -> Iterator[World]:
    """US shares up to AMBER with KR; everything is signed."""
    world = build(database_url, require_signature=True)
    world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.clock.wait()
    yield world
    world.close()


def keys(*versions: int) -> dict[str, Any]:
    found = {key for n in versions if (key := version_key(stamp(n)))}
    return {"selections": frozenset(), "versions": frozenset(found)}


def table(world: World, *columns: Any) -> list[Any]:
    with world.service.store.read() as connection:
        return list(connection.execute(select(*columns)))


def versions(world: World, member: str) -> list[str]:
    return [seen.version for seen in world.see(member) if seen.id == OBJECT]
