"""Checks domain, relationship and meta objects against the text of STIX 2.1, beyond the schemas."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from hub.model import JsonObject, version_key
from hub.stix.marking.walking import EXTENSION_PREFIX
from hub.stix.validity.examples import EXTENSIONS
from hub.stix.validity.schemas import (
    DOMAIN_TYPES,
    META_TYPES,
    OBSERVABLE_TYPES,
    RELATIONSHIP_TYPES,
)
from hub.stix.values.languages import language_fault
from hub.stix.values.places import pointer, shown

_RESERVED: Final = ("severity", "action", "username", "phone_number")  # section 3.8

# The properties with language tags.
_IN_A_LANGUAGE: Final = frozenset({"lang", "granular_markings", "contents"})

_SEEN: Final = ("first_seen", "last_seen", False)
# By type: the first instant must not be later than the second; True: nor equal.
_ORDER: Final[dict[str, tuple[str, str, bool]]] = {
    "campaign": _SEEN,  # section 4.2
    "indicator": ("valid_from", "valid_until", True),  # 4.7
    "infrastructure": _SEEN,  # 4.8
    "intrusion-set": _SEEN,  # 4.9
    "malware": _SEEN,  # 4.11
    "observed-data": ("first_observed", "last_observed", False),  # 4.14
    "relationship": ("start_time", "stop_time", True),  # 5.1
    "sighting": _SEEN,  # 5.2
    "threat-actor": _SEEN,  # 4.17
}
_REQUIRED: Final = frozenset({"last_observed"})
_CVE: Final = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_CAPEC: Final = re.compile(r"CAPEC-[0-9]+")
# By type: the source name of ids in this form (sections 4.18 and 4.1).
_CATALOGUES: Final = {
    "vulnerability": ("cve", _CVE, "CVE-2024-3094"),
    "attack-pattern": ("capec", _CAPEC, "CAPEC-98"),
}


def object_fault(obj: JsonObject, *, is_observable: bool) -> str | None:
    """Return the first reason why `obj` breaks the text of STIX 2.1, as a sentence, or None.

    Values of a wrong JSON type are left to the schema. `obj` has its `type` and `id`.
    """
    found = _name_fault(obj, is_observable=is_observable) or _reference_fault(obj)
    if not found and not _IN_A_LANGUAGE.isdisjoint(obj):
        found = language_fault(obj, _granular(obj))
    if found:
        return found
    found = _external_fault(obj) or _marking_fault(obj) or _extension_fault(obj) or _order_fault(obj)
    if found:
        return found
    rule = _TOGETHER.get(obj["type"])
    return rule(obj) if rule else None


def _name_fault(obj: JsonObject, *, is_observable: bool) -> str | None:
    """Sections 3.8 (reserved names) and 3.2 (`defanged` is for observables)."""
    if obj["type"] == "action":
        return "/type is action, a reserved name (STIX 2.1 section 3.8); name the type otherwise, as x-action"
    for name in _RESERVED:
        if name in obj:
            return f"/{name} is a reserved name (STIX 2.1 section 3.8); name it otherwise, as x_{name}"
    if "defanged" in obj and not is_observable:
        return "/defanged belongs to observables alone; leave it out, or name it x_defanged"
    return None


# --- references to other objects ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The allowed types, or, with custom types allowed, the forbidden types; and the same in words."""

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
# Without a limit in a type's own section (report, grouping, note, opinion) any STIX object is allowed.
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


def _reference_fault(obj: JsonObject) -> str | None:
    """Malformed identifiers are left to the schema; `observables` checks the references of observables."""
    # Not checked: whether the named object exists. References may dangle (policy 2.7: nothing is looked up).
    found = [*_references(obj)]
    for place, allowed, value in found:
        object_type, dashes, _ = value.partition("--")
        if dashes and object_type not in allowed:
            return f"{pointer(place)} names the type {shown(object_type)}; it must name {allowed.words}"
    for place, _, value in found:
        if value == obj["id"] and obj["type"] == "marking-definition":  # sections 7.2.1 and 3.2
            return f"{pointer(place)} names the marking definition itself; name another, or leave it out"
    return None


