"""Texts as they are read once what is encoded in them is decoded: addresses, markup, escapes, signs.

A name is one however a text encodes it (policy 7). Each way of reading is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final
from unicodedata import category, normalize
from urllib.parse import unquote

# (hub/README: encoded-name)
_MAX_ROUNDS: Final = 3  # what is encoded twice is decoded twice
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAG: Final = re.compile(r"<[/!A-Za-z][^<>]{0,200}>")
_DOMAIN_LABEL: Final = re.compile(r"(?i)xn--([a-z0-9-]{1,59})")
_DEFANGED_DOT: Final = re.compile(r"(?i)[\[({] ?dot ?[\])}]")
_BROKEN_WORD: Final = re.compile(r"[-\u2010][ \t]?\r?\n[ \t]{0,8}")
_ESCAPE: Final = re.compile(r"\\(?:u\{?([0-9A-Fa-f]{4,5})\}?|((?:x[0-9A-Fa-f]{2}\\?)+)|[nrtfbv])")

# Signs, as a footnote's number or that of a trade mark, of which NFKC makes letters or digits of a word.
_SIGNS: Final = "".join(
    char
    for char in map(chr, (*range(0xA0, 0x2E80), *range(0x3200, 0x3400), *range(0x1F100, 0x1F300)))
    if category(char) in {"So", "No"} and any(map(str.isalnum, normalize("NFKC", char)))
)
_SIGN: Final = re.compile(f"[{_SIGNS}]")

# Of each of these one stands in every text that is read in more than one way; to look for it takes next to
# nothing, and only where it stands is the expression looked for.
_MARKS: Final = (
    ("%", _PERCENT),
    ("&", _ENTITY),
    ("<", re.compile(r"<[/!a-z]")),
    ("xn--", _DOMAIN_LABEL),
    ("dot", _DEFANGED_DOT),
)
_HYPHENS: Final = ("-", "- ", "-\t", "\u2010", "\u2010 ", "\u2010\t")
_LINE_ENDS: Final = ("\r", "\n")
_BROKEN: Final = tuple(hyphen + end for hyphen in _HYPHENS for end in _LINE_ENDS)
_BROKEN_JSON: Final = tuple(hyphen.replace("\t", "\\t") + "\\" for hyphen in _HYPHENS)


def is_encoded(json_text: str) -> bool:
    """Return False only if no text of this compact JSON text is read in more than one way."""
    return _is_marked(json_text, "\\\\", _BROKEN_JSON)


def _is_marked(text: str, backslash: str, broken: tuple[str, ...]) -> bool:
    lowered = text.lower()
    return (
        backslash in text
        or any(mark in lowered and found.search(lowered) for mark, found in _MARKS)
        or any(end in text for end in broken)
        or not (text.isascii() or _SIGN.search(text) is None)
    )


def readings(text: str) -> Iterator[str]:
    """Yield a text as it stands, and in each other way in which it may be read."""
    yield text
    if not _is_marked(text, "\\", _BROKEN):
        return
    decoded = _decoded(text)
    found = {text, decoded, _TAG.sub(" ", decoded), _ESCAPE.sub(_unescaped, decoded), _SIGN.sub(" ", decoded)}
    yield from found - {text}


def _decoded(text: str) -> str:
    for _ in range(_MAX_ROUNDS):
        before = text
        if _PERCENT.search(text):
            text = unquote(text)
        text = _ENTITY.sub(lambda found: unescape(found[0]), text)
        if text == before:
            break
    text = _BROKEN_WORD.sub("", _DEFANGED_DOT.sub(".", text))
    return _DOMAIN_LABEL.sub(_label, text)


def _label(found: re.Match[str]) -> str:
    """Return a label of a domain as people read it (RFC 3492); as it stands if it is none."""
    try:
        return found[1].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return found[0]


def _unescaped(found: re.Match[str]) -> str:
    """Return what an escape of a pattern or rule stands for."""
    if found[1]:
        return chr(int(found[1], 16))
    if found[2]:
        return bytes.fromhex(re.sub(r"[x\\]", "", found[2])).decode("utf-8", "replace")
    return " "
