from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import BadSignature
from hub.model import HttpRequest, RegisteredKey
from hub.proofs import base64url, requests, tokens
from tests.proofs.signers import (
    BODY,
    CONTENT,
    CREATED,
    EDWARDS,
    NIST,
    NONCE,
    NOW,
    OTHER,
    URL,
    altered,
    parameters,
    raw_signature,
    register,
    registered,
    sha256,
    signed,
    wrapped,
)

ALL = register(EDWARDS, NIST, OTHER)
SECRET = {
    "Authorization": "Bearer secret",
    "Cookie": "a=secret",
    "Proxy-Authorization": "Basic secret",
    "X-API-Key": "secret",
    "X-Auth-Token": "secret",
}


def assert_refused(request: HttpRequest, words: str, now: datetime = NOW) -> None:
    with pytest.raises(BadSignature) as caught:
        requests.verify(request, ALL, now)
    assert words in str(caught.value)


# --- what is not signed, or not once -----------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (altered(signed(), Signature_Input=None, Signature=None), "needs Signature-Input"),
        (altered(signed(), Signature_Input=None), "needs Signature-Input"),
        (altered(signed(), Signature=None), "needs Signature"),
        (altered(signed(), Signature=""), "needs Signature"),
        (altered(signed(), Signature_Input="one=(" + '"date" ' * 2_000 + ")"), "at most 8192"),
        (altered(signed(), Signature_Input="one=(("), "not a dictionary"),
        (altered(signed(), Signature_Input="öne=()"), "not a dictionary"),
        (altered(signed(), Signature="one=:a b:"), "not a dictionary"),
        (altered(signed(), Signature_Input='one=1;tag="taxii-hub-v1"'), "quoted names in parentheses"),
        (altered(signed(), Signature_Input='one=(a);tag="taxii-hub-v1"'), "quoted names in parentheses"),
        (altered(signed(), Signature_Input='one=(1);tag="taxii-hub-v1"'), "quoted names in parentheses"),
        (altered(signed(), Signature='one="text"'), "byte sequence"),
        (altered(signed(), Signature="one=(:AA==:)"), "byte sequence"),
        (altered(signed(), Signature="two=:AA==:"), "byte sequence"),
        (signed(params=parameters(tag=None)), "exactly one signature"),
        (signed(params=parameters(tag='"another"')), "exactly one signature"),
        (signed(params=parameters(tag="taxii-hub-v1")), "does not hold"),  # a token is no string
    ],
)
def test_a_request_without_a_legible_signature_of_ours_is_refused(request_: HttpRequest, words: str) -> None:
    assert_refused(request_, words)


@pytest.mark.parametrize("comma", [",", ", "])  # a server joins repeated lines either way
@pytest.mark.parametrize(("label", "words"), [("one", "twice"), ("two", "exactly one signature")])
def test_a_second_signature_with_our_tag_or_label_is_refused(label: str, words: str, comma: str) -> None:
    request = signed()
    twice = {name: comma.join([request.headers[name]] * 2) for name in ("Signature-Input", "Signature")}
    joined = {name: value[::-1].replace("eno", label[::-1], 1)[::-1] for name, value in twice.items()}
    assert_refused(replace(request, headers={**request.headers, **joined}), words)


def test_repeated_lines_that_were_not_joined_are_refused_alike() -> None:
    request = signed()
    again = {"signature-input": request.headers["Signature-Input"]}
    assert_refused(replace(request, headers={**request.headers, **again}), "twice")


# --- what it covers ----------------------------------------------------------------------------


@pytest.mark.parametrize("missing", CONTENT)
@pytest.mark.parametrize(("method", "body"), [("POST", BODY), ("POST", b""), ("PUT", b""), ("DELETE", BODY)])
def test_a_part_that_is_not_covered_is_refused(missing: str, method: str, body: bytes) -> None:
    covered = tuple(name for name in CONTENT if name != missing)
    assert_refused(signed(method=method, body=body, covered=covered), f"must cover {missing}")


@pytest.mark.parametrize("missing", ['"@method"', '"@target-uri"'])
def test_a_request_without_content_still_covers_method_and_target(missing: str) -> None:
    covered = tuple(name for name in CONTENT[:2] if name != missing)
    assert_refused(signed(method="GET", body=b"", covered=covered), f"must cover {missing}")


