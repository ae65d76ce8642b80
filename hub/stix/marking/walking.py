"""Collects ids, labels and markings at every depth of an object, and the members of a container (policy 2).

No function recurses, and each value is read once: the time grows with the length of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from hub.model import JsonObject, StixId
from hub.stix.marking.tlp import TLP_2_EXTENSION
from hub.stix.values.places import pointer

# 250 characters at most (STIX 2.1 section 3.1): 212 for the type, 2 hyphens, 36 for the UUID. The UUID's
# version is not checked here: a reference counts with any version. `validation` checks the object's own id.
_STIX_ID: Final = re.compile(
    r"[a-z][a-z0-9-]{0,211}--[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
)
_LOWER_CASE_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,211}--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID_CHARACTERS: Final = range(39, 251)
_MARKING_KEYS: Final = frozenset({"object_marking_refs", "marking_ref"})
_LABELS: Final = "labels"
_PLAIN, _LABEL, _MARKING = range(3)  # the role of a text, by the nearest key above with such a role
EXTENSION_PREFIX: Final = "extension-definition--"
_CONTAINERS: Final = frozenset({"report", "grouping"})
_MARK_OR_EXTEND: Final = ("marking-definition--", EXTENSION_PREFIX)
# The place of a value: the place of its container, and its key or index there.
_Place: TypeAlias = "tuple[_Place | None, str]"


@dataclass(frozen=True, slots=True)
class Survey:
    """The ids, labels and markings of an object.

    - `ids`: whole strings in the form of a STIX id, values and keys, without the value of the object's own
      `created_by_ref`. That value is `creator` if the value has the form of an id.
    - `labels`: the texts under `labels` at any depth.
    - `marking_refs`: the texts under `object_marking_refs` or `marking_ref` at any depth, granular markings
      included, without the object's own `object_marking_refs`.
    - `claims`: the values of the TLP 2.0 extension at any depth.
    - `has_id_keys`: a key is an id, other than the id of an extension.
    - `is_miscased`: a whole string is a STIX id but for capitals (policy 2.2).
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
    """Return whether `text` is a STIX id but for capitals (policy 2.2)."""
    if "--" not in text or len(text) not in _ID_CHARACTERS:
        return False
    lowered = text.lower()
    return lowered != text and _LOWER_CASE_ID.fullmatch(lowered) is not None


def survey(obj: JsonObject) -> Survey:
    """Return what `obj` holds, at any depth."""
    # INVARIANT: one loop over a list of pending values, without recursion: no depth raises RecursionError.
    found = _FoundIds()
    pending: list[tuple[Any, int]] = []
    for key, value in obj.items():
        if "--" in key:
            found.key(key, value)
        if key == "created_by_ref" and isinstance(value, str):
            found.is_miscased |= is_miscased_id(value)
            found.creator = StixId(value) if looks_like_id(value) else None
        else:  # `read_markings` reads the object's own object_marking_refs as `tlp`: here they are no part
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
    """Return every id in `obj` as a whole string, value or key, at any depth (policy 2.7).

    Without the object's own id, its own `created_by_ref`, and ids of marking- and extension-definitions. Ids
    of objects inside the object count, and the creator's id where the object holds this id a second time.
    `found` is the survey of `obj`, if the caller has one.
    """
    own, found = obj.get("id"), found or survey(obj)
    return frozenset(id for id in found.ids if id != own and not id.startswith(_MARK_OR_EXTEND))


def contains(obj: JsonObject) -> frozenset[StixId]:
    """Return the `object_refs` of a report or grouping: the container marks these objects (policy 2.3)."""
    if obj.get("type") not in _CONTAINERS:
        return frozenset()
    found: set[StixId] = set()
    # Not only a flat list is read: the schema judges the shape, here each id must count as a member.
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
    """Return the JSON Pointer of a whole string that is a STIX id but for capitals, or None (policy 2.2)."""
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
    # Built for one place alone: a pointer for every value would repeat a long key for each value below.
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
