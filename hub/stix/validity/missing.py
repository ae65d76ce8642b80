"""Finds missing properties: whether an object needs a property, and the properties named by an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import jsonschema_rs

from hub.model import JsonObject

_Error = jsonschema_rs.ValidationError
Judge = Callable[[JsonObject], str | None]
# Bounds for hostile objects: a sentence may then be less exact, but its cost stays small.
_MAX_KEYS: Final = 200
_MAX_ERRORS: Final = 1000


def steps(obj: JsonObject, path: Iterable[str | int]) -> list[str | int]:
    """Return an error's path with object keys as texts, and list places as numbers."""
    found: list[str | int] = []
    value: Any = obj
    for token in path:
        # The library gives keys and indices alike; only the value shows whether "0" is a key or an index.
        found.append(int(token) if isinstance(value, list) else str(token))
        value = value[found[-1]]
    return found


def emptied(obj: JsonObject, path: Sequence[str | int]) -> list[str | int]:
    """Return the path of the outermost container left empty without the value at `path`, or `path` itself."""
    around: list[Any] = [obj]
    for token in path[:-1]:
        around.append(around[-1][token])
    end = len(path)
    # STIX 2.1 sections 2.3 and 2.12 forbid empty containers: the sender must remove the outermost.
    while end > 1 and len(around[end - 1]) == 1:
        end -= 1
    return list(path[:end])


def is_needed(
    path: Sequence[str | int], obj: JsonObject, validator: jsonschema_rs.Validator, judge: Judge
) -> bool:
    """Return whether the object around the property at `path` lacks something without this property.

    `validator` and `judge` decide on the whole object: a property may be one of several alternatives.
    """
    *above, name = map(str, path)
    # INVARIANT: no sentence advises to remove a property if a later check would then ask for this property.
    if judge(_without(obj, path)) is not None:
        return True
    probe = _outline(obj, above, without=name)
    errors = islice(validator.iter_errors(probe), _MAX_ERRORS)
    place = ["0" if isinstance(token, int) else token for token in path[:-1]]
    return any(name in names_missing(each, place) for each in errors)


def _without(value: Any, path: Sequence[Any]) -> Any:
    """Return a copy of `value` without the value at `path`."""
    first, *rest = path
    if isinstance(value, list):
        return [_without(item, rest) if index == first else item for index, item in enumerate(value)]
    if not rest:
        return {key: item for key, item in value.items() if key != first}
    return {key: _without(item, rest) if key == first else item for key, item in value.items()}


def _outline(value: Any, path: Sequence[str], *, without: str) -> Any:
    """Return `value` with the value at `path` and little else: such a probe causes few errors."""
    if isinstance(value, list):
        return [_outline(value[int(path[0])], path[1:], without=without)]  # now the first item of the list
    # Booleans and short texts decide on branches of a schema (a type, a flag); other values become 0.
    kept = {key: each for key, each in islice(value.items(), _MAX_KEYS) if isinstance(each, bool | str)}
    present = dict.fromkeys(islice(value, _MAX_KEYS), 0) | kept
    present.pop(without, None)
    if path:
        present[path[0]] = _outline(value[path[0]], path[1:], without=without)
    return present


def names_missing(error: _Error, path: Sequence[str]) -> Iterator[str]:
    """Return the properties of the object at `path` named as missing by `error`, in any branch."""
    place = [str(token) for token in error.instance_path]
    if place != list(path[: len(place)]):
        return
    detail = error.kind.as_dict()
    if error.kind.name == "required" and len(place) == len(path):
        yield detail["property"]
    for branch in detail.get("context", ()):
        for each in branch:
            yield from names_missing(each, path)
