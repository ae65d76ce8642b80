"""The OASIS STIX 2.1 JSON Schemas that stix2-validator ships, compiled, and their errors as sentences."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import jsonschema_rs
import orjson

from hub.model import JsonObject
from hub.stix import observable_schemas
from hub.stix.strict import escape

_MAX_SHOWN: Final = 120
_FOLDERS: Final = ("common", "sdos", "sros", "observables")
_OBSERVABLE_CORE: Final = "cyber-observable-core"
_META: Final = ("marking-definition", "language-content", "extension-definition")


def _load() -> dict[str, dict[str, JsonObject]]:
    """Read the packaged schemas by folder and name, without importing the package: that takes a second."""
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


_LOADED: Final = _load()
_COMMON: Final = _LOADED["common"]


def _follow_the_text_on_granular_markings() -> None:
    """Correct where the schema is narrower than STIX 2.1 section 7.2.3.

    It asks for `marking_ref` where `lang` may stand instead, and refuses capitals in selectors, which
    dictionary keys such as `hashes.MD5` need. Selectors are judged by `selectors`, and close an object
    that has a bad one rather than refusing it (policy 2.5).
    """
    schema = _COMMON["granular-marking"]
    schema["required"] = ["selectors"]
    schema["oneOf"] = [{"required": ["marking_ref"]}, {"required": ["lang"]}]
    del schema["properties"]["selectors"]["items"]["pattern"]


_follow_the_text_on_granular_markings()
observable_schemas.correct(_LOADED)

_SCHEMAS: Final = {
    **_LOADED["sdos"],
    **_LOADED["sros"],
    **_LOADED["observables"],
    **{name: _COMMON[name] for name in (*_META, "core", _OBSERVABLE_CORE)},
}
_REGISTRY: Final = jsonschema_rs.Registry(
    [(schema["$id"], schema) for folder in _LOADED.values() for schema in folder.values()]
)
OBSERVABLE_TYPES: Final = frozenset(_LOADED["observables"])
OBJECT_TYPES: Final = frozenset({*_LOADED["sdos"], *_LOADED["sros"], *_META})


def schema_fault(obj: JsonObject, object_type: str, *, is_observable: bool) -> str | None:
    """Return the first reason why `obj` breaks the OASIS schema of its type, as a sentence, or None.

    A type that the standard does not define is held against what all observables, or all other objects,
    have in common.
    """
    known = object_type in OBSERVABLE_TYPES or object_type in OBJECT_TYPES
    name = object_type if known else _OBSERVABLE_CORE if is_observable else "core"
    try:
        _validator(name).validate(obj)
    except jsonschema_rs.ValidationError as error:
        return _sentence(error)
    except ValueError:
        return "the object cannot be read as JSON; send plain JSON values"
    return None


@cache  # two threads may compile the same schema at once: both results are right
def _validator(name: str) -> jsonschema_rs.Validator:
    # Patterns run in linear time, whatever text they meet: no look-around is needed, and none is allowed.
    return jsonschema_rs.Draft202012Validator(
        _SCHEMAS[name],
        registry=_REGISTRY,
        offline=True,
        mask="it",
        pattern_options=jsonschema_rs.RegexOptions(),
    )


# --- sentences ----------------------------------------------------------------------------------------


def _sentence(error: jsonschema_rs.ValidationError) -> str:
    where = _cut("/" + "/".join(escape(str(token)) for token in error.instance_path))
    detail = error.kind.as_dict()
    match error.kind.name:
        case "required":
            said = f"{_cut(where.rstrip('/') + '/' + detail['property'])} is missing; add it"
        case "additionalProperties":
            names = _cut(", ".join(detail["unexpected"]))
            said = f"{where} has a property that STIX 2.1 does not allow there: {names}; rename or remove it"
        case "enum":
            options = " or ".join(map(str, detail["options"]))
            said = f"{where} is none of the values allowed here; use {_cut(options)}"
        case "type":
            said = f"{where} has the wrong JSON type; it must be {' or '.join(detail['types'])}"
        case "minItems" | "minProperties":
            said = f"{where} is empty; leave the property out"
        case "anyOf" if error.instance is None or error.instance == []:
            said = f"{where} is null or an empty list; leave the property out"
        case "pattern":
            said = f"{where} does not have the form that STIX 2.1 gives it; compare {_cut(detail['pattern'])}"
        case "not" | "anyOf" | "oneOf":
            said = f"{where} breaks a rule of its type, or uses a reserved name; see STIX 2.1 on it"
        case _:
            said = f"{where}: {_cut(error.message)}; see STIX 2.1 on it"
    return said


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
