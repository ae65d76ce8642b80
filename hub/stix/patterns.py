"""Whether an indicator's pattern follows the STIX pattern grammar (STIX 2.1 section 9)."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Final

from stix2patterns.exceptions import ParseException
from stix2patterns.v21.pattern import Pattern

MAX_BYTES: Final = 16_384
_MAX_SHOWN: Final = 120


@lru_cache(maxsize=512)
def pattern_fault(pattern: str) -> str | None:
    """Return why `pattern` is no STIX pattern, as a sentence with line and column, or None.

    Syntax alone: the package's wider check takes the list of `hashes.MD5 IN (...)` for one malformed
    hash. The grammar is that of 2.1, which also takes what 2.0 could say. At most 16 KB are read.
    """
    if len(pattern.encode()) > MAX_BYTES:
        return f"/pattern is longer than {MAX_BYTES} bytes; split the indicator"
    verdict = "it cannot be parsed, or nests too deep"
    # The parser is recursive and was not written for hostile text: whatever it raises is a refusal.
    with suppress(Exception):
        verdict = _parse(pattern)
    return f"/pattern is no STIX pattern: {verdict}; correct it (STIX 2.1 section 9)" if verdict else None


def _parse(pattern: str) -> str:
    try:
        Pattern(pattern)
    except ParseException as error:
        message = str(error)
        return message if len(message) <= _MAX_SHOWN else message[:_MAX_SHOWN] + "…"
    return ""