def _references(obj: JsonObject) -> Iterator[tuple[tuple[object, ...], _Allowed, str]]:
    for table in (_COMMON, _OF_TYPE.get(obj["type"], {})):
        for name, allowed in table.items():
            value = obj.get(name)
            if isinstance(value, str):
                yield (name,), allowed, value
            elif isinstance(value, list):
                yield from (((name, n), allowed, one) for n, one in enumerate(value) if isinstance(one, str))
    for index, marking in _granular(obj):
        if isinstance(marking.get("marking_ref"), str):
            yield ("granular_markings", index, "marking_ref"), _MARKING, marking["marking_ref"]


# --- external references (section 2.5) ----------------------------------------------------------------


def _external_references(obj: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    references = obj.get("external_references")
    for index, reference in enumerate(references if isinstance(references, list) else ()):
        if isinstance(reference, dict):
            yield pointer(("external_references", index)), reference


def _external_fault(obj: JsonObject) -> str | None:
    for place, reference in _external_references(obj):
        if "source_name" in reference and reference.keys().isdisjoint(("description", "url", "external_id")):
            return (
                f"{place} has a source_name alone; add description, url or external_id, "
                'for example "url": "https://www.example.com/report"'
            )
        catalogue = _CATALOGUES.get(obj["type"])
        fault = _catalogue_fault(place, reference, *catalogue) if catalogue else None
        if fault:
            return fault
    return None


def _catalogue_fault(
    place: str, reference: JsonObject, source: str, form: re.Pattern[str], example: str
) -> str | None:
    external_id, name = reference.get("external_id"), reference.get("source_name")
    if not isinstance(external_id, str) or not isinstance(name, str):
        return None
    if name == source and not form.fullmatch(external_id):
        return f"{place}/external_id {shown(external_id)} is no id of {source}; write it as {example}"
    if name != source and form.fullmatch(external_id.upper()):
        return (
            f"{place}/source_name is {shown(name)} beside {shown(external_id)}; "
            f'for such an id write "source_name": "{source}"'
        )
    return None


# --- granular markings (section 7.2.3) ----------------------------------------------------------------


def _granular(obj: JsonObject) -> Iterator[tuple[int, JsonObject]]:
    """Yield the granular markings that are objects, with their indices."""
    markings = obj.get("granular_markings")
    for index, marking in enumerate(markings if isinstance(markings, list) else ()):
        if isinstance(marking, dict):
            yield index, marking


def _marking_fault(obj: JsonObject) -> str | None:
    for index, marking in _granular(obj):
        given = marking.keys() & {"lang", "marking_ref"}
        if not given:
            return (
                f"{pointer(('granular_markings', index))} has neither marking_ref nor lang; add one, "
                'for example "lang": "ko"'
            )
        if len(given) > 1:
            return f"{pointer(('granular_markings', index))} has marking_ref and lang; make it two markings"
    return None


# --- extensions (sections 3.2 and 7.3) ----------------------------------------------------------------

_EXTENSION_ID: Final = re.compile(
    r"extension-definition--[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    re.IGNORECASE,
)
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,250}")
_OWNERS: Final = {name: owner for owner, names in EXTENSIONS.items() for name in names}


def _extension_fault(obj: JsonObject) -> str | None:
    """Other keys than a definition's id or a name of STIX 2.1 pass: the text says SHOULD."""
    extensions = obj.get("extensions")
    for key in extensions if isinstance(extensions, dict) else ():
        if not _KEY.fullmatch(key):
            return f"/extensions has the key {shown(key)}; use only a-z, A-Z, 0-9, hyphen and underscore"
        if key.startswith(EXTENSION_PREFIX) and not _EXTENSION_ID.fullmatch(key):
            return (
                f"/extensions has the key {shown(key)}, which is no identifier; "
                "write extension-definition-- and the UUID of the definition"
            )
        if _OWNERS.get(key, obj["type"]) != obj["type"]:
            # python-stix2 reads such an extension as the standard's, and fails on a missing property.
            return (
                f"/extensions/{key} is an extension of {_OWNERS[key]}, not of {obj['type']}; "
                f"put it on the {_OWNERS[key]}, or name a definition of your own"
            )
    return None


