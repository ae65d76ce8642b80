from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey

from hub.errors import Unprocessable
from hub.model import RegisteredKey
from hub.proofs import base64url, keys
from hub.proofs.keys import PrivateKey, public_from_jwk, read_private, read_public
from tests.proofs.signers import EDWARDS, NIST, NOW, OTHER, registered

P = 2**255 - 19
P256_ORDER_OF_FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
SIGN = 1 << 255
ORDER_EIGHT = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826  # a y of two of the eight
OKP = EDWARDS.public.jwk
EC = NIST.public.jwk


def pem(key) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private(key, encryption=None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def okp(y: int) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(y.to_bytes(32, "little"))}


def assert_refused(read: Callable[[bytes], object], data: bytes, words: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        read(data)
    assert words in str(caught.value)


# --- public keys that are refused --------------------------------------------------------------

SMALL = {
    "order 1": 1,
    "order 2": P - 1,
    "order 4": 0,
    "order 4, other sign": 0 + SIGN,
    "order 8, first": ORDER_EIGHT,
    "order 8, first, other sign": ORDER_EIGHT + SIGN,
    "order 8, second": P - ORDER_EIGHT,
    "order 8, second, other sign": P - ORDER_EIGHT + SIGN,
    "order 1, x = 0 with a sign": 1 + SIGN,
    "order 2, x = 0 with a sign": P - 1 + SIGN,
}
NON_CANONICAL = {f"y = p + {n}, sign {sign}": P + n + sign * SIGN for n in range(19) for sign in (0, 1)}


@pytest.mark.parametrize("y", SMALL.values(), ids=SMALL.keys())
def test_every_point_of_small_order_is_refused(y: int) -> None:
    assert_refused(read_public, json.dumps(okp(y)).encode(), "small order")
    raw = ed25519.Ed25519PublicKey.from_public_bytes(y.to_bytes(32, "little"))
    assert_refused(read_public, pem(raw), "small order")  # cryptography took it


@pytest.mark.parametrize("y", NON_CANONICAL.values(), ids=NON_CANONICAL.keys())
def test_every_y_beyond_the_field_is_refused(y: int) -> None:
    assert_refused(read_public, json.dumps(okp(y)).encode(), "canonical")


def test_the_forgery_these_refusals_are_for() -> None:
    weak = ed25519.Ed25519PublicKey.from_public_bytes((1).to_bytes(32, "little"))
    weak.verify((1).to_bytes(32, "little") + bytes(32), b"any message")  # no private key was involved


@pytest.mark.parametrize("y", [2, 7, 8, P - 2])
def test_bytes_that_are_no_point_of_ed25519_are_refused(y: int) -> None:
    assert_refused(read_public, json.dumps(okp(y)).encode(), "not a point")


@pytest.mark.parametrize(
    ("jwk", "words"),
    [
        ({}, "another kty or crv"),
        ({"keys": [OKP]}, "another kty or crv"),
        (OKP | {"kty": "RSA"}, "another kty or crv"),
        (OKP | {"kty": "okp"}, "another kty or crv"),
        (OKP | {"kty": ["OKP"]}, "another kty or crv"),
        (OKP | {"crv": "X25519"}, "another kty or crv"),
        (OKP | {"crv": "Ed448"}, "another kty or crv"),
        (EC | {"crv": "P-384"}, "another kty or crv"),
        (EC | {"crv": "secp256k1"}, "another kty or crv"),
        (EC | {"crv": None}, "another kty or crv"),
        (OKP | {"d": OKP["x"]}, "private key"),
        (EC | {"d": EC["x"]}, "private key"),
        ({"kty": "oct", "k": "AAAA"}, "private key"),
        ({"kty": "OKP", "crv": "Ed25519"}, "x is not"),
        (OKP | {"x": 1}, "x is not"),
        (OKP | {"x": None}, "x is not"),
        (OKP | {"x": ""}, "x is not"),
        (OKP | {"x": OKP["x"] + "="}, "without padding"),
        (OKP | {"x": OKP["x"][:-1] + "!"}, "without padding"),
        (OKP | {"x": " " + OKP["x"]}, "without padding"),
        (OKP | {"x": OKP["x"] + "\n"}, "without padding"),
        (OKP | {"x": base64url.encode(b"\xfb" * 32).replace("-", "+")}, "without padding"),
        (OKP | {"x": OKP["x"][:-1] + "ä"}, "without padding"),
        (OKP | {"x": base64url.encode(bytes(32))[:-1] + "B"}, "without padding"),  # unused bits set
        (OKP | {"x": base64url.encode(bytes(31))}, "32 bytes"),
        (OKP | {"x": base64url.encode(bytes(33))}, "32 bytes"),
        (EC | {"y": base64url.encode(bytes(31))}, "y is not"),
        (EC | {"x": base64url.encode(b"\0" + base64url.decode(EC["x"]))}, "x is not"),
        (EC | {"y": EC["x"]}, "not on the curve"),
        (EC | {"x": base64url.encode(bytes(32)), "y": base64url.encode(bytes(32))}, "not on the curve"),
        (EC | {"x": base64url.encode(P256_ORDER_OF_FIELD.to_bytes(32, "big"))}, "not on the curve"),
        (EC | {"x": base64url.encode(b"\xff" * 32)}, "not on the curve"),
    ],
)
def test_a_jwk_that_is_no_good_public_key_is_refused(jwk: dict[str, object], words: str) -> None:
    assert_refused(read_public, json.dumps(jwk).encode(), words)


def test_a_key_is_read_once_and_a_refusal_each_time() -> None:
    assert keys.public_from_jwk(OKP) is keys.public_from_jwk(dict(OKP))
    assert keys.public_from_jwk(EC) is keys.public_from_jwk(dict(EC))
    assert keys.public_from_jwk(OKP) != keys.public_from_jwk(EC)
    for _ in range(2):
        assert_refused(read_public, json.dumps(OKP | {"d": OKP["x"]}).encode(), "private key")
        assert_refused(read_public, json.dumps(EC | {"y": EC["x"]}).encode(), "not on the curve")


GOOD_PEM = pem(EDWARDS.public.key)
RSA = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "neither a JWK nor PEM"),
        (b"[]", "neither a JWK nor PEM"),
        (b"\xff\xfe", "neither a JWK nor PEM"),
        (b"{", "not JSON"),
        (b'{"kty":NaN}', "not JSON"),
        (b'{"kty":"\xff"}', "not JSON"),
        (b" " * 4_097, "larger than 4096"),
        (json.dumps(OKP | {"kid": "a" * 4_096}).encode(), "larger than 4096"),
        (GOOD_PEM + GOOD_PEM, "exactly one block"),
        (GOOD_PEM.replace(b"PUBLIC KEY", b"CERTIFICATE"), "not a PEM public key"),
        (GOOD_PEM.replace(b"MCow", b"MCox"), "not a PEM public key"),
        (b"-----BEGIN PUBLIC KEY-----", "not a PEM public key"),
        (private(EDWARDS.key), "private key"),
        (private(NIST.key), "private key"),
        (private(EDWARDS.key, BestAvailableEncryption(b"secret")), "private key"),
        (pem(RSA.public_key()), "another algorithm"),
        (pem(ec.derive_private_key(7, ec.SECP384R1()).public_key()), "another algorithm"),
        (pem(ec.derive_private_key(7, ec.SECP256K1()).public_key()), "another algorithm"),
        (pem(x25519.X25519PrivateKey.from_private_bytes(bytes(32)).public_key()), "another algorithm"),
        (pem(ed448.Ed448PrivateKey.from_private_bytes(bytes(57)).public_key()), "another algorithm"),
    ],
)
def test_a_file_that_is_no_good_public_key_is_refused(data: bytes, words: str) -> None:
    assert_refused(read_public, data, words)


