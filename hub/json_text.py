"""Cuts JSON texts into values, and finds values without a single meaning.

Two parsers may read different values from a duplicate key, from an integer beyond a double's precision, or
from half a surrogate pair. A signature would then cover other values than the stored values (RFC 8259 section
4, RFC 7493, RFC 8785 section 3.1). All functions take time linear in the text, and no text controls the depth
of recursion.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

import orjson

MAX_DEPTH: Final = 64  # containers open at once
MAX_INTEGER: Final = 2**53 - 1  # RFC 7493 section 2.2: every reader holds integers up to this bound exactly

_MAX_INTEGER_DIGITS: Final = 16
_MAX_SHOWN: Final = 120  # characters of a sender's text in an error
_BRACKETS: Final = bytes.maketrans(b"[{]}", b"(())")
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[{]}"))

# The keys down to a value. Only a flaw gets a pointer: a pointer for every value would repeat a long key for
# each value below.
Path = tuple[str | int, ...]


class NotJsonError(ValueError):
    """The text is no JSON, or has another shape than expected."""


def checked(data: bytes, levels: int = MAX_DEPTH, path: Path = ()) -> tuple[Any, str]:
    """Return the value of a JSON text, and " at POINTER: reason" for a flaw, else "".

    A flaw is a duplicate key, an integer beyond 2^53-1, a NUL character, or more than `levels` containers
    open at once; the value must not be used then. `path` leads to the value. Raises orjson.JSONDecodeError
    for texts refused by orjson.
    """
    # INVARIANT: orjson decides on the grammar alone, for orjson keeps the last duplicate key. A second pass
    # finds the flaws.
    value = orjson.loads(data)
    if _is_deep(data, levels):
        return None, _first_flaw(value, path, levels)
    del value  # the second pass makes it again: keeping both would double the memory of a body
    text = data.decode()
    try:
        value = _DECODER.decode(text)
    except _FlawError:
        return None, _first_flaw(_LOCATING_DECODER.decode(text), path, levels)
    return value, _first_flaw(value, path, levels) if b"\\u0000" in data else ""


def checked_part(
    data: bytes, levels: int = MAX_DEPTH, path: Path = (), *, may_have_nan: bool = False
) -> tuple[Any, str]:
    """Return the result of `checked`, with further flaws: JSON (RFC 8259) refused by orjson.

    Further flaws are lone surrogates, floats with overflow, nesting of any depth, and, if `may_have_nan`, NaN
    and the infinities. Raises NotJsonError for other texts than JSON.
    """
    try:
        return checked(data, levels, path)
    except orjson.JSONDecodeError as error:
        if not is_json(data, may_have_nan=may_have_nan):
            raise NotJsonError from error
    try:
        value = _LOCATING_DECODER.decode(data.decode())
    except RecursionError:
        return None, _sentence(path, TOO_DEEP)
    return None, _first_flaw(value, path, levels) or _sentence(path, _UNREAD)


def _is_deep(data: bytes, levels: int) -> bool:
    """Return whether valid JSON nests deeper than `levels`; without recursion, in C loops over the bytes."""
    if data.count(b"[") + data.count(b"{") <= levels:
        return False
    if rb"\"" in data:  # an escaped quote must not end a string below; pairs of backslashes first
        data = data.replace(rb"\\", b"").replace(rb"\"", b"")
    brackets = b"".join(data.split(b'"')[::2]).translate(_BRACKETS, _NOT_BRACKETS)
    for _ in range(levels):
        brackets = brackets.replace(b"()", b"")  # takes the innermost level of every branch away
    return bool(brackets)


# --- where values begin and end ---------------------------------------------------------------------

_SPACE: Final = re.compile(rb"[ \t\n\r]*+")
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_SCALAR: Final = re.compile(rb'[^\s,:"\[\]{}]++')
_MARKS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}"]', re.DOTALL)
_OPENING: Final = b"[{"


def after_space(data: bytes, start: int) -> int:
    """Return the place of the first byte other than white space, from `start` on."""
    found = _SPACE.match(data, start)
    return found.end() if found else start


def end_of(data: bytes, start: int) -> int:
    """Return the end of the value at `start`; the inside is not checked.

    Raises NotJsonError without a value at `start`, or without its end.
    """
    if data[start : start + 1] not in (b"[", b"{"):
        found = _STRING.match(data, start) or _SCALAR.match(data, start)
        if found is None:
            raise NotJsonError
        return found.end()
    # Not checked: whether brackets match by kind. Each part is parsed later, and a wrong bracket fails there.
    depth = 0
    for found in _MARKS.finditer(data, start):
        first = data[found.start()]
        if first in _OPENING:
            depth += 1
        elif first != ord('"'):
            depth -= 1
            if not depth:
                return found.end()
        elif found.end() == found.start() + 1:
            break  # a string that does not end
    raise NotJsonError


def elements(data: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each element of the array with its bracket at `start`.

    Raises NotJsonError for elements without single commas between. The elements are not checked: the text is
    JSON if each element is JSON.
    """
    at = after_space(data, start + 1)
    if data[at : at + 1] == b"]":
        return
    while True:
        end = end_of(data, at)
        yield at, end
        at = after_space(data, end)
        if data[at : at + 1] == b"]":
            return
        at = _after(data, at, b",")


