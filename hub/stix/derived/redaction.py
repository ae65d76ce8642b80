"""What is left of an object when the parts that are marked above a ceiling are taken away (policy 7).

What may not be given in part is not given: every doubt ends in None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from hub.model import JsonObject, Redaction, Tlp
from hub.stix.derived.renaming import ID_CONTRIBUTING, has_uuid_5
from hub.stix.marking.markings import read_markings
from hub.stix.marking.tlp import TLP_2_EXTENSION, TLP_IDS
from hub.stix.marking.walking import refers
from hub.stix.validity.schemas import OBJECT_TYPES
from hub.stix.validity.validation import fault

_CEILINGS: Final = tuple(level for level in Tlp if level is not Tlp.RED)  # nothing is marked above red
# What makes a version the version that it is, and how it is to be handled. A revoked one without
# `revoked` would seem to be in use.
_WHOLE: Final = frozenset(
    {
        "id", "type", "spec_version", "created", "modified", "revoked",
        "object_marking_refs", "granular_markings",
    }
)  # fmt: skip
_GONE: Final = object()


def redactions(obj: JsonObject) -> tuple[Redaction, ...]:
    """Return what is left at each ceiling at which a part is taken away and the rest may be given, rising.

    `obj` is valid STIX 2.1. Red is never among the ceilings. There are none for an object without
    granular TLP markings, and for one that its granular markings close (policy 2.5).
    """
    markings = read_markings(obj)
    if markings.fault or markings.parts:
        return ()
    highest = max((level for level, _ in _marked(obj)), default=Tlp.CLEAR)
    rests = ((ceiling, _rest(obj, ceiling)) for ceiling in _CEILINGS if ceiling < highest)
    return tuple(
        Redaction(ceiling, read_markings(left).raised, refers(left), frozenset(_taken(obj, ceiling)))
        for ceiling, left in rests
        if left is not None
    )


def redact(obj: JsonObject, ceiling: Tlp) -> JsonObject | None:
    """Return a copy of `obj` without the parts whose granular TLP marking is above `ceiling` (policy 7).

    It is valid STIX 2.1, still with the id, creator and markings of `obj`, which is not altered; its
    granular markings select what they selected. A list or dictionary that loses all it holds goes too.
    With nothing to take away it is the whole. None when it may not be given:

    - a granular marking cannot be followed or is not TLP, or one stands on `granular_markings` itself;
    - what would go is required, is common to every version (but `created_by_ref`, which is the hub's in
      what is given), or contributes to the id of an observable (STIX 2.1 section 2.9), even in part;
    - a label, or what is kept inside it, says a level above `ceiling`; or the label that spells the strictest
      level would go.
    """
    left = _rest(obj, ceiling)
    return None if left is None else deepcopy(left)


def _rest(obj: JsonObject, ceiling: Tlp) -> JsonObject | None:
    """What `redact` returns, but made of the very values of `obj` where nothing is taken away."""
    markings = read_markings(obj)
    if markings.fault or markings.parts:
        return None
    taken = _taken(obj, ceiling)
    if {_first(selector) for selector in taken} & _kept_whole(obj) or _marks_markings(obj):
        return None
    root = _parts(taken)
    left: JsonObject = _without(obj, root)
    if _spelled(obj) is not _spelled(left):
        return None
    granular = _followed(left.pop("granular_markings", []), root)
    if granular:
        left["granular_markings"] = granular
    raised = read_markings(left).raised
    if raised is not None and raised > ceiling:  # a label, or what is kept inside the object, says so
        return None
    return left if fault(left) is None else None


def _taken(obj: JsonObject, ceiling: Tlp) -> list[str]:
    return [selector for level, selector in _marked(obj) if level > ceiling]


def _marked(obj: JsonObject) -> Iterator[tuple[Tlp, str]]:
    """Every selector that a TLP marking stands on, with its level; `obj` has no granular fault."""
    for marking in obj.get("granular_markings", ()):
        level = TLP_IDS.get(marking.get("marking_ref"))
        if level is not None:
            yield from ((level, selector) for selector in marking["selectors"])


def _marks_markings(obj: JsonObject) -> bool:
    """Whether a granular marking, be it of a language, stands on granular markings: these are rewritten."""
    granular = obj.get("granular_markings", ())
    return any(_first(selector) == "granular_markings" for each in granular for selector in each["selectors"])


def _kept_whole(obj: JsonObject) -> frozenset[str]:
    """The properties of which nothing may be taken away."""
    object_type = obj["type"]
    if object_type in OBJECT_TYPES:
        return _WHOLE
    if object_type in ID_CONTRIBUTING:
        return _WHOLE | ID_CONTRIBUTING[object_type]
    # Of an observable that only its producer knows, any property may have made such an id.
    is_observable = not obj.keys() & {"created", "modified"}
    return _WHOLE | obj.keys() if is_observable and has_uuid_5(obj["id"]) else _WHOLE


def _spelled(obj: JsonObject) -> Tlp | None:
    """Return the level that the object itself says in words: by its own labels and TLP 2.0 extension."""
    extension = obj.get("extensions", {}).get(TLP_2_EXTENSION)
    words = {"labels": obj.get("labels", [])} | ({TLP_2_EXTENSION: extension} if extension else {})
    return read_markings(words).raised


def _first(selector: str) -> str:
    return selector.split(".", 1)[0]


# --- taking away ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Part:
    """A place in an object at or below which something is taken away, by the components of selectors.

    `places` says of a list which item now stands where: `[2]` may have become `[1]`.
    """

    is_gone: bool = False
    below: dict[str, _Part] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


def _parts(selectors: Iterable[str]) -> _Part:
    root = _Part()
    for selector in selectors:
        part = root
        for component in selector.split("."):
            part = part.below.setdefault(component, _Part())
        part.is_gone = True
    return root


def _without(value: Any, part: _Part | None) -> Any:
    """Return `value` without what is gone; `part` notes what else went and where items moved."""
    if part is None:
        return value
    if part.is_gone:
        return _GONE
    left = _dict_without(value, part) if isinstance(value, dict) else _list_without(value, part)
    part.is_gone = not left
    return left or _GONE


def _dict_without(value: JsonObject, part: _Part) -> JsonObject:
    items = ((key, _without(item, part.below.get(key))) for key, item in value.items())
    return {key: item for key, item in items if item is not _GONE}


def _list_without(value: list[Any], part: _Part) -> list[Any]:
    left: list[Any] = []
    for index, item in enumerate(value):
        component = f"[{index}]"
        rest = _without(item, part.below.get(component))
        if rest is not _GONE:
            part.places[component] = f"[{len(left)}]"
            left.append(rest)
    return left


def _followed(granular: list[JsonObject], root: _Part) -> list[JsonObject]:
    """The granular markings with selectors of where things now stand, without those of what is gone."""
    followed = []
    for marking in granular:
        moved = (_moved(selector, root) for selector in marking["selectors"])
        if selectors := [selector for selector in moved if selector is not None]:
            followed.append({**marking, "selectors": selectors})
    return followed


def _moved(selector: str, root: _Part) -> str | None:
    """Return the selector of what `selector` selected, or None if that is gone."""
    part: _Part | None = root
    components = []
    for component in selector.split("."):
        components.append(part.places.get(component, component) if part else component)
        part = part.below.get(component) if part else None
        if part and part.is_gone:
            return None
    return ".".join(components)