def test_a_pem_point_off_p256_is_refused() -> None:
    der = NIST.public.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    off = base64url.encode(der[:-1] + bytes([der[-1] ^ 1])).replace("-", "+").replace("_", "/")
    off += "=" * (-len(off) % 4)
    data = f"-----BEGIN PUBLIC KEY-----\n{off}\n-----END PUBLIC KEY-----\n".encode()
    assert_refused(read_public, data, "on its curve")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be read"),
        (GOOD_PEM, "cannot be read"),
        (json.dumps(OKP | {"d": OKP["x"]}).encode(), "cannot be read"),
        (private(EDWARDS.key)[:-40], "cannot be read"),
        (b" " * 4_097, "larger than 4096"),
        (private(EDWARDS.key, BestAvailableEncryption(b"secret")), "encrypted"),
        (private(RSA), "another algorithm"),
        (private(ec.derive_private_key(7, ec.SECP384R1())), "another algorithm"),
        (private(x25519.X25519PrivateKey.from_private_bytes(bytes(32))), "another algorithm"),
    ],
)
def test_a_file_that_is_no_good_private_key_is_refused(data: bytes, words: str) -> None:
    assert_refused(read_private, data, words)


# --- keys that are read ------------------------------------------------------------------------


@pytest.mark.parametrize("key", [EDWARDS, NIST], ids=["ed25519", "p256"])
def test_a_key_reads_the_same_from_jwk_and_pem(key: PrivateKey) -> None:
    noisy = json.dumps(key.public.jwk | {"use": "sig", "kid": "mine", "alg": "whatever"}, indent=2)
    plain = pem(key.public.key)
    for data in (noisy.encode(), b"\n" + noisy.encode(), plain, b"# note\n" + plain):
        public = read_public(data)
        assert public == key.public
        assert public.jwk == key.public.jwk
        assert public.jwk.keys() <= {"kty", "crv", "x", "y"}


