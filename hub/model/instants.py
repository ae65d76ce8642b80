"""Instants as whole microseconds and as the text that TAXII sends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(instant: datetime) -> int:
    """Return whole microseconds since 1970, exactly (no float on the way)."""
    delta = instant - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_microseconds(microseconds: int) -> datetime:
    """Return the aware UTC instant that `to_microseconds` gave this number for."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def say_instant(instant: datetime) -> str:
    """Return the text that sentences for people have, to the second."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def format_instant(instant: datetime) -> str:
    """Return the RFC 3339 text with six fractional digits and `Z` (TAXII 2.1 section 1.6.4)."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
