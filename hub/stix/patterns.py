"""Whether an indicator's pattern follows the STIX pattern grammar (STIX 2.1 section 9).

The grammar's parser costs some 3 microseconds a byte for what feeds send and up to 40 for text made to hurt.
So the plain forms, which are nearly all that feeds send, are recognised without it, a hundred times faster,
and `parsing_bytes` lets a reader bound what is left to it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from itertools import accumulate
from typing import Final

from stix2patterns.exceptions import ParseException
from stix2patterns.v21.pattern import Pattern

MAX_BYTES: Final = 16_384
MAX_NESTING: Final = 20  # parentheses open at once
_MAX_SHOWN: Final = 120


@lru_cache(maxsize=512)
def pattern_fault(pattern: str) -> str | None:
    """Return why `pattern` is no STIX pattern, as a sentence with line and column, or None.

    Syntax alone: the package's wider check takes the list of `hashes.MD5 IN (...)` for one malformed
    hash. The grammar is that of 2.1, which also takes what 2.0 could say. At most 16 KB are read.
    """
    if _is_too_long(pattern):
        return f"/pattern is longer than {MAX_BYTES} bytes; split the indicator"
    if _is_plain(pattern):
        return None
    if _nesting(pattern) > MAX_NESTING:
        verdict = f"it nests deeper than {MAX_NESTING} parentheses"
    else:
        verdict = _verdict(pattern)
    return f"/pattern is no STIX pattern: {verdict}; correct it (STIX 2.1 section 9)" if verdict else None


def parsing_bytes(pattern: str) -> int:
    """Return how many bytes `pattern_fault` gives to the parser: none of a plain pattern or one too long."""
    return 0 if _is_too_long(pattern) or _is_plain(pattern) else len(pattern.encode(errors="replace"))


def _is_too_long(pattern: str) -> bool:
    return len(pattern) > MAX_BYTES or len(pattern.encode(errors="replace")) > MAX_BYTES


def _verdict(pattern: str) -> str:
    # The parser is recursive and was not written for hostile text: whatever it raises is a refusal.
    with suppress(Exception):
        return _parse(pattern)
    return "it cannot be parsed"


def _parse(pattern: str) -> str:
    try:
        Pattern(pattern)
    except ParseException as error:
        message = str(error)
        return message if len(message) <= _MAX_SHOWN else message[:_MAX_SHOWN] + "…"
    return ""


def _nesting(pattern: str) -> int:
    brackets = re.sub(r"[^()]++", "", re.sub(_STRING, "", pattern))
    return max(accumulate(1 if bracket == "(" else -1 for bracket in brackets), default=0)


# --- plain patterns -------------------------------------------------------------------------------------
# What is taken here is a part of the grammar, and each step only puts one sign in place of what the grammar
# calls by one name; whatever is left over makes the pattern one for the parser. No expression can be made to
# backtrack: repetitions are possessive, and no comparison begins inside another's name.

_STRING: Final = r"'(?:[^'\\]|\\['\\])*+'"
_INTEGER: Final = r"(?:0|[1-9][0-9]*+)"
_NUMBER: Final = rf"-?{_INTEGER}(?:\.[0-9]++)?+"
_TIME: Final = (
    r"t'[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]++)?+Z'"
)
_ORDERED: Final = rf"(?:{_STRING}|{_NUMBER}|{_TIME})"
_ANY: Final = rf"(?:{_STRING}|{_NUMBER}|{_TIME}|true|false)"
_WORDS: Final = (
    "AND|OR|NOT|FOLLOWEDBY|LIKE|MATCHES|ISSUPERSET|ISSUBSET|EXISTS|LAST|IN|START|STOP|SECONDS|true|false|"
    "WITHIN|REPEATS|TIMES"
)
_NAME: Final = rf"(?:{_STRING}|(?!(?:{_WORDS})(?![A-Za-z0-9_]))[A-Za-z_][A-Za-z0-9_]*+)"
_PATH: Final = (
    rf"(?<![A-Za-z0-9_-])(?!(?:true|false):)[a-z][a-z0-9_-]*+:{_NAME}"
    rf"(?:\.{_NAME}|\[(?:{_INTEGER}|\*)\])*+"
)
_TEST: Final = (
    rf"(?:\s*+(?:!=|==?|<>)\s*+{_ANY}|\s*+[<>]=?+\s*+{_ORDERED}"
    rf"|\s++(?:NOT\s++)?+(?:(?:LIKE|MATCHES|ISSUBSET|ISSUPERSET)\s*+{_STRING}"
    rf"|IN\s*+\(\s*+{_ANY}(?:\s*+,\s*+{_ANY})*+\s*+\)))"
)
_QUALIFIER: Final = (
    rf"(?:WITHIN\s++{_INTEGER}\s++SECONDS|REPEATS\s++{_INTEGER}\s++TIMES"
    rf"|START\s++{_TIME}\s++STOP\s++{_TIME})"
)
_QUALIFIED: Final = rf"(?:\s++{_QUALIFIER})*+"
_COMPARISON: Final = re.compile(_PATH + _TEST, re.ASCII)
_COMPARISONS: Final = re.compile(r"\0(?:\s++(?:AND|OR)\s++\0)++|\(\s*+\0\s*+\)", re.ASCII)
_OBSERVATION: Final = re.compile(rf"\[\s*+\0\s*+\]{_QUALIFIED}", re.ASCII)
_OBSERVATIONS: Final = re.compile(
    rf"\1(?:\s++(?:AND|OR|FOLLOWEDBY)\s++\1)++|\(\s*+\1\s*+\){_QUALIFIED}".replace(r"\1", "\x01"), re.ASCII
)


def _is_plain(pattern: str) -> bool:
    """Tell whether `pattern` is a STIX pattern of a form that needs no parser."""
    if "\0" in pattern or "\x01" in pattern:
        return False
    text = _reduced(_COMPARISONS, "\0", _COMPARISON.sub("\0", pattern))
    text = _reduced(_OBSERVATIONS, "\x01", _OBSERVATION.sub("\x01", text))
    return text.strip(" \t\r\n") == "\x01"


def _reduced(expression: re.Pattern[str], sign: str, text: str) -> str:
    for _ in range(2 * MAX_NESTING):
        text, count = expression.subn(sign, text)
        if not count:
            break
    return text
