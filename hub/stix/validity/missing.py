"""What an object lacks: whether it may do without a property, and which properties an error misses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import jsonschema_rs

from hub.model import JsonObject

_Error = jsonschema_rs.ValidationError
Judge = Callable[[JsonObject], str | None]
_MAX_KEYS: Final = 200
_MAX_ERRORS: Final = 1000


def steps(obj: JsonObject, path: Iterable[str | int]) -> list[str | int]:
    """Return an error's path with the keys of objects as texts, and the places in lists as numbers."""
    found: list[str | int] = []
    value: Any = obj
    for token in path:
        found.append(int(token) if isinstance(value, list) else str(token))
        value = value[found[-1]]
    return found


def emptied(obj: JsonObject, path: Sequence[str | int]) -> list[str | int]:
    """Return the way to what would hold nothing without the value that `path` leads to; `path` if nothing."""
    around: list[Any] = [obj]
    for token in path[:-1]:
        around.append(around[-1][token])
    end = len(path)
    while end > 1 and len(around[end - 1]) == 1:
        end -= 1
    return list(path[:end])


def must_stand(
    path: Sequence[str | int], obj: JsonObject, validator: jsonschema_rs.Validator, judge: Judge
) -> bool:
    """Return whether the object around the property that `path` leads to lacks something without it.

    `validator` and `judge` say so of the object as a whole: a property may be one of several.
    """
    *above, name = map(str, path)
    if judge(_without(obj, path)) is not None:
        return True
    probe = _outline(obj, above, without=name)
    errors = islice(validator.iter_errors(probe), _MAX_ERRORS)
    place = ["0" if isinstance(token, int) else token for token in path[:-1]]
    return any(name in names_missing(each, place) for each in errors)


def _without(value: Any, path: Sequence[Any]) -> Any:
    """Return a copy of `value` that lacks what `path` leads to."""
    first, *rest = path
    if isinstance(value, list):
        return [_without(item, rest) if index == first else item for index, item in enumerate(value)]
    if not rest:
        return {key: item for key, item in value.items() if key != first}
    return {key: _without(item, rest) if key == first else item for key, item in value.items()}


def _outline(value: Any, path: Sequence[str], *, without: str) -> Any:
    """Return `value` with what `path` leads to, and little else, so that its errors are few."""
    if isinstance(value, list):
        return [_outline(value[int(path[0])], path[1:], without=without)]  # the first, wherever it stood
    kept = {key: each for key, each in islice(value.items(), _MAX_KEYS) if isinstance(each, bool | str)}
    present = dict.fromkeys(islice(value, _MAX_KEYS), 0) | kept
    present.pop(without, None)
    if path:
        present[path[0]] = _outline(value[path[0]], path[1:], without=without)
    return present


def names_missing(error: _Error, path: Sequence[str]) -> Iterator[str]:
    """Return the properties that `error` misses in what `path` leads to, in any of its branches."""
    place = [str(token) for token in error.instance_path]
    if place != list(path[: len(place)]):
        return
    detail = error.kind.as_dict()
    if error.kind.name == "required" and len(place) == len(path):
        yield detail["property"]
    for branch in detail.get("context", ()):
        for each in branch:
            yield from names_missing(each, path)
