"""Reads JSON of strangers: a text has one meaning here, or is refused.

A flawed object of a submission is set aside alone, and hides no other object. For this the list `objects` of
an ambiguous body is cut into elements, and each element is read as strictly as a whole body. Of a flawed
object only the place is reported, and the id if the object has exactly one.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from hub.errors import BadJson, BadRequest, Unprocessable
from hub.json_text import (
    MAX_DEPTH,
    NotJsonError,
    after_space,
    checked,
    checked_part,
    elements,
    end_of,
    members,
    once,
)
from hub.model import MAX_TIMESTAMP_CHARACTERS, Unreadable
from hub.stix.validity.validation import MAX_ID_CHARACTERS

_LEVELS_ABOVE: Final = 2  # containers around each object: the envelope and the list


def loads(data: bytes, place: str = "body") -> Any:
    """Return the JSON value of `data`, as dict, list, str, int, float, bool and None.

    Raises BadJson, with `place` and the line and column or the JSON Pointer (RFC 6901), for any other text
    than one UTF-8 text, and for a byte order mark, duplicate keys, NaN, infinities, floats with overflow,
    integers beyond 2^53-1, lone surrogates, NUL characters, and nesting deeper than 64 (RFC 8259, RFC 7493).
    """
    # INVARIANT: every request body passes here or `objects_of`. No two readers then take different values
    # from a body, and a signature covers the stored values (RFC 8259 section 4).
    try:
        value, flaw = checked(data)
    except orjson.JSONDecodeError as error:
        raise BadJson(f"{place}, {_why(data, error)}; send one UTF-8 JSON text (RFC 8259)") from None
    if flaw:
        raise BadJson(f"{place}{flaw}")
    return value


def _why(data: bytes, error: orjson.JSONDecodeError) -> str:
    """Return the line, column and reason of a syntax error; orjson gives no place for bytes outside UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as wrong:
        begins = data.rfind(b"\n", 0, wrong.start) + 1
        line, column = data.count(b"\n", 0, begins) + 1, len(data[begins : wrong.start].decode()) + 1
        return f"line {line} column {column}: a byte of another encoding than UTF-8"
    return f"line {error.lineno} column {error.colno}: {error.msg}"


def objects_of(body: bytes, most: int) -> list[Any]:  # (hub/README: flawed-object-alone)
    """Return the list `objects` of a TAXII envelope or STIX bundle; other properties beside are ignored.

    An Unreadable in the list is JSON (RFC 8259) with a flaw: readers would read different values (`loads`).
    Raises BadJson for a body without JSON, or with a flaw beside the objects; BadRequest for neither envelope
    nor bundle; Unprocessable for an empty list, or for more than `most` objects (TAXII 2.1 section 3.7, STIX
    2.1 section 8).
    """
    try:
        found = items(loads(body))  # the fast way, for nearly every body
    except BadJson:
        separate = _elements_of(body, most)
        if separate is None:
            raise
        return separate
    return _at_most(found, most)


def items(document: Any) -> list[Any]:
    """Return the list `objects` of a parsed envelope or bundle; raises as `objects_of` does."""
    # `type` and `id` of a bundle are not checked: both forms are accepted, and only the objects are kept.
    if not isinstance(document, dict):
        raise BadRequest('the body is not a JSON object; send an envelope {"objects": [...]}')
    if "objects" not in document:
        raise BadRequest('the body has no objects; send an envelope {"objects": [...]} or a bundle')
    objects = document["objects"]
    if not isinstance(objects, list):
        raise BadRequest("objects is not a list; put even a single object into one")
    if not objects:
        raise Unprocessable("objects is empty; send at least one object")
    return objects


def _at_most(found: list[Any], most: int) -> list[Any]:
    if len(found) > most:
        raise Unprocessable(f"At most {most} objects are taken at once; split the envelope.")
    return found


def _elements_of(body: bytes, most: int) -> list[Any] | None:
    """Return each object, read alone; None for a flaw outside the objects."""
    made: list[Any] = []
    try:
        start = _list_at(body)
        # Without its objects the envelope must have one meaning: else a second list could hide behind it.
        loads(body[:start] + b"[]" + body[end_of(body, start) :])
        for place, (begin, end) in enumerate(elements(body, start)):
            if (
                len(made) <= most
            ):  # one object too many is enough for the refusal; the rest must be JSON all the same
                made.append(_item(body[begin:end], place))
            else:
                checked_part(body[begin:end])
    except (NotJsonError, BadJson):
        return None
    return _at_most(made, most)


def _list_at(body: bytes) -> int:
    start = after_space(body, 0)
    if body[start : start + 1] == b"{":
        for key, begin, _ in members(body, start):
            if key == "objects" and body[begin : begin + 1] == b"[":
                return begin
    raise NotJsonError


def _item(text: bytes, place: int) -> Any:
    value, flaw = checked_part(text, MAX_DEPTH - _LEVELS_ABOVE, ("objects", place))
    if not flaw:
        return value
    # Of a flawed object no other value is used. An id given twice has no single meaning: no id is reported.
    given = once(text, ("id", "modified", "created"))
    id = given.get("id", "")
    version = given.get("modified", given.get("created"))
    return Unreadable(
        id if 0 < len(id) <= MAX_ID_CHARACTERS else f"(item {place})",
        version if version is not None and len(version) <= MAX_TIMESTAMP_CHARACTERS else None,
        flaw.strip(),
    )