@pytest.mark.parametrize(
    ("plain", "parametrised", "value"),
    [
        ('"@method"', '"@method";req', "POST"),
        ('"@target-uri"', '"@target-uri";req', URL),
        ('"content-type"', '"content-type";bs', wrapped(b"application/taxii+json;version=2.1")),
        ('"content-type"', '"content-type";tr', "application/taxii+json;version=2.1"),
        ('"content-digest"', '"content-digest";sf', sha256(BODY)),
        ('"content-digest"', '"content-digest";bs', wrapped(sha256(BODY).encode())),
        ('"content-digest"', '"content-digest";key="sha-256"', sha256(BODY).partition("=")[2]),
        ('"content-digest"', '"content-digest";req', sha256(BODY)),
    ],
)
def test_a_component_with_parameters_is_no_coverage(plain: str, parametrised: str, value: str) -> None:
    covered = tuple(parametrised if name == plain else name for name in CONTENT)
    request = signed(covered=covered, values={parametrised: value})
    assert_refused(request, f"must cover {plain}, without parameters")


@pytest.mark.parametrize("field", SECRET)
@pytest.mark.parametrize("parameter", ["", ";bs", ";sf", ";req", ';key="a"'])
def test_covering_a_secret_is_refused(field: str, parameter: str) -> None:
    name = f'"{field.lower()}"{parameter}'
    request = signed(headers=SECRET, covered=(*CONTENT, name), values={name: SECRET[field]})
    assert_refused(request, f"must not cover {field.lower()}")


TOKEN = tokens.compose(bytes(range(40))).text


@pytest.mark.parametrize("value", [TOKEN, f"Bearer {TOKEN}", f"a={TOKEN}; b"])
def test_a_token_in_whatever_field_is_no_evidence(value: str) -> None:
    request = signed(headers={"X-Other": value}, covered=(*CONTENT, '"x-other"'), values={'"x-other"': value})
    assert_refused(request, "must not cover x-other")


def test_a_token_in_what_is_always_signed_is_refused() -> None:
    url = f"{URL}?key={TOKEN}"
    assert_refused(replace(signed(), url=url), "a URL that holds a token")
    assert_refused(signed(params=parameters(nonce=f'"{TOKEN}"')), "a parameter that holds a token")


def test_a_covered_field_that_is_not_there_is_refused() -> None:
    request = signed(covered=(*CONTENT, '"date"'), values={'"date"': ""})
    assert_refused(request, 'covers "date", which the request does not carry')


@pytest.mark.parametrize("extra", ['"@method"', '"@status"', '"@unknown"', '"Content-Type"'])
def test_components_that_rfc_9421_forbids_are_refused(extra: str) -> None:
    request = signed(covered=(*CONTENT, extra), values={extra: "POST"}, headers={"Date": "today"})
    with pytest.raises(BadSignature):
        requests.verify(request, ALL, NOW)


# --- times and nonce ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["created", "expires"])
@pytest.mark.parametrize("value", [None, '"1772366400"', "1772366400.0", "?1", "a", ":AAAA:", "@1772366400"])
def test_times_that_are_not_integers_are_refused(name: str, value: str | None) -> None:
    assert_refused(signed(params=parameters(**{name: value})), "both integers")


@pytest.mark.parametrize(
    ("created", "expires", "words"),
    [
        (0, 0, "must expire 1 to 300 s"),
        (0, -1, "must expire 1 to 300 s"),
        (0, 301, "must expire 1 to 300 s"),
        (-999_999_999_999_999, 0, "must expire 1 to 300 s"),
        (31, 60, "in the future"),
        (86_400, 86_500, "in the future"),
        (-150, -30, "has expired"),
        (-86_400, -86_300, "has expired"),
    ],
)
def test_a_signature_out_of_its_time_is_refused(created: int, expires: int, words: str) -> None:
    bound = 999_999_999_999_999  # the largest integer of RFC 9651
    start, end = (str(max(-bound, CREATED + offset)) for offset in (created, expires))
    assert_refused(signed(params=parameters(created=start, expires=end)), words)


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        (NOW - timedelta(seconds=30), True),
        (NOW - timedelta(seconds=30, microseconds=1), False),
        (NOW + timedelta(seconds=150) - timedelta(microseconds=1), True),
        (NOW + timedelta(seconds=150), False),  # half-open, so that the nonce may be forgotten then
    ],
)
def test_thirty_seconds_of_skew_are_allowed_both_ways(now: datetime, holds: bool) -> None:
    if holds:
        requests.verify(signed(), ALL, now)
    else:
        assert_refused(signed(), "signature", now)


def test_the_longest_lifetime_holds() -> None:
    requests.verify(signed(params=parameters(expires=str(CREATED + 300))), ALL, NOW)


@pytest.mark.parametrize(
    "nonce",
    [None, '""', '"short"', f'"{"n" * 15}"', f'"{"n" * 129}"', '"0123456789 abcdef"', "1234", "?1", "n" * 16],
)
def test_a_nonce_unfit_to_be_remembered_is_refused(nonce: str | None) -> None:
    assert_refused(signed(params=parameters(nonce=nonce)), "nonce")


