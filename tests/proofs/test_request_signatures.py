"""Which signatures of requests the hub refuses: unreadable, of too little, out of time, of unknown keys."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import BadSignature
from hub.model import HttpRequest, RegisteredKey
from hub.proofs import requests, tokens
from tests.proofs.refusing import ALL, assert_refused
from tests.proofs.signers import (
    BODY,
    CONTENT,
    CREATED,
    EDWARDS,
    NIST,
    NOW,
    OTHER,
    URL,
    altered,
    parameters,
    registered,
    sha256,
    signed,
    wrapped,
)

SECRET = {
    "Authorization": "Bearer secret",
    "Cookie": "a=secret",
    "Proxy-Authorization": "Basic secret",
    "X-API-Key": "secret",
    "X-Auth-Token": "secret",
}


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
