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


def short(text: str) -> str:
    """Return `text`, cut where it is long."""
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