@pytest.mark.parametrize("nonce", ["n" * 16, "n" * 128, "~!#$%&'()*+,-./"[:15] + "0"])
def test_nonces_of_every_allowed_length_hold(nonce: str) -> None:
    _, evidence = requests.verify(signed(params=parameters(nonce=f'"{nonce}"')), ALL, NOW)
    assert evidence.nonce == nonce


# --- whose it is -------------------------------------------------------------------------------

UNKNOWN = "keyid must be the RFC 7638 thumbprint of a registered key in use"


@pytest.mark.parametrize("keyid", [None, '""', '"me"', f'"{"A" * 43}"', f'"{"A" * 44}"', "1", "?1", ":AA==:"])
def test_a_key_that_is_not_registered_is_refused(keyid: str | None) -> None:
    assert_refused(signed(params=parameters(keyid=keyid)), UNKNOWN)


@pytest.mark.parametrize(
    "entry",
    [
        registered(EDWARDS, revoked_at=NOW),
        registered(EDWARDS, revoked_at=datetime(2099, 1, 1, tzinfo=UTC)),
        registered(OTHER),  # the register answers with another key
        registered(EDWARDS, jwk=OTHER.public.jwk),
        registered(EDWARDS, jwk={"kty": "OKP"}),
        registered(EDWARDS, alg=NIST.alg),
    ],
)
def test_a_revoked_or_damaged_entry_is_refused_like_an_unknown_one(entry: RegisteredKey) -> None:
    with pytest.raises(BadSignature, match=UNKNOWN):
        requests.verify(signed(), lambda _: entry, NOW)


@pytest.mark.parametrize("alg", ['"ecdsa-p256-sha256"', '"hmac-sha256"', '""', "ed25519", "1", "?1"])
def test_a_lying_algorithm_is_refused(alg: str) -> None:
    assert_refused(signed(params=parameters(alg=alg)), "alg")


def test_an_honest_algorithm_holds() -> None:
    requests.verify(signed(params=parameters(alg='"ed25519"')), ALL, NOW)


def test_the_signature_of_another_key_is_refused() -> None:
    assert_refused(signed(key=OTHER), "does not hold")


@pytest.mark.parametrize("keyid", ['"me"', f'"{"A" * 44}"', "1", ":AA==:", '"../../etc"'])
def test_the_register_is_never_asked_for_what_is_no_thumbprint(keyid: str) -> None:
    asked: list[str] = []
    with pytest.raises(BadSignature, match=UNKNOWN):
        requests.verify(signed(params=parameters(keyid=keyid)), asked.append, NOW)
    assert asked == []


def test_an_error_of_the_register_is_not_hidden() -> None:
    def broken(_: str) -> RegisteredKey | None:
        raise LookupError("no database")

    with pytest.raises(LookupError):
        requests.verify(signed(), broken, NOW)


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


# --- whatever is sent --------------------------------------------------------------------------

FIELDS = st.sampled_from(
    ["Signature-Input", "Signature", "Content-Digest", "Content-Type", "signature", "Authorization", "Date"]
)
PIECES = st.one_of(
    st.sampled_from(
        [
            *('=;,:?()"@ \\%\x00é'),
            *("one", "sig", "hub", "tag", "created", "1772366400", "-1", "1.5", "?1", ";tag=", ";req"),
            *(*CONTENT, "one=(", ":AAAA:", '"taxii-hub-v1"', f'"{EDWARDS.thumbprint}"', '%"a%c3"'),
        ]
    ),
    st.text(max_size=6),
)
VALUES = st.lists(PIECES, max_size=12).map("".join)


@given(st.dictionaries(FIELDS | st.text(max_size=8), VALUES, max_size=6))
def test_no_header_raises_anything_but_bad_signature(headers: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        requests.verify(HttpRequest("POST", URL, headers, BODY), ALL, NOW)


@given(st.dictionaries(st.sampled_from(["created", "expires", "nonce", "keyid", "tag", "alg", "x"]), VALUES))
def test_no_parameter_raises_anything_but_bad_signature(params: dict[str, str]) -> None:
    with suppress(BadSignature):
        requests.verify(signed(params=parameters() | params), ALL, NOW)


@given(st.lists(st.sampled_from(CONTENT) | VALUES, max_size=6), st.text(max_size=30), st.text(max_size=5))
def test_no_component_url_or_method_raises_anything_but_bad_signature(
    covered: list[str], url: str, method: str
) -> None:
    inner = " ".join([*CONTENT, *covered])
    params = "".join(f";{name}={value}" for name, value in parameters().items())
    headers = {**signed().headers, "Signature-Input": f"one=({inner}){params}"}
    for request in (HttpRequest("POST", URL, headers, BODY), HttpRequest(method, url, headers, BODY)):
        with suppress(BadSignature):
            requests.verify(request, ALL, NOW)
