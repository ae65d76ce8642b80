"""The canonical bytes of a JSON value (RFC 8785) and their digest.

Each object of each submission passes here. Where `orjson` certainly gives the same bytes, `orjson` is used;
all other values need `rfc8785`, which is some twenty times slower.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, cast

import orjson
import rfc8785

_MAX_EXACT: Final = 2**53 - 1  # I-JSON (RFC 7493 section 2.2)


def canonical(value: object) -> bytes:
    """Return the RFC 8785 form of `value`, made of dict, list, tuple, str, int, float, bool and None.

    Raises ValueError for values without such a form: NaN and infinities, integers beyond 2^53-1, lone
    surrogates, keys other than text, other types, nesting too deep for a walk. A float of 2^53 or more has a
    form, but this form reads as an integer, and `bodies.loads` refuses such an integer.
    """
    # INVARIANT: both libraries give the same bytes here, or every digest and signature made before is lost.
    try:
        if _orjson_is_exact(value):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, RecursionError):
        pass  # a key other than text, a lone surrogate, deep nesting: rfc8785 decides
    try:
        return rfc8785.dumps(cast("Any", value))
    except RecursionError:
        raise ValueError("the value is nested too deeply for a canonical form") from None


def digest(value: object) -> bytes:
    """Return the SHA-256 (32 bytes) over the canonical form of `value`; raises as `canonical` does."""
    return hashlib.sha256(canonical(value)).digest()


def _orjson_is_exact(value: object) -> bool:
    """Return whether `orjson` certainly writes `value` as RFC 8785 requires.

    Floats have another spelling (section 3.2.2.3). RFC 8785 sorts keys by UTF-16 units (3.2.3), orjson by
    UTF-8 bytes: both orders agree for ASCII, and all property names of STIX are ASCII. Subclasses give False.
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
