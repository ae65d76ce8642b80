"""The versions of STIX objects as text whose order is the order of time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

MAX_CHARACTERS: Final = 40  # RFC 3339 allows any number of digits; nobody's clock needs more than this

# Not 24:00, which later versions of `datetime` read as the next day (RFC 3339 section 5.7).
_TIMESTAMP: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?Z"
)


def version_key(text: str) -> str | None:
    """Return the timestamp without `Z` and trailing fractional zeros, or None if it is none.

    The keys of any two timestamps compare as the instants do, however many digits each has. Only the
    form of STIX 2.1 section 2.13 counts: upper-case `T` and `Z`, no other offset, a day that exists,
    no leap second (which no clock of the hub could name), at most 40 characters.
    """
    match = _TIMESTAMP.fullmatch(text) if len(text) <= MAX_CHARACTERS else None
    if match is None:
        return None
    seconds, fraction = match.groups()
    try:
        datetime.fromisoformat(seconds)
    except ValueError:
        return None
    fraction = (fraction or "").rstrip("0")
    return f"{seconds}.{fraction}" if fraction else seconds
