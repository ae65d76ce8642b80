"""Corrects the OASIS schemas of observables by the text of STIX 2.1; the schemas are informative (1.5.4).

A correction widens a schema up to the text. `observables` checks rules beyond JSON Schema, and rules in need
of a better sentence.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from hub.model import JsonObject


class ObservableCorrection(NamedTuple):
    """The value at `where` below the schema `folder/name` becomes `now`, or is removed if `now` is None.

    A function gets the value around, and returns the new value.
    """

    schema: str
    where: str
    now: Any
    why: str
    section: str


_TEXT: Final = {"type": "string"}  # the form is checked by `values` or `hashes`, or not at all (a SHOULD)
# Keys of dictionaries (STIX 2.1 section 2.3): at most 250 characters.
_KEY: Final = "^[a-zA-Z0-9_-]{1,250}$"
_VALUES: Final = {"anyOf": [{"type": "array", "items": _TEXT, "minItems": 1}, _TEXT]}
# The last names of both lists are of STIX 2.0: `observables` refuses these alone outside a container.
_PROCESS: Final = (
    "extensions", "is_hidden", "pid", "created_time", "cwd", "command_line", "environment_variables",
    "opened_connection_refs", "creator_user_ref", "image_ref", "parent_ref", "child_refs",
    "name", "created", "arguments", "binary_ref",
)  # fmt: skip
_REGISTRY_KEY: Final = ("key", "values", "modified_time", "creator_user_ref", "number_of_subkeys", "modified")
_FILE: Final = "definitions/file-extensions-dictionary/patternProperties/"
_TRAFFIC: Final = "definitions/network-traffic-extensions-dictionary/patternProperties/"
_COUNT: Final = {"type": "integer", "minimum": 0}  # bytes or packets


def _one_of(names: tuple[str, ...]) -> list[JsonObject]:
    return [{"required": [name]} for name in names]


# Applied in this order, after those of `corrections`.
CORRECTIONS: Final = (
    # Dictionaries, hashes and reserved names, common to all types.
    ObservableCorrection(
        "common/hashes-type", "patternProperties", {"^[a-zA-Z0-9_-]{3,250}$": _TEXT},
        "the value has the form of its algorithm, which TLSH has changed; `hashes` judges it", "2.7",
    ),
    ObservableCorrection(
        "common/dictionary", "patternProperties/^[a-zA-Z0-9_-]{0,250}$", None,
        "a key of no character is no key", "2.3",
    ),
    ObservableCorrection(
        "common/dictionary", f"patternProperties/{_KEY}",
        {"anyOf": [{"type": "array", "minItems": 1}, {"type": ["string", "number", "boolean", "object"]}]},
        "a key of no character is no key", "2.3",
    ),
    ObservableCorrection(
        "common/cyber-observable-core", "not",
        {"anyOf": _one_of(("severity", "action", "username", "phone_number"))},
        "phone_number is reserved, phone_numbers is not", "3.8",
    ),
    # Single types.
    ObservableCorrection(
        "observables/artifact", "allOf/1/properties/mime_type", _TEXT,
        "media types SHOULD be registered", "6.1",
    ),
    ObservableCorrection(
        "observables/directory", "allOf/1/properties/path_enc", _TEXT,
        "names of the IANA registry hold parentheses", "6.3",
    ),
    ObservableCorrection(
        "observables/file", "allOf/1/properties/name_enc", _TEXT,
        "names of the IANA registry hold parentheses", "6.7",
    ),
    ObservableCorrection(
        "observables/email-message", "definitions/mime-part-type/oneOf", None,
        "the contents are given once or as both", "6.6.2",
    ),
    ObservableCorrection(
        "observables/email-message", "definitions/mime-part-type/anyOf", _one_of(("body", "body_raw_ref")),
        "the contents are given once or as both", "6.6.2",
    ),
    ObservableCorrection(
        "observables/email-message", "definitions/email-additional-header-fields/not", None,
        "no name of a header field is forbidden, least of all one that only holds `subject`", "6.6",
    ),
    ObservableCorrection(
        "observables/email-message", "definitions/email-additional-header-fields/patternProperties",
        {_KEY: _VALUES}, "a field that occurs once is a list of one", "6.6",
    ),
    ObservableCorrection(
        "observables/file", _FILE + "^raster-image-ext$/allOf/0/properties/exif_tags",
        {"type": "object", "minProperties": 1, "patternProperties": {_KEY: {"type": ["string", "integer"]}},
         "additionalProperties": False},
        "the key is the tag's name, whatever letter it begins with", "6.7.5",
    ),
    ObservableCorrection(
        "observables/file", "definitions/windows-pe-optional-header-type/additionalProperties", None,
        "custom properties may stand anywhere", "11.1",
    ),
    ObservableCorrection(
        "observables/file", "definitions/windows-pe-optional-header-type/propertyNames",
        {"pattern": "^[a-z][a-z0-9_]{0,249}$"}, "custom properties have names of STIX", "3.1",
    ),
    ObservableCorrection(
        "observables/file", "definitions/windows-pe-optional-header-type/anyOf",
        lambda header: _one_of(tuple(header["properties"])),
        "it has at least one of its own properties", "6.7",
    ),
    ObservableCorrection(
        "observables/file",
        _FILE + "^ntfs-ext$/allOf/0/properties/alternate_data_streams/items/type", "object",
        "each stream is an object", "6.7",
    ),
    ObservableCorrection(
        "observables/ipv4-addr", "allOf/1/properties/value", _TEXT, "`values` judges it", "6.8",
    ),
    ObservableCorrection(
        "observables/ipv6-addr", "allOf/1/properties/value", _TEXT,
        "the expression has lost its backslashes; `values` judges it", "6.9",
    ),
    ObservableCorrection(
        "observables/mac-addr", "allOf/1/properties/value", _TEXT, "`values` judges it", "6.10",
    ),
    *(
        ObservableCorrection(
            "observables/network-traffic", f"allOf/1/properties/{name}", _COUNT,
            "a number of bytes or packets is not negative", "6.12",
        )
        for name in ("src_byte_count", "dst_byte_count", "src_packets", "dst_packets")
    ),
    ObservableCorrection(
        "observables/network-traffic", _TRAFFIC + "^http-request-ext$/properties/request_header",
        {"type": "object", "minProperties": 1, "patternProperties": {_KEY: _VALUES},
         "additionalProperties": False},
        "STIX 2.0 has strings; `observables` asks for lists outside of its container", "6.12, 2.13",
    ),
    ObservableCorrection(
        "observables/network-traffic", _TRAFFIC + "^socket-ext$/properties/options",
        {"type": "object", "minProperties": 1, "patternProperties": {_KEY: {"type": "integer"}},
         "additionalProperties": False},
        "keys SHOULD be the names of options", "6.12.5",
    ),
    ObservableCorrection(
        "observables/process", "anyOf", _one_of(_PROCESS),
        "created_time is one of the properties; STIX 2.0's count in its container alone", "6.13, 2.13",
    ),
    ObservableCorrection(
        "observables/process", "allOf/1/properties/environment_variables",
        {"type": "object", "minProperties": 1, "patternProperties": {_KEY: _TEXT},
         "additionalProperties": False},
        "each value is a string", "6.13",
    ),
    ObservableCorrection(
        "observables/process", "definitions/startup-info-dictionary",
        {"type": "object", "minProperties": 1, "propertyNames": {"pattern": _KEY}},
        "keys are the structure's names; the text gives no types to their values", "6.13",
    ),
    ObservableCorrection(
        "observables/software", "allOf/1/properties/cpe", _TEXT,
        "the expression has no ends; `values` judges it", "6.14",
    ),
    ObservableCorrection(
        "observables/software", "allOf/1/properties/languages/items", _TEXT,
        "tags of RFC 5646 name scripts and regions; `values` judges them", "6.14",
    ),
    ObservableCorrection(
        "observables/user-account",
        "definitions/user-account-extensions-dictionary/patternProperties/^unix-account-ext$"
        "/allOf/0/properties/gid",
        {"type": "integer"}, "a group's number is an integer", "6.16",
    ),
    ObservableCorrection(
        "observables/windows-registry-key", "allOf/1/properties/key", _TEXT,
        "the expression finds abbreviations within names; `values` judges how the key begins", "6.17",
    ),
    ObservableCorrection(
        "observables/windows-registry-key", "anyOf", _one_of(_REGISTRY_KEY),
        "modified_time is one of the properties; STIX 2.0's counts in its container alone", "6.17, 2.13",
    ),
    # The container of observed-data.
    ObservableCorrection(
        "sdos/observed-data", "allOf/1/properties/objects",
        {"type": "object", "minProperties": 1, "additionalProperties": {"type": "object"}},
        "the container holds observables of STIX 2.0 too; `observables` judges each", "2.13, 4.14",
    ),
)  # fmt: skip


def correct(schemas: dict[str, dict[str, JsonObject]]) -> None:
    """Apply all corrections to `schemas`, by folder and name. LookupError: a place no longer exists."""
    for correction in CORRECTIONS:
        folder, name = correction.schema.split("/")
        *parents, last = correction.where.split("/")
        place: Any = schemas[folder][name]
        for step in parents:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if correction.now is None:
            place.pop(last, None)
        else:
            place[last] = correction.now(place) if callable(correction.now) else correction.now
