"""Every refusal of every endpoint is an error message that says its own status (sections 3.6 and 3.6.1)."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from hub.model import Deletion
from tests.standard.endpoints import ENDPOINTS, GETS, UNKNOWN, Endpoint
from tests.standard.shapes import faults
from tests.standard.site import CLOSE, TAXII, HttpSite, collection_path, said
from tests.web.conftest import MAX_BODY_BYTES, US, Played, Web, objects_url

FILTERED = [one for one in GETS if one.resource in {"envelope", "manifest", "versions"}]


def is_error(answer: TestResponse, status: int) -> bool:
    """Tell whether an answer is an error message of TAXII for this status."""
    assert (answer.status_code, answer.content_type) == (status, TAXII)
    assert faults("error", said(answer)) == []
    return bool(said(answer)["http_status"] == str(status))


@pytest.mark.parametrize("endpoint", FILTERED, ids=str)
@pytest.mark.parametrize(
    "parameters",
    [
        "limit=0",
        "limit=-1",
        "limit=ten",
        "limit=1.5",
        "limit=",
        "limit=1&limit=1",
        "added_after=yesterday",
        "added_after=2026-01-01",
        "added_after=",
        "added_after=2026-01-01T00:00:00Z&added_after=2026-01-01T00:00:00Z",
        "added_after=2026-01-01T00:00:00Z,2026-01-02T00:00:00Z",
        "next=",
        "next=a&next=a",
        "match[spec_version]=2.1&match[spec_version]=2.1",
        "match[spec_version]=",
        "match[spec_version]=2.1,",
    ],
)
def test_a_malformed_parameter_is_400_at_every_endpoint_that_filters(
    client: Web, played: Played, endpoint: Endpoint, parameters: str
) -> None:
    assert is_error(client.get(f"{endpoint.path}?{parameters}"), 400)
    assert played.queries == []


@pytest.mark.parametrize(
    "version", ["latest", "all,last", "first,all", "2026-01-01", "2026-13-01T00:00:00Z", ","]
)
@pytest.mark.parametrize("rest", ["objects/", "manifest/", "objects/indicator--1/"])
def test_a_malformed_version_is_400(client: Web, played: Played, rest: str, version: str) -> None:
    answer = client.get(f"/allied/collections/{US}/{rest}?match[version]={version}")
    assert is_error(answer, 400)
    assert played.queries == []


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_no_token_and_no_common_media_type_are_error_messages(client: Web, endpoint: Endpoint) -> None:
    refused = client.open(endpoint.path, method=endpoint.method, headers={"Accept": "text/html"})
    assert is_error(refused, 406)
    client.key = None
    assert is_error(client.open(endpoint.path, method=endpoint.method), 401)


@pytest.mark.parametrize("endpoint", ENDPOINTS[4:], ids=str)
def test_an_unknown_collection_is_404(client: Web, deletions: list[Deletion], endpoint: Endpoint) -> None:
    path = endpoint.path.replace(US, UNKNOWN)
    sent: dict[str, Any] = {"data": b"{}", "content_type": TAXII} if endpoint.method == "POST" else {}
    assert is_error(client.open(path, method=endpoint.method, **sent), 404)
    assert deletions == []


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_an_unknown_api_root_is_404(client: Web, endpoint: Endpoint) -> None:
    path = endpoint.path.replace("/allied/", "/elsewhere/")
    if path != endpoint.path:
        sent: dict[str, Any] = {"data": b"{}", "content_type": TAXII} if endpoint.method == "POST" else {}
        assert is_error(client.open(path, method=endpoint.method, **sent), 404)


def test_a_body_that_is_too_long_or_of_another_kind_is_an_error_message(client: Web) -> None:
    too_long = client.post(objects_url(), data=b"x" * (MAX_BODY_BYTES + 1), content_type=TAXII)
    assert is_error(too_long, 413)
    assert is_error(client.post(objects_url(), data=b"{}", content_type="text/plain"), 415)


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"objects": {}}', 400),
        (b'{"objects": [], "objects": []}', 400),
        (b'{"objects": []}', 422),
    ],
)
def test_a_body_that_cannot_be_processed_is_an_error_message(
    site: HttpSite, document: bytes, status: int
) -> None:
    assert is_error(site.post_document("us-agency", document, "us"), status)


def test_the_only_form_of_a_refused_object_is_its_entry_in_the_status(site: HttpSite) -> None:
    answer = site.post("us-agency", {**CLOSE[0], "spec_version": "2.0"}, CLOSE[1])
    assert (answer.status_code, said(answer)["failure_count"]) == (202, 1)
    assert is_error(site.get("us-agency", f"{collection_path('us')}objects/{UNKNOWN}/"), 404)
