"""Two transcripts side by side. Dates count by their order, what the hub draws by its first mention.

Everything else has to be the same to the byte: status, every header, body, and the length of all that
was replaced, for Content-Length is compared as it came.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.differential.paired_hubs import Exchange

# Six digits of a second: an instant that the hub took from its clock. Members' own have three, or none.
_INSTANT: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_UUID: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DIGEST: Final = re.compile(rb"\b[0-9a-f]{64}\b")
_CURSOR: Final = re.compile(rb'"next":"([A-Za-z0-9_-]+)"')
_JWS: Final = re.compile(rb'"jws":"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)"')
_SHOWN: Final = 200  # bytes of either side around a difference


@dataclass(frozen=True)
class AnswerDifference:
    """Where two answers to one question are not the same, and what is there in each."""

    asked: str
    where: str
    here: str
    there: str

    def __str__(self) -> str:
        return f"{self.asked}: {self.where}\n    here:  {self.here}\n    there: {self.there}"


@dataclass
class _Names:
    """Gives each instant its rank, and everything else the number of its first mention."""

    url: bytes
    known: Collection[bytes]
    ranks: dict[bytes, int]
    numbers: dict[bytes, int] = field(default_factory=dict)

    def plain(self, text: bytes) -> bytes:
        text = text.replace(self.url, b"<url>")
        text = _CURSOR.sub(lambda m: b'"next":"<cursor of %d>"' % len(m[1]), text)
        text = _JWS.sub(lambda m: b'"jws":"<%b %b %d>"' % (_decoded(m[1]), _decoded(m[2]), len(m[3])), text)
        text = _INSTANT.sub(lambda m: b"<instant %d>" % self.ranks[m[0]], text)
        text = _UUID.sub(self._drawn, text)
        return _DIGEST.sub(self._drawn, text)

    def _drawn(self, match: re.Match[bytes]) -> bytes:
        if match[0] in self.known:
            return match[0]
        return b"<drawn %d>" % self.numbers.setdefault(match[0], len(self.numbers))


def _decoded(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def plain(transcript: Sequence[Exchange], url: str, known: Iterable[str]) -> list[Exchange]:
    """Return the transcript with all that may differ between two hubs replaced.

    `url` is the hub's own; `known` are the UUIDs that were not drawn by the hub.
    """
    texts = [text for one in transcript for text in _texts(one)]
    # A signature tells its dates inside, where they are found when it is read.
    inner = [_decoded(match[2]) for text in texts for match in _JWS.finditer(text)]
    instants = sorted({found for text in [*texts, *inner] for found in _INSTANT.findall(text)})
    ranks = {instant: n for n, instant in enumerate(instants)}
    names = _Names(url.encode(), frozenset(id.encode() for id in known), ranks)
    return [_plain(one, names.plain) for one in transcript]


def _texts(exchange: Exchange) -> list[bytes]:
    return [value.encode("latin-1") for _, value in exchange.headers] + [exchange.body]


def _plain(exchange: Exchange, replace: Callable[[bytes], bytes]) -> Exchange:
    headers = tuple(
        (name, replace(value.encode("latin-1")).decode("latin-1"))
        for name, value in exchange.headers
        if name != "Date"
    )
    return Exchange(exchange.asked, exchange.status, headers, replace(exchange.body))


def differences(here: Sequence[Exchange], there: Sequence[Exchange]) -> list[AnswerDifference]:
    """Return what tells two plain transcripts apart; nothing when they are the same."""
    found = [one for pair in zip(here, there, strict=False) for one in _between(*pair)]
    if len(here) != len(there):
        asked = [one.asked for one in (here if len(here) > len(there) else there)][min(len(here), len(there))]
        found.append(AnswerDifference(asked, "asked of one hub alone", str(len(here)), str(len(there))))
    return found


def _between(here: Exchange, there: Exchange) -> Iterable[AnswerDifference]:
    if here.asked != there.asked:
        yield AnswerDifference(here.asked, "another question", here.asked, there.asked)
    if not (_is_answer(here) and _is_answer(there)):
        yield AnswerDifference(here.asked, "no answer", str(here.status), str(there.status))
    if here.status != there.status:
        yield AnswerDifference(here.asked, "status", str(here.status), str(there.status))
    if here.headers != there.headers:
        lines = [
            str([line for line in one.headers if line not in other.headers] or one.headers)
            for one, other in ((here, there), (there, here))
        ]
        yield AnswerDifference(here.asked, "headers", *lines)
    if here.body != there.body:
        start = max(0, _first_difference(here.body, there.body) - _SHOWN // 4)
        parts = [str(one.body[start : start + _SHOWN]) for one in (here, there)]
        yield AnswerDifference(here.asked, f"body from byte {start}", *parts)


def _is_answer(exchange: Exchange) -> bool:
    """Tell whether the hub dealt with the question: two failures are alike, and prove nothing."""
    return exchange.status < 500 and exchange.status != 429


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
