"""Makes STIX objects of a case, as in `{ name = "report R", tlp = "red", contains = ["malware M"] }`."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.policy.cases import UnreadableCase
from tests.stix_objects import INFORMATIVE, PUBLIC, TLP, Json, definition, sdo, stamp, stix_id

_SPACE = uuid.UUID("3d2f6a5c-0b1e-5a77-8c64-0f9f2e6d7a02")
_BY_VALUE = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
_TLP_2 = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_FIRM, _OTHER_FIRM = stix_id("identity", 702), stix_id("identity", 703)  # no member, and no public source
_FIELDS = {
    *("name", "type", "tlp", "rel_to", "marks", "labels", "contains", "refers_to", "creator", "version"),
    *("created", "revoked", "text", "parts", "derived_id", "by_value", "tlp_extension", "with", "statement"),
}
_TYPES = (
    *("attack-pattern", "campaign", "course-of-action", "domain-name", "extension-definition", "grouping"),
    *("identity", "indicator", "intrusion-set", "language-content", "location", "malware"),
    *("marking-definition", "note", "observed-data", "opinion", "relationship", "report", "sighting"),
    *("threat-actor", "tool", "vulnerability"),
)
_NEEDED: dict[str, Json] = {
    "attack-pattern": {"name": "Way"},
    "course-of-action": {"name": "Remedy"},
    "extension-definition": {
        "name": "Extension",
        "schema": "https://firm.example/schema.json",
        "extension_types": ["property-extension"],
    },
    "intrusion-set": {"name": "Group"},
    "location": {"name": "Place", "region": "eastern-asia"},
    "threat-actor": {"name": "Actor"},
    "vulnerability": {"name": "CVE-2026-0001"},
    "opinion": {"opinion": "agree"},
}
_UNKNOWN_MARKING = stix_id("marking-definition", 500)


@dataclass
class CaseObjects:
    """The objects of one case by name. `speaker` gives the identity that a member speaks as."""

    place: str
    rel_to: dict[str, str]
    speaker: Callable[[str], str]
    made: Callable[[str, str], str]  # the id that the hub gave an object, by its name and form
    ids: dict[str, str] = field(default_factory=dict)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)  # of versions, by id and text

    def build(self, short: Json | str) -> Json:
        """Return the object. Raises UnreadableCase."""
        said = {"name": short} if isinstance(short, str) else short
        if "name" not in said or (unknown := sorted(said.keys() - _FIELDS)):
            raise self._unreadable(
                f"{short}: an object has a name, and of these fields: {sorted(_FIELDS)}"
                if "name" not in said
                else f"{said['name']}: {', '.join(unknown)} is not known"
            )
        obj = self._plain(said, self._type(said))
        more = {name: self._filled(value) for name, value in said.get("with", {}).items()}
        id = more.get("id") or self._id(said, obj["type"])
        if self.ids.setdefault(said["name"], id) != id:
            raise self._unreadable(f"{said['name']}: it has another id here; say the same of it each time")
        obj |= {"id": id} | more
        text = obj.get("modified", obj.get("created"))
        if text is not None:
            self.numbers[obj["id"], text] = said.get("version", 1)
        return obj

    def id(self, name: str) -> str:
        """Return the id of a named object, which need not have been pushed yet."""
        if name.endswith(" (anonymised)"):
            return self.made(self.id(name.removesuffix(" (anonymised)")), "anonymised")
        if name.startswith("identity of "):
            return self.speaker(name.removeprefix("identity of "))
        fixed = {
            "the hub": stix_id("identity", 999),
            "a firm": _FIRM,
            "another firm": _OTHER_FIRM,
            "MITRE": PUBLIC,
            "unknown marking": _UNKNOWN_MARKING,
            "informative": INFORMATIVE,
        }
        fixed |= {f"TLP:{level.upper()}": id for level, id in TLP.items()}
        fixed |= {f"REL TO {nation}": id for nation, id in self.rel_to.items()}
        return fixed.get(name) or self.ids.setdefault(
            name, self._id({"name": name}, self._type({"name": name}))
        )

    # --- parts ---

    def _type(self, said: Json) -> str:
        stix_type: str = said.get("type", said["name"].partition(" ")[0])
        if stix_type not in _TYPES:
            raise self._unreadable(
                f"{said['name']}: begin its name with its type, or give type; known: {_TYPES}"
            )
        return stix_type

    def _id(self, said: Json, stix_type: str) -> str:
        if said.get("by_value"):
            drawn = uuid.uuid5(_BY_VALUE, f'{{"value":"{_host(said["name"])}"}}')
            return f"{stix_type}--{drawn}"
        if said.get("derived_id"):
            return f"{stix_type}--{uuid.uuid5(_SPACE, said['name'])}"
        return stix_id(stix_type, 10_000 + zlib.crc32(said["name"].encode()))

    def _plain(self, said: Json, stix_type: str) -> Json:
        marks = [*map(self.id, said.get("marks", [])), *(self.rel_to[n] for n in said.get("rel_to", []))]
        if "tlp" in said and said["tlp"] not in TLP:
            raise self._unreadable(f"{said['name']}: tlp is one of {', '.join(TLP)}")
        creator = self._creator(said.get("creator"))
        common: Json = {"tlp": said.get("tlp"), "marks": marks}
        if stix_type == "marking-definition":
            return definition(0, statement=said.get("statement", True), created_by=creator, **common)
        if stix_type == "domain-name":
            return self._observable(said, marks)
        obj = sdo(
            stix_type,
            0,
            version=said.get("version", 1),
            created_by=creator,
            labels=said.get("labels", []),
            revoked=said.get("revoked", False),
            **common,
            **{"created": stamp(said.get("created", 0))} | _NEEDED.get(stix_type, {}),
        )
        return obj | self._about(said, stix_type) | self._texts(said)

    def _observable(self, said: Json, marks: list[str]) -> Json:
        obj: Json = {"type": "domain-name", "spec_version": "2.1", "value": _host(said["name"])}
        markings = [*([TLP[said["tlp"]]] if "tlp" in said else []), *marks]
        obj |= {"object_marking_refs": markings} if markings else {}
        refs = [self.id(name) for name in said.get("refers_to", [])]
        return obj | ({"x_related_refs": refs} if refs else {}) | self._texts(said)

    def _about(self, said: Json, stix_type: str) -> Json:
        refs = [self.id(name) for name in (*said.get("contains", []), *said.get("refers_to", []))]
        match stix_type:
            case "extension-definition":
                return {"version": "1.0.0"}
            case "report" | "grouping" | "note" | "opinion" | "observed-data":
                return {"object_refs": refs or [stix_id("campaign", 90)]} | _observed(stix_type)
            case "relationship" if refs:
                return {"source_ref": refs[0], "target_ref": refs[-1]}
            case "sighting" if refs:
                return {"sighting_of_ref": refs[0]}
            case "language-content":
                return {"object_ref": refs[0], "contents": {"ko": {"name": "이름"}}}
        return {"x_related_refs": refs} if refs else {}

    def _texts(self, said: Json) -> Json:
        found: Json = {}
        if "text" in said:
            found["x_text" if said["name"].startswith(("domain-name",)) else "description"] = said["text"]
        if "parts" in said:
            found["granular_markings"] = [
                {"marking_ref": TLP[level] if level in TLP else self.id(level), "selectors": [part]}
                for part, level in said["parts"].items()
            ]
        if "tlp_extension" in said:
            told = {"extension_type": "property-extension", "tlp_2_0": said["tlp_extension"]}
            found["extensions"] = {_TLP_2: told}
        return found

    def _creator(self, name: str | None) -> str | None:
        if name is None:
            return None
        return self.id(name) if name in ("a firm", "MITRE") or " " in name else self.speaker(name)

    def _filled(self, value: Any) -> Any:
        """Put the ids in the place of `<names>`, anywhere in a property that is given as it is."""
        if isinstance(value, dict):
            return {self._filled(key): self._filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner) for inner in value]
        is_name = isinstance(value, str) and value.startswith("<") and value.endswith(">")
        if is_name and value.endswith(" in upper case>"):
            return self.id(value[1 : -len(" in upper case>")]).upper()
        return self.id(value[1:-1]) if is_name else value

    def _unreadable(self, why: str) -> UnreadableCase:
        return UnreadableCase(f"{self.place}: {why}")


def _host(name: str) -> str:
    return f"{zlib.crc32(name.encode())}.example"


def _observed(stix_type: str) -> Json:
    if stix_type != "observed-data":
        return {}
    return {"first_observed": stamp(0), "last_observed": stamp(0), "number_observed": 1}
