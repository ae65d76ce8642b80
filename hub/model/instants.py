"""Instants as whole microseconds, as TAXII text, and as text in the order of time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

# RFC 3339 allows any number of digits; no clock needs more than these.
MAX_TIMESTAMP_CHARACTERS: Final = 40

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Not 24:00, which later versions of `datetime` read as the next day (RFC 3339 section 5.7).
_TIMESTAMP: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?Z"
)


def to_microseconds(instant: datetime) -> int:
    """Return whole microseconds since 1970, exactly (no float on the way)."""
    delta = instant - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_microseconds(microseconds: int) -> datetime:
    """Return the aware UTC instant of this number from `to_microseconds`."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def say_instant(instant: datetime) -> str:
    """Return the text for sentences to people, to the second."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def format_instant(instant: datetime) -> str:
    """Return the RFC 3339 text with six fractional digits and `Z` (TAXII 2.1 section 1.6.4)."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def format_microseconds(instants: Iterable[int]) -> list[str]:
    """Return the text of `format_instant` for each number from `to_microseconds`."""
    # Dates of one page often lie in one second: a second's text is made once.
    texts, known, second = [], None, ""
    for instant in instants:
        seconds = instant // 1_000_000
        if seconds != known:
            known, second = seconds, format_instant(from_microseconds(seconds * 1_000_000))[:-7]
            start = (seconds - 1) * 1_000_000
        # A million more: seven digits, of which the last six are the fraction.
        texts.append(f"{second}{str(instant - start)[1:]}Z")
    return texts


def version_key(text: str) -> str | None:
    """Return the timestamp without `Z` and trailing fractional zeros, or None for another form.

    The keys of any two timestamps compare as the instants do, with any number of digits. Only the form of
    STIX 2.1 section 2.13 counts: upper-case `T` and `Z`, no other offset, an existing day, no leap second
    (outside every clock of the hub), at most 40 characters.
    """
    return _version_key(text) if len(text) <= MAX_TIMESTAMP_CHARACTERS else None


@lru_cache(maxsize=4_096)  # schema, order of versions and rules ask for the same few texts of an object
def _version_key(text: str) -> str | None:
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    seconds, fraction = match.groups()
    try:
        datetime.fromisoformat(seconds)
    except ValueError:
        return None
    # `.5` and `.50` are one instant, so one key: policy 8 orders versions by instants.
    fraction = (fraction or "").rstrip("0")
    return f"{seconds}.{fraction}" if fraction else seconds
