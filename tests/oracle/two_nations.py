"""Japan shares with Korea: the smallest alliance for markings, containers and defaults."""

from __future__ import annotations

from tests.oracle.alliance import OracleAlliance, speaker
from tests.stix_objects import Json, observable, sdo, stix_id, value_id

JP = speaker("jp-agency")
UNKNOWN = stix_id("marking-definition", 500)
LAZARUS = sdo("intrusion-set", 1, name="Lazarus")
EIGHTS = observable() | {"id": value_id()}


def two_nations() -> OracleAlliance:
    """Japan shares all with Korea, whose default is AMBER too."""
    made = OracleAlliance()
    made.shares("JP", "KR")
    return made


def level(world: OracleAlliance, obj: Json, member: str = "jp-agency") -> str | None:
    return world.version(member, obj).level
