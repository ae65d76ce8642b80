"""Base64url without padding, in the canonical spelling alone (RFC 4648 section 5, RFC 7515 section 2)."""

from __future__ import annotations

import base64


def encode(raw: bytes) -> str:
    """Return the unpadded base64url text of `raw`."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes spelt by exactly `text`.

    Raises ValueError for padding, foreign characters and set unused bits: for each text not written by
    `encode`.
    """
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # INVARIANT: one value has one text (RFC 4648 section 3.5). The standard library's decoder skips unknown
    # characters, so the text is compared with its canonical spelling.
    if encode(raw) != text:
        raise ValueError("not canonical base64url")
    return raw
