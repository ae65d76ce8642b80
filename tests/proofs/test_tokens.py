from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.proofs import tokens

PEPPER = bytes(range(32))
RANDOM = bytes(range(40))
TOKEN = tokens.compose(RANDOM)


@pytest.mark.parametrize("random", [b"", bytes(39), bytes(41)])
def test_another_number_of_random_bytes_is_a_wrong_call(random: bytes) -> None:
    with pytest.raises(RuntimeError):
        tokens.compose(random)


@pytest.mark.parametrize("pepper", [b"", bytes(31)])
def test_a_short_pepper_is_a_wrong_call(pepper: bytes) -> None:
    with pytest.raises(RuntimeError):
        tokens.digest(pepper, TOKEN.text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        TOKEN.public_id,
        TOKEN.text + "A",
        TOKEN.text[:-1],
        TOKEN.text[:-1] + "B",  # unused bits set
        TOKEN.text + "\n",
        " " + TOKEN.text,
        TOKEN.text.upper(),
        TOKEN.text.replace(".", ":"),
        TOKEN.text.replace(".", ".."),
        "0" + TOKEN.text[1:],
        TOKEN.text[:12] + "+" + TOKEN.text[13:],
        TOKEN.text[:12] + "é" + TOKEN.text[13:],
    ],
)
def test_text_that_has_not_the_form_of_a_token_names_nobody(text: str) -> None:
    assert tokens.parse(text) is None


def test_a_token_names_itself_and_hides_its_secret() -> None:
    assert tokens.parse(TOKEN.text) == TOKEN.public_id
    assert len(TOKEN.public_id) == 10
    assert TOKEN.text.partition(".")[2] == "CAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJic"
    assert TOKEN.text not in repr(TOKEN)


@given(st.binary(min_size=40, max_size=40))
def test_every_token_names_itself(random: bytes) -> None:
    token = tokens.compose(random)
    assert tokens.parse(token.text) == token.public_id


@pytest.mark.parametrize("position", [0, 4, 8, 39])
def test_random_bytes_of_every_part_reach_the_token(position: int) -> None:
    changed = bytearray(RANDOM)
    changed[position] ^= 0x80
    assert tokens.compose(bytes(changed)).text != TOKEN.text


def test_the_digest_is_keyed() -> None:
    digest = tokens.digest(PEPPER, TOKEN.text)
    assert digest == hmac.new(PEPPER, TOKEN.text.encode(), hashlib.sha256).digest()
    assert not tokens.matches(digest, tokens.digest(PEPPER[::-1], TOKEN.text))
    assert not tokens.matches(digest, tokens.digest(PEPPER, TOKEN.text[:-1]))
    assert not tokens.matches(digest, digest[:-1])
    assert tokens.matches(digest, tokens.digest(PEPPER, TOKEN.text))


@given(st.text() | st.just("\ud800"))
def test_any_text_has_a_digest_and_perhaps_a_name(text: str) -> None:
    tokens.parse(text)
    assert len(tokens.digest(PEPPER, text)) == 32
