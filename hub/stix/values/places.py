"""Names places and texts of an object in sentences, and cuts long names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hub.json_text import escape

_MAX_SHOWN: Final = 120  # characters: a sender's text may be large, and a status repeats each sentence


def pointer(tokens: Iterable[object]) -> str:
    """Return the JSON Pointer (RFC 6901) of these names and indices."""
    return short("/" + "/".join(escape(str(token)) for token in tokens))


def shown(text: str) -> str:
    """Return `text` quoted for a sentence."""
    return repr(short(text))  # repr escapes control characters: a sentence stays on one line of a log


def short(text: str, most: int = _MAX_SHOWN) -> str:
    """Return the first `most` characters of `text`, with an ellipsis after a cut."""
    return text if len(text) <= most else text[:most] + "…"
