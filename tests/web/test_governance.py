"""Governance over HTTP: the caller and the request as received go to the acts, their views come back."""

from __future__ import annotations

import pytest

from hub.errors import NotFound
from tests.web.conftest import CALLERS, MAX_BODY_BYTES, Played, Web, header, said

JSON = "application/json"
AGREEMENTS = "/governance/agreements/"
ONE = f"{AGREEMENTS}agreement--1/"
WRITES = [(AGREEMENTS, "propose"), (f"{ONE}signatures/", "sign"), (f"{ONE}termination/", "terminate")]


@pytest.mark.parametrize(("path", "_act"), WRITES)
@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": JSON, "Content-Encoding": "gzip"}, b"{}", 415),
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": "application/taxii+json;version=2.1"}, b"{}", 415),
        ({"Content-Type": JSON}, b"", 400),
        ({"Content-Type": JSON}, b"x" * (MAX_BODY_BYTES + 1), 413),
        ({"Content-Type": JSON, "Authorization": "Bearer wrong"}, b"{}", 401),
    ],
)
def test_a_write_in_another_form_reaches_no_act(
    client: Web, played: Played, path: str, _act: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = client.post(path, data=body, headers=headers)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert played.governed == []


@pytest.mark.parametrize(("path", "act"), WRITES)
def test_a_write_goes_to_its_act_as_received(client: Web, played: Played, path: str, act: str) -> None:
    headers = {"Signature": "x", "Content-Type": "application/json; charset=utf-8"}
    answer = client.post(path, data=b'{"a": 1}', headers=headers)
    name, who, request, *rest = played.governed[0]
    assert (name, who, rest) == (act, CALLERS["us-key"], [] if act == "propose" else ["agreement--1"])
    assert (request.method, request.url, request.body) == ("POST", f"https://hub.example{path}", b'{"a": 1}')
    assert header(request, "content-type") == headers["Content-Type"]
    assert answer.status_code == (201 if act == "propose" else 200)
    assert (answer.content_type, said(answer)) == (JSON, {"id": "agreement--1"})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/governance/members/", {"members": [{"id": "one"}]}),
        (AGREEMENTS, {"agreements": [{"id": "one"}]}),
        (ONE, {"id": "agreement--1"}),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/html"])
def test_what_is_read_is_json(client: Web, path: str, expected: object, accept: str) -> None:
    answer = client.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.content_type, said(answer)) == (200, JSON, expected)


def test_another_nations_agreement_and_none_are_alike(client: Web, played: Played) -> None:
    played.raises = NotFound("agreement--1 is between JP and AU")
    first, second = client.get(ONE), client.get(f"{AGREEMENTS}no-such/")
    assert first.status_code == 404
    assert first.data == second.data
    assert b"JP" not in first.data


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{ONE}suspension/"),
        ("POST", f"{ONE}resumption"),
        ("POST", "/governance/simulations/"),
        ("GET", "/governance/explanations/?id=indicator--1"),
        ("GET", "/governance/disclosures"),
    ],
)
def test_what_this_version_does_not_do_it_says(client: Web, method: str, path: str) -> None:
    answer = client.open(path, method=method, data=b"{}", content_type=JSON)
    assert answer.status_code == 422
    assert "not offered by this version" in said(answer)["detail"]
    client.key = None
    assert client.open(path, method=method, data=b"{}", content_type=JSON).status_code == 401
