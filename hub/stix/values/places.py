"""How a sentence names a place in an object and a text of it: in full, or cut where it is long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hub.json_text import escape

_MAX_SHOWN: Final = 120


def pointer(tokens: Iterable[object]) -> str:
    """Return the JSON Pointer (RFC 6901) of these names and indices."""
    return short("/" + "/".join(escape(str(token)) for token in tokens))


def shown(text: str) -> str:
    """Return `text` quoted for a sentence."""
    return repr(short(text))


def short(text: str, most: int = _MAX_SHOWN) -> str:
    """Return `text`, cut where it has more characters than `most`."""
    return text if len(text) <= most else text[:most] + "…"
