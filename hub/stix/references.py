"""Which other objects an object names (policy 2.3 and 2.7)."""

from __future__ import annotations

import re
from typing import Any, Final

from hub.model import JsonObject, StixId

_STIX_ID: Final = re.compile(
    r"[a-z][a-z0-9-]{0,211}--[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
)
_NOT_REFERENCES: Final = frozenset({"created_by_ref", "object_marking_refs", "granular_markings"})
_REFERENCE_SUFFIXES: Final = ("_ref", "_refs")
_CONTAINERS: Final = frozenset({"report", "grouping"})


def looks_like_id(value: object) -> bool:
    """Return whether `value` is text of the form `type--UUID` (STIX 2.1 section 2.9)."""
    return isinstance(value, str) and _STIX_ID.fullmatch(value) is not None


def refers(obj: JsonObject) -> frozenset[StixId]:
    """Return every id that stands under a `*_ref` or `*_refs` property, at any depth, but the object's own.

    Not followed: `created_by_ref`, `object_marking_refs` and granular markings, which policy 2.7 leaves
    out. Values that are no STIX ids (the keys of old observed-data) are no references.
    """
    found: set[StixId] = set()
    _collect_referred(obj, found)
    found.discard(obj.get("id"))
    return frozenset(found)


def contains(obj: JsonObject) -> frozenset[StixId]:
    """Return the `object_refs` of a report or grouping, whose markings cover them (policy 2.3)."""
    if obj.get("type") not in _CONTAINERS:
        return frozenset()
    found: set[StixId] = set()
    _collect_ids(obj.get("object_refs"), found)
    found.discard(obj.get("id"))
    return frozenset(found)


def _collect_referred(value: Any, found: set[StixId]) -> None:
    if isinstance(value, list):
        for item in value:
            if not isinstance(item, str):
                _collect_referred(item, found)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key.endswith(_REFERENCE_SUFFIXES):
                if key not in _NOT_REFERENCES:
                    _collect_ids(item, found)
            elif not isinstance(item, str) and key not in _NOT_REFERENCES:
                _collect_referred(item, found)


def _collect_ids(value: Any, found: set[StixId]) -> None:
    """Add every id in `value`, whatever it is made of: a producer's own `*_refs` may nest."""
    if isinstance(value, str):
        if _STIX_ID.fullmatch(value):
            found.add(StixId(value))
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            _collect_ids(item, found)
