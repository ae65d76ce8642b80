"""Bearer tokens: a public id to find them by, and a secret of which only a keyed digest is kept.

256 random bits need no slow hash; the pepper keeps a stolen database from confirming guesses.
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
# Also one that was cut off, or runs into what stands beside it; but no words, as in `connection._execute_on`.
_PARTIAL: Final = re.compile(r"([a-z2-7]{10})\.(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{16,}")


@dataclass(frozen=True, slots=True)
class Token:
    """A new token. `text` is shown to its holder once and never stored."""

    public_id: str
    text: str = field(repr=False)


def compose(random: bytes) -> Token:
    """Return the token `<public_id>.<secret>` made of 40 random bytes; RuntimeError for another length."""
    if len(random) != RANDOM_BYTES:
        raise RuntimeError(f"a token is made of {RANDOM_BYTES} random bytes, not {len(random)}")
    public_id = base64.b32encode(random[:_ID_BYTES]).decode("ascii").lower()[:_ID_CHARACTERS]
    return Token(public_id, f"{public_id}.{base64url.encode(random[_ID_BYTES:])}")


def parse(text: str) -> str | None:
    """Return the public id of `text`, or None when it does not have the form of a token."""
    form = _TOKEN.fullmatch(text)
    return form[1] if form else None


def that_hold_one(texts: Mapping[str, str]) -> list[str]:
    """Return the names of those texts in which something has the form of a token, set apart."""
    return [name for name, text in texts.items() if _WITHIN.search(text)]


def masked(text: str) -> str:
    """Return `text` with the secret left out of whatever has the form of a token, or of a part of one."""
    return _PARTIAL.sub(r"\1.…", text)


def digest(pepper: bytes, text: str) -> bytes:
    """Return what is stored of a token: HMAC-SHA-256 under `pepper`, 32 bytes.

    Any text has one, so that unknown and malformed tokens cost the same work. Raises RuntimeError for a
    pepper below 32 bytes.
    """
    if len(pepper) < _MIN_PEPPER_BYTES:
        raise RuntimeError(f"the token pepper has fewer than {_MIN_PEPPER_BYTES} bytes")
    return hmac.digest(pepper, text.encode("utf-8", "surrogatepass"), hashlib.sha256)


def matches(a: bytes, b: bytes) -> bool:
    """Return whether two digests are equal, in time that does not tell where they differ."""
    return hmac.compare_digest(a, b)
