from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import BadCursor, BadFilter
from hub.proofs import base64url, cursors

KEY = bytes(range(32))
NONCE = bytes(range(12))
FIELDS = {"position": 2**53, "collection": "c1", "reader": "at-cert", "filters": ["a", 1, None]}
SEALED = cursors.seal(KEY, FIELDS, NONCE)


def with_bit_flipped(position: int) -> str:
    raw = bytearray(base64url.decode(SEALED))
    raw[position] ^= 1
    return base64url.encode(bytes(raw))


def with_plaintext(plaintext: bytes, context: bytes | None = b"taxii-hub-cursor-v1") -> str:
    return base64url.encode(NONCE + AESGCM(KEY).encrypt(NONCE, plaintext, context))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "AAAA",
        base64url.encode(bytes(11)),
        base64url.encode(bytes(12)),
        base64url.encode(bytes(28)),
        SEALED[:-4],
        SEALED + "AAAA",
        SEALED + "=",
        SEALED + "\n",
        " " + SEALED,
        SEALED[:5] + "!" + SEALED[5:],
        SEALED + "é",
        SEALED + "\ud800",
        SEALED * 30,
        "A" * 4_097,
        "A" * 1_000_000,
        with_plaintext(b"[]"),
        with_plaintext(b"not json"),
        with_plaintext(b"{}", None),
        with_plaintext(b"{}", b"another use of the key"),
        cursors.seal(KEY[::-1], FIELDS, NONCE),
    ],
)
def test_a_cursor_that_was_not_given_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        cursors.unseal(KEY, text)


@pytest.mark.parametrize("position", range(len(base64url.decode(SEALED))))
def test_a_cursor_altered_anywhere_is_refused(position: int) -> None:
    with pytest.raises(BadCursor):
        cursors.unseal(KEY, with_bit_flipped(position))


def test_the_unused_bits_of_the_last_character_are_no_second_spelling() -> None:
    sealed = next(s for n in ("a", "aa", "aaa") if len(s := cursors.seal(KEY, {"n": n}, NONCE)) % 4)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    respelt = sealed[:-1] + alphabet[alphabet.index(sealed[-1]) + 1]
    with pytest.raises(BadCursor):
        cursors.unseal(KEY, respelt)


@pytest.mark.parametrize(
    ("key", "nonce"), [(KEY[:16], NONCE), (b"", NONCE), (KEY, NONCE[:11]), (KEY, bytes(16))]
)
def test_another_length_of_key_or_nonce_is_a_wrong_call(key: bytes, nonce: bytes) -> None:
    with pytest.raises(RuntimeError):
        cursors.seal(key, FIELDS, nonce)


def test_a_key_of_another_length_is_a_wrong_call_when_reading() -> None:
    with pytest.raises(RuntimeError):
        cursors.unseal(KEY[:16], SEALED)


def test_a_cursor_too_long_to_be_taken_back_is_not_given() -> None:
    with pytest.raises(BadFilter, match="fewer values"):
        cursors.seal(KEY, {"filters": ["a" * 4_000]}, NONCE)


def test_the_fields_come_back_and_do_not_show() -> None:
    assert cursors.unseal(KEY, SEALED) == FIELDS
    assert b"at-cert" not in base64url.decode(SEALED)
    assert cursors.seal(KEY, FIELDS, NONCE[::-1]) != SEALED


TEXTS = st.text(max_size=9)


@given(st.dictionaries(TEXTS, st.integers(-(2**63), 2**63) | TEXTS | st.lists(TEXTS, max_size=5), max_size=9))
def test_every_sealed_value_comes_back(fields: dict[str, int | str | list[str]]) -> None:
    assert cursors.unseal(KEY, cursors.seal(KEY, fields, NONCE)) == fields


@given(st.text(max_size=100) | st.binary(max_size=100).map(base64url.encode))
def test_no_text_raises_anything_but_bad_cursor(text: str) -> None:
    with pytest.raises(BadCursor):
        cursors.unseal(KEY, text)
