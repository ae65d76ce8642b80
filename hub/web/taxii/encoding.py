"""Content codings of pages: `gzip` as asked for by Accept-Encoding (RFC 9110 section 12.5.3, RFC 1952).

Compression must not reveal one member's text to another. The length of a compressed text says how much of
the text repeats earlier text. So a member that submits guesses could read others' objects from the lengths of
encrypted answers (BREACH). Here a gzip member consists of deflate segments. Each segment ends in a full
flush, which empties the dictionary, and holds the text of one source alone.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
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
_POLYNOMIAL: Final = 0xEDB88320  # of CRC-32 (RFC 1952 section 8), bits reversed
_SIZE_BITS: Final = 32  # a page is below 2^32 bytes
_ONE: Final = 0x80000000  # the polynomial 1, bits reversed


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


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a deflate stream that refers to nothing before it, with checksum and length of its text.

    `shift` moves the checksum of earlier text over this text. A segment means the same at every place, so it
    can be kept and used again.
    """

    deflated: bytes
    crc: int
    size: int
    shift: int


def segment(text: bytes) -> Segment:
    """Return `text` as a segment."""
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    deflated = deflater.compress(text) + deflater.flush(zlib.Z_FULL_FLUSH)
    return Segment(deflated, zlib.crc32(text), len(text), _shift(len(text)))


def gzipped(segments: Iterable[Segment]) -> list[bytes]:
    """Return the parts of one gzip member with the segments in this order (RFC 1952 section 2.3)."""
    parts, crc, size = [_HEAD], 0, 0
    for one in segments:
        parts.append(one.deflated)
        crc = _product(one.shift, crc) ^ one.crc
        size += one.size
    parts.append(_tail(crc, size))
    return parts


def gzip(pieces: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """Return the parts of one gzip member with the text of all pieces.

    A piece is a source and its text. Neighbours of one source share a segment; a piece whose source is empty
    has a segment of its own. Each piece may be freed as soon as the next piece is taken.
    """
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    parts, crc, size = [_HEAD], 0, 0
    for texts in _segmented(pieces):
        for text in texts:
            crc = zlib.crc32(text, crc)
            size += len(text)
            parts.append(deflater.compress(text))
        # INVARIANT: a full flush after each segment: no text refers to the text of another source.
        parts.append(deflater.flush(zlib.Z_FULL_FLUSH))
    parts.append(_tail(crc, size))
    return parts


def _segmented(pieces: Iterable[tuple[str, bytes]]) -> Iterator[Iterator[bytes]]:
    for source, group in groupby(pieces, itemgetter(0)):
        texts = (text for _, text in group)
        if source:
            yield texts
        else:
            yield from (iter((text,)) for text in texts)


def _tail(crc: int, size: int) -> bytes:
    return _LAST_BLOCK + crc.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")


# --- checksums of texts one after the other -------------------------------------------------------
# A CRC is the rest of a division of polynomials over GF(2). The CRC of two texts is that of the first, times
# x to the power of the second's bits, plus that of the second.


def _product(one: int, other: int) -> int:
    """Return the product of two polynomials, modulo that of CRC-32; bits are reversed."""
    product = 0
    while one:
        if one & _ONE:
            product ^= other
        one = (one << 1) & 0xFFFFFFFF
        other = (other >> 1) ^ (_POLYNOMIAL if other & 1 else 0)
    return product


def _powers() -> list[int]:
    """Return x to the power of 8, 16, 32 …: by these texts of 1, 2, 4 … bytes shift a checksum."""
    powers = [_ONE >> 8]
    while len(powers) < _SIZE_BITS:
        powers.append(_product(powers[-1], powers[-1]))
    return powers


_POWERS: Final = _powers()


def _shift(size: int) -> int:
    """Return x to the power of the bits in `size` bytes."""
    shift = _ONE
    for n, power in enumerate(_POWERS):
        if size >> n & 1:
            shift = _product(power, shift)
    return shift
