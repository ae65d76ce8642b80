"""What a request says of its form: refused only where it really cannot be served."""

from __future__ import annotations

import io

import pytest
from werkzeug.test import TestResponse

from hub.model import NationCode
from tests.web.conftest import MAX_BODY_BYTES, TAXII, US, Played, Web, header, objects_url

ACCEPTED = [
    TAXII,
    "application/taxii+json; version=2.1",
    "application/taxii+json ; version = 2.1",
    'application/taxii+json;version="2.1"',
    "Application/TAXII+JSON;Version=2.1",
    "application/taxii+json",
    "application/taxii+json;charset=utf-8",
    "*/*",
    "application/*",
    "application/json",
    "application/json, text/plain, */*",
    "text/html, application/taxii+json;q=0.1",
    "application/taxii+json;version=2.0, application/taxii+json;version=2.1",
    "application/taxii+json;version=2.1;q=0.5, text/html",
    "application/vnd.oasis.taxii+json; version=2.0, application/taxii+json; version=2.1",
    "text/html;q=0, */*;q=0.1",
    "",
    # weights that are spelled carelessly: Java's own clients leave the nought out
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    "text/html, */*; q=.2",
    "text/html, *; q=.2",
    "application/xml, application/taxii+json;version=2.1;q=.5",
    "text/html, */*; q=1.",
    "text/html, */*;Q=1.0000",
    "text/html, */*; q=5",
    *(
        f"text/html, application/taxii+json;version=2.1;q={weight}"
        for weight in ("high", "", "-1", "nan", "1e9")
    ),
]
REFUSED = [
    "application/taxii+json;version=2.0",
    "application/vnd.oasis.taxii+json; version=2.0",
    "text/html",
    "text/*",
    "application/taxii+json;version=2.1;q=0",
    "application/taxii+json;q=0, */*",
    "application/taxii+json;version=2.1;q=0, application/taxii+json",
    "*/*;q=0",
    "application/json;q=0",
    *(f"application/taxii+json;version=2.1;q={weight}" for weight in ("0.", ".0", "0.000", "00")),
    "text/html; q=.2",
]


@pytest.mark.parametrize("accept", REFUSED)
def test_a_real_mismatch_of_accept_is_406(client: Web, accept: str) -> None:
    answer = client.get("/taxii2/", headers={"Accept": accept})
    assert (answer.status_code, answer.content_type) == (406, TAXII)


@pytest.mark.parametrize("path", ["/taxii2/", f"/allied/collections/{US}/objects/"])
@pytest.mark.parametrize("accept", ACCEPTED)
def test_anything_else_is_answered_in_taxii_2_1(client: Web, path: str, accept: str) -> None:
    answer = client.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.content_type) == (200, TAXII)


def test_a_missing_accept_is_answered(client: Web) -> None:
    assert client.get("/taxii2/").status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/taxii+json;version=2.0",
        "application/stix+json;version=2.0",
        "application/vnd.oasis.stix+json;version=2.0",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ],
)
def test_another_content_type_is_415(client: Web, played: Played, content_type: str | None) -> None:
    answer = client.post(objects_url(), data=b"{}", content_type=content_type)
    assert (answer.status_code, answer.content_type, played.submissions) == (415, TAXII, [])


@pytest.mark.parametrize(
    "content_type",
    [
        TAXII,
        "application/taxii+json; version=2.1",
        'APPLICATION/taxii+json;VERSION="2.1"',
        "application/taxii+json",
        "application/taxii+json; charset=utf-8",
        "application/stix+json;version=2.1",
        "application/stix+json",
        "application/json",
        "application/json; charset=utf-8",
    ],
)
def test_every_name_of_json_is_taken(client: Web, played: Played, content_type: str) -> None:
    answer = client.post(objects_url(), data=b"{}", content_type=content_type)
    assert answer.status_code == 202
    assert header(played.submissions[0].request, "content-type") == content_type


@pytest.mark.parametrize("coding", ["gzip", "identity", "br", ""])
def test_any_content_encoding_is_415(client: Web, played: Played, coding: str) -> None:
    headers = {"Content-Encoding": coding}
    answer = client.post(objects_url(), data=b"{}", content_type=TAXII, headers=headers)
    assert (answer.status_code, played.submissions) == (415, [])


