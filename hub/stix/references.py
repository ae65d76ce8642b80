"""Which other objects an object names (policy 2.3 and 2.7)."""

from __future__ import annotations

from typing import Any, Final

from hub.model import JsonObject, StixId
from hub.stix.walking import Survey, looks_like_id, survey

__all__ = ["contains", "looks_like_id", "refers", "refers_by"]

_CONTAINERS: Final = frozenset({"report", "grouping"})
_MARK_OR_EXTEND: Final = ("marking-definition--", "extension-definition--")


def refers(obj: JsonObject) -> frozenset[StixId]:
    """Return every id that `obj` holds as a whole string, value or key, at any depth (policy 2.7).

    Not its own id, nor its own `created_by_ref`, nor ids of marking- and extension-definitions. The ids of
    objects that are kept inside it count, and so does its creator's where it stands a second time.
    """
    return refers_by(obj, survey(obj))


def refers_by(obj: JsonObject, found: Survey) -> frozenset[StixId]:
    """Return what `refers` does, by what was found in `obj` before."""
    own = obj.get("id")
    return frozenset(id for id in found.ids if id != own and not id.startswith(_MARK_OR_EXTEND))


def contains(obj: JsonObject) -> frozenset[StixId]:
    """Return the `object_refs` of a report or grouping, whose markings cover them (policy 2.3)."""
    if obj.get("type") not in _CONTAINERS:
        return frozenset()
    found: set[StixId] = set()
    pending: list[Any] = [obj.get("object_refs")]
    while pending:
        value = pending.pop()
        if isinstance(value, list | dict):
            pending.extend(value.values() if isinstance(value, dict) else value)
        elif looks_like_id(value):
            found.add(StixId(value))
    found.discard(obj.get("id"))
    return frozenset(found)
