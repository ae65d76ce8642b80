"""Which other objects an object names (policy 2.3 and 2.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from hub.model import JsonObject, StixId

_STIX_ID: Final = re.compile(
    r"[a-z][a-z0-9-]*--[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
)
_NOT_REFERENCES: Final = frozenset({"created_by_ref", "object_marking_refs", "granular_markings"})
_CONTAINERS: Final = frozenset({"report", "grouping"})


def looks_like_id(value: object) -> bool:
    """Return whether `value` is text of the form `type--UUID` (STIX 2.1 section 2.9)."""
    return isinstance(value, str) and _STIX_ID.fullmatch(value) is not None


def refers(obj: JsonObject) -> frozenset[StixId]:
    """Return every id that stands under a `*_ref` or `*_refs` property, at any depth, but the object's own.

    Not followed: `created_by_ref`, `object_marking_refs` and granular markings, which policy 2.7 leaves
    out. Values that are no STIX ids (the keys of old observed-data) are no references.
    """
    return frozenset(_referred(obj)) - {obj.get("id")}


def contains(obj: JsonObject) -> frozenset[StixId]:
    """Return the `object_refs` of a report or grouping, whose markings cover them (policy 2.3)."""
    if obj.get("type") not in _CONTAINERS:
        return frozenset()
    return frozenset(_ids(obj.get("object_refs"))) - {obj.get("id")}


def _referred(value: Any) -> Iterator[StixId]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _NOT_REFERENCES:
                continue
            if key.endswith(("_ref", "_refs")):
                yield from _ids(item)
            elif isinstance(item, dict | list):
                yield from _referred(item)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict | list):
                yield from _referred(item)


def _ids(value: Any) -> Iterator[StixId]:
    """Every id in `value`, whatever it is made of: a producer's own `*_refs` may nest."""
    if isinstance(value, str):
        if _STIX_ID.fullmatch(value):
            yield StixId(value)
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _ids(item)
