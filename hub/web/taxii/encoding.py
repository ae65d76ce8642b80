"""Content codings of pages: `gzip` as asked for by Accept-Encoding (RFC 9110 section 12.5.3, RFC 1952).

Compression must not reveal one member's text to another. The length of a compressed text says how much of
the text repeats earlier text. So a member that submits guesses could read others' objects from the lengths of
encrypted answers (BREACH). Here a gzip member consists of deflate segments. Each segment ends in a full
flush, which empties the dictionary, and holds one text alone.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_LEVEL: Final = 6
_RAW: Final = -zlib.MAX_WBITS  # deflate alone, without the frame of zlib or gzip
_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no time, no name, unknown system
_LAST_BLOCK: Final = b"\x03\x00"  # an empty block, marked as the last
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


def gzip(texts: Iterable[bytes]) -> list[bytes]:
    """Return the parts of one gzip member of all texts (RFC 1952 section 2.3), each a segment of its own.

    Each text may be freed as soon as the next text is taken.
    """
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    parts, crc, size = [_HEAD], 0, 0
    for text in texts:
        crc = zlib.crc32(text, crc)
        size += len(text)
        # INVARIANT: a full flush after each text: no text refers to another text.
        parts += [deflater.compress(text), deflater.flush(zlib.Z_FULL_FLUSH)]
    parts.append(_LAST_BLOCK + crc.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little"))
    return parts
