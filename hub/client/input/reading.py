"""Files of STIX objects in their usual forms: bundle, TAXII envelope, one object, or one object per line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path as FilePath
from typing import Any, BinaryIO, Final

import orjson

from hub.client.errors import ClientError
from hub.client.input.encodings import (
    is_of_all,
    not_json,
    plain_lines,
    refuse_others,
)
from hub.client.input.marking import has_own_level, marked
from hub.client.input.writing import json_bytes
from hub.json_text import (
    MAX_DEPTH,
    NotJsonError,
    Path,
    after_space,
    checked,
    checked_part,
    elements,
    end_of,
    is_json,
    members,
    once,
    text_of,
)
from hub.model import NAME_TYPES, OBSERVABLE_TYPES, JsonObject, StixId, Tlp
from hub.model.tlp_ids import TLP_IDS

STDIN: Final = "-"
_CONTAINERS: Final = frozenset({"report", "grouping"})  # policy 2.3
_DEFINITIONS: Final = frozenset({"marking-definition", "extension-definition"})
_UUID_VERSION_AT: Final = -22  # index of the version digit from the end of an id
_ABOVE: Final = 2  # levels of nesting around each object of an envelope
_ID: Final = re.compile(rb"[a-z0-9-]{1,250}--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_OWN_ID: Final = re.compile(rb'"id"\s*:\s*"(' + _ID.pattern + rb')"')
_GREATEST_INTEGER: Final = 2**53 - 1  # RFC 8785 section 3.2.2.3: larger numbers are not exact


class Role(Enum):
    """The part of an object in the hub's handling of unmarked objects (policy 2.3)."""

    DEFINITION = auto()  # of a marking or an extension
    CONTAINER = auto()  # a report or grouping: hands its level to its contents
    NAME = auto()  # an unmarked name or derived observable: its level is settled once
    PART = auto()  # any other object


@dataclass(frozen=True, slots=True)
class Item:
    """One object on its way to the hub. `body` is its JSON value as compact text.

    `level` comes from `object_marking_refs`, None without TLP there. `has_others`: there are other markings,
    too. `is_unmarked`: no marking, label or extension of TLP at any depth. `names` are a container's
    `object_refs`.
    """

    id: str
    version: str
    body: bytes
    role: Role = Role.PART
    level: Tlp | None = None
    has_others: bool = False
    is_unmarked: bool = False
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, value: Any) -> Item:
        """Return the item for any JSON value. The hub decides whether the value is STIX.

        Raises ClientError for a value without JSON form.
        """
        known = value if isinstance(value, dict) else {}
        body = json_bytes(value, f"the object {known.get('id')}")
        markings = _texts(known.get("object_marking_refs"))
        levels = [TLP_IDS[StixId(one)] for one in markings if one in TLP_IDS]
        role = _role(known, is_marked=bool(levels))
        return cls(
            id=_text(known.get("id")),
            version=_text(known.get("modified") or known.get("created")),
            body=body,
            role=role,
            level=max(levels, default=None),  # policy 2.1: the strictest marking counts
            has_others=len(levels) < len(markings),
            is_unmarked=bool(known) and not has_own_level(known, body),
            names=tuple(dict.fromkeys(_texts(known.get("object_refs")))) if role is Role.CONTAINER else (),
        )


@dataclass(frozen=True, slots=True)
class SetAside:
    """An object that cannot be sent, with place and remedy. `id` and `version` may be empty.

    `names` are its possible contents, if the object may be a container.
    """

    id: str
    version: str
    message: str
    names: tuple[str, ...] = ()


def marked_item(item: Item, level: Tlp) -> Item:
    """Return an unmarked item with this level added. Any other item is returned unchanged."""
    value = marked(orjson.loads(item.body), level) if item.is_unmarked else None
    return item if value is None else Item.of(value)


def read_file(path: str | FilePath) -> bytes:
    """Return the content of a file. Raises ClientError with the file's name."""
    try:
        return FilePath(path).read_bytes()
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error.strerror}") from error


@contextmanager
def opened(path: str | FilePath) -> Iterator[BinaryIO]:
    """Give the open file; `-` is the standard input. Raises ClientError with the file's name."""
    if path == STDIN:
        yield sys.stdin.buffer
        return
    try:
        with FilePath(path).open("rb") as file:
            yield file
    except IsADirectoryError as error:
        raise ClientError(f"{path} is a directory; name the files in it") from error
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error.strerror}") from error


