"""The pages of TAXII 2.1 as answers: envelopes, manifests and versions, plain or in the coding gzip.

An empty list never appears in a resource (TAXII 2.1 section 1.6.8): it is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

import orjson

from hub.actions.service.kept import KeptTexts, KeptValues
from hub.model import Page, RowNames, format_microseconds
from hub.web.taxii import encoding
from hub.web.taxii.resources import STIX, Body

Answer = tuple[Body, dict[str, str]]  # a page, and headers of its response
Segments = tuple[Sequence[int], KeptValues[int, bytes]]  # the key of each text, and kept segments by key

_VARY: Final = "Accept-Encoding"


def envelope(page: Page, cursor: str | None, kept: KeptTexts, *, as_gzip: bool) -> Answer:
    """Return the envelope (section 3.7) of the bodies; `cursor` only if more objects follow."""
    # INVARIANT: bodies are copied as bytes, never parsed: an object leaves as submitted (I7).
    segments = page.contents, kept.of(page.epoch).segments
    return _answer(page, cursor, "objects", page.bodies, segments if as_gzip else None)


def manifest(page: Page, cursor: str | None, *, as_gzip: bool) -> Answer:
    """Return the manifest resource (section 5.3.1); `cursor` only if more records follow.

    `next` is no part of the standard's manifest. taxii2-client's `as_pages` follows `next` all the same, and
    without `next` repeats the first page for ever. `added_after` continues the manifest, too.
    """
    dates = format_microseconds(page.dates)
    if _is_plain(page.names):  # as of all STIX objects: a template takes a tenth of a serialiser's time
        records = [
            f'{{"id":"{id}","date_added":"{date}","version":"{version}","media_type":"{STIX}"}}'.encode()
            for (id, version), date in zip(page.names, dates, strict=True)
        ]
    else:
        records = [
            orjson.dumps({"id": id, "date_added": date, "version": version, "media_type": STIX})
            for (id, version), date in zip(page.names, dates, strict=True)
        ]
    return _answer(page, cursor, "objects", records, _unkept(records) if as_gzip else None)


def versions(page: Page, cursor: str | None, *, as_gzip: bool) -> Answer:
    """Return the versions resource (section 5.8.1), in order of `date_added`; `cursor` as in a manifest."""
    texts = [orjson.dumps(one.version) for one in page.names]
    return _answer(page, cursor, "versions", texts, _unkept(texts) if as_gzip else None)


def _unkept(texts: Sequence[bytes]) -> Segments:
    """Return segments to be made: a row's date and names are of one nation's ledger."""
    return range(len(texts)), KeptValues(0, len)


def _is_plain(names: Sequence[RowNames]) -> bool:
    """Return whether the names are JSON strings as they are."""
    text = "".join(chain.from_iterable(names))
    return text.isascii() and text.isprintable() and '"' not in text and "\\" not in text


def _answer(
    page: Page, cursor: str | None, name: str, texts: Sequence[bytes], segments: Segments | None
) -> Answer:
    """Return the page with the list `texts` under `name`, and its headers."""
    head = b'{"more":' + (b"true" if page.more else b"false")
    if cursor is not None:
        head += b',"next":' + orjson.dumps(cursor)
    headers = {"Vary": _VARY}
    if not texts:
        text = head + b"}"
        return Body(len(text), iter((text,))), headers | {"Content-Length": str(len(text))}
    first, last = format_microseconds((page.dates[0], page.dates[-1]))
    headers |= {"X-TAXII-Date-Added-First": first, "X-TAXII-Date-Added-Last": last}  # section 3.4.3
    head, tail = head + b',"' + name.encode() + b'":[', b"]}"
    if segments is not None:
        headers["Content-Encoding"] = "gzip"
        # INVARIANT: each row has a segment of its own, whoever submitted the row. A segment for each member
        # would say which rows have one submitter, and whether a row is anonymised (policy 7: no answer
        # differs by it). (hub/README: gzip-by-row)
        member = encoding.gzip(head, texts, tail, *segments)
        body = Body(len(member), iter((member,)))
    else:
        size = len(head) + sum(map(len, texts)) + len(texts) - 1 + len(tail)
        body = Body(size, encoding.joined(head, texts, tail))
    return body, headers | {"Content-Length": str(body.size)}
