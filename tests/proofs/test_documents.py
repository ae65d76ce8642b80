from __future__ import annotations

import json
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Unprocessable
from hub.model import RegisteredKey
from hub.proofs import base64url, documents
from hub.proofs.canonical import canonical
from hub.proofs.keys import PrivateKey
from tests.proofs.signers import EDWARDS, NIST, NOW, OTHER, raw_signature, register, registered

ALL = register(EDWARDS, NIST, OTHER)
DOCUMENT = {"title": "Entente", "parties": ["fr", "at"], "count": 3, "é": None}
HEADER = {"alg": "Ed25519", "kid": EDWARDS.thumbprint, "typ": "hub-agreement+jws"}


def compact(header: object, payload: bytes, key: PrivateKey = EDWARDS) -> str:
    """Return a JWS by hand (RFC 7515 section 3.1); a header given as text is used as it is."""
    text = header if isinstance(header, str) else json.dumps(header)
    signing_input = f"{base64url.encode(text.encode())}.{base64url.encode(payload)}"
    return f"{signing_input}.{base64url.encode(raw_signature(key, signing_input.encode()))}"


def assert_refused(text: str, words: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        documents.verify_document(text, ALL)
    assert words in str(caught.value)


GOOD = compact(HEADER, canonical(DOCUMENT))


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a compact JWS"),
        ("..", "not a compact JWS"),
        (GOOD + ".", "not a compact JWS"),
        (GOOD + "=", "does not hold"),
        (GOOD + "\n", "does not hold"),
        (GOOD + "ä", "not a compact JWS"),
        (GOOD + "\ud800", "not a compact JWS"),
        (GOOD.replace(".", "=.", 1), "not a compact JWS"),
        (json.dumps({"payload": "", "signatures": []}), "not a compact JWS"),
        (compact("[]", b"{}"), "not a compact JWS"),
        (compact('["alg","kid","typ"]', b"{}"), "not a compact JWS"),
        (compact('"alg"', b"{}"), "not a compact JWS"),
        (compact("1", b"{}"), "not a compact JWS"),
        (compact("{", b"{}"), "not a compact JWS"),
        (compact("[" * 380, b"{}"), "not a compact JWS"),
        (compact(HEADER | {"x": "a" * 600}, b"{}"), "not a compact JWS"),
        ("a" * 262_145, "larger than 262144 bytes"),
        (compact(HEADER, canonical({"a": "b" * 200_000})), "larger than 262144 bytes"),
    ],
)
def test_text_that_is_no_jws_is_refused(text: str, words: str) -> None:
    assert_refused(text, words)


@pytest.mark.parametrize(
    "changes",
    [
        {"b64": False, "crit": ["b64"]},
        {"b64": True},
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/chain"},
        {"jwk": OTHER.public.jwk},
        {"x5c": []},
        {"cty": "json"},
        {"typ": "JWT"},
        {"typ": "hub-endorsement+jws"},
        {"typ": None},
    ],
    ids=str,
)
def test_a_header_with_more_or_another_type_is_refused(changes: dict[str, object]) -> None:
    assert_refused(compact(HEADER | changes, canonical(DOCUMENT)), "The signature")


@pytest.mark.parametrize("missing", ["alg", "kid", "typ"])
def test_a_header_with_less_is_refused(missing: str) -> None:
    header = {name: value for name, value in HEADER.items() if name != missing}
    assert_refused(compact(header, canonical(DOCUMENT)), "The signature")


@pytest.mark.parametrize("kid", [None, 1, "", [], {}, "me", OTHER.thumbprint + "a", "A" * 43])
def test_a_key_that_is_not_registered_is_refused(kid: object) -> None:
    asked: list[str] = []
    text = compact(HEADER | {"kid": kid}, canonical(DOCUMENT))
    with pytest.raises(Unprocessable, match="not registered or not in use"):
        documents.verify_document(text, asked.append)
    assert asked == ([kid] if kid == "A" * 43 else [])  # the register is asked for thumbprints alone


@pytest.mark.parametrize(
    "entry", [registered(EDWARDS, revoked_at=NOW), registered(OTHER), registered(EDWARDS, jwk={})]
)
def test_a_revoked_or_damaged_entry_is_refused_like_an_unknown_one(entry: RegisteredKey) -> None:
    with pytest.raises(Unprocessable, match="not registered or not in use"):
        documents.verify_document(GOOD, lambda _: entry)


@pytest.mark.parametrize("alg", ["none", "None", "EdDSA", "ES256", "HS256", "RS256", "ed25519", None, 1, []])
def test_an_algorithm_that_is_not_the_keys_is_refused(alg: object) -> None:
    assert_refused(compact(HEADER | {"alg": alg}, canonical(DOCUMENT)), "alg must be that of its key")


def test_an_algorithm_of_another_curve_is_refused_for_p256() -> None:
    header = HEADER | {"kid": NIST.thumbprint}
    assert_refused(compact(header, canonical(DOCUMENT), NIST), "alg must be that of its key, ES256")


@pytest.mark.parametrize(
    "text",
    [
        compact(HEADER, canonical(DOCUMENT), OTHER),
        ".".join([GOOD.split(".")[0], base64url.encode(b"{}"), GOOD.split(".")[2]]),
        GOOD[: GOOD.rindex(".") + 1],
        GOOD[: GOOD.rindex(".") + 1] + "!!!",
        GOOD[: GOOD.rindex(".") + 1] + base64url.encode(bytes(64)),
        compact(HEADER | {"kid": NIST.thumbprint, "alg": "ES256"}, canonical(DOCUMENT)),
    ],
)
def test_a_signature_over_something_else_is_refused(text: str) -> None:
    assert_refused(text, "does not hold")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"1",
        b"text",
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":"\\u0061"}',
        b'{"a":"\xff"}',
        b'{"a":NaN}',
        b'{"a":9007199254740993}',
        b'{"a":' + b"[" * 1_000 + b"]" * 1_000 + b"}",
    ],
)
def test_a_payload_that_is_not_its_own_canonical_form_is_refused(payload: bytes) -> None:
    assert_refused(compact(HEADER, payload), "canonical JSON object")


