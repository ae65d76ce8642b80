"""Bearer tokens (RFC 6750): a public id for the search, and a secret with only a keyed digest in the store.

256 random bits need no slow hash; with a pepper a stolen database cannot confirm guesses.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hub.proofs import base64url

RANDOM_BYTES: Final = 40  # 8 for the public id, of which 50 bits are used, and 32 for the secret
_MIN_PEPPER_BYTES: Final = 32
_ID_BYTES: Final = 8
_ID_CHARACTERS: Final = 10
_FORM: Final = r"([a-z2-7]{10})\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
_TOKEN: Final = re.compile(_FORM)
_WITHIN: Final = re.compile(rf"(?<![A-Za-z0-9_-]){_FORM}(?![A-Za-z0-9_-])")
# Also a token cut short, or joined to the text beside; but no words, as in `connection._execute_on`.
_PARTIAL: Final = re.compile(r"([a-z2-7]{10})\.(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{16,}")


@dataclass(frozen=True, slots=True)
class Token:
    """A new token. The holder sees `text` once; `text` is never stored."""

    public_id: str
    text: str = field(repr=False)


def compose(random: bytes) -> Token:
    """Return the token `<public_id>.<secret>` of 40 random bytes; RuntimeError for another length."""
    if len(random) != RANDOM_BYTES:
        raise RuntimeError(f"a token is made of {RANDOM_BYTES} random bytes, not {len(random)}")
    public_id = base64.b32encode(random[:_ID_BYTES]).decode("ascii").lower()[:_ID_CHARACTERS]
    return Token(public_id, f"{public_id}.{base64url.encode(random[_ID_BYTES:])}")


def parse(text: str) -> str | None:
    """Return the public id of `text`, or None for a text without the form of a token."""
    form = _TOKEN.fullmatch(text)
    return form[1] if form else None


def that_hold_one(texts: Mapping[str, str]) -> list[str]:
    """Return the names of the texts with a separate part in the form of a token."""
    return [name for name, text in texts.items() if _WITHIN.search(text)]


def masked(text: str) -> str:
    """Return `text` without the secrets of tokens, also of tokens cut short."""
    # The public id stays: the operator finds the token of a log line by this id, and revokes the token.
    return _PARTIAL.sub(r"\1.…", text)


def digest(pepper: bytes, text: str) -> bytes:
    """Return the stored digest of a token: HMAC-SHA-256 under `pepper`, 32 bytes.

    Any text has a digest: unknown and malformed tokens cost the same work. Raises RuntimeError for a pepper
    below 32 bytes.
    """
    if len(pepper) < _MIN_PEPPER_BYTES:
        raise RuntimeError(f"the token pepper has fewer than {_MIN_PEPPER_BYTES} bytes")
    return hmac.digest(pepper, text.encode("utf-8", "surrogatepass"), hashlib.sha256)


def matches(a: bytes, b: bytes) -> bool:
    """Return whether two digests are equal, in time independent of the first difference."""
    return hmac.compare_digest(a, b)
