"""Nations that share, members that fetch, and who is told of a recall."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from hub.actions.checks import check
from hub.actions.operation import work
from hub.model import StixId
from hub.stix.marking.tlp import TLP_IDS
from tests.stix_objects import Json, stix_id
from tests.world import EVERY_VERSION, World, build, clause, paged

MALWARE, INDICATOR = stix_id("malware"), stix_id("indicator")
EVERYBODY = [
    f"{nation}-{kind}"
    for nation in ("us", "kr", "jp", "au")
    for kind in ("cert", "agency", "agency2", "partner")
]


def sharing_nations(database_url: str) -> Iterator[World]:
    """US shares up to AMBER with KR and JP, there with everybody."""
    made = build(database_url, codes=("AU", "JP", "KR", "US"))
    terms = {"audience": "partner", "max_tlp": "amber"}
    made.agree(["US", "KR"], clause("US", "KR", **terms), clause("KR", "US", **terms))
    made.agree(["US", "JP"], clause("US", "JP", **terms))
    made.clock.wait()
    yield made
    assert check.check(made.service).faults == []
    made.close()


def fetch(world: World, *who: str, origin: str | None = None, **filters: Any) -> None:
    for member in who:
        world.clock.wait()
        paged.objects(world.service, world.query(member, origin, **{"selections": EVERY_VERSION, **filters}))


def worked(world: World) -> int:
    world.clock.wait()
    return work.work(world.service).told


def told(world: World, among: Collection[str] = EVERYBODY) -> dict[str, list[str]]:
    """Return who has notes, and what each is about."""
    found = {member: [ref for note in world.notes(member) for ref in note["object_refs"]] for member in among}
    return {member: refs for member, refs in found.items() if refs}


def about(*who: str, id: str = MALWARE) -> dict[str, list[str]]:
    return {member: [id] for member in who}


def level(note: Json) -> str:
    (marking,) = note["object_marking_refs"]
    return TLP_IDS[StixId(marking)].label
