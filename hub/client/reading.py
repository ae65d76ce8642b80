"""Files of STIX objects as they are found: a bundle, a TAXII envelope, one object, or one object per line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from hub.client.errors import ClientError
from hub.client.marking import marked, speaks_of_tlp
from hub.client.writing import json_bytes
from hub.model import NAME_TYPES, OBSERVABLE_TYPES, JsonObject, StixId, Tlp
from hub.model.tlp_ids import TLP_IDS

STDIN: Final = "-"
_CONTAINERS: Final = frozenset({"report", "grouping"})
_DEFINITIONS: Final = frozenset({"marking-definition", "extension-definition"})
_UUID_VERSION_AT: Final = -22  # from the end of an id
_GREATEST_INTEGER: Final = 2**53 - 1  # RFC 8785 section 3.2.2.3: beyond it numbers are not exact


class Role(Enum):
    """What an object is when the hub settles how unmarked objects are handled (policy 2.3)."""

    DEFINITION = auto()  # of a marking or an extension
    CONTAINER = auto()  # a report or grouping: what it names takes its level
    NAME = auto()  # unmarked, a name or derived observable: takes its level once, from the laxest container
    PART = auto()  # everything else


@dataclass(frozen=True, slots=True)
class Item:
    """One object on its way to the hub. `body` is its JSON value as compact text.

    `level` is what its `object_marking_refs` say, None when it is unmarked; `has_others`: it has markings
    that are not TLP, too. `is_unmarked`: nothing in it speaks of TLP, labels and what lies deeper included.
    `names` are a container's `object_refs`.
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
        """Return the item for any JSON value: whether it is STIX is for the hub to say.

        Raises ClientError for what has no JSON form.
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
            level=max(levels, default=None),
            has_others=len(levels) < len(markings),
            is_unmarked=bool(known) and not speaks_of_tlp(known, body),
            names=tuple(dict.fromkeys(_texts(known.get("object_refs")))) if role is Role.CONTAINER else (),
        )


def marked_item(item: Item, level: Tlp) -> Item:
    """Return the item marked with this level if nothing in it speaks of TLP and it may be; else itself."""
    value = marked(orjson.loads(item.body), level) if item.is_unmarked else None
    return item if value is None else Item.of(value)


def read_file(path: str | Path) -> bytes:
    """Return what a file holds, or raise ClientError naming it."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error.strerror}") from error


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """Give the file to read from; `-` is the standard input. Raises ClientError naming it."""
    if path == STDIN:
        yield sys.stdin.buffer
        return
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error.strerror}") from error


def read_items(name: str, file: BinaryIO) -> Iterator[Item]:
    """Yield the objects of a file in the order of the file.

    A file that is one JSON object with a list `objects` (a bundle or a TAXII envelope) gives that
    list; any other single object gives itself; otherwise each line that is not blank is one object.
    Of lines one at a time is in memory, anything else is there whole.
    Raises ClientError, naming `name` and the line, for what is not JSON or would reach the hub
    changed: duplicate keys and integers beyond 2^53-1 are lost or rounded by common readers.
    """
    lines = ((number, line) for number, line in enumerate(file, 1) if line.strip())
    first_number, first = next(lines, (0, b""))
    if not first:
        raise ClientError(f"{name}: the file is empty")
    try:
        orjson.loads(first)
    except orjson.JSONDecodeError:
        # A file whose first line is no JSON was hardly meant as lines: say what is wrong with the whole.
        yield from _items_of(name, b"\n" * (first_number - 1) + first + file.read())
        return
    second = next(lines, None)
    if second is None:
        yield from _items_of(name, first)
        return
    yield _item_of_line(name, first_number, first)
    for number, line in chain((second,), lines):
        yield _item_of_line(name, number, line)


def _items_of(name: str, data: bytes) -> Iterator[Item]:
    """Yield the objects of what is one JSON value."""
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ClientError(f"{name}: not JSON: {error}") from error
    refuse_ambiguous(name, data)
    if not isinstance(whole, dict):
        raise ClientError(f"{name}: expected a bundle, an envelope or one object per line")
    values = whole.get("objects", [whole])
    if not isinstance(values, list):
        raise ClientError(f"{name}: `objects` is not a list")
    yield from map(Item.of, values)


def _item_of_line(name: str, number: int, line: bytes) -> Item:
    place = f"{name} line {number}"
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ClientError(f"{place}: not JSON: {error}") from error
    refuse_ambiguous(place, line)
    return Item.of(value)


def refuse_ambiguous(place: str, text: bytes) -> None:
    """Refuse what orjson lets through but does not keep. Builds nothing: the hooks only look."""

    def look_at_members(members: list[tuple[str, None]]) -> None:
        names = [name for name, _ in members]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ClientError(f"{place}: the key {twice!r} appears twice in one object")

    def look_at_integer(digits: str) -> None:
        if len(digits) > len(str(_GREATEST_INTEGER)) + 1 or abs(int(digits)) > _GREATEST_INTEGER:
            raise ClientError(f"{place}: the integer {digits[:20]} is beyond 2^53-1: write it as a string")

    try:
        json.loads(text, object_pairs_hook=look_at_members, parse_int=look_at_integer)
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
    is_derived = kind in OBSERVABLE_TYPES and _text(known.get("id"))[_UUID_VERSION_AT:][:1] == "5"
    return Role.NAME if not is_marked and (kind in NAME_TYPES or is_derived) else Role.PART
