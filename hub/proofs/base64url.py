"""Base64url without padding, in its one canonical spelling (RFC 4648 section 5, RFC 7515 section 2)."""

from __future__ import annotations

import base64


def encode(raw: bytes) -> str:
    """Return the unpadded base64url text of `raw`."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes whose text is exactly `text`.

    Raises ValueError for padding, foreign characters and unused bits that are set: whatever `encode`
    would not have written.
    """
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(raw) != text:  # the decoder of the standard library skips what it does not know
        raise ValueError("not canonical base64url")
    return raw