# --- the body ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("excess", [1, 2, 100_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_max_content_length_is_413(
    client: Web, played: Played, excess: int, chunked: bool
) -> None:
    answer = post(client, b"x" * (MAX_BODY_BYTES + excess), chunked=chunked)
    assert (answer.status_code, answer.content_type, played.submissions) == (413, TAXII, [])


@pytest.mark.parametrize("size", [1, MAX_BODY_BYTES - 1, MAX_BODY_BYTES])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_up_to_it_is_taken_whole(client: Web, played: Played, size: int, chunked: bool) -> None:
    assert post(client, b"x" * size, chunked=chunked).status_code == 202
    assert played.submissions[0].request.body == b"x" * size


def test_an_empty_body_is_400(client: Web, played: Played) -> None:
    answer = client.post(objects_url(), data=b"", content_type=TAXII)
    assert (answer.status_code, played.submissions) == (400, [])


@pytest.mark.parametrize("body", [b"{", b'{"a":1,"a":2}', b"\xff\xfe", b"null", b'{"objects":[]} x'])
def test_no_byte_of_a_body_is_interpreted_on_its_way_to_the_verifier(
    client: Web, played: Played, body: bytes
) -> None:
    assert client.post(objects_url(), data=body, content_type=TAXII).status_code == 202
    assert played.submissions[0].request.body == body


# --- the request as received ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "signed"),
    [
        (f"/allied/collections/{US}/objects/", f"/allied/collections/{US}/objects/"),
        (f"/allied/collections/{US}/objects", f"/allied/collections/{US}/objects"),
        (f"/allied/collections/{US}/objects/?a=%2b&b=+", f"/allied/collections/{US}/objects/?a=%2b&b=+"),
        ("/allied/%63ollections/us/objects/", "/allied/%63ollections/us/objects/"),
        ("http://elsewhere/allied/collections/us/objects?x=1", "/allied/collections/us/objects?x=1"),
    ],
)
@pytest.mark.parametrize("variable", ["RAW_URI", "REQUEST_URI"])
def test_the_signed_target_is_the_public_url_and_the_path_as_sent(
    client: Web, played: Played, target: str, signed: str, variable: str
) -> None:
    environ = {"RAW_URI": "", "REQUEST_URI": ""} | {variable: target}
    path = target.removeprefix("http://elsewhere")
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    answer = client.post(path, data=b"{}", content_type=TAXII, headers=headers, environ_overrides=environ)
    assert answer.status_code == 202
    assert played.submissions[0].request.url == f"https://hub.example{signed}"
    assert played.submissions[0].request.method == "POST"


def test_a_server_that_keeps_no_raw_target_still_gives_one(client: Web, played: Played) -> None:
    environ = {"RAW_URI": "", "REQUEST_URI": ""}
    client.post(f"{objects_url()}?a=b%20c", data=b"{}", content_type=TAXII, environ_overrides=environ)
    assert played.submissions[0].request.url == f"https://hub.example{objects_url()}?a=b%20c"


def test_the_headers_arrive_as_they_were_sent(client: Web, played: Played) -> None:
    headers = {"Accept": "*/*", "Signature": "taxii=:AA==:", "Content-Digest": "sha-256=:AA==:"}
    client.post(objects_url(), data=b"{}", content_type="application/json", headers=headers)
    request = played.submissions[0].request
    for name, value in (headers | {"Content-Type": "application/json"}).items():
        assert header(request, name) == value
    assert played.submissions[0].origin == NationCode("US")


def test_nothing_of_a_get_is_kept_as_a_submission(client: Web, played: Played) -> None:
    assert client.get(objects_url(), headers={"Content-Type": "text/plain"}).status_code == 200
    assert played.submissions == []


def post(client: Web, body: bytes, *, chunked: bool) -> TestResponse:
    if not chunked:
        return client.post(objects_url(), data=body, content_type=TAXII)
    environ = {"wsgi.input_terminated": True, "CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    return client.post(
        objects_url(), input_stream=io.BytesIO(body), content_type=TAXII, environ_overrides=environ
    )
