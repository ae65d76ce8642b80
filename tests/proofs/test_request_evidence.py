"""A signature holds for what was signed alone, and the evidence of it holds by cryptography alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.model import HttpRequest
from hub.proofs import base64url, requests
from tests.proofs.refusing import ALL, assert_refused
from tests.proofs.signers import (
    BODY,
    CONTENT,
    EDWARDS,
    NIST,
    NONCE,
    NOW,
    OTHER,
    URL,
    altered,
    parameters,
    raw_signature,
    registered,
    sha256,
    signed,
    wrapped,
)

# --- what was signed ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        replace(signed(), method="PUT"),
        replace(signed(), method="post"),
        replace(signed(), url=URL + "&limit=1"),
        replace(signed(), url=URL.replace("hub.example", "other.example")),
        replace(signed(), url=URL.replace("https", "http")),
        replace(signed(), url="not a url"),
        replace(signed(), url=""),
        altered(signed(), Content_Type="application/json"),
        altered(signed(), Content_Type="a\nb"),
        altered(signed(), Content_Type="ä\udcff"),
        altered(signed(), Content_Digest=sha256(b"other")),
        altered(signed(), Signature="one=:AA==:"),
        altered(signed(), Signature="one=::"),
        altered(signed(), Signature=f"one={wrapped(bytes(64))}"),
        altered(signed(), Signature_Input=signed().headers["Signature-Input"].replace(NONCE, NONCE[::-1])),
        signed(params=parameters() | {"unknown": "1"}),
    ],
)
def test_a_request_other_than_the_signed_one_is_refused(request_: HttpRequest) -> None:
    assert_refused(request_, "does not hold")


def test_host_and_forwarded_fields_have_no_say() -> None:
    requests.verify(altered(signed(), Host="evil.example", X_Forwarded_Host="evil.example"), ALL, NOW)


SHA512 = "sha-512=" + wrapped(hashlib.sha512(BODY).digest())


@pytest.mark.parametrize(
    "digest",
    [
        sha256(BODY + b" "),
        sha256(BODY).replace("sha-256", "sha-512"),
        "sha-256=" + wrapped(hashlib.sha512(BODY).digest()[:32]),
        f"{sha256(BODY)}, sha-512={wrapped(bytes(64))}",  # every one must hold
        f"sha-256={wrapped(bytes(32))}, {SHA512}",
        f"{sha256(BODY)}, {sha256(BODY)}",
        "md5=" + wrapped(bytes(16)),
        f"{sha256(BODY)}, md5={wrapped(bytes(16))}",
        "sha-256=1",
        "sha-256=" + wrapped(b""),
        "nonsense(",
        "",
    ],
)
def test_a_digest_that_is_not_the_bodys_is_refused(digest: str) -> None:
    assert_refused(signed(headers={"Content-Digest": digest}), "Content-Digest")


@pytest.mark.parametrize("digest", [sha256(BODY), SHA512, f"{SHA512}, {sha256(BODY)}", f"{sha256(BODY)};a=1"])
def test_digests_that_all_hold_are_accepted(digest: str) -> None:
    requests.verify(signed(headers={"Content-Digest": digest}), ALL, NOW)


def test_another_body_under_the_same_signature_is_refused() -> None:
    assert_refused(replace(signed(), body=BODY + b" "), "Content-Digest")


def test_a_body_that_a_bodiless_signature_does_not_cover_is_refused() -> None:
    request = signed(method="DELETE", body=b"", covered=CONTENT[:2])
    requests.verify(request, ALL, NOW)
    assert_refused(replace(request, body=b"added"), 'must cover "content-type"')


# --- what holds --------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [EDWARDS, NIST], ids=["ed25519", "p256"])
@pytest.mark.parametrize(
    ("method", "body", "added"),
    [
        ("POST", BODY, {"Content-Digest", "Signature-Input", "Signature"}),
        ("POST", b"", {"Content-Digest", "Signature-Input", "Signature"}),
        ("PUT", BODY, {"Content-Digest", "Signature-Input", "Signature"}),
        ("DELETE", BODY, {"Content-Digest", "Signature-Input", "Signature"}),
        ("DELETE", b"", {"Signature-Input", "Signature"}),
        ("GET", b"", {"Signature-Input", "Signature"}),
    ],
)
def test_what_sign_adds_verifies_and_verifies_again(key, method: str, body: bytes, added: set[str]) -> None:
    plain = HttpRequest(method, URL, {"content-type": "application/json"}, body)
    headers = requests.sign(plain, key, created=NOW, nonce=NONCE)
    assert headers.keys() == added
    request = replace(plain, headers={**plain.headers, **headers})
    entry, evidence = requests.verify(request, ALL, NOW)
    assert entry == registered(key)
    assert (evidence.nonce, evidence.thumbprint) == (NONCE, key.thumbprint)
    assert (evidence.created, evidence.expires) == (NOW, NOW + timedelta(seconds=120))
    assert requests.reverify(evidence, key.public)


def test_signing_replaces_fields_of_an_earlier_attempt() -> None:
    stale = {"content-digest": "sha-256=:AA==:", "SIGNATURE": "a=:AA==:", "signature-input": "a=()"}
    plain = HttpRequest("POST", URL, {"Content-Type": "a/b"}, BODY)
    first = requests.sign(plain, EDWARDS, created=NOW, nonce=NONCE)
    again = requests.sign(replace(plain, headers=plain.headers | stale), EDWARDS, created=NOW, nonce=NONCE)
    assert again == first
    assert "alg=" not in first["Signature-Input"]


@pytest.mark.parametrize("key", [EDWARDS, NIST], ids=["ed25519", "p256"])
@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_another_implementation_with_other_orders_verifies(key, order: slice) -> None:
    params = parameters(keyid=f'"{key.thumbprint}"', alg=f'"{key.alg}"')
    request = signed(key=key, covered=CONTENT[order], params=dict(list(params.items())[order]))
    _, evidence = requests.verify(request, ALL, NOW)
    assert requests.reverify(evidence, key.public)


def test_spellings_that_mean_the_same_verify_as_their_canonical_form() -> None:
    request = signed(written=lambda inner: inner.replace('" "', '"   "').replace(";", ";  "))
    _, evidence = requests.verify(request, ALL, NOW)
    assert "   " not in evidence.signature_base
    assert requests.reverify(evidence, EDWARDS.public)


def test_field_names_and_margins_do_not_matter() -> None:
    request = signed()
    headers = {name.upper(): f" {value}\t" for name, value in request.headers.items()}
    requests.verify(replace(request, headers=headers), ALL, NOW)


def test_more_may_be_covered() -> None:
    covered = (*CONTENT, '"date"', '"@authority"', '"content-digest";key="sha-256"')
    digest_member = sha256(BODY).partition("=")[2]
    values = {'"@authority"': "hub.example", '"content-digest";key="sha-256"': digest_member}
    requests.verify(signed(covered=covered, headers={"Date": "today"}, values=values), ALL, NOW)


def test_signatures_of_others_are_not_looked_at() -> None:
    request = signed()
    beside = {
        "Signature-Input": f'proxy=("cookie");created=1;tag="p",{request.headers["Signature-Input"]}',
        "Signature": f"{request.headers['Signature']},proxy=:AAAA:",
    }
    requests.verify(replace(request, headers={**request.headers, **beside}), ALL, NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "short"},
        {"nonce": "n" * 129},
        {"nonce": "n" * 20 + "ä"},
        {"lifetime_seconds": 0},
        {"lifetime_seconds": 301},
        {"created": datetime(2026, 3, 1, 12)},  # noqa: DTZ001
    ],
)
def test_signing_out_of_bounds_is_a_wrong_call(wrong: dict[str, object]) -> None:
    plain = HttpRequest("POST", URL, {"Content-Type": "a/b"}, BODY)
    with pytest.raises(RuntimeError):
        requests.sign(plain, EDWARDS, **({"created": NOW, "nonce": NONCE} | wrong))


@pytest.mark.parametrize(
    "plain",
    [
        HttpRequest("POST", URL, {}, BODY),
        HttpRequest("post", URL, {"Content-Type": "a/b"}, BODY),
        HttpRequest("POST", "/relative", {"Content-Type": "a/b"}, BODY),
        HttpRequest("POST", URL + " ", {"Content-Type": "a/b"}, BODY),
        HttpRequest("POST", URL, {"Content-Type": "ä"}, BODY),
    ],
)
def test_a_request_that_cannot_be_signed_is_a_wrong_call(plain: HttpRequest) -> None:
    with pytest.raises(RuntimeError):
        requests.sign(plain, EDWARDS, created=NOW, nonce=NONCE)


# --- evidence ----------------------------------------------------------------------------------


def test_evidence_holds_by_cryptography_alone() -> None:
    _, evidence = requests.verify(signed(), ALL, NOW)
    key = Ed25519PublicKey.from_public_bytes(base64url.decode(EDWARDS.public.jwk["x"]))
    key.verify(evidence.signature, evidence.signature_base.encode())
    assert sha256(BODY) in evidence.signature_base


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": NONCE[::-1]},
        {"created": NOW + timedelta(seconds=1)},
        {"created": NOW + timedelta(microseconds=1)},
        {"expires": NOW},
        {"thumbprint": OTHER.thumbprint},
        {"signature": bytes(64)},
        {"signature": b""},
        {"signature_base": ""},
        {"signature_base": '"@method": POST'},
        {"signature_base": '"@signature-params": ä\udcff'},
        {"signature_base": '"@signature-params": (), ()'},
        {"signature_base": '"@signature-params": 1'},
    ],
)
def test_evidence_that_was_altered_does_not_hold(changes: dict[str, object]) -> None:
    _, evidence = requests.verify(signed(), ALL, NOW)
    assert not requests.reverify(replace(evidence, **changes), EDWARDS.public)


def test_evidence_does_not_hold_under_another_key_or_for_another_text() -> None:
    _, evidence = requests.verify(signed(), ALL, NOW)
    assert not requests.reverify(evidence, OTHER.public)
    other_text = evidence.signature_base.replace("POST", "PUT")
    assert not requests.reverify(replace(evidence, signature_base=other_text), EDWARDS.public)


def test_a_signature_under_another_tag_is_no_evidence() -> None:
    _, evidence = requests.verify(signed(), ALL, NOW)
    base = evidence.signature_base.replace("taxii-hub-v1", "taxii-hub-v2")
    resigned = replace(evidence, signature_base=base, signature=raw_signature(EDWARDS, base.encode()))
    assert not requests.reverify(resigned, EDWARDS.public)
