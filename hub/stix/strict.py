"""The one reader of JSON that strangers send: a text has one meaning here, or it is refused.

What two parsers could read differently (a key given twice, an integer that a double cannot hold, half
a surrogate pair) would let a signature cover one thing and the hub store another (RFC 8259 section 4,
RFC 7493, RFC 8785 section 3.1).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Final

import orjson

from hub.errors import BadJson

MAX_DEPTH: Final = 64  # containers open at once
MAX_INTEGER: Final = 2**53 - 1  # RFC 7493 section 2.2: what every reader holds exactly

_MAX_INTEGER_DIGITS: Final = 16
_MAX_SHOWN: Final = 120  # characters of a sender's own text that an error repeats
_BRACKETS: Final = bytes.maketrans(b"[{]}", b"(())")
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[{]}"))


def loads(data: bytes, place: str = "body") -> Any:
    """Return the JSON value that `data` spells, as dict, list, str, int, float, bool and None.

    Raises BadJson, naming `place` and the line and column or the JSON Pointer (RFC 6901), for anything
    but one UTF-8 text without byte order mark, duplicate keys, NaN, infinities, floats that overflow,
    integers beyond 2^53-1, lone surrogates, NUL characters, or nesting deeper than 64.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise BadJson(f"{place}, {where}: {error.msg}; send one UTF-8 JSON text (RFC 8259)") from None
    if _is_deep(data):
        raise BadJson(f"{place}{_first_flaw(value)}")
    del value  # the second pass makes it again: keeping both would double the memory of a body
    return _second_pass(data.decode(), place, may_have_nul=b"\\u0000" in data)


def _second_pass(text: str, place: str, *, may_have_nul: bool) -> Any:
    """Return the value of `text`, which orjson has accepted, or refuse what orjson lets through."""
    try:
        value = _DECODER.decode(text)
    except _FlawError:
        raise BadJson(f"{place}{_first_flaw(_LOCATING_DECODER.decode(text))}") from None
    if may_have_nul and (flaw := _first_flaw(value)):
        raise BadJson(f"{place}{flaw}")
    return value


def _is_deep(data: bytes) -> bool:
    """Return whether valid JSON nests deeper than 64, without recursion: only C loops run over the bytes."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    if rb"\"" in data:  # an escaped quote must not end a string below; pairs of backslashes first
        data = data.replace(rb"\\", b"").replace(rb"\"", b"")
    brackets = b"".join(data.split(b'"')[::2]).translate(_BRACKETS, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"()", b"")  # takes the innermost level of every branch away
    return bool(brackets)


# --- what orjson lets through: fast refusal first, its place only when there is one -----------------


class _FlawError(ValueError):
    """The text has a flaw somewhere; `_first_flaw` finds where."""


class _Flaw(str):
    """A value that cannot be accepted, as the sentence that says why."""

    __slots__ = ()


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written, with every key."""


_TWICE: Final = "the key is given twice in one object; keep one"
_TOO_BIG: Final = "the integer is beyond 2^53-1; send it as a string"
_INFINITE: Final = "the number is too big for a double; send it as a string"
_NUL: Final = "it holds a NUL character; remove it"
_TOO_DEEP: Final = f"it is nested deeper than {MAX_DEPTH} levels; flatten it"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _FlawError
    return made


def _integer(digits: str) -> int:
    value = _integer_or_flaw(digits)
    if isinstance(value, _Flaw):
        raise _FlawError
    return value


def _integer_or_flaw(digits: str) -> int | _Flaw:
    if len(digits) <= _MAX_INTEGER_DIGITS + 1 and abs(value := int(digits)) <= MAX_INTEGER:
        return value
    return _Flaw(_TOO_BIG)


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _FlawError
    return value


def _float_or_flaw(digits: str) -> float | _Flaw:
    value = float(digits)
    return _Flaw(_INFINITE) if math.isinf(value) else value


def _constant(_name: str) -> Any:
    raise _FlawError  # NaN and infinities: orjson has refused them already


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
_LOCATING_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_Pairs, parse_int=_integer_or_flaw, parse_float=_float_or_flaw
)


def _first_flaw(value: Any) -> str:
    """Return the pointer and the sentence of the first flaw in `value`, or an empty string."""
    return next(_flaws(value, (), MAX_DEPTH), "")


# The keys that lead to a value. They are put together only for a flaw: a pointer for every value would hold a
# long key as often as there are values below it.
_Path = tuple[str | int, ...]


def _flaws(value: Any, path: _Path, levels_left: int) -> Iterator[str]:
    if isinstance(value, _Flaw):
        yield _sentence(path, value)
    elif isinstance(value, str):
        if "\0" in value:
            yield _sentence(path, _NUL)
    elif isinstance(value, dict | list):
        if not levels_left:
            yield _sentence(path, _TOO_DEEP)
            return
        yield from _flaws_inside(value, path, levels_left - 1)


def _flaws_inside(container: Any, path: _Path, levels_left: int) -> Iterator[str]:
    if isinstance(container, list) and not isinstance(container, _Pairs):
        for index, item in enumerate(container):
            if isinstance(item, str | dict | list):
                yield from _flaws(item, (*path, index), levels_left)
        return
    seen = set()
    for key, item in container.items() if isinstance(container, dict) else container:
        below = (*path, key)
        if key in seen:
            yield _sentence(below, _TWICE)
        if "\0" in key:
            yield _sentence(below, _NUL)
        seen.add(key)
        yield from _flaws(item, below, levels_left)


def _sentence(path: _Path, what: str) -> str:
    pointer = "".join(f"/{escape(str(key))}" for key in path)
    shown = pointer if len(pointer) <= _MAX_SHOWN else pointer[:_MAX_SHOWN] + "…"
    return f" at {shown or '/'}: {what}".replace("\0", "\\u0000")


def escape(key: str) -> str:
    """Return `key` as one reference token of a JSON Pointer (RFC 6901 section 3)."""
    return key.replace("~", "~0").replace("/", "~1")