def members(data: bytes, start: int) -> Iterator[tuple[str, int, int]]:
    """Yield each key of the object with its brace at `start`, and the start and end of the value.

    Raises NotJsonError as `elements` does, and for a key other than a JSON string.
    """
    at = after_space(data, start + 1)
    if data[at : at + 1] == b"}":
        return
    while True:
        found = _STRING.match(data, at)
        key = text_of(found[0]) if found else None
        if found is None or key is None:
            raise NotJsonError
        at = _after(data, after_space(data, found.end()), b":")
        end = end_of(data, at)
        yield key, at, end
        at = after_space(data, end)
        if data[at : at + 1] == b"}":
            return
        at = _after(data, at, b",")


def _after(data: bytes, at: int, mark: bytes) -> int:
    if data[at : at + 1] != mark:
        raise NotJsonError
    return after_space(data, at + 1)


def text_of(data: bytes) -> str | None:
    """Return the string spelt by `data`, or None."""
    try:
        value = json.loads(data) if data.startswith(b'"') else None
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def once(data: bytes, keys: tuple[str, ...]) -> dict[str, str]:
    """Return the printable texts of an object under `keys`, without keys given twice."""
    found: dict[str, list[str | None]] = {key: [] for key in keys}
    try:
        for key, start, end in members(data, after_space(data, 0)) if data.lstrip()[:1] == b"{" else ():
            if key in found:
                found[key].append(text_of(data[start:end]))
    except NotJsonError:
        return {}
    plain = {key: values[0] for key, values in found.items() if len(values) == 1}
    return {key: text for key, text in plain.items() if text and text.isprintable()}


# --- whether it is JSON at all ----------------------------------------------------------------------

_TOKEN: Final = re.compile(
    r"[ \t\n\r]*+(?:"
    r'(?P<string>"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+")'
    r"|(?P<scalar>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null)"
    r"|(?P<nan>NaN|-?Infinity)"
    r"|(?P<mark>[\[\]{},:])|(?P<end>\Z))"
)
# The states of RFC 8259's grammar: the expected token. `_FIRST_` states permit an empty container.
_VALUE, _AFTER, _FIRST_KEY, _KEY, _COLON, _FIRST_VALUE = range(6)
_STRING_MARK, _SCALAR_MARK, _OPENED = "s", "v", "[{"
_CLOSING: Final = {"]": (b"[", _FIRST_VALUE), "}": (b"{", _FIRST_KEY)}
_COMMA: Final = {b"[": _VALUE, b"{": _KEY}
_FOLLOWING: Final = {
    **{(state, mark): _AFTER for state in (_VALUE, _FIRST_VALUE) for mark in (_STRING_MARK, _SCALAR_MARK)},
    **{(state, "["): _FIRST_VALUE for state in (_VALUE, _FIRST_VALUE)},
    **{(state, "{"): _FIRST_KEY for state in (_VALUE, _FIRST_VALUE)},
    **{(state, _STRING_MARK): _COLON for state in (_KEY, _FIRST_KEY)},
    (_COLON, ":"): _VALUE,
}


