"""What an object holds at whatever depth: ids, labels and markings, and which objects it names (policy 2).

Nothing here recurses, and each value is met once: deep and large objects cost no more than their text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from hub.model import JsonObject, StixId
from hub.stix.marking.tlp import TLP_2_EXTENSION
from hub.stix.values.places import pointer

# The longest is 250 characters (STIX 2.1 section 3.1), of which the UUID with its hyphens takes 38.
_STIX_ID: Final = re.compile(
    r"[a-z][a-z0-9-]{0,211}--[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
)
_LOWER_CASE_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,211}--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID_CHARACTERS: Final = range(39, 251)
_MARKING_KEYS: Final = frozenset({"object_marking_refs", "marking_ref"})
_LABELS: Final = "labels"
_PLAIN, _LABEL, _MARKING = range(3)  # what a text is, by the nearest key above it that tells
EXTENSION_PREFIX: Final = "extension-definition--"
_CONTAINERS: Final = frozenset({"report", "grouping"})
_MARK_OR_EXTEND: Final = ("marking-definition--", EXTENSION_PREFIX)
# Where a value stands: in what, and under which key or index.
_Place: TypeAlias = "tuple[_Place | None, str]"


@dataclass(frozen=True, slots=True)
class Survey:
    """What an object holds.

    `ids` are its whole strings that are STIX ids, values and keys, the value of its own `created_by_ref`
    aside, which is `creator` if it is an id. `labels` stand under `labels` at any depth; `marking_refs` under
    `object_marking_refs` or `marking_ref` below its own `object_marking_refs`, granular markings included;
    `claims` are the values of the TLP 2.0 extension at any depth. `has_id_keys`: an id other than an
    extension's is a key. `is_miscased`: a whole string would be an id in lower case, and is not (policy 2.2).
    """

    ids: frozenset[StixId]
    labels: tuple[str, ...]
    marking_refs: tuple[StixId, ...]
    claims: tuple[Any, ...]
    has_id_keys: bool
    is_miscased: bool
    creator: StixId | None


def looks_like_id(value: object) -> bool:
    """Return whether `value` is text of the form `type--UUID` (STIX 2.1 section 2.9)."""
    return isinstance(value, str) and "--" in value and _STIX_ID.fullmatch(value) is not None


def is_miscased_id(text: str) -> bool:
    """Return whether `text` would be a STIX id in lower case, and is not in lower case (policy 2.2)."""
    if "--" not in text or len(text) not in _ID_CHARACTERS:
        return False
    lowered = text.lower()
    return lowered != text and _LOWER_CASE_ID.fullmatch(lowered) is not None


def survey(obj: JsonObject) -> Survey:
    """Return what `obj` holds, at any depth."""
    found = _FoundIds()
    pending: list[tuple[Any, int]] = []
    for key, value in obj.items():
        if "--" in key:
            found.key(key, value)
        if key == "created_by_ref" and isinstance(value, str):
            found.is_miscased |= is_miscased_id(value)
            found.creator = StixId(value) if looks_like_id(value) else None
        else:  # its own object_marking_refs mark it by rule; only what is below counts as at depth
            pending.append((value, _PLAIN if key == "object_marking_refs" else _role(key, _PLAIN)))
    while pending:
        value, role = pending.pop()
        if isinstance(value, str):
            if role != _PLAIN or "--" in value:
                found.text(value, role)
        elif isinstance(value, list):
            pending.extend([(item, role) for item in value])
        elif isinstance(value, dict):
            for key, item in value.items():
                if "--" in key:
                    found.key(key, item)
                if role == _LABEL:
                    found.labels.append(key)
                pending.append((item, _role(key, role)))
    return found.survey()


def refers(obj: JsonObject, found: Survey | None = None) -> frozenset[StixId]:
    """Return every id that `obj` holds as a whole string, value or key, at any depth (policy 2.7).

    Not its own id, nor its own `created_by_ref`, nor ids of marking- and extension-definitions. The ids of
    objects that are kept inside it count, and so does its creator's where it stands a second time. `found`
    is the survey of `obj`, if it was made before.
    """
    own, found = obj.get("id"), found or survey(obj)
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


def miscased_id(obj: JsonObject) -> str | None:
    """Return the JSON Pointer of a whole string that is an id but for its capitals, or None (policy 2.2)."""
    pending: list[tuple[_Place | None, Any]] = [(None, obj)]
    while pending:
        place, value = pending.pop()
        if isinstance(value, str):
            if is_miscased_id(value):
                return _pointer(place)
        elif isinstance(value, list):
            pending.extend([((place, str(index)), item) for index, item in enumerate(value)])
        elif isinstance(value, dict):
            for key, item in value.items():
                if is_miscased_id(key):
                    return _pointer((place, key))
                pending.append(((place, key), item))
    return None


def _pointer(place: _Place | None) -> str:
    keys = []
    while place is not None:
        place, key = place
        keys.append(key)
    return pointer(reversed(keys))


def _role(key: str, above: int) -> int:
    if key in _MARKING_KEYS:
        return _MARKING
    return _LABEL if key == _LABELS else above


class _FoundIds:
    def __init__(self) -> None:
        self.ids: set[StixId] = set()
        self.labels: list[str] = []
        self.refs: list[StixId] = []
        self.claims: list[Any] = []
        self.has_id_keys = self.is_miscased = False
        self.creator: StixId | None = None

    def survey(self) -> Survey:
        lists = tuple(self.labels), tuple(self.refs), tuple(self.claims)
        return Survey(frozenset(self.ids), *lists, self.has_id_keys, self.is_miscased, self.creator)

    def key(self, key: str, value: Any) -> None:
        self._id(key)
        if looks_like_id(key):
            self.has_id_keys |= not key.startswith(EXTENSION_PREFIX)
            if key == TLP_2_EXTENSION:
                self.claims.append(value)

    def text(self, text: str, role: int) -> None:
        self._id(text)
        if role == _LABEL:
            self.labels.append(text)
        elif role == _MARKING:
            self.refs.append(StixId(text))

    def _id(self, text: str) -> None:
        if looks_like_id(text):
            self.ids.add(StixId(text))
        self.is_miscased |= is_miscased_id(text)
