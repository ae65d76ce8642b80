"""What an object says of itself: its marks, what it contains and refers to (policy 2.1, 2.5, 2.7)."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

Json = dict[str, Any]

LEVELS = ["clear", "green", "amber", "amber+strict", "red"]
TLP_OF = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
    "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37": "amber+strict",
}
TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
NAMES = frozenset(
    [
        *("attack-pattern", "course-of-action", "identity", "intrusion-set", "location", "malware"),
        *("threat-actor", "tool", "vulnerability"),
    ]
)
DEFINITIONS = ("marking-definition", "extension-definition")
ID = re.compile(r"[a-z0-9-]+--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_WORDS = r"amber[\W\d_]*strict|clear|white|green|amber|red"
_LABEL = re.compile(rf"tlp[\W\d_]*({_WORDS})(?![^\W\d_])")


def strictest(levels: Iterable[str | None]) -> str | None:
    return max((level for level in levels if level is not None), key=LEVELS.index, default=None)


def type_of(id: str) -> str:
    return id.partition("--")[0]


def is_derived(id: str) -> bool:
    """Whether the id is derived from content (UUID version 3 or 5)."""
    return uuid.UUID(id.partition("--")[2]).version in (3, 5)


def is_observable(obj: Json) -> bool:
    """SCOs have neither date, and everything else has."""
    return "modified" not in obj and "created" not in obj


def is_once(obj: Json) -> bool:
    """Names, and observables whose id follows from the value, take their handling once (2.3)."""
    by_value = is_observable(obj) and uuid.UUID(obj["id"].partition("--")[2]).version == 5
    return obj["type"] in NAMES or by_value


# --- levels ---------------------------------------------------------------------------------------


def tlp_of(obj: Json) -> str | None:
    """The strictest level of the object's own marking references."""
    return strictest(TLP_OF.get(ref) for ref in _texts(obj.get("object_marking_refs")))


def raised_by(obj: Json) -> str | None:
    """What labels, the TLP 2.0 extension, parts and anything at depth raise to; never lower (2.1, 2.5)."""
    found = [labelled(obj)]
    for inner in _dictionaries(obj):
        found.append(_extended(inner))
        if inner is not obj:
            found.append(labelled(inner))
            found += [TLP_OF.get(ref) for ref in _texts(inner.get("object_marking_refs"))]
        found += [TLP_OF.get(ref) for ref in _texts(inner.get("marking_ref"))]
    return strictest(found)


def labelled(obj: Json) -> str | None:
    """The strictest level that the labels spell."""
    return strictest(level for label in _texts(obj.get("labels")) for level in _spelled(label))


def _spelled(label: str) -> Iterator[str]:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    for match in re.finditer(rf"(?={_LABEL.pattern})", text):
        word = match[1]
        yield "amber+strict" if "strict" in word else word.replace("white", "clear")


def _extended(obj: Json) -> str | None:
    extension = obj.get(TLP_EXTENSION)
    level = extension.get("tlp_2_0") if isinstance(extension, dict) else None
    return level if level in LEVELS else None


# --- other marks ----------------------------------------------------------------------------------


def marks_of(obj: Json) -> set[str]:
    """The references to markings on the whole object that are no TLP."""
    return {*_texts(obj.get("object_marking_refs"))} - TLP_OF.keys()


def inner_marks_of(obj: Json) -> set[str]:
    """Those on parts of it, and at any depth."""
    found = set()
    for inner in _dictionaries(obj):
        found |= {*_texts(inner.get("marking_ref"))}
        if inner is not obj:
            found |= {*_texts(inner.get("object_marking_refs"))}
    return found - TLP_OF.keys()


def has_bad_selector(obj: Json) -> bool:
    selectors = [s for m in obj.get("granular_markings", []) for s in m["selectors"]]
    return any(not reaches(obj, selector) for selector in selectors)


def reaches(value: Any, selector: str) -> bool:
    """Whether a selector matches something."""
    for step in selector.split("."):
        if isinstance(value, list) and step.startswith("["):
            place = int(step[1:-1])
            if place >= len(value):
                return False
            value = value[place]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return False
    return True


# --- definitions ----------------------------------------------------------------------------------


def levels_claimed(definition: Json) -> set[str]:
    """What a marking-definition says that it stands for; empty: it claims no TLP."""
    found = set()
    if definition.get("definition_type") == "tlp":
        found.add(str(definition.get("definition", {}).get("tlp", "")).replace("white", "clear"))
    extension = definition.get("extensions", {}).get(TLP_EXTENSION)
    if extension is not None:
        found.add(extension.get("tlp_2_0", ""))
    return found


def is_accepted_definition(obj: Json, informative: frozenset[str]) -> bool:
    """What rule 6 accepts: statements, and what the configuration lists by its own or its extension's id."""
    if obj["type"] != "marking-definition":
        return False
    is_listed = obj["id"] in informative or not informative.isdisjoint(obj.get("extensions", {}))
    return obj.get("definition_type") == "statement" or is_listed


# --- containing and referring ---------------------------------------------------------------------


def contained(obj: Json) -> set[str]:
    return {*obj["object_refs"]} - {obj["id"]} if obj["type"] in ("report", "grouping") else set()


def references(obj: Json) -> set[str]:
    """What an object refers to: every id that stands alone in it (2.7)."""
    held = {**obj}
    held.pop("created_by_ref", None)
    found = {text for text in strings(held) if ID.fullmatch(text)} - {obj["id"]}
    return {id for id in found if type_of(id) not in DEFINITIONS}


def has_id_in_other_case(obj: Json) -> bool:
    return any(ID.fullmatch(text.lower()) and not ID.fullmatch(text) for text in strings(obj))


def strings(value: Any) -> Iterator[str]:
    """Every string, values and keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)


def _dictionaries(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _dictionaries(item)


def _texts(value: Any) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [text for text in found if isinstance(text, str)]
