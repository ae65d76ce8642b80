"""Values from a hub's answer: a missing value or another type is an error, never a guess.

A hub may be damaged, of another version or hostile. The member's side takes values out of answers with these
functions alone, so each bad answer ends in a clear sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from hub.client.errors import ClientError
from hub.model import JsonObject

_Read = TypeVar("_Read")

_KINDS: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}


def text(answer: JsonObject, name: str) -> str:
    """Return the text under `name`. Raises ClientError when there is none."""
    value = _present(answer, name)
    if not isinstance(value, str):
        raise _unreadable(name, value, "a text")
    return value


def number(answer: JsonObject, name: str) -> int:
    """Return the integer under `name`. Raises ClientError when there is none."""
    value = _present(answer, name)
    if isinstance(value, bool) or not isinstance(value, int):  # bool is a subclass of int
        raise _unreadable(name, value, "an integer")
    return value


def count(answer: JsonObject, name: str) -> int:
    """Return the integer under `name`, at least 0. Raises ClientError when there is none."""
    value = number(answer, name)
    if value < 0:
        raise _unreadable(name, value, "0 or more")
    return value


def flag(answer: JsonObject, name: str) -> bool:
    """Return the boolean under `name`. Raises ClientError when there is none."""
    value = _present(answer, name)
    if not isinstance(value, bool):
        raise _unreadable(name, value, "true or false")
    return value


def part(answer: JsonObject, name: str) -> JsonObject:
    """Return the JSON object under `name`. Raises ClientError when there is none."""
    value = _present(answer, name)
    if not isinstance(value, dict):
        raise _unreadable(name, value, "an object")
    return value


def parts(answer: JsonObject, name: str) -> list[JsonObject]:
    """Return the list of JSON objects under `name`. Raises ClientError when there is none."""
    return _list(answer, name, dict, "an object")


def texts(answer: JsonObject, name: str) -> list[str]:
    """Return the list of texts under `name`. Raises ClientError when there is none."""
    return _list(answer, name, str, "a text")


def optional(read: Callable[[JsonObject, str], _Read], answer: JsonObject, name: str) -> _Read | None:
    """Return the result of `read` for `name`, or None for a missing or null value."""
    return None if answer.get(name) is None else read(answer, name)  # TAXII 2.1 leaves empty properties out


def _list(answer: JsonObject, name: str, kind: type[_Read], expected: str) -> list[_Read]:
    value = _present(answer, name)
    if not isinstance(value, list):
        raise _unreadable(name, value, "a list")
    for place, item in enumerate(value):
        if not isinstance(item, kind):
            raise _unreadable(f"{name}[{place}]", item, expected)
    return value


def _present(answer: JsonObject, name: str) -> Any:
    if name not in answer:
        raise ClientError(f"the hub's answer cannot be read: it has no `{name}`; its operator should look")
    return answer[name]


def _unreadable(name: str, value: Any, expected: str) -> ClientError:
    found = _KINDS.get(type(value), "something else")
    # The value itself is not repeated: a hostile hub would choose what the user's terminal shows.
    return ClientError(
        f"the hub's answer cannot be read: `{name}` is {found}, not {expected}; its operator should look"
    )
