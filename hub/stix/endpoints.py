"""Which types the references of domain, relationship and meta objects may name (STIX 2.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from hub.model import JsonObject
from hub.stix.places import pointer, shown
from hub.stix.schemas import DOMAIN_TYPES, META_TYPES, OBSERVABLE_TYPES, RELATIONSHIP_TYPES


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The types that are allowed, or, where custom types are too, those that are not; and in words."""

    words: str
    types: frozenset[str] = frozenset()
    but: frozenset[str] | None = None

    def __contains__(self, object_type: str) -> bool:
        return object_type in self.types if self.but is None else object_type not in self.but


def _only(*types: str) -> _Allowed:
    return _Allowed(" or ".join(types), types=frozenset(types))


_BUNDLE: Final = frozenset({"bundle"})
_IDENTITY: Final = _only("identity")
_MARKING: Final = _only("marking-definition")
_SOFTWARE: Final = _only("software")
_ANY: Final = _Allowed("any STIX object, and a bundle is none", but=_BUNDLE)
_DOMAIN: Final = _Allowed(
    "a domain object such as indicator or malware",
    but=_BUNDLE | META_TYPES | RELATIONSHIP_TYPES | OBSERVABLE_TYPES,
)
_END: Final = _Allowed(
    "a domain object or an observable, such as malware or file", but=_BUNDLE | META_TYPES | RELATIONSHIP_TYPES
)
_OBSERVABLE: Final = _Allowed(
    "an observable such as file or url", but=_BUNDLE | META_TYPES | RELATIONSHIP_TYPES | DOMAIN_TYPES
)
_OBSERVED: Final = _Allowed(
    "an observable or a relationship, such as file or url", but=_BUNDLE | META_TYPES | DOMAIN_TYPES
)
_COMMON: Final = {"created_by_ref": _IDENTITY, "object_marking_refs": _MARKING}  # sections 3.2 and 7.2
# Where a type's own section words no limit (report, grouping, note, opinion), a STIX object is meant.
_OF_TYPE: Final[dict[str, dict[str, _Allowed]]] = {
    "grouping": {"object_refs": _ANY},  # 4.4
    "malware": {"sample_refs": _only("artifact", "file"), "operating_system_refs": _SOFTWARE},  # 4.11
    "malware-analysis": {  # 4.12
        "host_vm_ref": _SOFTWARE,
        "operating_system_ref": _SOFTWARE,
        "installed_software_refs": _SOFTWARE,
        "analysis_sco_refs": _OBSERVABLE,
        "sample_ref": _only("artifact", "file", "network-traffic"),
    },
    "note": {"object_refs": _ANY},  # 4.13
    "observed-data": {"object_refs": _OBSERVED},  # 4.14
    "opinion": {"object_refs": _ANY},  # 4.15
    "report": {"object_refs": _ANY},  # 4.16
    "relationship": {"source_ref": _END, "target_ref": _END},  # 5.1
    "sighting": {  # 5.2
        "sighting_of_ref": _DOMAIN,
        "observed_data_refs": _only("observed-data"),
        "where_sighted_refs": _only("identity", "location"),
    },
    "language-content": {"object_ref": _ANY},  # 7.1
}


def reference_fault(obj: JsonObject) -> str | None:
    """Return which reference of `obj` names a type that its property does not allow, or None.

    What is no identifier at all is left to the schema. Observables' own references are judged elsewhere.
    """
    for place, allowed, value in _references(obj):
        object_type, dashes, _ = value.partition("--")
        if dashes and object_type not in allowed:
            return f"{pointer(place)} names the type {shown(object_type)}; it must name {allowed.words}"
    return _circle_fault(obj)


def _references(obj: JsonObject) -> Iterator[tuple[tuple[object, ...], _Allowed, str]]:
    for table in (_COMMON, _OF_TYPE.get(obj["type"], {})):
        for name, allowed in table.items():
            for place, value in _values(name, obj.get(name)):
                if isinstance(value, str):
                    yield place, allowed, value
    for index, marking in marked(obj):
        if isinstance(marking.get("marking_ref"), str):
            yield ("granular_markings", index, "marking_ref"), _MARKING, marking["marking_ref"]


def _values(name: str, value: Any) -> Iterator[tuple[tuple[object, ...], Any]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield (name, index), item
    else:
        yield (name,), value


def marked(obj: JsonObject) -> Iterator[tuple[int, JsonObject]]:
    """Yield the granular markings of `obj` that are objects, with their indices."""
    markings = obj.get("granular_markings")
    for index, marking in enumerate(markings if isinstance(markings, list) else ()):
        if isinstance(marking, dict):
            yield index, marking


def _circle_fault(obj: JsonObject) -> str | None:
    """A marking definition does not mark itself (sections 7.2.1 and 3.2)."""
    if obj["type"] == "marking-definition":
        for place, _, value in _references(obj):
            if value == obj["id"]:
                return f"{pointer(place)} names the marking definition itself; name another, or leave it out"
    return None
