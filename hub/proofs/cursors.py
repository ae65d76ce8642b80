"""Opaque paging cursors: AES-256-GCM, so that `next` tells a reader nothing and cannot be made up."""

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
NONCE_BYTES: Final = 12  # NIST SP 800-38D section 8.2.2: random, so a key serves 2^32 cursors
_CONTEXT: Final = b"taxii-hub-cursor-v1"


def seal(key: bytes, fields: Mapping[str, int | str | list[Any]], nonce: bytes) -> str:
    """Return `fields` encrypted and authenticated, as base64url without padding.

    `key` has 32 bytes, `nonce` 12 that were never used with it: RuntimeError otherwise. Raises BadFilter
    when the text would pass 4,096 characters, which only a reader's own filters can make it do.
    """
    if len(nonce) != NONCE_BYTES:
        raise RuntimeError(f"a cursor nonce has {NONCE_BYTES} bytes, not {len(nonce)}")
    sealed = _cipher(key).encrypt(nonce, orjson.dumps(dict(fields)), _CONTEXT)
    text = base64url.encode(nonce + sealed)
    if len(text) > MAX_CURSOR_CHARACTERS:
        raise BadFilter("The filters are too long to continue on a next page: ask with fewer values.")
    return text


def unseal(key: bytes, text: str) -> dict[str, Any]:
    """Return the fields that `seal` was given; raises BadCursor for any text that it did not return."""
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
