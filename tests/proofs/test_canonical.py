from __future__ import annotations

import hashlib
from contextlib import suppress
from enum import StrEnum

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from hub.proofs.canonical import canonical, digest

MAX = 2**53 - 1


class Word(StrEnum):
    ONE = "one"


def nested(depth: int) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        {"a": [-float("inf")]},
        MAX + 1,
        -MAX - 1,
        2**64,
        {"a": 10**30},
        "\ud800",
        {"\udfff": 1},
        {"a": "\udc00"},
        {1: "a"},
        {None: 1, "a": 2},
        b"bytes",
        {"a": {1, 2}},
        object(),
        nested(100_000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        canonical(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, b"null"),
        (True, b"true"),
        (MAX, b"9007199254740991"),
        (-MAX, b"-9007199254740991"),
        (1.0, b"1"),
        (-0.0, b"0"),
        (1e21, b"1e+21"),
        (1e-7, b"1e-7"),
        (333333333.33333329, b"333333333.3333333"),  # RFC 8785 section 3.2.2.3
        ([], b"[]"),
        ((1, "a"), b'[1,"a"]'),
        ({"b": 1, "a": {"d": 2, "c": 3}}, b'{"a":{"c":3,"d":2},"b":1}'),
        ('\x00\x08\x0b\x1f\x7f"\\/\u20ac', b'"\\u0000\\b\\u000b\\u001f\x7f\\"\\\\/\xe2\x82\xac"'),
        ({"a": Word.ONE}, b'{"a":"one"}'),
        ({"": 1, "é": 2, "z": 3}, '{"":1,"z":3,"é":2}'.encode()),
        ({"\ue000": 1, "\U0001f600": 2}, '{"\U0001f600":2,"\ue000":1}'.encode()),  # UTF-16 order
    ],
)
def test_the_form_is_that_of_rfc_8785(value: object, expected: bytes) -> None:
    assert canonical(value) == expected


def test_deep_but_walkable_values_keep_their_form() -> None:
    assert canonical(nested(300)) == b"[" * 300 + b"0" + b"]" * 300


KEYS = st.text(max_size=5) | st.sampled_from(["\ue000", "\U0001f600", "\ud7ff", "a\U00010000", "a\uffff"])
NAMES = st.text("abc_", max_size=3)
SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS | st.integers(-9, 9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | NAMES, inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_both_roads_lead_to_the_bytes_of_rfc8785(value: object) -> None:
    try:
        expected = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        with pytest.raises(ValueError):  # noqa: PT011
            canonical(value)
    else:
        assert canonical(value) == expected
        with suppress(ValueError):  # floats beyond 2^53 come back as integers
            assert canonical(orjson.loads(expected)) == expected


def test_the_digest_is_over_the_canonical_bytes() -> None:
    assert digest({"b": 1, "a": 1.0}) == hashlib.sha256(b'{"a":1,"b":1}').digest()
