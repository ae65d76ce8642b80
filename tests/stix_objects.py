"""Builders of small, valid STIX 2.1 objects: ids and versions by number, markings by name."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

TLP = {
    "white": "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
INFORMATIVE = "marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168"
PUBLIC = "identity--5f3b4bd0-9d3f-4c54-9d2b-4c1f7d3a7a01"  # a public source (policy 1)
_SPACE = uuid.UUID("7b3c1e0a-55f4-4a0e-9d0a-0d4ad4d6a001")
_CREATED = datetime(2026, 1, 1, tzinfo=UTC)


def stix_id(stix_type: str, n: int = 0) -> str:
    """The n-th id of a type: the same in every test, so that members can collide on it."""
    return f"{stix_type}--{_as_version_4(uuid.uuid5(_SPACE, f'{stix_type}/{n}'))}"


def value_id(n: int = 0) -> str:
    """The id that follows from the value of the n-th observable (STIX 2.1 section 2.9)."""
    space = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
    return f"domain-name--{uuid.uuid5(space, json.dumps({'value': _value(n)}, separators=(',', ':')))}"


def _value(n: int) -> str:
    return f"host{n}.example"


def _as_version_4(value: uuid.UUID) -> uuid.UUID:
    return uuid.UUID(bytes=value.bytes, version=4)


def stamp(version: int) -> str:
    """The timestamp of the n-th version, a minute after the one before."""
    return (_CREATED + timedelta(minutes=version)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def sdo(
    stix_type: str,
    n: int = 0,
    *,
    version: int = 1,
    tlp: str | None = None,
    marks: Iterable[str] = (),
    refs: Sequence[str] = (),
    created_by: str | None = None,
    labels: Sequence[str] = (),
    revoked: bool = False,
    **properties: Any,
) -> Json:
    """An object of any type with `created` and `modified`; `refs` become the references that its type has."""
    markings = [*([TLP[tlp]] if tlp else []), *marks]
    obj: Json = {
        "type": stix_type,
        "spec_version": "2.1",
        "id": stix_id(stix_type, n),
        "created": stamp(0),
        "modified": stamp(version),
        **_REQUIRED.get(stix_type, {}),
        **_references(stix_type, list(refs)),
        **properties,
    }
    optional: Json = {"object_marking_refs": markings, "labels": list(labels), "created_by_ref": created_by}
    obj.update({key: value for key, value in optional.items() if value})
    if revoked:
        obj["revoked"] = True
    return obj


_REQUIRED: dict[str, Json] = {
    "indicator": {
        "pattern": "[domain-name:value = 'bad.example']",
        "pattern_type": "stix",
        "valid_from": stamp(0),
    },
    "malware": {"name": "Sample", "is_family": False},
    "campaign": {"name": "Campaign"},
    "tool": {"name": "Tool"},
    "identity": {"name": "Author"},
    "report": {"name": "Report", "published": stamp(0)},
    "grouping": {"context": "suspicious-activity"},
    "note": {"content": "Note"},
    "relationship": {"relationship_type": "related-to"},
    "sighting": {},
}


def _references(stix_type: str, refs: list[str]) -> Json:
    if stix_type == "relationship":
        source, target = (refs * 2)[:2] if refs else (stix_id("campaign", 90), stix_id("campaign", 91))
        return {"source_ref": source, "target_ref": target}
    if stix_type == "sighting":
        return {"sighting_of_ref": refs[0] if refs else stix_id("campaign", 90)}
    if stix_type in ("report", "grouping", "note"):
        return {"object_refs": refs or [stix_id("campaign", 90)]}
    return {"x_related_refs": refs} if refs else {}


def indicator(n: int = 0, **options: Any) -> Json:
    return sdo("indicator", n, **options)


def malware(n: int = 0, **options: Any) -> Json:
    return sdo("malware", n, **options)


def identity(n: int = 0, **options: Any) -> Json:
    return sdo("identity", n, **options)


def report(n: int = 0, **options: Any) -> Json:
    return sdo("report", n, **options)


def grouping(n: int = 0, **options: Any) -> Json:
    return sdo("grouping", n, **options)


def note(n: int = 0, **options: Any) -> Json:
    return sdo("note", n, **options)


def relationship(n: int = 0, **options: Any) -> Json:
    return sdo("relationship", n, **options)


def definition(
    n: int = 0,
    *,
    statement: bool = True,
    tlp: str | None = None,
    marks: Iterable[str] = (),
    created_by: str | None = None,
    text: str = "Copyright",
) -> Json:
    """A marking-definition of type statement, or one that the hub does not know (an extension alone)."""
    obj: Json = {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": stix_id("marking-definition", n),
        "created": stamp(0),
    }
    if statement:
        obj |= {"definition_type": "statement", "definition": {"statement": text}}
    else:
        extension = stix_id("extension-definition", n)
        obj["extensions"] = {extension: {"extension_type": "property-extension", "text": text}}
    markings = [*([TLP[tlp]] if tlp else []), *marks]
    if markings:
        obj["object_marking_refs"] = markings
    if created_by:
        obj["created_by_ref"] = created_by
    return obj


def observable(
    n: int = 0,
    *,
    value: int = 0,
    tlp: str | None = None,
    marks: Iterable[str] = (),
    refs: Sequence[str] = (),
) -> Json:
    """A domain name, which has neither `created` nor `modified`; `refs` are what it resolves to."""
    obj: Json = {
        "type": "domain-name",
        "spec_version": "2.1",
        "id": stix_id("domain-name", n),
        "value": _value(n),
        "x_sighted": value,
    }
    markings = [*([TLP[tlp]] if tlp else []), *marks]
    if markings:
        obj["object_marking_refs"] = markings
    if refs:
        obj["x_related_refs"] = list(refs)
    return obj
