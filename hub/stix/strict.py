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
        where = f"line {error.lineno} column {error.colno}"
        raise BadJson(f"{place}, {where}: {error.msg}; send one UTF-8 JSON text (RFC 8259)") from None
    if flaw:
        raise BadJson(f"{place}{flaw}")
    return value
