"""Files of STIX objects as they are found: a bundle, a TAXII envelope, one object, or one object per line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from hub.client.errors import ClientError

_CONTAINERS: Final = frozenset({"report", "grouping"})
_GREATEST_INTEGER: Final = 2**53 - 1  # RFC 8785 section 3.2.2.3: beyond it numbers are not exact


@dataclass(frozen=True, slots=True)
class Item:
    """One object on its way to the hub. `body` is its JSON value as compact text."""

    id: str
    version: str
    is_container: bool
    body: bytes

    @classmethod
    def of(cls, value: Any) -> Item:
        """Return the item for any JSON value: whether it is STIX is for the hub to say.

        Raises ClientError for what has no JSON form.
        """
        known = value if isinstance(value, dict) else {}
        try:
            body = orjson.dumps(value)
        except orjson.JSONEncodeError as error:
            raise ClientError(f"the object {known.get('id')} cannot be written as JSON: {error}") from error
        return cls(
            id=_text(known.get("id")),
            version=_text(known.get("modified") or known.get("created")),
            is_container=_text(known.get("type")) in _CONTAINERS,
            body=body,
        )


def read_file(path: str | Path) -> bytes:
    """Return what a file holds, or raise ClientError naming it."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error.strerror}") from error


def read_items(name: str, data: bytes) -> list[Item]:
    """Return the objects of a file in the order of the file.

    A file that is one JSON object with a list `objects` (a bundle or a TAXII envelope) gives that
    list; any other single object gives itself; otherwise each line that is not blank is one object.
    Raises ClientError, naming `name` and the line, for what is not JSON or would reach the hub
    changed: duplicate keys and integers beyond 2^53-1 are lost or rounded by common readers.
    """
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return list(_read_lines(name, data, error))
    _refuse_ambiguous(name, data)
    if not isinstance(whole, dict):
        raise ClientError(f"{name}: expected a bundle, an envelope or one object per line")
    if "objects" not in whole:
        return [Item.of(whole)]
    if not isinstance(whole["objects"], list):
        raise ClientError(f"{name}: `objects` is not a list")
    return [Item.of(value) for value in whole["objects"]]


def containers_first(items: Iterable[Item]) -> list[Item]:
    """Return the items with reports and groupings first, otherwise in their order.

    What a container says of handling covers its contents (policy 2.3): it had better be known first.
    """
    return sorted(items, key=lambda item: not item.is_container)


def _read_lines(name: str, data: bytes, whole: orjson.JSONDecodeError) -> Iterator[Item]:
    lines = [(number, line) for number, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    if not lines:
        raise ClientError(f"{name}: the file is empty")
    for number, line in lines:
        place = f"{name} line {number}"
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            # A file whose first line is no JSON was hardly meant as lines: say what is wrong with the whole.
            shown = f"{name}: not JSON: {whole}" if number == lines[0][0] else f"{place}: not JSON: {error}"
            raise ClientError(shown) from error
        _refuse_ambiguous(place, line)
        yield Item.of(value)


def _refuse_ambiguous(place: str, text: bytes) -> None:
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
