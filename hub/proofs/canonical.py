"""The canonical bytes of a JSON value (RFC 8785) and their digest.

Called for every object of every submission, so values for which `orjson` is known to give the same bytes
take that road; all others go through `rfc8785`, which is some twenty times slower.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, cast

import orjson
import rfc8785

_MAX_EXACT: Final = 2**53 - 1  # I-JSON (RFC 7493 section 2.2)


def canonical(value: object) -> bytes:
    """Return the RFC 8785 form of `value`, made of dict, list, tuple, str, int, float, bool and None.

    Raises ValueError for what has no such form: NaN and infinities, integers beyond 2^53-1, lone
    surrogates, keys that are not text, other types, nesting beyond what can be walked. A float of 2^53 or
    more has a form, written like an integer that is refused when it is read again.
    """
    try:
        if _orjson_is_exact(value):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, RecursionError):
        pass  # a key that is not text, a lone surrogate, deep nesting: rfc8785 has the last word
    try:
        return rfc8785.dumps(cast("Any", value))
    except RecursionError:
        raise ValueError("the value is nested too deeply for a canonical form") from None


def digest(value: object) -> bytes:
    """Return the SHA-256 (32 bytes) over the canonical form of `value`; raises as `canonical` does."""
    return hashlib.sha256(canonical(value)).digest()


def _orjson_is_exact(value: object) -> bool:
    """Return whether `orjson` is known to write `value` as RFC 8785 wants it.

    Floats are spelt differently (section 3.2.2.3), and keys are sorted by UTF-16 units there (3.2.3), by
    UTF-8 bytes here: alike for ASCII, as every property name of STIX is. Subclasses are not judged.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is dict:
        members = cast("dict[str, object]", value)
        return "".join(members).isascii() and all(map(_orjson_is_exact, members.values()))
    if kind is list:
        return all(map(_orjson_is_exact, cast("list[object]", value)))
    return kind is int and -_MAX_EXACT <= cast("int", value) <= _MAX_EXACT
