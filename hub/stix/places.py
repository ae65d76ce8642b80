"""Where in an object something stands, as the JSON Pointer that a sentence begins with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hub.stix.strict import escape

_MAX_SHOWN: Final = 120


def pointer(tokens: Iterable[object]) -> str:
    """Return the JSON Pointer (RFC 6901) of these names and indices, cut when it is long."""
    whole = "/" + "/".join(escape(str(token)) for token in tokens)
    return whole if len(whole) <= _MAX_SHOWN else whole[:_MAX_SHOWN] + "…"
