"""Compiles the OASIS STIX 2.1 JSON Schemas of stix2-validator, with corrections."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeAlias

import jsonschema_rs
import orjson

from hub.model import JsonObject, version_key
from hub.stix.validity import observable_schemas
from hub.stix.validity.corrections import MILLISECONDS, TIMESTAMP, correct
from hub.stix.validity.missing import Judge
from hub.stix.validity.sentences import sentence
from hub.stix.validity.shapes import shown, time_flaw
from hub.stix.values.places import pointer

_FOLDERS: Final = ("common", "sdos", "sros", "observables")
_OBSERVABLE_CORE: Final = "cyber-observable-core"
_META: Final = ("marking-definition", "language-content", "extension-definition")
_MILLISECONDS: Final = re.compile(r"\.[0-9]{3,6}Z$")  # (hub/README: timestamps)

Loaded: TypeAlias = dict[str, dict[str, JsonObject]]


def _load() -> Loaded:
    """Read the packaged schemas by folder and name, without the package's import: this takes a second."""
    spec = find_spec("stix2validator")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("the package stix2-validator, which ships the STIX 2.1 schemas, is not installed")
    root = Path(spec.submodule_search_locations[0], "schemas-2.1", "schemas")
    return {
        folder: {
            path.stem: orjson.loads(path.read_bytes()) for path in sorted((root / folder).glob("*.json"))
        }
        for folder in _FOLDERS
    }


def _without_formats(value: Any) -> None:
    """Remove each `format`: the schemas assert no format. The corrections add asserted formats later."""
    if isinstance(value, dict):
        if isinstance(value.get("format"), str):
            del value["format"]
        for inner in value.values():
            _without_formats(inner)
    elif isinstance(value, list):
        for inner in value:
            _without_formats(inner)


def packaged() -> Loaded:
    """Return the schemas by folder and name, as shipped, without formats."""
    loaded = _load()
    _without_formats(loaded)
    return loaded


def _corrected() -> Loaded:
    loaded = packaged()
    # An update of the package may move the place of a correction: LookupError then stops the start.
    correct(loaded)
    observable_schemas.correct(loaded)
    return loaded


_LOADED: Final = _corrected()
_SCHEMAS: Final = {
    **_LOADED["sdos"],
    **_LOADED["sros"],
    **_LOADED["observables"],
    **{name: _LOADED["common"][name] for name in (*_META, "core", _OBSERVABLE_CORE)},
}
_REGISTRY: Final = jsonschema_rs.Registry(
    [(schema["$id"], schema) for folder in _LOADED.values() for schema in folder.values()]
)
# The sets follow the packaged files: a type without a schema counts as custom (STIX 2.1 section 11.2).
OBSERVABLE_TYPES: Final = frozenset(_LOADED["observables"])
DOMAIN_TYPES: Final = frozenset(_LOADED["sdos"])
RELATIONSHIP_TYPES: Final = frozenset(_LOADED["sros"])
META_TYPES: Final = frozenset(_META)
OBJECT_TYPES: Final = DOMAIN_TYPES | RELATIONSHIP_TYPES | META_TYPES


def schema_fault(obj: JsonObject, object_type: str, judge: Judge, *, is_observable: bool) -> str | None:
    """Return the first reason why `obj` breaks the corrected schema of its type, as a sentence, or None.

    `judge` reports omissions outside the schemas: no sentence then advises such an omission. A custom type is
    compared with the common properties of observables or of other objects.
    """
    # Not checked here: values with a grammar (`values`); references and order (`objects`, `observables`).
    known = object_type in OBSERVABLE_TYPES or object_type in OBJECT_TYPES
    name = object_type if known else _OBSERVABLE_CORE if is_observable else "core"
    validator = _validator(name)
    try:
        validator.validate(obj)
    except jsonschema_rs.ValidationError as error:
        if error.kind.name == "format":
            return _no_timestamp(error)
        if error.kind.name == "falseSchema":
            return f"{pointer(error.instance_path)} is a name that python-stix2 cannot read; begin it with x_"
        return sentence(error, obj, validator, judge)
    except ValueError:
        return "the object cannot be read as JSON; send plain JSON values"
    return None


def _no_timestamp(error: jsonschema_rs.ValidationError) -> str:
    text = str(error.instance)
    return f"{pointer(error.instance_path)} is {shown(text)}: {time_flaw(text)}"


def is_timestamp(text: Any) -> bool:
    """Return whether `text` is a timestamp of STIX 2.1 section 2.16, without a leap second."""
    return isinstance(text, str) and version_key(text) is not None


def _has_milliseconds(text: str) -> bool:
    return is_timestamp(text) and _MILLISECONDS.search(text) is not None


@cache  # two threads may compile the same schema at once: both results are right
def _validator(name: str) -> jsonschema_rs.Validator:
    # The engine without look-around matches in linear time, also hostile texts. No schema needs look-around.
    return jsonschema_rs.Draft202012Validator(
        _SCHEMAS[name],
        registry=_REGISTRY,
        offline=True,
        mask="it",
        validate_formats=True,
        formats={TIMESTAMP: is_timestamp, MILLISECONDS: _has_milliseconds},
        pattern_options=jsonschema_rs.RegexOptions(),
    )