def read_items(name: str, file: BinaryIO) -> Iterator[Item | SetAside]:
    """Yield the objects of a file in order; flawed objects are set aside.

    A JSON object with a list `objects` (a bundle or a TAXII envelope) gives that list. Any other single
    object is one item; an array gives the elements. Otherwise each non-blank line is read in the same way. A
    bundle among the objects gives the objects inside. Byte order marks are skipped, and gzip is unpacked up
    to 256 MB. Of a file of lines one line is in memory; any other file is in memory whole.

    An object is set aside with its line, and not sent, if it would reach the hub changed: common readers lose
    repeated keys, and round integers beyond 2^53-1. An object without valid JSON is set aside, too, if other
    objects are sound and the file is complete: a lost rest could hold markings. Raises ClientError, with
    `name` and the line, for a text that is no UTF-8, no JSON, or none of these forms.
    """
    lines = ((number, line) for number, line in enumerate(plain_lines(name, file), 1) if line.strip())
    first_number, first = next(lines, (0, b""))
    if not first:
        raise ClientError(f"{name}: the file is empty")
    refuse_others(name, first)
    if not _is_value(first):
        # The first line alone is no JSON: hardly a file of lines, so the error concerns the whole file.
        whole = bytearray(b"\n" * (first_number - 1) + first)
        for line in _padded(lines, first_number):
            whole += line
        yield from _objects(name, bytes(whole), 1)
        return
    yield from _objects(name, first, first_number)
    for number, line in lines:
        try:
            yield from _objects(name, line, number)
        except _NotJsonError as error:
            if error.is_of_all:  # cut off, or another encoding: nothing of the file is sure
                raise
            yield SetAside("", "", str(error), names=_ids_in(line))


class _NotJsonError(ClientError):
    """A text is no JSON. `is_of_all`: the flaw concerns the whole file."""

    def __init__(self, message: str, *, is_of_all: bool) -> None:
        super().__init__(message)
        self.is_of_all = is_of_all


def _padded(lines: Iterable[tuple[int, bytes]], last: int) -> Iterator[bytes]:
    """Yield the lines with the blank lines between, so that line numbers stay right."""
    for number, line in lines:
        yield b"\n" * (number - last - 1) + line
        last = number


