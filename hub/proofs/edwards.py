"""Which 32 bytes are a safe Ed25519 public key: the points of RFC 8032 section 5.1, judged by their y.

The curve is -x² + y² = 1 + d x² y² modulo p. `cryptography` takes any 32 bytes for a key, the eight points
of small order included, under which one constant signature verifies for every message.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SIGN_OF_X: Final = 1 << 255


@lru_cache(maxsize=1_024)  # a fact about 32 bytes, asked again for every request under the same key
def fault(raw: bytes) -> str | None:
    """Return why these 32 bytes are no safe Ed25519 key, or None (RFC 8032 section 5.1.3)."""
    y = int.from_bytes(raw, "little") % _SIGN_OF_X
    if y >= _P:
        return "is not in canonical form"
    if pow(_x_squared(y), (_P - 1) // 2, _P) not in (0, 1):
        return "is not a point of Ed25519"
    # The order divides 8 exactly when three doublings reach the neutral point, the one with y = 1.
    # Both signs of x are covered, and so are the two forbidden spellings of x = 0.
    return "is of small order" if _doubled(_doubled(_doubled(y))) == 1 else None


def _x_squared(y: int) -> int:
    return (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P


def _doubled(y: int) -> int:
    """Return the y of twice a point: the affine law needs x only squared."""
    x_squared = _x_squared(y)
    return (y * y + x_squared) * pow(2 + x_squared - y * y, -1, _P) % _P
