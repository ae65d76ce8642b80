"""The pages of TAXII 2.1 as answers: envelopes, manifests and versions, plain or in the coding gzip.

An empty list never appears in a resource (TAXII 2.1 section 1.6.8): it is left out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

import orjson

from hub.model import Page, format_microseconds
from hub.web.taxii import encoding
from hub.web.taxii.resources import STIX, Body

Answer = tuple[Body, dict[str, str]]  # a page, and headers of its response

_CHUNK_BYTES: Final = 65_536  # few system calls for each page
_VARY: Final = "Accept-Encoding"


def envelope(page: Page, bodies: list[bytes], cursor: str | None, *, as_gzip: bool) -> Answer:
    """Return the envelope (section 3.7) of the bodies; `cursor` only if more objects follow.

    Each body is held once, and only until it is sent or compressed: the list is empty afterwards.
    """
    # INVARIANT: bodies are copied as bytes, never parsed: an object leaves as submitted (I7).
    return _answer(page, cursor, "objects", bodies, as_gzip=as_gzip)


def manifest(page: Page, cursor: str | None, *, as_gzip: bool) -> Answer:
    """Return the manifest resource (section 5.3.1); `cursor` only if more records follow.

    `next` is no part of the standard's manifest. taxii2-client's `as_pages` follows `next` all the same, and
    without `next` repeats the first page for ever. `added_after` continues the manifest, too.
    """
    dates = format_microseconds(page.dates)
    records = [
        orjson.dumps({"id": id, "date_added": date, "version": version, "media_type": STIX})
        for id, date, version in zip(page.ids, dates, page.versions, strict=True)
    ]
    return _answer(page, cursor, "objects", records, as_gzip=as_gzip)


def versions(page: Page, cursor: str | None, *, as_gzip: bool) -> Answer:
    """Return the versions resource (section 5.8.1), in order of `date_added`; `cursor` as in a manifest."""
    return _answer(page, cursor, "versions", [*map(orjson.dumps, page.versions)], as_gzip=as_gzip)


def _answer(page: Page, cursor: str | None, name: str, texts: list[bytes], *, as_gzip: bool) -> Answer:
    """Return the page with the list `texts` under `name`, which is empty afterwards, and its headers."""
    head = b'{"more":' + (b"true" if page.more else b"false")
    if cursor is not None:
        head += b',"next":' + orjson.dumps(cursor)
    if not texts:
        text = head + b"}"
        return Body(len(text), iter((text,))), {"Vary": _VARY, "Content-Length": str(len(text))}
    first, last = format_microseconds((page.dates[0], page.dates[-1]))
    headers = {"Vary": _VARY}
    headers |= {"X-TAXII-Date-Added-First": first, "X-TAXII-Date-Added-Last": last}  # section 3.4.3
    head += b',"' + name.encode() + b'":['
    if as_gzip:
        headers["Content-Encoding"] = "gzip"
        parts = encoding.gzip(_pieces(head, b"]}", texts))
        body = Body(sum(map(len, parts)), iter(parts))
    else:
        body = _plain(head, b"]}", texts)
    return body, headers | {"Content-Length": str(body.size)}


def _plain(head: bytes, tail: bytes, texts: list[bytes]) -> Body:
    size = len(head) + sum(map(len, texts)) + len(texts) - 1 + len(tail)
    return Body(size, _chunks(head, tail, texts))


def _chunks(head: bytes, tail: bytes, texts: list[bytes]) -> Iterator[bytes]:
    """Yield the page in chunks of about 64 KB; each text is freed when its chunk was sent."""
    ends = list(accumulate(map(len, texts)))
    before, sent, size = head, 0, 0
    while texts:
        # One join for each chunk: a page is a megabyte, and each copy of it counts.
        count = max(bisect_right(ends, size + _CHUNK_BYTES) - sent, 1)
        sent, size = sent + count, ends[sent + count - 1]
        chunk = b",".join((before + texts[0], *texts[1:count]))
        del texts[:count]
        yield chunk if texts else chunk + tail
        before = b","


def _pieces(  # (hub/README: gzip-by-row)
    head: bytes, tail: bytes, texts: list[bytes]
) -> Iterator[bytes]:
    """Yield the page in pieces for compression; each text is freed when the next piece is taken."""
    # INVARIANT: each row has a segment of its own, whoever submitted the row. A segment for each member would
    # say which rows have one submitter, and whether a row is anonymised (policy 7: no answer differs by it).
    yield head  # apart: the cursor in it is sealed, and no text may be compared with it
    texts.reverse()
    before = b""
    while texts:
        yield before + texts.pop()
        before = b","
    yield tail
