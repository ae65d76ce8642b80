"""Checks an object against STIX 2.1, and returns the first fault as a sentence.

Custom types and properties pass, because real feeds need them; references may dangle.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Final

from hub.model import MAX_TIMESTAMP_CHARACTERS, JsonObject, version_key
from hub.stix.marking.tlp import TLP_IDS
from hub.stix.validity.examples import UUID
from hub.stix.validity.objects import object_fault
from hub.stix.validity.observables import container_fault, hashes_fault, observable_fault
from hub.stix.validity.schemas import OBJECT_TYPES, OBSERVABLE_TYPES, schema_fault
from hub.stix.validity.shapes import shown as value_shown
from hub.stix.values.patterns import pattern_fault
from hub.stix.values.places import shown

MAX_ID_CHARACTERS: Final = 250

_TYPE: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*-?")
_TYPE_CHARACTERS: Final = range(3, MAX_ID_CHARACTERS + 1)
# RFC 4122 versions 1 to 5, as in the OASIS schema.
_UUID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE
)

# Required in STIX 2.1, unknown in STIX 2.0; by type.
_NEW_IN_21: Final = {
    "indicator": {"pattern_type": '"pattern_type": "stix"'},
    "malware": {"is_family": '"is_family" (true or false)'},
    "observed-data": {"object_refs": "object_refs with the ids of observables that are sent as objects"},
}
# The properties of 2.1 in place of labels, with an example of a label.
_NO_LABELS: Final = {
    "indicator": ("indicator_types", "malicious-activity"),
    "malware": ("malware_types", "backdoor"),
    "report": ("report_types", "campaign"),
    "threat-actor": ("threat_actor_types", "spy"),
    "tool": ("tool_types", "remote-access"),
}
_NOT_IN_A_WORD: Final = re.compile(r"[^a-z0-9]")
# Types by frequent misspellings: in capitals, with underscores, as a plural.
_TYPES: Final = {
    name.replace("-", "").removesuffix("s"): name for name in sorted(OBJECT_TYPES | OBSERVABLE_TYPES)
}
_OF_MISP: Final = frozenset({"Event", "Attribute", "response"})
_NO_FRACTION: Final = re.compile(r"(.*T.*:[0-9]{2})(\.[0-9]{0,2})?Z")


def fault(obj: JsonObject) -> str | None:
    """Return the first reason why `obj` is not valid STIX 2.1, as a sentence, or None.

    The sentence names the property by its JSON Pointer, and the remedy. A custom type without `created` and
    `modified` counts as an observable, and then needs no `spec_version` (STIX 2.1 sections 3.1 and 3.2). A
    definition under a TLP id is compared with no schema: such a definition is never stored, and real products
    write many forms (policy 2.2).
    """
    # The order gives the clearest sentence first: type, edition of STIX, id, then content. Cheap checks come
    # before the schema. Not checked here: markings and permissions (policy 2, 8), which `rules` decides.
    type_fault = _type_fault(obj)
    if type_fault:
        return type_fault
    object_type: str = obj["type"]
    is_observable = _is_observable(obj, object_type)
    early = _spec_version_fault(obj, is_optional=is_observable) or _id_fault(obj.get("id"), object_type)
    if early:
        return early
    if not (object_type == "marking-definition" and obj["id"] in TLP_IDS):
        judge = partial(object_fault, is_observable=is_observable)
        content = judge(obj) or schema_fault(obj, object_type, judge, is_observable=is_observable)
        if content:
            return content
    return _time_fault(obj) or _part_fault(obj, object_type, is_observable=is_observable)


def _type_fault(obj: JsonObject) -> str | None:
    object_type = obj.get("type")
    if "type" not in obj and not _OF_MISP.isdisjoint(obj):
        return (
            "/type is missing: this is an event of MISP; export it as STIX 2.1, or convert it with misp-stix"
        )
    if not isinstance(object_type, str):
        return '/type is missing or not a string; every STIX object has one, for example "type": "indicator"'
    if object_type == "bundle":
        return "/type is bundle: a bundle cannot stand inside another list of objects; send its objects"
    if len(object_type) not in _TYPE_CHARACTERS or not _TYPE.fullmatch(object_type):
        near = _TYPES.get(_NOT_IN_A_WORD.sub("", object_type[:MAX_ID_CHARACTERS].lower()).removesuffix("s"))
        return (
            f"/type {shown(object_type)} is no STIX type name; use 3 to 250 of a-z, 0-9 and single hyphens"
            + (f", for example {near}" if near else "")
        )
    return None


def _is_observable(obj: JsonObject, object_type: str) -> bool:
    if object_type in OBSERVABLE_TYPES:
        return True
    return object_type not in OBJECT_TYPES and "created" not in obj and "modified" not in obj


def _spec_version_fault(obj: JsonObject, *, is_optional: bool) -> str | None:
    """Return the fault, with the further requirements of STIX 2.1: no tool converts STIX 2.0."""
    if "spec_version" not in obj:
        if is_optional:
            return None
        return (
            "/spec_version is missing: this is STIX 2.0 or older, and the hub takes STIX 2.1 only; "
            f'write "spec_version": "2.1" in each object, not in the bundle{_besides(obj)}'
        )
    if obj["spec_version"] != "2.1":
        return (
            f"/spec_version is {value_shown(obj['spec_version'])}, and the hub takes STIX 2.1 only: "
            f'write "spec_version": "2.1"{_besides(obj)}'
        )
    return None


def _besides(obj: JsonObject) -> str:
    """Return the other differences of a STIX 2.0 object of this type; ids and times stay."""
    needs = [said for name, said in _NEW_IN_21.get(obj["type"], {}).items() if name not in obj]
    name, label = _NO_LABELS.get(obj["type"], ("", ""))
    if name and name not in obj and "labels" in obj:
        needs.append(f"{name} in place of labels such as {label}")
    times = [name for name in ("created", "modified") if _NO_FRACTION.fullmatch(str(obj.get(name)))]
    if times:
        needs.append(f"milliseconds in {' and '.join(times)}, as 2024-02-29T12:00:00.000Z")
    return f". A STIX 2.1 {value_shown(obj['type'])[1:-1]} also has {' and '.join(needs)}" if needs else ""


def _id_fault(stix_id: Any, object_type: str) -> str | None:
    if not isinstance(stix_id, str):
        return f"/id is missing or not a string; give the object the id type--UUID, {_an_id(object_type)}"
    if len(stix_id) > MAX_ID_CHARACTERS:
        return f"/id is longer than {MAX_ID_CHARACTERS} characters; shorten the type"
    prefix = f"{object_type}--"
    if not stix_id.startswith(prefix):
        return (
            f"/id does not begin with {shown(prefix)}; the id names the object's type, {_an_id(object_type)}"
        )
    # Section 2.9: a UUID of RFC 4122. `observables` checks further which observables need a random UUID.
    if not _UUID.fullmatch(stix_id, len(prefix)):
        return (
            f"/id {shown(stix_id)} does not end in an RFC 4122 UUID; "
            f"give the object one, {_an_id(object_type)}"
        )
    return None


def _an_id(object_type: str) -> str:
    return f"for example {shown(object_type)[1:-1]}--{UUID}"


def _time_fault(obj: JsonObject) -> str | None:
    """Section 3.2: `modified` is not before `created`, also in observables with these properties."""
    # In an observable these are custom properties without a schema, but they order its versions (policy 8).
    latest = ""
    for name in ("created", "modified"):
        if name not in obj:
            continue
        key = version_key(obj[name]) if isinstance(obj[name], str) else None
        if key is None:
            return (
                f"/{name} is no instant in UTC of at most {MAX_TIMESTAMP_CHARACTERS} characters; "
                "write it as 2024-02-29T12:00:00.000Z"
            )
        if key < latest:
            return (
                f"/modified is earlier than created ({obj['modified']}, {obj['created']}); "
                "a version cannot be older than its object: correct one of them"
            )
        latest = key
    return None


def _part_fault(obj: JsonObject, object_type: str, *, is_observable: bool) -> str | None:
    """Check the parts of some objects alone: values of observables, hashes, patterns."""
    if is_observable:
        return observable_fault(obj, object_type)
    found = None
    if object_type == "observed-data" and "objects" in obj:
        follows_schema = partial(
            schema_fault, judge=partial(object_fault, is_observable=True), is_observable=True
        )
        found = container_fault(obj["objects"], follows_schema)
    if not found and "external_references" in obj:
        found = hashes_fault(obj)
    # Patterns of other languages (section 4.7: pattern-type-ov) are not parsed.
    if not found and object_type == "indicator" and obj["pattern_type"] == "stix":
        found = pattern_fault(obj["pattern"])
    return found
