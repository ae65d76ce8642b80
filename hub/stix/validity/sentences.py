"""Turns errors of the STIX 2.1 schemas into sentences with the place, the value and the remedy.

No sentence shows an expression. No remedy leads to another refusal: an advice to leave out a property is
given only if the property may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jsonschema_rs

from hub.model import JsonObject
from hub.stix.validity.combinations import broken_combination
from hub.stix.validity.examples import (
    DICTIONARIES,
    EXTENSIONS,
    HASH_NAMES,
    TIMES,
    USUAL,
    UUID,
    example,
    item,
)
from hub.stix.validity.missing import (
    Judge,
    emptied,
    is_needed,
    names_missing,
    steps,
)
from hub.stix.validity.shapes import (
    MARKINGS,
    forbidden_sentence,
    form_sentence,
    json_type,
    level_id,
    nearest,
    one_of_the_types,
    shown,
)
from hub.stix.values.places import pointer, short

_Error = jsonschema_rs.ValidationError
_MAX_NAME: Final = 40
_MAX_NAMES: Final = 5
_MAX_SENTENCE: Final = 300  # characters: a status repeats the sentence of each failed object
_BOOLEANS: Final = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}
_DIGITS: Final = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,20})?")
# Strings with a grammar or a fixed set of values: quotes around a number would not make a right value.
_BOUND: Final = frozenset({"id", "type", "pattern", "pattern_type", "opinion", "extension_type", "lang"})
_JSON_TYPES: Final = {"array": "list", "object": "JSON object"}


def sentence(error: _Error, obj: JsonObject, validator: jsonschema_rs.Validator, judge: Judge) -> str:
    """Return the message on `error` for the sender: one line, the place first.

    `validator` raised `error` on `obj`. `judge` reports omissions outside the schemas.
    """
    said = _message(_Fault(error, obj, validator, judge))
    return said if len(said) <= _MAX_SENTENCE else said[: _MAX_SENTENCE - 1] + "…"


@dataclass(frozen=True, slots=True)
class _Fault:
    """The error, the object, the validator of the schema, and the further checks."""

    error: _Error
    obj: JsonObject
    validator: jsonschema_rs.Validator
    judge: Judge

    @property
    def kind(self) -> str:
        return self.error.kind.name

    @property
    def detail(self) -> dict[str, Any]:
        return self.error.kind.as_dict()

    @property
    def path(self) -> list[str]:
        return [str(token) for token in self.error.instance_path]

    @property
    def place(self) -> str:
        return _pointer(self.path)

    @property
    def name(self) -> str:
        """The property of the value; for an item the property of its list."""
        return next((token for token in reversed(self.path) if not token.isdigit()), "")

    @property
    def steps(self) -> list[str | int]:
        return steps(self.obj, self.error.instance_path)

    @property
    def is_item(self) -> bool:
        return bool(self.path) and isinstance(self.steps[-1], int)

    @property
    def object_type(self) -> str:
        return str(self.obj["type"])

    @property
    def value(self) -> Any:
        return self.error.instance


def _message(fault: _Fault) -> str:
    # First: null and empty values fail at several places of a schema, and need the same remedy at each.
    if fault.path and (fault.value is None or fault.value in ([], {})):
        said = _empty_value(fault)
        if said:
            return said
    match fault.kind:
        case "required":
            said = _missing(fault)
        case "additionalProperties" | "propertyNames":
            said = _unexpected(fault)
        case "enum" | "const":
            said = _none_of(fault)
        case "type":
            said = _wrong_type(fault)
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            bound = "at least" if "inimum" in fault.kind else "at most"
            said = f"{fault.place} is {shown(fault.value)}; it must be {bound} {fault.detail['limit']}"
        case "minLength" | "maxLength" | "maxItems" | "maxProperties" | "minItems" | "minProperties":
            bound = "at least" if "min" in fault.kind else "at most"
            said = (
                f"{fault.place} is too {'short' if 'min' in fault.kind else 'long'}; it may have {bound} "
                + str(fault.detail["limit"])
            )
        case "pattern" if isinstance(fault.value, str):
            pattern = fault.detail["pattern"]
            said = form_sentence(fault.place, fault.name, fault.value, fault.object_type, pattern)
        case "not":
            said = _forbidden(fault)
        case "anyOf" | "oneOf" | "oneOfNotValid" | "oneOfMultipleValid":
            said = _no_form(fault)
        case _:
            said = _general(fault)
    return said


def _general(fault: _Fault) -> str:
    right = example(fault.name, fault.object_type)
    compare = f"; a right value is {right}" if right else f"; compare the properties of {fault.object_type}"
    return f"{fault.place} is {shown(fault.value)}, which STIX 2.1 does not allow there{compare}"


# --- what is not there ------------------------------------------------------------------------------------


def _missing(fault: _Fault) -> str:
    name = str(fault.detail["property"])
    inner = fault.value.get("type") if fault.path and isinstance(fault.value, dict) else None
    owner = inner if isinstance(inner, str) else fault.object_type
    return f"{_pointer([*fault.path, name])} is missing; add it{_as_in(name, short(owner, _MAX_NAME))}"


def _as_in(name: str, object_type: str) -> str:
    right = example(name, object_type)
    return f', for example "{name}": {right}' if right else ""


def _empty_value(fault: _Fault) -> str | None:
    """Return the sentence on a null or an empty list or object, or None for a permitted value."""
    nothing = "null" if fault.value is None else "an empty list" if fault.value == [] else "empty"
    is_item, path = fault.is_item, fault.steps
    wanted = item(fault.name) if is_item else ""
    # A container with this value alone would be empty in its turn: then the whole container must go.
    out = emptied(fault.obj, path)
    is_whole = len(out) == len(path)
    if isinstance(out[-1], int):
        which = "it" if is_whole else f"item {out[-1]} of {short(str(out[-2]), _MAX_NAME)}"
        instead = f", or write for example {wanted}" if wanted else ""
        return f"{fault.place} is {nothing}; take {which} out of the list{instead}"
    if not is_item and fault.kind not in ("type", "anyOf", "minItems", "minProperties", "enum"):
        return None
    if not is_needed(out, fault.obj, fault.validator, fault.judge):
        left_out = "the property" if is_whole else short(str(out[-1]), _MAX_NAME)
        return f"{fault.place} is {nothing}; leave {left_out} out"
    what = "at least one value" if fault.value == [] else "a value"
    right = f", for example {wanted}" if wanted else _as_in(fault.path[-1], fault.object_type)
    return f"{fault.place} is {nothing}, and may not be left out; give it {what}{right}"


# --- what must not be there ---------------------------------------------------------------------------------


def _unexpected(fault: _Fault) -> str:
    names = [str(name) for name in fault.detail.get("unexpected", ())]
    if fault.kind == "propertyNames":
        names = [str(fault.detail["error"].instance)]
    name = names[0]
    place = _pointer([*fault.path, name])
    if fault.name == "extensions":
        return f"{place} {_unknown_extension(name, fault.object_type)}"
    if fault.name == "hashes":
        right = nearest(name, list(HASH_NAMES)) or "SHA-256"
        return f"{place} is no name of a hash: use {right}"
    # STIX 2.1 section 3.1: 3 to 250 characters of a-z, 0-9 and underscore, with a letter first.
    renamed = "".join(char if char.isascii() and char.isalnum() else "_" for char in name).strip("_").lower()
    fits = len(renamed) in range(3, 60) and renamed[0].isalpha() and renamed != name
    hint = f", for example {renamed}" if fits else ""
    return f"{place} is no name of a property: use a-z, 0-9 and _ (3 to 250 characters, a letter first){hint}"


def _unknown_extension(name: str, object_type: str) -> str:
    known = EXTENSIONS.get(object_type, ())
    near = nearest(name, list(known))
    choice = f"use {near}, or" if near else f"use {', '.join(known)}, or" if known else "use"
    right = f"extension-definition--{UUID}"
    return f"is no extension of {object_type}: {choice} extension-definition--UUID, for example {right}"


def _forbidden(fault: _Fault) -> str:
    schema = fault.detail["schema"]
    if isinstance(fault.value, dict):
        # A `not` over an object forbids properties together: the first of them in the object is the fault.
        named = [name for name in _required_in(schema) if name in fault.value]
        if named:
            place = _pointer([*fault.path, named[0]])
            if named[0] == "extension_properties":
                return f"{place} stands only beside toplevel-property-extension in extension_types; remove it"
            return (
                f"{place} is a name that STIX 2.1 reserves or forbids here; "
                f"remove it, or rename it, for example to x_{short(named[0], _MAX_NAME)}"
            )
    if isinstance(fault.value, str) and isinstance(schema, dict):
        return forbidden_sentence(fault.place, fault.name, fault.value, str(schema.get("pattern", "")))
    return _general(fault)


def _required_in(schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    yield from schema.get("required", ())
    for key in ("anyOf", "allOf", "oneOf"):
        for each in schema.get(key, ()):
            yield from _required_in(each)


# --- values ---------------------------------------------------------------------------------------------


def _none_of(fault: _Fault) -> str:
    options = fault.detail.get("options", [fault.detail.get("expected_value")])
    words = [option for option in options if isinstance(option, str)]
    near = nearest(fault.value, words) if isinstance(fault.value, str) else None
    said = f"{fault.place} is {shown(fault.value)}, which is none of the values allowed here; use "
    if near:
        return f"{said}{shown(near)}" + (f" (all: {short(', '.join(words), 120)})" if len(words) > 1 else "")
    return said + short(" or ".join(shown(option) for option in options), 160)


def _wrong_type(fault: _Fault) -> str:
    types = [str(name) for name in fault.detail["types"]]
    wanted = " or ".join(_JSON_TYPES.get(name, name) for name in types)
    found = json_type(fault.value)
    value = "" if isinstance(fault.value, dict | list) else f" {shown(fault.value)}"
    said = f"{fault.place} has the wrong JSON type: it is {found}{value} and must be {_article(wanted)}"
    remedy = _other_type(fault.value, types, fault.name)
    if not remedy:
        right = (
            item(fault.name)
            if fault.is_item
            else example(fault.path[-1] if fault.path else "", fault.object_type)
        )
        remedy = f"for example {right}" if right else ""
    return f"{said}; {remedy}" if remedy else said


def _other_type(value: Any, types: list[str], name: str) -> str:
    """Return the form of `value` in one of `types`, or an empty string; `name` is its property."""
    # Only a change without loss is advised: the text of a number or boolean, one item in brackets.
    match value:
        case str() if name in MARKINGS and "array" in types and (known := level_id(value)):
            said = f'for {known[0]} write ["{known[1]}"]'
        case str() if "boolean" in types and value.strip().casefold() in _BOOLEANS:
            said = f"write {_BOOLEANS[value.strip().casefold()]} without quotes"
        case str() if {"integer", "number"} & set(types) and _is_number(value, types):
            said = f"write {value.strip()} without quotes"
        case str() if (
            "array" in types and ("--" in value or not name.endswith("_refs")) and name not in DICTIONARIES
        ):
            said = f"write [{shown(value)}]"
        case dict() if "array" in types and name in DICTIONARIES:
            said = "put it between [ and ]"
        case dict() if types == ["string"] and "id" in value and name.endswith(("_ref", "_refs")):
            said = "write the id of the object alone, and send the object beside this one"
        case [str(only)] if types == ["string"]:
            said = f"write {shown(only)} without [ and ]"
        case 0 | 1 if "boolean" in types:
            said = f"write {'true' if value else 'false'}"
        case int() | float() if types == ["string"] and not isinstance(value, bool) and _is_free(name):
            said = f'write "{shown(value)}" in quotes'
        case _:
            said = ""
    return said


def _is_number(value: str, types: list[str]) -> bool:
    return bool((_DECIMAL if "number" in types else _DIGITS).fullmatch(value.strip()))


def _is_free(name: str) -> bool:
    """Return whether the string `name` may hold any text."""
    return name not in TIMES and name not in _BOUND and not name.endswith(("_ref", "_refs", "_bin", "_hex"))


def _article(word: str) -> str:
    return f"an {word}" if word.startswith(("integer", "array", "object")) else f"a {word}"


# --- one of several forms ----------------------------------------------------------------------------------


def _no_form(fault: _Fault) -> str:
    special = _combination(fault)
    if special:
        return special
    # From the most helpful sentence to the least: a known combination, one form for all branches, one missing
    # property for all branches, and last the branch with the fewest errors.
    branches = [branch for branch in fault.detail.get("context", ()) if branch]
    if not branches:
        return f"{fault.place} fits two forms that STIX 2.1 gives it, and must fit one; take one of them out"
    patterns = [
        branch[0].kind.as_dict()["pattern"] for branch in branches if branch[0].kind.name == "pattern"
    ]
    if len(patterns) == len(branches) and isinstance(fault.value, str):
        return form_sentence(
            fault.place, fault.name, fault.value, fault.object_type, one_of_the_types(patterns)
        )
    lacking = [[*_lacking(branch, fault.path)] for branch in branches]
    if all(lacking):
        return _one_missing(fault, lacking)
    best = min(
        (branch for branch in branches if not _is_other_type(branch)), key=_distance, default=branches[0]
    )
    first = next((each for each in best if each.kind.name not in ("not", "enum")), best[0])
    return _message(_Fault(first, fault.obj, fault.validator, fault.judge))


def _lacking(branch: list[_Error], path: list[str]) -> Iterator[str]:
    """Return the missing properties of a branch, or none if the branch has another error too."""
    if all(each.kind.name == "required" for each in branch):
        for each in branch:
            yield from names_missing(each, path)


def _is_other_type(branch: list[_Error]) -> bool:
    # A branch of another object type is no hint: its errors are about properties of that type.
    return any(each.kind.name == "enum" and each.instance_path[-1:] == ["type"] for each in branch)


def _distance(branch: list[_Error]) -> tuple[int, int]:
    return len(branch), sum(each.kind.name in ("enum", "not") for each in branch)


def _one_missing(fault: _Fault, lacking: list[list[str]]) -> str:
    """Return the sentence on an object without any of several properties, or sets of properties."""
    choices = list(dict.fromkeys(" with ".join(names) for names in lacking))
    common = set(lacking[0]).intersection(*lacking)
    if common:
        name = next(each for each in lacking[0] if each in common)
        return f"{_pointer([*fault.path, name])} is missing; add it{_as_in(name, fault.object_type)}"
    choices.sort(key=lambda choice: choice not in USUAL)
    few = choices[:_MAX_NAMES]
    named = [*few, "another"] if len(choices) > len(few) else few
    what = fault.object_type if not fault.path else "it"
    owner = what if fault.path else f"an {what}" if what[0] in "aeio" else f"a {what}"
    besides = " besides pe_type" if fault.name == "windows-pebinary-ext" else ""
    first = few[0].split(" with ")[0]
    listed = f"{', '.join(named[:-1])} or {named[-1]}"
    return (
        f"{_pointer(fault.path)} lacks a property: {owner} has at least one of {listed}{besides}; "
        f"add one{_as_in(first, fault.object_type)}"
    )


def _combination(fault: _Fault) -> str | None:
    if not isinstance(fault.value, dict):
        return None
    broken = broken_combination(fault.name if fault.path else fault.object_type, fault.value)
    return f"{_pointer([*fault.path, broken[0]])} {broken[1]}" if broken else None


def _pointer(path: Sequence[str]) -> str:
    # A key of the sender may hold line ends: a sentence stays on one line of a log.
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in pointer(path))
