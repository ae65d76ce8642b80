"""A line for each polled object with the level that the hub enforces, as far as its reader may know.

The lines of a page are written before the page counts as polled. Each line carries the date of its page.
After a crash, a continued poll finds the lines of an unrecorded page by that date and cuts them off. The
lines of the very first page have no recorded date before them, and are written twice then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from hub.client.errors import ClientError
from hub.client.http.explaining import MOST_AT_ONCE, records
from hub.client.input.writing import json_bytes
from hub.client.polling.pages import PolledPage
from hub.client.polling.state import OutFile
from hub.model import JsonObject, Tlp

Fetch = Callable[[str | None], Iterator[PolledPage]]  # returns the pages after a date
Explain = Callable[[Sequence[JsonObject]], Sequence[Any]]

_BLOCK_BYTES: Final = 65_536
_PAGE: Final = "page"  # the key for the date of the last object of the page


def with_levels(fetch: Fetch, explain: Explain, path: Path, collection: str, *, is_continued: bool) -> Fetch:
    """Return a `fetch` that writes the levels of each page to `path` before it yields the page.

    `collection` is the alias of the polled collection. With `is_continued`, the first date comes from a
    state, and lines of later pages are cut off. Raises ClientError for a file with other content.
    """

    def pages(added_after: str | None) -> Iterator[PolledPage]:
        with _opened(path, added_after if is_continued else None) as file:
            for page in fetch(added_after):
                # INVARIANT: the levels are on disk before the page. A crash between them leaves only lines
                # that the next poll cuts off.
                file.append(b"".join(_lines(page, explain, collection)))
                yield page

    return pages


def _lines(page: PolledPage, explain: Explain, collection: str) -> Iterator[bytes]:
    objects = iter(page.objects)
    while batch := list(islice(objects, MOST_AT_ONCE)):
        explained = explain([_question(one) for one in batch])
        for one, explanation in zip(batch, explained, strict=True):
            known = {"id": one.get("id"), "version": _version(one), "collection": collection}
            line = known | _level(explanation, collection) | {_PAGE: page.last_date_added}
            yield json_bytes(line, "what the hub says of an object") + b"\n"


def _question(polled: JsonObject) -> JsonObject:
    version = _version(polled)
    return {"object": polled.get("id")} | ({} if version is None else {"version": version})


def _version(polled: JsonObject) -> Any:
    # STIX 2.1 section 3.2: an object without `modified` and `created` (an SCO) has no version of its own.
    return polled.get("modified") or polled.get("created")


def _level(explanation: Any, collection: str) -> JsonObject:
    """Return origin and strictest level of the records in question; without a record, both are None."""
    known = [one for one in records(explanation) if _tlp(one) is not None]
    own = [one for one in known if str(one.get("origin")).lower() == collection]
    # Several members may have a record with this id (policy 1). A reader must not handle the object too
    # freely.
    found = max(own or known, key=lambda one: _tlp(one) or Tlp.CLEAR, default=None)
    if found is None:
        return {"origin": None, "effective_tlp": None}
    version = {"version": found["version"]} if isinstance(found.get("version"), str) else {}
    return {**version, "origin": found.get("origin"), "effective_tlp": found["effective_tlp"]}


def _tlp(record: JsonObject) -> Tlp | None:
    label = record.get("effective_tlp")
    return Tlp.of(label) if isinstance(label, str) else None


def _opened(path: Path, date: str | None) -> OutFile:
    """Return the file opened for appending, without lines of pages after `date`; None keeps all lines."""
    file = OutFile(path)
    if date is None:
        return file
    kept = _kept_bytes(path, date)
    if kept == file.length:
        return file
    file.__exit__()
    return OutFile(path, kept)


def _kept_bytes(path: Path, date: str) -> int:
    """Return the length of the lines until `date`. Dates rise, so the search begins at the file's end."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        block = _BLOCK_BYTES
        while True:
            start = max(0, size - block)
            file.seek(start)
            data = file.read(size - start)
            begin = 0 if start == 0 else data.find(b"\n") + 1
            end = data.rfind(b"\n") + 1  # an unfinished line never counted
            kept = _kept_of(path, data[begin:end].splitlines(keepends=True), date)
            if kept or start == 0:
                return start + begin + kept if kept else 0
            block *= 2  # few pages follow `date`: a large file is not read whole


def _kept_of(path: Path, lines: Sequence[bytes], date: str) -> int:
    for n in range(len(lines), 0, -1):
        if _date(path, lines[n - 1]) <= date:
            return sum(map(len, lines[:n]))
    return 0


def _date(path: Path, line: bytes) -> str:
    try:
        found = orjson.loads(line)[_PAGE]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError) as error:
        raise ClientError(f"{path} is no file of `hub poll --levels`: name another file") from error
    return str(found)