def is_json(data: bytes, *, may_have_nan: bool = False) -> bool:
    """Return whether `data` is one JSON text by the grammar (RFC 8259), at any depth; NaN may be allowed."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    state, opened, at = _VALUE, bytearray(), 0
    while (found := _TOKEN.match(text, at)) is not None:
        at = found.end()
        kind = found.lastgroup
        if kind == "end":
            return state == _AFTER and not opened
        if kind == "nan" and not may_have_nan:
            return False
        mark = _STRING_MARK if kind == "string" else found["mark"] or _SCALAR_MARK
        following = _next(state, mark, opened)
        if following is None:
            return False
        state = following
    return False


def _next(state: int, mark: str, opened: bytearray) -> int | None:
    """Return the state after the mark, or None for a forbidden mark; `opened` are the open brackets."""
    if mark in _CLOSING:
        bracket, empty = _CLOSING[mark]
        is_closed = state in (_AFTER, empty) and opened[-1:] == bracket
        del opened[-1:]
        return _AFTER if is_closed else None
    if mark == ",":
        return _COMMA.get(bytes(opened[-1:])) if state == _AFTER else None
    if mark in _OPENED:
        opened.append(ord(mark))
    return _FOLLOWING.get((state, mark))


# --- flaws: fast refusal first, its place only when there is one --------------------------------------


class _FlawError(ValueError):
    """The text has a flaw; `_first_flaw` finds the place."""


class _Flaw(str):
    """The sentence on an unacceptable value, in place of the value."""

    __slots__ = ()


class _Pairs(list[tuple[str, Any]]):
    """An object as written, with every key."""


TOO_DEEP: Final = f"it is nested deeper than {MAX_DEPTH} levels; flatten it"
_TWICE: Final = "the key is given twice in one object; keep one"
_TOO_BIG: Final = "the integer is beyond 2^53-1; send it as a string"
_INFINITE: Final = "the number is too big for a double; send it as a string"
_NO_NUMBER: Final = "NaN and Infinity are no JSON; leave the property out"
_NUL: Final = "it holds a NUL character; remove it"
_SURROGATE: Final = "it holds half of a surrogate pair, as of a text that was cut; write the whole character"
_UNREAD: Final = "it cannot be read; send one UTF-8 JSON text (RFC 8259)"


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
    # The length comes first, with one more for a sign: int() takes time quadratic in the number of digits.
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
    object_pairs_hook=_Pairs,
    parse_int=_integer_or_flaw,
    parse_float=_float_or_flaw,
    parse_constant=lambda _: _Flaw(_NO_NUMBER),
)


def _first_flaw(value: Any, path: Path, levels: int) -> str:
    """Return the pointer and the sentence of the first flaw in `value`, or an empty string."""
    return next(_flaws(value, path, levels), "")


def _flaws(value: Any, path: Path, levels_left: int) -> Iterator[str]:
    # INVARIANT: recursion ends at `levels_left`: MAX_DEPTH levels at most, in each text.
    if isinstance(value, _Flaw):
        yield _sentence(path, value)
    elif isinstance(value, str):
        if what := _flaw_of_text(value):
            yield _sentence(path, what)
    elif isinstance(value, dict | list):
        if not levels_left:
            yield _sentence(path, TOO_DEEP)
            return
        yield from _flaws_inside(value, path, levels_left - 1)


def _flaw_of_text(text: str) -> str:
    if "\0" in text:
        return _NUL
    if text.isascii():
        return ""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE
    return ""


def _flaws_inside(container: Any, path: Path, levels_left: int) -> Iterator[str]:
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
        if what := _flaw_of_text(key):
            yield _sentence(below, what)
        seen.add(key)
        yield from _flaws(item, below, levels_left)


def _sentence(path: Path, what: str) -> str:
    pointer = "".join(f"/{escape(str(key))}" for key in path)
    shown = pointer if len(pointer) <= _MAX_SHOWN else pointer[:_MAX_SHOWN] + "…"
    # An answer is UTF-8: half a surrogate pair cannot be part of an answer.
    shown = shown.encode(errors="backslashreplace").decode()
    return f" at {shown or '/'}: {what}".replace("\0", "\\u0000")


def escape(key: str) -> str:
    """Return `key` as one reference token of a JSON Pointer (RFC 6901 section 3)."""
    return key.replace("~", "~0").replace("/", "~1")