@pytest.mark.parametrize("key", [EDWARDS, NIST], ids=["ed25519", "p256"])
def test_a_private_key_survives_its_file(key: PrivateKey) -> None:
    again = read_private(keys.private_pem(key))
    assert (again.alg, again.thumbprint, again.public) == (key.alg, key.thumbprint, key.public)


def test_a_private_key_shows_nothing_in_its_repr() -> None:
    assert repr(EDWARDS) == "PrivateKey()"


@pytest.mark.parametrize(("name", "alg"), [("ed25519", keys.ED25519), ("p256", keys.P256)])
def test_generated_keys_are_new_and_good(name, alg: str) -> None:
    first, second = keys.generate(name), keys.generate(name)
    assert first.thumbprint != second.thumbprint
    assert first.alg == alg
    assert read_public(json.dumps(first.public.jwk).encode()) == first.public


def test_the_thumbprint_is_that_of_rfc_8037_appendix_a_3() -> None:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert public_from_jwk(jwk).thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_thumbprint_agrees_with_another_implementation() -> None:
    assert OKPKey.import_key(dict(OKP)).thumbprint() == EDWARDS.thumbprint
    assert ECKey.import_key(dict(EC)).thumbprint() == NIST.thumbprint


@pytest.mark.parametrize("key", [EDWARDS, NIST], ids=["ed25519", "p256"])
@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65), b"\xff" * 64])
def test_a_signature_that_is_none_does_not_hold(key: PrivateKey, signature: bytes) -> None:
    assert not key.public.holds(signature, b"message")


@given(st.binary(min_size=32, max_size=32))
def test_the_public_half_of_any_seed_is_safe(seed: bytes) -> None:
    public = ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key()
    assert keys.ed25519_fault(public.public_bytes(Encoding.Raw, PublicFormat.Raw)) is None


# --- keys of the register ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [
        None,
        registered(EDWARDS, revoked_at=NOW),
        registered(EDWARDS, alg=NIST.alg),
        registered(EDWARDS, jwk=OTHER.public.jwk),
        registered(EDWARDS, jwk={}),
        registered(EDWARDS, thumbprint=OTHER.thumbprint),
        registered(OTHER),
    ],
)
def test_an_entry_that_is_revoked_damaged_or_anothers_is_not_usable(entry: RegisteredKey | None) -> None:
    assert keys.usable(entry, EDWARDS.thumbprint) is None


def test_an_entry_in_use_gives_its_key() -> None:
    assert keys.usable(registered(EDWARDS), EDWARDS.thumbprint) == EDWARDS.public


@pytest.mark.parametrize("value", [None, 1, "", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 43 + "\n"])
def test_what_is_no_thumbprint(value: object) -> None:
    assert not keys.is_thumbprint(value)


# --- whatever is given -------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=2),
)
MEMBERS = st.sampled_from(["kty", "crv", "x", "y", "d", "kid"])
WORDS = st.sampled_from(["OKP", "EC", "Ed25519", "P-256", OKP["x"], EC["x"], EC["y"]])


@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda raw: GOOD_PEM[:40] + raw + GOOD_PEM[-30:]))
def test_no_bytes_raise_anything_but_unprocessable(data: bytes) -> None:
    for read in (read_public, read_private):
        with suppress(Unprocessable):
            read(data)


@given(st.dictionaries(MEMBERS, WORDS | JSON))
def test_no_jwk_raises_anything_but_unprocessable(jwk: dict[str, object]) -> None:
    with suppress(Unprocessable):
        assert public_from_jwk(jwk) in (EDWARDS.public, NIST.public)
