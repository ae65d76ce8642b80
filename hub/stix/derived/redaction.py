"""Removes the parts of an object marked above a ceiling (policy 7).

Every doubt gives None: then nobody gets the object in part.
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

_CEILINGS: Final = tuple(level for level in Tlp if level is not Tlp.RED)  # no level is above red
# These properties identify a version, or say how to handle the version: none of them may go, even in part.
# A revoked version without `revoked` would seem to be in use.
_WHOLE: Final = frozenset(
    {
        "id", "type", "spec_version", "created", "modified", "revoked",
        "object_marking_refs", "granular_markings",
    }
)  # fmt: skip
_GONE: Final = object()


def redactions(obj: JsonObject) -> tuple[Redaction, ...]:
    """Return the redaction for each ceiling with a removed part and a permitted rest, rising.

    `obj` is valid STIX 2.1. Red is never a ceiling. An object without granular TLP markings has no redaction,
    nor has an object closed by its granular markings (policy 2.5).
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

    The copy is valid STIX 2.1, still with the id, creator and markings of `obj`; `obj` stays unchanged.
    Granular markings select the same values as before. An emptied list or dictionary goes too. Without any
    part to remove the copy is whole. None in these cases:

    - A granular marking has no clear meaning or is not TLP, or a granular marking selects
      `granular_markings`.
    - A removed part is required, is common to every version, or contributes to the id of an observable (STIX
      2.1 section 2.9), even in part. `created_by_ref` may go: derived objects have the hub as creator.
    - A label, or a value inside, says a level above `ceiling`; or the label with the strictest level would
      go.
    """
    left = _rest(obj, ceiling)
    return None if left is None else deepcopy(left)


def _rest(obj: JsonObject, ceiling: Tlp) -> JsonObject | None:
    """Return the result of `redact`, but share unchanged values with `obj`."""
    markings = read_markings(obj)
    if markings.fault or markings.parts:
        return None
    taken = _taken(obj, ceiling)
    # STIX 2.1 section 3.6 forbids a second representation of a version. The made id and the hub's
    # `created_by_ref` are not set here, but in `actions.release.derived_objects`.
    if {_first(selector) for selector in taken} & _kept_whole(obj) or _marks_markings(obj):
        return None
    root = _parts(taken)
    left: JsonObject = _without(obj, root)
    # A level in words must not change: without the strictest label the rest would look laxer (policy 2.1).
    if _spelled(obj) is not _spelled(left):
        return None
    granular = _with_new_selectors(left.pop("granular_markings", []), root)
    if granular:
        left["granular_markings"] = granular
    raised = read_markings(left).raised
    if raised is not None and raised > ceiling:  # by a label, or by a value inside the object
        return None
    # No list of required properties is kept here: the checks of STIX 2.1 refuse a rest without one.
    return left if fault(left) is None else None


def _taken(obj: JsonObject, ceiling: Tlp) -> list[str]:
    return [selector for level, selector in _marked(obj) if level > ceiling]


def _marked(obj: JsonObject) -> Iterator[tuple[Tlp, str]]:
    """Yield each selector of a TLP marking, with its level; `obj` has no granular fault."""
    for marking in obj.get("granular_markings", ()):
        level = TLP_IDS.get(marking.get("marking_ref"))
        if level is not None:
            yield from ((level, selector) for selector in marking["selectors"])


def _marks_markings(obj: JsonObject) -> bool:
    """Return whether a granular marking, also of a language, selects granular markings."""
    # Entries of `granular_markings` may go or move: a marking of such an entry would then select another.
    granular = obj.get("granular_markings", ())
    return any(_first(selector) == "granular_markings" for each in granular for selector in each["selectors"])


def _kept_whole(obj: JsonObject) -> frozenset[str]:
    """Return the properties with no removable part."""
    object_type = obj["type"]
    if object_type in OBJECT_TYPES:
        return _WHOLE
    if object_type in ID_CONTRIBUTING:
        return _WHOLE | ID_CONTRIBUTING[object_type]
    # STIX 2.1 section 2.9: a version 5 UUID follows from content. For a custom observable only its producer
    # knows from which property.
    is_observable = not obj.keys() & {"created", "modified"}
    return _WHOLE | obj.keys() if is_observable and has_uuid_5(obj["id"]) else _WHOLE


def _spelled(obj: JsonObject) -> Tlp | None:
    """Return the level in words of the object itself: in its own labels and TLP 2.0 extension."""
    extension = obj.get("extensions", {}).get(TLP_2_EXTENSION)
    words = {"labels": obj.get("labels", [])} | ({TLP_2_EXTENSION: extension} if extension else {})
    return read_markings(words).raised


def _first(selector: str) -> str:
    return selector.split(".", 1)[0]


# --- taking away ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Part:
    """A place in an object with a removed value here or below, by the components of selectors.

    `places` gives the new index of each item of a list: `[2]` may have become `[1]`.
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
    """Return `value` without the removed parts; `part` records further removals and new places of items."""
    if part is None:
        return value
    if part.is_gone:
        return _GONE
    # STIX 2.1 sections 2.3 and 2.12 forbid empty dictionaries and lists: an emptied container goes too.
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


def _with_new_selectors(granular: list[JsonObject], root: _Part) -> list[JsonObject]:
    """Return the granular markings with selectors of the new places, without selectors of removed values."""
    # Without new selectors a marking would select another item, or nothing: that closes the object (2.5).
    followed = []
    for marking in granular:
        moved = (_moved(selector, root) for selector in marking["selectors"])
        if selectors := [selector for selector in moved if selector is not None]:
            followed.append({**marking, "selectors": selectors})
    return followed


def _moved(selector: str, root: _Part) -> str | None:
    """Return the selector of the same value at its new place, or None for a removed value."""
    part: _Part | None = root
    components = []
    for component in selector.split("."):
        components.append(part.places.get(component, component) if part else component)
        part = part.below.get(component) if part else None
        if part and part.is_gone:
            return None
    return ".".join(components)
