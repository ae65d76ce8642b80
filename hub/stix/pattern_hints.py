"""What a sender most likely meant who wrote what no STIX pattern has there, by the common mistakes."""

from __future__ import annotations

from typing import Final

_QUOTES: Final = frozenset('"`\u201c\u201d\u2018\u2019\u00b4')
_TEXT_KINDS: Final = frozenset({"string", "unknown"})
AN_OBSERVATION: Final = "an observation in brackets"
A_PROPERTY: Final = "a property"
A_VALUE: Final = "a value"
AN_INDEX: Final = "an index or *"
A_LIST: Final = "("
A_TIME: Final = "time"


def hint(expected: str, kind: str, found: str, *, follows_text: bool, keywords: frozenset[str]) -> str:
    """Return the remedy for a token of this kind and text where `expected` should stand, or an empty text.

    `follows_text`: it stands right behind the closing quote of a text.
    """
    said = ""
    if found[:1] in _QUOTES:
        said = "write texts between single quotes, as 'example'"
    elif kind == "unknown" and found.startswith("'"):
        said = r"end the text with a single quote, and write a backslash in it as \\ and a quote as \'"
    elif follows_text and kind in {"name", "hyphenated", "integer", "unknown"}:
        said = r"write a single quote within a text as \'"
    elif found.upper() in keywords and found not in keywords:
        said = f"write {found.upper()} in capitals"
    elif found in {"&&", "&", "||", "|"}:
        said = f"write {'AND' if '&' in found else 'OR'}"
    elif expected == AN_OBSERVATION:
        said = "write for example [ipv4-addr:value = '198.51.100.4']"
    elif expected == A_PROPERTY and kind == "hyphenated":
        said = f"put a name with a hyphen between single quotes, as '{found}'"
    elif expected == AN_INDEX and kind in _TEXT_KINDS:
        said = "write a key behind a full stop, as hashes.'SHA-256'"
    elif expected == A_VALUE and kind in {"name", "hyphenated"}:
        said = f"put a text between single quotes, as '{found}'"
    elif expected == A_TIME:
        said = "write a time as t'2024-02-29T12:00:00Z'"
    elif expected == A_LIST:
        said = "put the values of a list between parentheses, as ('a', 'b')"
    return said
