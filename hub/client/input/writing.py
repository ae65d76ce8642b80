"""JSON values of others, written again: one nested deeper than can be written ends in a sentence.

orjson reads four times as deep as it writes, so that whatever was read may fail here.
"""

from __future__ import annotations

from typing import Any

import orjson

from hub.client.errors import ClientError


def json_bytes(value: Any, what: str) -> bytes:
    """Return the JSON text of `value`; `what` names it where it has none. Raises ClientError."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise ClientError(f"{what} cannot be written as JSON: {error}") from error
