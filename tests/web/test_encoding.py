"""Content codings: who is answered in gzip, and that no text serves to compress another source's text."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.actions.service.kept import KeptValues
from hub.web.taxii import encoding

ASKED = [
    "gzip",
    "GZip",
    "x-gzip",
    "*",
    "gzip, deflate",  # requests, and so taxii2-client, OpenCTI, MISP and Splunk; python-httpx
    "gzip, deflate, br",  # .NET, and so Microsoft Sentinel; Go-based agents send `gzip` alone
    "gzip, deflate, br, zstd",  # requests, where brotli and zstandard are installed
    "gzip;q=1.0, *;q=0.5",
    "br, *;q=0.1",
    "identity;q=0, gzip;q=0.001",
    "identity;q=0.5, gzip;q=0.5",
    "identity;q=0.5, *;q=0.7",
    "gzip ; q=0.8 , br",
    "gzip, *;q=0",
    "gzip;q=0, x-gzip",
    ", gzip,",
    "gzip;q=1.",
    "gzip;Q=0.5",
]
NOT_ASKED = [
    "",
    " ",
    "identity",
    "deflate, br",
    "gzip;q=0",
    "x-gzip;q=0.000",
    "*;q=0",
    "gzip;q=0, *",
    "gzip;q=0.5, identity",
    "gzip;q=0.5, identity;q=0.6",
    "identity;q=0",  # nothing else is named; the plain text is all that is left
    "*;q=0, gzip;q=0",
    # malformed
    "gzip;q=high",
    "gzip;q=",
    "gzip;q",
    "gzip;q=2",
    "gzip;q=-1",
    "gzip;q=1.5",
    "gzip;q=0.1234",
    "gzip;level=9",
    "gzip deflate",
    'gzip;q="1"',
    "gzip, \x00",
    "gzip, ü",
    "gzip;q=1;q=0",
]


@pytest.mark.parametrize("text", ASKED)
def test_gzip_is_given_where_it_is_asked_for(text: str) -> None:
    assert encoding.is_gzip_accepted(text)


@pytest.mark.parametrize("text", NOT_ASKED)
def test_the_plain_text_is_given_otherwise(text: str) -> None:
    assert not encoding.is_gzip_accepted(text)


def test_a_long_header_is_read_and_not_kept() -> None:
    before = encoding._known_wish.cache_info()
    assert encoding.is_gzip_accepted("br, " * 100 + "gzip")
    assert encoding._known_wish.cache_info() == before
    assert before.maxsize == 64


# --- segments -------------------------------------------------------------------------------------

HEAD, TAIL = b'{"more":false,"objects":[', b"]}"
TEXTS = st.lists(
    st.one_of(st.binary(max_size=60), st.integers(0, 300).map(lambda n: b'{"name":"secret"}' * n)),
    min_size=1,
    max_size=12,
)


def member_of(texts: list[bytes], kept: KeptValues[int, bytes] | None = None) -> bytes:
    """The member of these texts, each with its place as its key."""
    return encoding.gzip(HEAD, texts, TAIL, range(len(texts)), kept or KeptValues(0, len))


def plain(texts: list[bytes]) -> bytes:
    return HEAD + b",".join(texts) + TAIL


def alone(segment: bytes) -> bytes:
    """Return the text of a segment, with nothing before it to refer to."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    text = inflater.decompress(segment)
    assert not inflater.eof
    return text


@given(TEXTS, st.sampled_from([0, 700, 100_000]))
def test_a_member_is_read_by_every_reader_of_gzip(texts: list[bytes], most: int) -> None:
    kept: KeptValues[int, bytes] = KeptValues(most, len)
    member, text = member_of(texts, kept), plain(texts)
    assert member_of(texts, kept) == member
    assert gzip.decompress(member) == text
    assert zlib.decompress(member, wbits=31) == text
    inflater = zlib.decompressobj(wbits=47)
    assert b"".join(inflater.decompress(member[n : n + 7]) for n in range(0, len(member), 7)) == text
    assert (inflater.eof, inflater.unused_data) == (True, b"")


@given(TEXTS)
def test_each_text_is_a_segment_that_refers_to_no_other(texts: list[bytes]) -> None:
    # A segment may contain the bytes of a flush by chance: the stream is cut where the inflater has a text.
    stream, found = member_of(texts)[10:-8], []
    for n, text in enumerate([HEAD, *texts, TAIL]):
        if 1 < n <= len(texts):
            assert alone(stream[:6]) == b","
            stream = stream[6:]
        end = _end_of(stream, text)
        found.append(alone(stream[:end]))
        stream = stream[end:]
    assert found == [HEAD, *texts, TAIL]
    assert stream == b"\x03\x00"


def _end_of(stream: bytes, text: bytes) -> int:
    """Return the length of the first segment, which must have exactly `text`, without a text before it."""
    end = 0
    while True:
        end = stream.index(b"\x00\x00\xff\xff", end) + 4
        try:
            if alone(stream[:end]) == text:
                return end
        except zlib.error:
            raise AssertionError("a segment refers to a text before it") from None


def test_a_text_is_not_shorter_for_a_guess_before_it() -> None:
    """The attack itself: the length of another's text must not depend on what the attacker submitted."""
    secret = b'{"name":"the dam at 35.1 N is unprotected"}'
    others = [
        b'{"name":"the dam at 35.1 N is unprotected"}',
        b'{"name":"qwmfzoplbsxkcjdyrtgavhuein 84927651"}',
    ]
    lengths = set()
    for guess in others:
        stream = member_of([guess, secret])[10:-8]
        stream = stream[_end_of(stream, HEAD) :]
        lengths.add(len(stream) - _end_of(stream, guess))
    assert len(lengths) == 1


def test_long_texts_have_their_checksum_and_length() -> None:
    texts = [b"a" * 3_000_000, b"", b"b" * 70_001]
    assert gzip.decompress(member_of(texts)) == plain(texts)
