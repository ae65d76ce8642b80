"""Opaque paging cursors: AES-256-GCM hides the fields of `next` from readers, and prevents forged cursors."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.errors import BadCursor, BadFilter
from hub.proofs import base64url

MAX_CURSOR_CHARACTERS: Final = 4_096
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12  # NIST SP 800-38D section 8.2.2: random nonces, so 2^32 cursors for each key
_CONTEXT: Final = b"taxii-hub-cursor-v1"


def seal(key: bytes, fields: Mapping[str, int | str | list[Any]], nonce: bytes) -> str:
    """Return `fields` encrypted and authenticated, as base64url without padding.

    `key` has 32 bytes. `nonce` has 12 bytes, never used with this key before. RuntimeError for other lengths.
    Raises BadFilter for a text above 4,096 characters: only a reader's own filters reach this length.
    """
    # INVARIANT: a nonce serves once for each key. A second use reveals plain text and permits forged tags.
    # Freshness is not checked here: callers draw random bytes for every cursor.
    if len(nonce) != NONCE_BYTES:
        raise RuntimeError(f"a cursor nonce has {NONCE_BYTES} bytes, not {len(nonce)}")
    sealed = _cipher(key).encrypt(nonce, orjson.dumps(dict(fields)), _CONTEXT)
    text = base64url.encode(nonce + sealed)
    if len(text) > MAX_CURSOR_CHARACTERS:
        raise BadFilter("The filters are too long to continue on a next page: ask with fewer values.")
    return text


def unseal(key: bytes, text: str) -> dict[str, Any]:
    """Return the fields given to `seal`; raises BadCursor for any other text."""
    # Not checked here: reader, filters and age of the cursor. `actions.reading` compares these fields.
    fields: object = None
    cipher = _cipher(key)
    if len(text) <= MAX_CURSOR_CHARACTERS:
        with suppress(ValueError, InvalidTag):
            raw = base64url.decode(text)
            fields = orjson.loads(cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _CONTEXT))
    if not isinstance(fields, dict):
        raise BadCursor("next is not a cursor of this hub: ask for the first page again.")
    return fields


def _cipher(key: bytes) -> AESGCM:
    if len(key) != KEY_BYTES:
        raise RuntimeError(f"the cursor key has {KEY_BYTES} bytes, not {len(key)}")
    return AESGCM(key)