def _is_value(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:  # NaN is a flaw of this line alone
        return is_json(line, may_have_nan=True)
    return True


def _objects(name: str, data: bytes, line: int) -> Iterator[Item | SetAside]:
    """Yield the objects of one JSON value; the value begins on this line of the file."""
    try:
        whole, flaw = checked(data)
    except orjson.JSONDecodeError as error:
        if not is_json(data, may_have_nan=True):
            yield from _readable_objects(name, data, line, error)
            return
        flaw = str(error)
    if flaw:  # a repeated key, NaN or an inexact integer
        yield from _objects_one_by_one(name, data, line)
        return
    if not isinstance(whole, dict | list):
        raise ClientError(f"{name}: expected a bundle, an envelope, an array or one object per line")
    if isinstance(whole, dict) and whole.get("type") == "bundle" and "objects" not in whole:
        raise ClientError(f"{name}: the bundle has no `objects`; give it a list of objects")
    if isinstance(whole, dict) and not _is_object(whole) and not isinstance(whole["objects"], list):
        raise ClientError(f"{name}: `objects` is not a list")
    yield from map(Item.of, _flat(whole))


def _is_object(value: JsonObject) -> bool:
    """Return whether the value is an object by itself, and no bundle or envelope."""
    if "objects" not in value:
        return True
    return value.get("type", "bundle") != "bundle" and not isinstance(value["objects"], list)


def _flat(value: Any) -> Iterator[Any]:
    """Yield the objects of a bundle, envelope or array in order, also of bundles inside."""
    waiting = [value]  # no recursion: the depth is the file's choice
    is_outer = True
    while waiting:
        one = waiting.pop()
        if isinstance(one, list) and is_outer:
            waiting.extend(reversed(one))
        elif isinstance(one, dict) and (not _is_object(one) if is_outer else _is_bundle(one)):
            waiting.extend(reversed(one["objects"]))
        else:
            yield one
        is_outer = False


def _is_bundle(value: JsonObject) -> bool:
    return value.get("type", "bundle") == "bundle" and isinstance(value.get("objects"), list)


# --- one flawed object sets no other aside --------------------------------------------------------


def _readable_objects(
    name: str, data: bytes, line: int, error: orjson.JSONDecodeError
) -> list[Item | SetAside]:
    """Return the objects of a text that is no JSON because of some objects.

    Raises ClientError when the flaw is beside the objects, or no object can be read.
    """
    of_all = is_of_all(data, error)
    try:
        found = [] if of_all else list(_objects_one_by_one(name, data, line))
    except NotJsonError:
        found = []
    if not any(isinstance(one, Item) for one in found):
        raise _NotJsonError(not_json(name, data, error, line), is_of_all=of_all) from error
    return found


def _objects_one_by_one(name: str, data: bytes, line: int) -> Iterator[Item | SetAside]:
    """Yield each object of a flawed text, read by itself.

    Raises ClientError for a flaw beside the objects, where their limits are not sure; NotJsonError where the
    text beside them is no JSON.
    """
    start = after_space(data, 0)
    counted, column = start, len(data[data.rfind(b"\n", 0, start) + 1 : start])
    line += data.count(b"\n", 0, start)
    waiting: list[tuple[int, int, Path]] = [(start, end_of(data, start), ())]
    if after_space(data, waiting[0][1]) < len(data):
        raise NotJsonError  # a second value follows, and must not be lost
    while waiting:
        begin, end, path = waiting.pop()
        before, counted = data[counted:begin], begin
        line += before.count(b"\n")
        ends = before.rfind(b"\n") + 1  # the column goes on unless a line ended
        column = len(before[ends:].decode(errors="replace")) + (0 if ends else column)
        try:
            inner = _inner(name, data, begin, path)
        except NotJsonError:
            if not path:
                raise
            inner = None  # an object that is no JSON
        if inner is None:
            yield _item(name, line, column, data[begin:end], path)
        else:
            waiting.extend(reversed(inner))


def _inner(name: str, data: bytes, begin: int, path: Path) -> list[tuple[int, int, Path]] | None:
    """Return the places of the objects of a bundle, envelope or outermost array; None for an object."""
    if data[begin : begin + 1] == b"[":
        at: int | None = None if path else begin
        below = path
    else:
        at, below = _list_at(name, data, begin, path), (*path, "objects")
    if at is None:
        return None
    return [(*span, (*below, number)) for number, span in enumerate(elements(data, at))]


def _list_at(name: str, data: bytes, begin: int, path: Path) -> int | None:
    """Return the place of the list `objects` of a bundle or envelope; None otherwise."""
    if data[begin : begin + 1] != b"{":
        return None
    found = list(members(data, begin))
    lists = [
        (start, end) for key, start, end in found if key == "objects" and data[start : start + 1] == b"["
    ]
    kinds = [text_of(data[start:end]) for key, start, end in found if key == "type"]
    if not lists or (path and kinds not in ([], ["bundle"])):
        return None
    start, end = lists[0]
    rest = data[begin:start] + b"[]" + data[end : end_of(data, begin)]
    if flaw := checked_part(rest, may_have_nan=True)[1]:
        raise ClientError(f"{name}{flaw}; it stands beside the objects, and nothing was read")
    return start


def _item(name: str, line: int, column: int, text: bytes, path: Path) -> Item | SetAside:
    try:
        value, flaw = checked_part(text, MAX_DEPTH - _ABOVE, path, may_have_nan=True)
    except NotJsonError as error:
        if not path or not isinstance(error.__cause__, orjson.JSONDecodeError):
            raise
        said = not_json(name, text, error.__cause__, line, column)
    else:
        if not flaw:
            return Item.of(value)
        said = f"{name} line {line}{flaw}"
    found = once(text, ("id", "modified", "created", "type")) or _only_id(text)
    # The contents of a flawed container cannot be read: any id in the text may be a member.
    may_hold = found.get("type", "report") in {*_CONTAINERS, "bundle"}
    return SetAside(
        found.get("id", ""),
        found.get("modified", found.get("created", "")),
        said,
        names=_ids_in(text) if may_hold else (),
    )


def _only_id(text: bytes) -> dict[str, str]:
    """Return the id of an unreadable object, if its text has exactly one `id`."""
    found = _OWN_ID.findall(text)
    return {"id": found[0].decode()} if len(found) == 1 else {}


def _ids_in(text: bytes) -> tuple[str, ...]:
    return tuple(sorted({id.decode() for id in _ID.findall(text)}))


def refuse_ambiguous(place: str, text: bytes) -> None:
    """Raise ClientError for a repeated key or an inexact integer: orjson accepts both and keeps neither."""

    def check_members(members: list[tuple[str, None]]) -> None:
        names = [name for name, _ in members]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ClientError(f"{place}: the key {twice!r} appears twice in one object")

    def check_integer(digits: str) -> None:
        if len(digits) > len(str(_GREATEST_INTEGER)) + 1 or abs(int(digits)) > _GREATEST_INTEGER:
            raise ClientError(f"{place}: the integer {digits[:20]} is beyond 2^53-1: write it as a string")

    try:
        # Builds no values: the hooks only check.
        json.loads(text, object_pairs_hook=check_members, parse_int=check_integer)
    except RecursionError as error:
        raise ClientError(f"{place}: nested too deeply") from error


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _role(known: JsonObject, *, is_marked: bool) -> Role:
    kind = _text(known.get("type"))
    if kind in _CONTAINERS:
        return Role.CONTAINER
    if kind in _DEFINITIONS:
        return Role.DEFINITION
    # Version 5: derived from the value.
    is_derived = kind in OBSERVABLE_TYPES and _text(known.get("id"))[_UUID_VERSION_AT:][:1] == "5"
    return Role.NAME if not is_marked and (kind in NAME_TYPES or is_derived) else Role.PART
