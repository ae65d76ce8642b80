"""The one reader of JSON that strangers send: a text has one meaning here, or it is refused.

Of a submission, one object with a flaw is set aside by itself, and hides no other: where the body has not one
meaning its list `objects` is taken apart, and each object read by itself as strictly as the whole would be.
What has a flaw is never read: nothing of it is told but its place, and its id where it gives that once.
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

_ABOVE: Final = 2  # containers around each object: the envelope and its list


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


def objects_of(body: bytes, most: int) -> list[Any]:  # (hub/README: flawed-object-alone)
    """Return the list `objects` of a TAXII envelope or STIX bundle, whatever else stands beside it.

    What is Unreadable in it is JSON (RFC 8259), but readers would take it differently (`loads`).
    Raises BadJson for a body that is no JSON, or has such a flaw beside its objects; BadRequest if it is
    neither envelope nor bundle; Unprocessable if the list is empty, or has more than `most`
    (TAXII 2.1 section 3.7, STIX 2.1 section 8).
    """
    try:
        found = items(loads(body))
    except BadJson:
        apart = _apart(body, most)
        if apart is None:
            raise
        return apart
    return _at_most(found, most)


def items(document: Any) -> list[Any]:
    """Return the list `objects` of an envelope or bundle that was read; raises as `objects_of` does."""
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


def _apart(body: bytes, most: int) -> list[Any] | None:
    """Return each object, read by itself; None where not each flaw is inside of one."""
    made: list[Any] = []
    try:
        start = _list_at(body)
        # Without its objects the envelope must have one meaning: else a second list could hide behind it.
        loads(body[:start] + b"[]" + body[end_of(body, start) :])
        for place, (begin, end) in enumerate(elements(body, start)):
            if (
                len(made) <= most
            ):  # one more tells that there are too many; the rest must be JSON all the same
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
    value, flaw = checked_part(text, MAX_DEPTH - _ABOVE, ("objects", place))
    if not flaw:
        return value
    told = once(text, ("id", "modified", "created"))
    id = told.get("id", "")
    version = told.get("modified", told.get("created"))
    return Unreadable(
        id if 0 < len(id) <= MAX_ID_CHARACTERS else f"(item {place})",
        version if version is not None and len(version) <= MAX_TIMESTAMP_CHARACTERS else None,
        flaw.strip(),
    )
