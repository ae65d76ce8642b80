"""What one accepted version says of itself (policy 2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]

LEVELS = ["clear", "green", "amber", "amber+strict", "red"]
ORDER = ["partner", "agency", "cert"]
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
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Account:
    """A member: its nation and its kind (partner, agency or cert)."""

    nation: str
    kind: str


@dataclass(eq=False)
class Version:
    """One accepted version. `level` is what was enforced last, and so a floor for what comes later.

    So are `base`, the level without granular markings and labels (7), and `nations`, to which alone it is
    releasable abroad (6); None: to all that a clause names. `about` are the originals behind the ids of the
    hub's that it refers to, by these ids; `answered` who had submitted them.
    """

    member: str
    id: str
    text: str
    at: datetime
    obj: Json
    predecessor: Version | None
    level: str | None = None
    floor: str | None = None
    base: str | None = None
    nations: frozenset[str] | None = None
    is_deleted: bool = False
    stood_closed: bool | None = None
    names_source: bool = False
    about: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    answered: frozenset[str] = frozenset()

    @property
    def key(self) -> tuple[str, str, str]:
        return self.member, self.id, self.text

    @property
    def when(self) -> datetime:
        return datetime.fromisoformat(self.text)

    @property
    def tlp(self) -> str | None:
        return strictest(TLP_OF[ref] for ref in self.obj.get("object_marking_refs", []) if ref in TLP_OF)

    @property
    def raised(self) -> str | None:
        """Labels and granular markings raise, never lower (2.1, 2.5)."""
        refs = [m["marking_ref"] for m in self.obj.get("granular_markings", []) if "marking_ref" in m]
        return strictest([labelled(self.obj), *(TLP_OF.get(ref) for ref in refs)])

    @property
    def is_revocation(self) -> bool:
        """A revoking version without TLP keeps its predecessor's (8)."""
        return self.obj.get("revoked") is True and self.tlp is None and self.predecessor is not None

    @property
    def is_accepted_definition(self) -> bool:
        return self.obj.get("definition_type") == "statement"

    def others(self) -> set[str]:
        """Marking references that are not TLP; a revoking version keeps its predecessor's."""
        refs = {*self.obj.get("object_marking_refs", []), *self.granular_refs()}
        if self.is_revocation and self.predecessor is not None:
            refs |= self.predecessor.others()
        return refs - TLP_OF.keys()

    def granular_refs(self) -> set[str]:
        """What parts are marked with; a revoking version keeps its predecessor's."""
        refs = {m["marking_ref"] for m in self.obj.get("granular_markings", []) if "marking_ref" in m}
        if self.is_revocation and self.predecessor is not None:
            refs |= self.predecessor.granular_refs()
        return refs

    def has_bad_selector(self) -> bool:
        """A selector that matches nothing closes the object (2.5)."""
        selectors = [s for m in self.obj.get("granular_markings", []) for s in m["selectors"]]
        kept = self.is_revocation and self.predecessor is not None and self.predecessor.has_bad_selector()
        return kept or any(not reaches(self.obj, selector) for selector in selectors)

    def contains(self) -> set[str]:
        is_container = self.obj["type"] in ("report", "grouping")
        return set(self.obj["object_refs"]) - {self.id} if is_container else set()

    def refers(self) -> set[str]:
        return references(self.obj) - {self.id}


def strictest(levels: Iterable[str | None]) -> str | None:
    return max((level for level in levels if level is not None), key=LEVELS.index, default=None)


def common(found: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """The nations that all name that name any; None: none does."""
    named = [nations for nations in found if nations is not None]
    return frozenset.intersection(*named) if named else None


def labelled(obj: Json) -> str | None:
    """The strictest level that the labels spell."""
    labels = [re.fullmatch(r"tlp:(.+)", label.lower()) for label in obj.get("labels", [])]
    spelled = [match[1].replace("white", "clear") for match in labels if match]
    return strictest(level for level in spelled if level in LEVELS)


def references(obj: Json) -> set[str]:
    """What an object refers to (2.7): every id that it holds whole, its own creator's aside."""
    own = {key: value for key, value in obj.items() if key != "created_by_ref"}
    return {text for text in _strings(own) if _REFERRED.fullmatch(text)}


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


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _strings(item)


_REFERRED = re.compile(r"(?!marking-definition|extension-definition)[a-z0-9-]+--[0-9a-f-]{36}")
