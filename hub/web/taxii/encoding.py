"""Content codings of pages: `gzip` as asked for by Accept-Encoding (RFC 9110 section 12.5.3, RFC 1952).

Compression must not reveal one member's text to another. The length of a compressed text says how much of
the text repeats earlier text. So a member that submits guesses could read others' objects from the lengths of
encrypted answers (BREACH). Here a gzip member consists of deflate segments. Each segment ends in a full
flush, which empties the dictionary, and holds one text alone.
"""

from __future__ import annotations

import re
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final, cast

from hub.actions.service.kept import KeptValues

_LEVEL: Final = 6
_RAW: Final = -zlib.MAX_WBITS  # deflate alone, without the frame of zlib or gzip
_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no time, no name, unknown system
_COMMA: Final = b"\x00\x01\x00\xfe\xff,"  # a block without compression (RFC 1951 section 3.2.4)
_LAST_BLOCK: Final = b"\x03\x00"  # an empty block, marked as the last
_PART_BYTES: Final = 65_536  # few system calls for each page
_TEXTS_KEPT: Final = 64
_CHARACTERS_KEPT: Final = 256
_NAMES: Final = frozenset({"gzip", "x-gzip"})  # RFC 9110 section 8.4.1.3: equivalent
_CODING: Final = re.compile(  # a name and perhaps a weight (RFC 9110 section 12.4.2)
    r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
)


# --- what a client accepts ------------------------------------------------------------------------


def is_gzip_accepted(accept_encoding: str) -> bool:
    """Return whether a header Accept-Encoding asks for gzip, at least as much as for the plain text.

    An absent or unreadable header asks for nothing: the answer is plain.
    """
    read = _known_wish if len(accept_encoding) <= _CHARACTERS_KEPT else _read_wish
    return read(accept_encoding)


def _read_wish(accept_encoding: str) -> bool:
    weights: dict[str, float] = {}
    for item in accept_encoding.split(","):
        if not item.strip(" \t"):  # an empty element means nothing (RFC 9110 section 5.6.1.2)
            continue
        found = _CODING.fullmatch(item)
        if found is None:
            return False  # malformed: the plain text is what every client can read
        name, weight = found[1].lower(), float(found[2] or 1)
        coding = "gzip" if name in _NAMES else name
        weights[coding] = max(weight, weights.get(coding, 0.0))
    others = weights.get("*", 0.0)
    # Without `identity` or `*` the plain text is acceptable, but any named coding is preferred.
    plain = weights.get("identity", weights.get("*", 0.0))
    wish = weights.get("gzip", others)
    return wish > 0 and wish >= plain


_known_wish: Final = lru_cache(_TEXTS_KEPT)(_read_wish)


# --- segments -------------------------------------------------------------------------------------


def gzip(
    head: bytes, texts: Sequence[bytes], tail: bytes, keys: Sequence[int], kept: KeptValues[int, bytes]
) -> bytes:
    """Return one gzip member (RFC 1952 section 2.3): head, one text or more with commas between, and tail.

    `kept` has the segments of recent texts, by the key of each text.
    """
    found = kept.find(keys)
    missing = {key: text for key, text, one in zip(keys, texts, found, strict=True) if one is None}
    first, *made, last = _deflated([head, *missing.values(), tail])
    if missing:
        new = dict(zip(missing, made, strict=True))
        kept.keep(new)
        found = [new[key] if one is None else one for key, one in zip(keys, found, strict=True)]
    checked, size = 0, 0
    for part in joined(head, texts, tail):
        checked, size = zlib.crc32(part, checked), size + len(part)
    end = _LAST_BLOCK + checked.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    return b"".join([_HEAD, first, _COMMA.join(cast(list[bytes], found)), last, end])


def _deflated(texts: Iterable[bytes]) -> list[bytes]:
    """Return the segment of each text."""
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    # INVARIANT: a full flush after each text: no text refers to another text.
    return [deflater.compress(text) + deflater.flush(zlib.Z_FULL_FLUSH) for text in texts]


def joined(head: bytes, texts: Sequence[bytes], tail: bytes) -> Iterator[bytes]:
    """Yield head, one text or more with commas between, and tail, in parts of about 64 KB."""
    ends = [*accumulate(map(len, texts))]
    before, start = head, 0
    while start < len(texts):
        # One join for each part: a page is a megabyte, and each copy of it counts.
        stop = max(bisect_right(ends, (ends[start - 1] if start else 0) + _PART_BYTES), start + 1)
        part = before + b",".join(texts[start:stop])
        start, before = stop, b","
        yield part if start < len(texts) else part + tail
