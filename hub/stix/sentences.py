"""The errors of the STIX 2.1 schemas, as sentences that name the place and the remedy."""

from __future__ import annotations

from typing import Final

import jsonschema_rs

from hub.model import JsonObject
from hub.stix.strict import escape

_MAX_SHOWN: Final = 120


def sentence(
    error: jsonschema_rs.ValidationError, obj: JsonObject, validator: jsonschema_rs.Validator
) -> str:
    """Return what `error`, which `validator` raised on `obj`, tells the sender: the place and the remedy."""
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
            said = f"{where} is empty; {_instead_of_nothing(error, obj, validator)}"
        case "anyOf" if error.instance is None or error.instance == []:
            said = f"{where} is null or an empty list; {_instead_of_nothing(error, obj, validator)}"
        case "pattern":
            said = f"{where} does not have the form that STIX 2.1 gives it; compare {_cut(detail['pattern'])}"
        case "not" | "anyOf" | "oneOf":
            said = f"{where} breaks a rule of its type, or uses a reserved name; see STIX 2.1 on it"
        case _:
            said = f"{where}: {_cut(error.message)}; see STIX 2.1 on it"
    return said


def _instead_of_nothing(
    error: jsonschema_rs.ValidationError, obj: JsonObject, validator: jsonschema_rs.Validator
) -> str:
    """Return the remedy for a null or empty value: nobody leaves out what his object must have."""
    name = error.instance_path[0] if len(error.instance_path) == 1 else None
    # The names that tell one type from another are enough, and keep the errors few, whatever was sent.
    bare = {key: obj[key] for key in ("type", "spec_version", "id") if key in obj}
    is_required = any(
        each.kind.name == "required" and each.kind.as_dict()["property"] == name
        for each in validator.iter_errors(bare)
    )
    return "give it at least one value" if is_required else "leave the property out"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
