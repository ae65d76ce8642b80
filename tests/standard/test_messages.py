"""Requests and responses of every endpoint: media types, bodies, headers (sections 1.6.7 to 3.2)."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request

from hub.errors import BadJson
from hub.model import Deletion, Outcome
from tests.standard.endpoints import ENDPOINTS, GETS, ROWS, Endpoint
from tests.standard.shapes import faults, is_timestamp
from tests.standard.site import said
from tests.web.conftest import TAXII, Played, Web

pytestmark = pytest.mark.usefixtures("deletions")

ANY_VERSION = "application/taxii+json"
# What the table of the manifest endpoint names beside TAXII (section 5.3).
WITH_STIX = f"{TAXII},application/stix+json;version=2.1"
ACCEPTED = [TAXII, "application/taxii+json; version=2.1", ANY_VERSION, WITH_STIX, f"{ANY_VERSION}, */*;q=0.1"]
SENT = [TAXII, "application/taxii+json; version=2.1", ANY_VERSION]
REFUSED = ["text/html", "application/taxii+json;version=2.0", "application/taxii+json;version=9.9"]


@pytest.fixture(autouse=True)
def _has_something(played: Played) -> None:
    played.rows = ROWS
    played.outcomes = (Outcome("indicator--1", "2026-01-01T00:00:00Z", succeeded=True),)


def ask(client: Web, endpoint: Endpoint, *, accept: str = TAXII, content_type: str = TAXII) -> TestResponse:
    sent: dict[str, Any] = {"data": b"{}", "content_type": content_type} if endpoint.method == "POST" else {}
    return client.open(endpoint.path, method=endpoint.method, headers={"Accept": accept}, **sent)


# --- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("endpoint", "accept"), list(itertools.product(ENDPOINTS, REFUSED)), ids=str)
def test_what_no_endpoint_speaks_is_406_and_does_nothing(
    client: Web, played: Played, deletions: list[Deletion], endpoint: Endpoint, accept: str
) -> None:
    answer = ask(client, endpoint, accept=accept)
    assert (answer.status_code, answer.content_type) == (406, TAXII)
    assert (played.queries, played.submissions, deletions) == ([], [], [])


def test_a_version_of_content_that_nobody_defined_is_415(client: Web, played: Played) -> None:
    post = next(one for one in ENDPOINTS if one.method == "POST")
    for content_type in ("application/taxii+json;version=9.9", "application/xml", "text/json"):
        assert ask(client, post, content_type=content_type).status_code == 415
    assert played.submissions == []


# --- forms ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("endpoint", "accept"), list(itertools.product(ENDPOINTS, ACCEPTED)), ids=str)
def test_a_media_type_of_the_standard_is_never_406(client: Web, endpoint: Endpoint, accept: str) -> None:
    answer = ask(client, endpoint, accept=accept)
    assert (answer.status_code, answer.content_type) == (endpoint.success, TAXII)


@pytest.mark.parametrize(("accept", "content_type"), list(itertools.product(ACCEPTED, SENT)))
def test_a_media_type_of_the_standard_is_never_415(client: Web, accept: str, content_type: str) -> None:
    post = next(one for one in ENDPOINTS if one.method == "POST")
    assert ask(client, post, accept=accept, content_type=content_type).status_code == 202


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_every_success_carries_the_resource_of_its_endpoint(client: Web, endpoint: Endpoint) -> None:
    answer = ask(client, endpoint)
    assert (answer.status_code, answer.content_type) == (endpoint.success, TAXII)
    assert answer.data.decode("utf-8")[0] == "{"
    if endpoint.resource == "nothing":
        assert said(answer) == {}
    else:
        assert faults(endpoint.resource, said(answer)) == []


@pytest.mark.parametrize("endpoint", GETS, ids=str)
@pytest.mark.parametrize("accept", [TAXII, "text/html"])
def test_head_is_get_without_the_body_at_every_endpoint(client: Web, endpoint: Endpoint, accept: str) -> None:
    head = client.head(endpoint.path, headers={"Accept": accept})
    got = client.get(endpoint.path, headers={"Accept": accept})
    assert (head.status_code, head.data) == (got.status_code, b"")
    assert dict(head.headers) == dict(got.headers)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_every_endpoint_has_a_twin_without_the_last_slash(client: Web, endpoint: Endpoint) -> None:
    twin = Endpoint(endpoint.method, endpoint.path.rstrip("/"), endpoint.resource, endpoint.success)
    first, second = ask(client, endpoint), ask(client, twin)
    assert (first.status_code, first.data) == (second.status_code, second.data)


@pytest.mark.parametrize(
    "body", [b'{"more":true,"more":true}', b'{"more":9007199254740993}', b"\xef\xbb\xbf{}"]
)
def test_what_is_no_i_json_is_no_resource(body: bytes) -> None:
    with pytest.raises(BadJson):
        said(TestResponse(iter([body]), "200 OK", Headers(), Request({})))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_a_version_parameter_is_two_numbers_and_a_point_wherever_it_is_written(
    client: Web, endpoint: Endpoint
) -> None:
    answer = ask(client, endpoint)
    written = re.findall(r"version=([^\s\",;]*)", f"{answer.content_type} {answer.data.decode()}")
    assert written
    assert all(re.fullmatch(r"[0-9]+\.[0-9]+", version) for version in written)


# --- headers of our own -----------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_dates_are_told_where_objects_are_read_and_nowhere_else(client: Web, endpoint: Endpoint) -> None:
    answer = ask(client, endpoint)
    told = [answer.headers.get(f"X-TAXII-Date-Added-{which}") for which in ("First", "Last")]
    if endpoint.resource in {"envelope", "manifest", "versions"}:
        assert all(map(is_timestamp, told))
    else:
        assert told == [None, None]


def test_without_objects_there_is_no_date_to_tell(client: Web, played: Played) -> None:
    played.rows = ()
    for endpoint in GETS:
        names = [name for name, _ in ask(client, endpoint).headers if name.startswith("X-TAXII")]
        assert names == []