@pytest.mark.parametrize("payload", [{"a": float("nan")}, {"a": 2**60}, {"a": "\ud800"}, {"a": NOW}])
def test_a_document_without_canonical_form_cannot_be_signed(payload: dict[str, object]) -> None:
    with pytest.raises(Unprocessable, match="no canonical JSON form"):
        documents.sign_document(payload, EDWARDS)


def test_a_document_too_large_to_be_accepted_cannot_be_signed() -> None:
    with pytest.raises(Unprocessable, match="larger than 262144"):
        documents.sign_document({"a": "b" * 200_000}, EDWARDS)


# --- what holds --------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "alg"), [(EDWARDS, "Ed25519"), (NIST, "ES256")], ids=["ed25519", "p256"])
def test_a_signed_document_verifies(key: PrivateKey, alg: str) -> None:
    text = documents.sign_document(DOCUMENT, key)
    assert documents.verify_document(text, ALL) == (DOCUMENT, registered(key))
    header, payload, _ = (base64url.decode(part) for part in text.split("."))
    assert json.loads(header) == {"alg": alg, "kid": key.thumbprint, "typ": "hub-agreement+jws"}
    assert payload == canonical(DOCUMENT)


@pytest.mark.parametrize(("key", "alg"), [(EDWARDS, "Ed25519"), (NIST, "ES256")], ids=["ed25519", "p256"])
def test_another_implementation_verifies_and_is_verified(key: PrivateKey, alg: str) -> None:
    by_hand = compact({"typ": HEADER["typ"], "alg": alg, "kid": key.thumbprint}, canonical(DOCUMENT), key)
    assert documents.verify_document(by_hand, ALL)[0] == DOCUMENT
    signing_input, _, signature = documents.sign_document(DOCUMENT, key).rpartition(".")
    assert key.public.holds(base64url.decode(signature), signing_input.encode())


def test_the_largest_documents_pass_the_librarys_own_bounds() -> None:
    document = {"a": "b" * 195_000}
    assert documents.verify_document(documents.sign_document(document, EDWARDS), ALL)[0] == document


def test_a_document_verifies_with_cryptography_alone() -> None:
    signing_input, _, signature = documents.sign_document(DOCUMENT, EDWARDS).rpartition(".")
    public = Ed25519PublicKey.from_public_bytes(base64url.decode(EDWARDS.public.jwk["x"]))
    public.verify(base64url.decode(signature), signing_input.encode())


# --- endorsements ------------------------------------------------------------------------------


def endorsement(header: dict[str, object] | None = None, **payload: object) -> str:
    good = {"typ": "endorse", "thumbprint": NIST.thumbprint}
    return compact(HEADER | {"typ": "hub-endorsement+jws"} | (header or {}), canonical(good | payload))


@pytest.mark.parametrize(
    "text",
    [
        endorsement(thumbprint=OTHER.thumbprint),
        endorsement(typ="other"),
        endorsement(extra=1),
        endorsement({"kid": OTHER.thumbprint}),
        endorsement({"typ": "hub-agreement+jws"}),
        documents.sign_document({"typ": "endorse", "thumbprint": NIST.thumbprint}, EDWARDS),
        documents.endorse(NIST.public.jwk, OTHER),
        "",
    ],
)
def test_what_does_not_endorse_the_new_key_is_refused(text: str) -> None:
    with pytest.raises(Unprocessable, match="The signature"):
        documents.verify_endorsement(text, NIST.public, registered(EDWARDS))


def test_a_revoked_key_endorses_nothing() -> None:
    text = documents.endorse(NIST.public.jwk, EDWARDS)
    with pytest.raises(Unprocessable, match="not in use"):
        documents.verify_endorsement(text, NIST.public, registered(EDWARDS, revoked_at=NOW))


def test_a_key_that_could_not_be_registered_cannot_be_endorsed() -> None:
    with pytest.raises(Unprocessable):
        documents.endorse({"kty": "oct"}, EDWARDS)


@pytest.mark.parametrize(("previous", "new"), [(EDWARDS, NIST), (NIST, EDWARDS)])
def test_an_endorsement_verifies_and_is_no_document(previous: PrivateKey, new: PrivateKey) -> None:
    text = documents.endorse(new.public.jwk, previous)
    documents.verify_endorsement(text, new.public, registered(previous))
    assert_refused(text, "typ hub-agreement+jws")


# --- whatever is given -------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
MEMBERS = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "jku"])


PARTS = st.lists(st.binary(max_size=30).map(base64url.encode), max_size=5)


@given(st.text(max_size=80) | PARTS.map(".".join))
def test_no_text_raises_anything_but_unprocessable(text: str) -> None:
    with pytest.raises(Unprocessable):
        documents.verify_document(text, ALL)


@given(st.dictionaries(MEMBERS, JSON) | JSON, JSON | st.binary(max_size=20))
def test_no_header_or_payload_raises_anything_but_unprocessable(header: object, payload: object) -> None:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    merged = HEADER | header if isinstance(header, dict) else header
    with suppress(Unprocessable):
        documents.verify_document(compact(json.dumps(merged), body), ALL)
