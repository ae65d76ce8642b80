"""The one reader of JSON that strangers send: a text has one meaning here, or it is refused."""

from __future__ import annotations

from typing import Any

import orjson

from hub.errors import BadJson
from hub.json_text import MAX_DEPTH, MAX_INTEGER, checked, escape

__all__ = ["MAX_DEPTH", "MAX_INTEGER", "escape", "loads"]


def loads(data: bytes, place: str = "body") -> Any:
    """Return the JSON value that `data` spells, as dict, list, str, int, float, bool and None.

    Raises BadJson, naming `place` and the line and column or the JSON Pointer (RFC 6901), for anything
    but one UTF-8 text without byte order mark, duplicate keys, NaN, infinities, floats that overflow,
    integers beyond 2^53-1, lone surrogates, NUL characters, or nesting deeper than 64.
    """
    try:
        value, flaw = checked(data)
    except orjson.JSONDecodeError as error:
        raise BadJson(f"{place}, {_why(data, error)}; send one UTF-8 JSON text (RFC 8259)") from None
    if flaw:
        raise BadJson(f"{place}{flaw}")
    return value


def _why(data: bytes, error: orjson.JSONDecodeError) -> str:
    """Return where and why a text is no JSON. Of what is no UTF-8 orjson tells neither."""
    try:
        data.decode()
    except UnicodeDecodeError as wrong:
        begins = data.rfind(b"\n", 0, wrong.start) + 1
        line, column = data.count(b"\n", 0, begins) + 1, len(data[begins : wrong.start].decode()) + 1
        return f"line {line} column {column}: a byte of another encoding than UTF-8"
    return f"line {error.lineno} column {error.colno}: {error.msg}"