# --- ends and beginnings ------------------------------------------------------------------------------


def _order_fault(obj: JsonObject) -> str | None:
    first, last, is_strict = _ORDER.get(obj["type"], ("", "", False))
    if first not in obj or last not in obj:
        return None
    begins, ends = _key(obj[first]), _key(obj[last])
    if begins is None or ends is None or begins < ends or (begins == ends and not is_strict):
        return None
    said = "not later than" if is_strict else "earlier than"
    remedy = "" if last in _REQUIRED else f", or leave {last} out"
    return f"/{last} is {said} {first} ({obj[last]}, {obj[first]}); correct one of them{remedy}"


def _key(value: Any) -> str | None:
    return version_key(value) if isinstance(value, str) else None


# --- what goes together -------------------------------------------------------------------------------


def _location(obj: JsonObject) -> str | None:
    """Section 4.10."""
    for one, other in (("latitude", "longitude"), ("longitude", "latitude"), ("precision", "latitude")):
        if one in obj and other not in obj:
            return f"/{other} is missing beside {one}; add it, for example 37.57, or leave {one} out"
    if obj.keys().isdisjoint(("region", "country", "latitude")):
        return '/country, region, or latitude and longitude must be there; add for example "country": "KR"'
    return None


def _malware(obj: JsonObject) -> str | None:
    """Section 4.11."""
    if obj.get("is_family") is True and "name" not in obj:
        return '/name is missing: a malware family has one; add for example "name": "AppleJeus"'
    return None


def _malware_analysis(obj: JsonObject) -> str | None:
    """Section 4.12."""
    if obj.keys().isdisjoint(("result", "analysis_sco_refs")):
        return '/result or analysis_sco_refs is missing; add one, for example "result": "malicious"'
    return None


def _observed_data(obj: JsonObject) -> str | None:
    """Section 4.14."""
    if "objects" in obj and "object_refs" in obj:
        return "/objects stands beside object_refs; keep object_refs, and send the objects beside this one"
    if "objects" not in obj and "object_refs" not in obj:
        return '/object_refs is missing; add it, for example ["file--UUID"]'
    refs = obj.get("object_refs")
    if isinstance(refs, list) and refs and all(_is_relationship(ref) for ref in refs):
        return "/object_refs names no observable; add at least one, such as a file or url"
    return None


def _is_relationship(ref: Any) -> bool:
    return isinstance(ref, str) and ref.partition("--")[0] in RELATIONSHIP_TYPES


def _marking_definition(obj: JsonObject) -> str | None:
    """Section 7.2.1. Only the standard's ids express TLP (7.2.1.4)."""
    if obj.get("definition_type") == "tlp":
        return (
            "/definition_type is tlp, and the id is none of TLP's; mark objects with the ids that the "
            "standards give, such as marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb for TLP:GREEN"
        )
    definition = obj.get("definition")
    if isinstance(definition, dict) and definition.get("statement") == "":
        return '/definition/statement is empty; write it, for example "statement": "Copyright 2026, KISA"'
    return None


def _extension_definition(obj: JsonObject) -> str | None:
    """Section 7.3.1."""
    types = obj.get("extension_types")
    if "extension_properties" in obj and isinstance(types, list) and _AT_THE_TOP not in types:
        return (
            f"/extension_types lacks {_AT_THE_TOP}, to which extension_properties belongs; "
            "add it, or leave extension_properties out"
        )
    return None


_AT_THE_TOP: Final = "toplevel-property-extension"
_TOGETHER: Final[dict[str, Callable[[JsonObject], str | None]]] = {
    "extension-definition": _extension_definition,
    "location": _location,
    "malware": _malware,
    "malware-analysis": _malware_analysis,
    "observed-data": _observed_data,
    "marking-definition": _marking_definition,
}
