"""JSON values of others, written again; too deep nesting ends in a clear error.

orjson reads four times as deep as it writes, so a value read before may fail here.
"""

from __future__ import annotations

from typing import Any

import orjson

from hub.client.errors import ClientError


def json_bytes(value: Any, what: str) -> bytes:
    """Return the JSON text of `value`. Raises ClientError, with `what` as the subject, if there is none."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:  # also for a lone surrogate, or an integer beyond 64 bits
        raise ClientError(f"{what} cannot be written as JSON: {error}") from error
