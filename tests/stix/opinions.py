"""What the libraries that allies use, and OASIS's validator, hold of an object."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import stix2
import stix2validator

from tests.stix.samples import DATA, OTHER_UUID

_OPTIONS = stix2validator.ValidationOptions(version="2.1", disabled="all")
_VALUES: tuple[Any, ...] = (
    "2023-02-29T00:00:00Z", "9999-12-31T23:59:59.000Z", "0001-01-01T00:00:00.000Z", "x", "ko_KR", 5, -1.5,
    True, [], {}, None, {"a": "b"}, ["x"], [{}], f"malware--{OTHER_UUID}", f"identity--{OTHER_UUID}",
    [f"identity--{OTHER_UUID}"], [f"file--{OTHER_UUID}"], [f"bundle--{OTHER_UUID}"],
)  # fmt: skip


def python_stix2(obj: dict[str, Any]) -> str | None:
    """Return why python-stix2 does not read `obj` as an ally reads a feed, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            stix2.parse(copy.deepcopy(obj), allow_custom=True)
        except Exception as error:  # noqa: BLE001
            return f"{type(error).__name__}: {error}"
    return None


def validator(obj: dict[str, Any]) -> str | None:
    """Return why stix2-validator, asked for MUSTs alone, does not hold `obj` valid, or None."""
    try:
        found = stix2validator.validate_instance(copy.deepcopy(obj), _OPTIONS)
    except Exception as error:  # noqa: BLE001 - it stumbles over what it does not foresee
        return f"{type(error).__name__}: {error}"
    return None if found.is_valid else "; ".join(str(error) for error in found.errors)


def examples() -> list[dict[str, Any]]:
    """Return every STIX 2.1 object of the validator's own files, and of the real data when it is there."""
    spec = find_spec("stix2validator")
    assert spec is not None
    assert spec.submodule_search_locations
    shipped = Path(spec.submodule_search_locations[0], "schemas-2.1", "examples")
    found = []
    for path in sorted([*shipped.rglob("*.json"), *DATA.glob("*.json")]):
        value = json.loads(path.read_bytes())
        objects = value.get("objects", [value]) if isinstance(value, dict) else value
        found += [obj for obj in objects if isinstance(obj, dict) and obj.get("spec_version") == "2.1"]
    return found


def mutations(obj: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield `obj` with each property left out, and with each of other values, and so in its lists."""
    for name in obj.keys() - {"type", "id", "spec_version"}:
        yield {key: value for key, value in obj.items() if key != name}
        for value in _VALUES:
            yield {**obj, name: value}
        first = obj[name][0] if isinstance(obj[name], list) else None
        for inner in first if isinstance(first, dict) else ():
            yield {**obj, name: [{key: value for key, value in first.items() if key != inner}]}
            for value in _VALUES:
                yield {**obj, name: [{**first, inner: value}]}
