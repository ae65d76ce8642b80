"""Builders of small, valid STIX 2.1 objects by name: marked GREEN unless said otherwise.

They differ from the objects by number (`stix_objects`) where STIX lets objects differ: ids are UUIDs of
version 5, timestamps have six digits.
"""

from __future__ import annotations

import uuid
from typing import Any

from hub.model import Tlp
from tests.stix_objects import TLP, Json, sdo, stamp

LEVELS = tuple(level.label for level in Tlp)
_NAMES = uuid.UUID("6b1c1e4e-6a5a-4c64-9df7-6b4a3f1b6c55")


def identifier(stix_type: str, name: str) -> str:
    """The id that an object of this type and name has in every test."""
    return f"{stix_type}--{uuid.uuid5(_NAMES, name)}"


def _stamp(version: int) -> str:
    return stamp(version).replace(".000Z", ".000000Z")


def _named(stix_type: str, name: str, tlp: str | None, version: int, properties: Json) -> Json:
    given = {
        "id": identifier(stix_type, name),
        "created": _stamp(0),
        "modified": _stamp(version),
        **properties,
    }
    return sdo(stix_type, tlp=None if "object_marking_refs" in given else tlp, **given)


def malware(name: str, tlp: str | None = "green", version: int = 1, **more: Any) -> Json:
    """The object of this name; a greater `version` is a later one of it."""
    return _named("malware", name, tlp, version, {"name": name, **more})


def campaign(name: str, tlp: str | None = "green", version: int = 1, **more: Any) -> Json:
    """An object that is no name (policy 1), and so follows the containers that come later."""
    return _named("campaign", name, tlp, version, {"name": name, **more})


def identity(name: str, tlp: str | None = None, version: int = 1, **more: Any) -> Json:
    return _named("identity", name, tlp, version, {"name": name, **more})


def relation(source: Json, target: Json, tlp: str | None = "green", version: int = 1, **more: Any) -> Json:
    ends = {"source_ref": source["id"], "target_ref": target["id"]}
    name = f"{source['id']} {target['id']}"
    return _named("relationship", name, tlp, version, {"relationship_type": "uses", **ends, **more})


def report(name: str, *refs: Json, tlp: str | None = None, version: int = 1, **more: Any) -> Json:
    contents = {"published": _stamp(0), "object_refs": [ref["id"] for ref in refs]}
    return _named("report", name, tlp, version, {"name": name, **contents, **more})


def statement(name: str) -> Json:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": identifier("marking-definition", name),
        "created": _stamp(0),
        "definition_type": "statement",
        "definition": {"statement": name},
    }


def address(value: str, tlp: str | None = "green", **more: Any) -> Json:
    """An observable, which brings no version of its own."""
    marked = {"object_marking_refs": [TLP[tlp]]} if tlp else {}
    return {
        "type": "ipv4-addr",
        "spec_version": "2.1",
        "id": identifier("ipv4-addr", value),
        "value": value,
        **marked,
        **more,
    }
