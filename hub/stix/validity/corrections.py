"""Corrects the packaged JSON schemas where they differ from the text of STIX 2.1.

The schemas are informative only (STIX 2.1 section 1.5.4): the text decides, whether stricter or laxer than a
schema. A rule beyond JSON Schema, or without a helpful sentence there, is removed here and checked in
`hub.stix.validity.objects`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from hub.model import JsonObject

TIMESTAMP: Final = "timestamp"
MILLISECONDS: Final = "timestamp with milliseconds"

_IDENTIFIER: Final = {"$ref": "../common/identifier.json"}
_IDENTIFIERS: Final = {"type": "array", "items": _IDENTIFIER, "minItems": 1}
_PROPERTIES: Final = {"$ref": "../common/properties.json"}
_HASH_NAMES: Final = ("MD5", "SHA-1", "SHA-256", "SHA-512", "SHA3-256", "SHA3-512", "SSDEEP", "TLSH")


@dataclass(frozen=True, slots=True)
class Correction:
    """A change of the schema `where` (folder/name), by a `section` of the text."""

    where: str
    section: str
    because: str
    change: Callable[[JsonObject], None]


def correct(loaded: Mapping[str, Mapping[str, JsonObject]]) -> None:
    """Change the schemas, by folder and name, by each correction in turn."""
    for correction in CORRECTIONS:
        folder, name = correction.where.split("/")
        correction.change(loaded[folder][name])


def _own(schema: JsonObject) -> JsonObject:
    """Return the properties of a type without the common properties."""
    properties: JsonObject = next(part["properties"] for part in schema["allOf"] if "properties" in part)
    return properties


def _drop(*keywords: str) -> Callable[[JsonObject], None]:
    # `del`, not `pop`: after an update of the package a missing keyword must be seen.
    def change(schema: JsonObject) -> None:
        for keyword in keywords:
            del schema[keyword]

    return change


def _named_as_properties(schema: JsonObject) -> None:
    schema["allOf"] = [*schema.get("allOf", []), _PROPERTIES]


# --- common types and properties ----------------------------------------------------------------------


def _timestamp(schema: JsonObject) -> None:
    del schema["pattern"]  # an expression cannot know the days of a month
    schema["format"] = TIMESTAMP


def _version_timestamps(schema: JsonObject) -> None:
    for name in ("created", "modified"):
        schema["properties"][name] = {"type": "string", "format": MILLISECONDS}


def _extension_keys(schema: JsonObject) -> None:
    extensions = schema["properties"]["extensions"]
    # Not checked: that an extension exists, or has the properties of its definition (7.3).
    (definitions,) = (key for key in extensions["patternProperties"] if "extension-definition" in key)
    extensions["patternProperties"] = {definitions: extensions["patternProperties"][definitions]}
    extensions["additionalProperties"] = {"type": "object", "minProperties": 1, "allOf": [_PROPERTIES]}


def _anchored_property_names(schema: JsonObject) -> None:
    patterns = schema["patternProperties"]
    # Without parentheses around both, `^` and `$` bind one alternative each.
    patterns["^([a-z][a-z0-9_]{2,249}|id)$"] = patterns.pop("^([a-z][a-z0-9_]{2,249})|id$")


def _no_arguments(schema: JsonObject) -> None:
    schema["properties"] = dict.fromkeys(
        ("allow_custom", "custom_properties", "interoperability", "self"), False
    )


def _named_keys(schema: JsonObject) -> None:
    patterns = schema["patternProperties"]
    patterns["^[a-zA-Z0-9_-]{1,250}$"] = patterns.pop("^[a-zA-Z0-9_-]{0,250}$")


def _external_reference(schema: JsonObject) -> None:
    # `object_fault` asks for description, url or external_id, and for the form of CVE and CAPEC ids.
    del schema["oneOf"]
    schema["required"] = ["source_name"]
    for name in ("source_name", "external_id"):
        schema["properties"][name] = {"type": "string"}
    hashes = next(part for part in schema["properties"]["hashes"]["allOf"] if "propertyNames" in part)
    hashes["propertyNames"] = {"enum": list(_HASH_NAMES)}


def _granular_marking(schema: JsonObject) -> None:
    # `object_fault` asks for exactly one of marking_ref and lang. A selector without a match is no fault: the
    # object is accepted and closed (policy 2.5).
    schema["required"] = ["selectors"]
    del schema["properties"]["selectors"]["items"]["pattern"]
    schema["properties"]["marking_ref"] = _IDENTIFIER


def _marking_definition(schema: JsonObject) -> None:
    # TLP definitions never come here: `fault` skips the schema for TLP ids (policy 2.2).
    del schema["oneOf"]
    schema["properties"] |= {
        "id": _IDENTIFIER,
        "object_marking_refs": _IDENTIFIERS,
        "definition_type": {"type": "string"},
        "definition": {"type": "object", "minProperties": 1},
    }
    schema["required"] = ["id", "type", "spec_version", "created"]
    schema["dependentRequired"] = {
        "definition": ["definition_type"],
        "definition_type": ["definition"],
    }
    schema["allOf"] = [
        _PROPERTIES,
        {
            "if": {"not": {"required": ["extensions"]}},
            "then": {"required": ["definition_type", "definition"]},
        },
        {
            "if": {
                "properties": {"definition_type": {"const": "statement"}},
                "required": ["definition_type"],
            },
            "then": {"properties": {"definition": {"$ref": "#/definitions/statement"}}},
        },
    ]


def _language_content(schema: JsonObject) -> None:
    # Not checked: whether `contents` names properties of the translated object (the object may be unknown).
    _own(schema)["object_ref"] = _IDENTIFIER
    _own(schema)["contents"] = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"$ref": "../common/dictionary.json"},
    }


def _extension_definition(schema: JsonObject) -> None:
    schema["required"].append("created_by_ref")
    schema["allOf"] = [part for part in schema["allOf"] if "if" not in part]


# --- domain and relationship objects ------------------------------------------------------------------


def _location(schema: JsonObject) -> None:
    schema["allOf"] = [part for part in schema["allOf"] if "anyOf" not in part and "oneOf" not in part]
    _own(schema)["precision"]["minimum"] = 0


def _malware(schema: JsonObject) -> None:
    del schema["oneOf"]
    _own(schema).update(
        is_family={"type": "boolean"}, sample_refs=_IDENTIFIERS, operating_system_refs=_IDENTIFIERS
    )


def _malware_analysis(schema: JsonObject) -> None:
    del schema["anyOf"]
    _own(schema).update(
        host_vm_ref=_IDENTIFIER,
        operating_system_ref=_IDENTIFIER,
        sample_ref=_IDENTIFIER,
        installed_software_refs=_IDENTIFIERS,
    )


def _observed_data(schema: JsonObject) -> None:
    # The deprecated container is checked in `container_fault`, object by object.
    del schema["oneOf"]
    _own(schema)["objects"] = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"type": "object"},
    }
    _own(schema)["object_refs"] = _IDENTIFIERS


def _relationship(schema: JsonObject) -> None:
    _own(schema).update(source_ref=_IDENTIFIER, target_ref=_IDENTIFIER)


def _sighting(schema: JsonObject) -> None:
    _own(schema).update(
        sighting_of_ref=_IDENTIFIER, observed_data_refs=_IDENTIFIERS, where_sighted_refs=_IDENTIFIERS
    )


# In order: a later correction may change the result of an earlier correction of the same schema.
_REFERENCES_ELSEWHERE: Final = (
    "`objects` checks the types of references, with a sentence that names the permitted types"
)
_NAMES: Final = "property names are lower-case ASCII, and no value is null or an empty list, here too"
_KEYS: Final = "keys are ids of extension definitions or given names where they can be (SHOULD)"
CORRECTIONS: Final = (  # (hub/README: stix-by-text)
    Correction(
        "common/timestamp", "2.16", "a timestamp is an instant of RFC 3339, so its day exists", _timestamp
    ),
    Correction("common/core", "3.2", "created and modified are such timestamps too", _version_timestamps),
    Correction(
        "common/properties",
        "3.1",
        "the expression accepts any name with a right beginning",
        _anchored_property_names,
    ),
    Correction(
        "common/properties",
        "beyond the text",
        "python-stix2 takes these custom properties for its own arguments, and fails on a whole answer",
        _no_arguments,
    ),
    Correction("common/dictionary", "2.3", "a key has at least one character", _named_keys),
    Correction(
        "common/core",
        "3.8",
        "phone_number is reserved, phone_numbers is not; `objects` checks it",
        _drop("not"),
    ),
    Correction("common/cyber-observable-core", "3.8", "as for other objects", _drop("not")),
    Correction("common/core", "3.2", _KEYS, _extension_keys),
    Correction("common/cyber-observable-core", "3.2", _KEYS, _extension_keys),
    Correction("common/marking-definition", "3.2", _KEYS, _extension_keys),
    Correction(
        "common/external-reference",
        "2.5.2",
        "one of description, url, external_id is enough; names of hashes are in a vocabulary",
        _external_reference,
    ),
    Correction("common/external-reference", "3.1", _NAMES, _named_as_properties),
    Correction("common/kill-chain-phase", "3.1", _NAMES, _named_as_properties),
    Correction(
        "common/granular-marking",
        "7.2.3",
        "lang may stand for marking_ref; bad selectors close an object (policy 2.5)",
        _granular_marking,
    ),
    Correction("common/granular-marking", "3.1", _NAMES, _named_as_properties),
    Correction(
        "common/marking-definition",
        "7.2.1",
        "other definition types are allowed; a definition and its type belong together",
        _marking_definition,
    ),
    Correction(
        "common/language-content",
        "7.1",
        "any STIX object may be translated; contents hold a dictionary for each language",
        _language_content,
    ),
    Correction(
        "common/extension-definition",
        "7.3",
        "an extension definition names its creator; `objects` checks properties required together",
        _extension_definition,
    ),
    Correction(
        "sdos/location",
        "4.10",
        "`objects` checks properties required together; a distance is not negative",
        _location,
    ),
    Correction("sdos/malware", "4.11", _REFERENCES_ELSEWHERE + "; sample_refs are identifiers", _malware),
    Correction("sdos/malware-analysis", "4.12", _REFERENCES_ELSEWHERE, _malware_analysis),
    Correction(
        "sdos/observed-data",
        "4.14, 2.9",
        "the old container holds observables without ids; custom types may have any name",
        _observed_data,
    ),
    Correction("sros/relationship", "5.1", _REFERENCES_ELSEWHERE, _relationship),
    Correction("sros/sighting", "5.2", _REFERENCES_ELSEWHERE, _sighting),
)
