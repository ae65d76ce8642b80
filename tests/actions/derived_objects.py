"""Three nations, and what each is served in place of objects: redactions, anonymised objects, answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

from hub.actions.checks import check
from hub.actions.operation import work
from hub.actions.oversight import explain
from hub.actions.oversight.explain import ExplanationRequest
from hub.model import StixId
from tests.stix_objects import TLP, Json, identity, indicator, malware, relationship, report, sdo
from tests.world import World, build


def three_nations(database_url: str) -> Iterator[World]:
    """Give three nations without agreements; at the end `hub check` finds nothing."""
    made = build(database_url, codes=("US", "KR", "JP"), kinds=("cert", "agency", "agency2", "partner"))
    yield made
    later(made)
    work.work(made.service)
    assert check.check(made.service).faults == []
    made.close()


def later(world: World, seconds: float = 1) -> None:
    world.clock.now += timedelta(seconds=seconds)


def served(world: World, member: str) -> list[Json]:
    return [json.loads(row.body) for row in world.see(member)]


def only(world: World, member: str, stix_type: str) -> Json:
    [found] = [obj for obj in served(world, member) if obj["type"] == stix_type]
    return found


def marked(obj: Json, level: str, *selectors: str) -> Json:
    marking = {"marking_ref": TLP[level], "selectors": list(selectors)}
    return obj | {"granular_markings": [*obj.get("granular_markings", ()), marking]}


def everything(world: World, member: str) -> str:
    """All that the member is ever told, as text."""
    return json.dumps(served(world, member))


REDACT = {"granular": "redact"}
HIDE = {"anonymise": "agency"}
SECRET = marked(
    malware(1, tlp="green", description="the source is in the ministry", labels=["x"]), "red", "description"
)


def bundle() -> list[Json]:
    author = identity(1, tlp="green", identity_class="organization")
    by = {"created_by": author["id"], "tlp": "green"}
    found = [author, malware(1, **by), indicator(1, **by)]
    return [
        *found,
        relationship(1, refs=[indicator(1)["id"], malware(1)["id"]], **by),
        report(1, refs=[author["id"], indicator(1)["id"], relationship(1)["id"]], **by),
    ]


def cert_identity(world: World, nation: str) -> str:
    return world.callers[f"{nation.lower()}-cert"].member.identity


def sighting(n: int, of: str, **options: str) -> Json:
    return sdo("sighting", n, refs=[of], **options)


def told(world: World, member: str, id: str) -> Json:
    return explain.explain(world.service, world.callers[member], ExplanationRequest(StixId(id)))
