"""Lines 8-10 and 17-24 of what clients ask: forms, addresses, discovery, authentication and statuses."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from hub.actions.operation.administer import add_member, issue_token
from hub.errors import Unprocessable
from hub.model import Kind, Scope
from tests.clients.exchange import (
    PUSHER,
    READER,
    STIX,
    TAXII,
    TIMEOUT_SECONDS,
    envelope,
    error,
    in_full,
    made,
    objects_path,
    post,
    push,
    signer,
)
from tests.journeys.live import Live
from tests.stix_objects import Json


def ask(live: Live, path: str, headers: Mapping[str, str | None] | None = None) -> requests.Response:
    """GET as the reader with just these headers besides; None takes one away that requests would add."""
    own = {"Authorization": f"Bearer {live.member(READER).token}", **(headers or {})}
    return requests.get(f"{live.url}{path}", headers=own, timeout=TIMEOUT_SECONDS, allow_redirects=False)


# --- 8-10: forms ----------------------------------------------------------------------------------


def test_line_8_every_answer_is_taxii_json(live: Live) -> None:
    push(live, [made("malware")])
    id = next(iter(in_full(live)))
    paths = ["/taxii2/", "/allied/", "/allied/collections/", "/allied/collections/us/"]
    paths += [f"/allied/collections/us/{rest}" for rest in ("manifest/", "objects/", f"objects/{id}/")]
    paths += [f"/allied/collections/us/objects/{id}/versions/", "/allied/collections/us/objects/?limit=0"]
    paths += ["/allied/collections/none/", "/allied/none/", "/taxii2/none", f"/allied/status/{uuid.uuid4()}/"]
    for path in paths:
        answer = ask(live, path)
        assert answer.headers["Content-Type"] == TAXII, path
        assert isinstance(answer.json(), dict)
    posted = post(live, json.dumps({"objects": [made("malware")]}).encode())
    assert (posted.status_code, posted.headers["Content-Type"]) == (202, TAXII)
    for refused in (
        post(live, b"{"),
        post(live, b""),
        post(live, b"[]"),
        post(live, b'{"objects": []}'),
        ask(live, "/allied/", {"Authorization": None}),
        ask(live, "/allied/", {"Accept": "text/html"}),
    ):
        assert 400 <= refused.status_code < 500
        assert error(refused)


ACCEPTED = [
    None,
    "application/taxii+json;version=2.1",
    "application/taxii+json; version=2.1",
    'application/taxii+json; version="2.1"',
    "Application/TAXII+JSON;Version=2.1",
    "application/taxii+json",
    "application/json",
    "application/json, text/plain, */*",
    "application/vnd.oasis.taxii+json; version=2.0, application/taxii+json; version=2.1",
    "application/taxii+json;version=2.1;q=0.8, text/html;q=0.1",
    "application/*",
    "*/*",
    "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8",
]
REFUSED = [
    "application/vnd.oasis.taxii+json; version=2.0",
    "application/vnd.oasis.stix+json",
    "application/taxii+json;version=2.0",
    "application/taxii+json;version=2.2",
    "application/taxii+json;version=2.1;q=0",
    "text/html",
    "application/xml",
]


@pytest.mark.parametrize("accept", REFUSED)
def test_line_9_a_real_mismatch_is_406(live: Live, accept: str) -> None:
    refused = ask(live, "/taxii2/", {"Accept": accept})
    assert (refused.status_code, TAXII in error(refused)) == (406, True)


@pytest.mark.parametrize("accept", ACCEPTED)
def test_line_9_nothing_else_is(live: Live, accept: str | None) -> None:
    for path in ("/taxii2/", "/allied/", objects_path(live)):
        answer = ask(live, path, {"Accept": accept})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, TAXII)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/taxii+json;version=2.1",
        "application/taxii+json; version=2.1",
        "application/taxii+json",
        "APPLICATION/TAXII+JSON; VERSION=2.1",
        "application/stix+json;version=2.1",
        "application/stix+json; version=2.1",
        "application/stix+json",
        "application/json",
        "application/json; charset=utf-8",
    ],
)
def test_line_9_posts_are_taken_as_leniently(live: Live, content_type: str) -> None:
    body = json.dumps({"objects": [made("malware")]}).encode()
    answer = post(live, body, Content_Type=content_type, Accept=content_type.replace("stix", "taxii"))
    assert (answer.status_code, answer.json()["success_count"]) == (202, 1)


@pytest.mark.parametrize("content_type", ["application/vnd.oasis.stix+json; version=2.0", "text/plain"])
def test_line_9_a_post_in_another_language_is_415(live: Live, content_type: str) -> None:
    refused = post(live, b'{"objects": [{}]}', Content_Type=content_type)
    assert (refused.status_code, TAXII in error(refused)) == (415, True)


@pytest.mark.parametrize(
    "wrapping",
    [
        {},
        {"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000"},
        {"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "spec_version": "2.1"},
        {"type": "bundle", "id": "bundle--x", "x_source": {"name": "OpenCTI"}},
        {"more": False, "next": "x"},
    ],
)
def test_line_10_the_objects_of_a_bundle_are_read(live: Live, wrapping: Json) -> None:
    obj = made("malware")
    for content_type in (TAXII, STIX):
        body = json.dumps({**wrapping, "objects": [obj]}).encode()
        answer = post(live, body, Content_Type=content_type).json()
        assert (answer["success_count"], answer["total_count"]) == (1, 1)
    assert in_full(live)[obj["id"]] == obj


# --- 17-20: addresses and discovery ---------------------------------------------------------------


def test_line_17_the_last_slash_makes_no_difference(live: Live) -> None:
    push(live, [made("malware")])
    id = next(iter(in_full(live)))
    collection = objects_path(live).removesuffix("objects/")
    paths = ["/taxii2/", "/allied/", "/allied/collections/", collection, f"{collection}manifest/"]
    paths += [f"{collection}objects/", f"{collection}objects/{id}/", f"{collection}objects/{id}/versions/"]
    for path in paths:
        with_slash, without = ask(live, path), ask(live, path.rstrip("/"))
        assert (with_slash.status_code, without.status_code) == (200, 200), path
        assert with_slash.json() == without.json()


@pytest.mark.parametrize("ending", ["", "/", "?", "/?source=opencti", "/?a=%7Eb&c=d+e"])
def test_line_17_a_signature_is_checked_against_the_address_that_was_signed(live: Live, ending: str) -> None:
    obj = made("malware")
    url = f"{live.url}{objects_path(live).rstrip('/')}{ending}"
    body, headers = json.dumps({"objects": [obj]}), {"Content-Type": TAXII}
    auth = signer(live, PUSHER)
    posted = requests.post(
        url, data=body, headers=headers, auth=auth, timeout=TIMEOUT_SECONDS, allow_redirects=False
    )
    assert (posted.status_code, posted.json()["success_count"]) == (202, 1)


@pytest.mark.parametrize(
    ("signed", "sent"), [("/", ""), ("", "/"), ("/?a=1", "/"), ("/", "/?a=1"), ("/?a=1", "/?a=2")]
)
def test_line_17_and_against_no_other(live: Live, signed: str, sent: str) -> None:
    obj = made("malware")
    url = f"{live.url}{objects_path(live).rstrip('/')}"
    body, headers = json.dumps({"objects": [obj]}), {"Content-Type": TAXII}
    request = requests.Request("POST", url + signed, data=body, headers=headers, auth=signer(live, PUSHER))
    prepared = request.prepare()
    prepared.url = url + sent
    refused = requests.Session().send(prepared, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    assert (refused.status_code, "signature" in error(refused).lower()) == (401, True)
    assert obj["id"] not in in_full(live)


@pytest.mark.parametrize("ending", ["", "/"])
def test_line_17_nor_is_a_delete_redirected(live: Live, ending: str) -> None:
    obj = made("malware")
    push(live, [obj])
    url = f"{live.url}{objects_path(live)}{obj['id']}{ending}"
    auth = signer(live, PUSHER)
    answer = requests.delete(url, auth=auth, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    assert (answer.status_code, answer.json()) == (200, {})


def test_line_18_discovery_is_absolute_with_a_default_among_the_roots(live: Live) -> None:
    found = ask(live, "/taxii2/").json()
    assert found["default"] in found["api_roots"]
    for root in found["api_roots"]:
        assert root == f"{live.url}/allied/"
        assert ask(live, urlsplit(root).path).json()["versions"] == [TAXII]


@pytest.mark.parametrize(("surplus", "status"), [(0, 202), (1, 413)])
def test_line_18_max_content_length_is_true_to_the_byte(live: Live, surplus: int, status: int) -> None:
    promised = ask(live, "/allied/").json()["max_content_length"]
    body = json.dumps({"objects": [made("malware")]}).encode()
    answer = post(live, body.ljust(promised + surplus))
    assert answer.status_code == status, answer.text


def test_line_19_there_is_one_root_of_one_segment_at_the_origin(live: Live) -> None:
    (root,) = ask(live, "/taxii2/").json()["api_roots"]
    parts = urlsplit(root)
    assert f"{parts.scheme}://{parts.netloc}" == live.url
    assert len(parts.path.strip("/").split("/")) == 1


def test_line_20_collections_are_told_apart_by_title_and_id(live: Live) -> None:
    found = ask(live, "/allied/collections/").json()["collections"]
    again = ask(live, "/allied/collections/").json()["collections"]
    titles, ids = [one["title"] for one in found], [one["id"] for one in found]
    assert (titles, ids) == ([one["title"] for one in again], [one["id"] for one in again])
    assert len(set(titles)) == len(set(ids)) == 6
    assert not [title for title in titles if "." in title]
    assert {uuid.UUID(id).version for id in ids} == {4}


# --- 21: authentication ---------------------------------------------------------------------------


def _pair(member: str, token: str) -> str:
    return base64.b64encode(f"{member}:{token}".encode()).decode()


def test_line_21_every_usual_way_to_authenticate_works(live: Live) -> None:
    token = live.member(READER).token
    ways: list[dict[str, str]] = [
        *(
            {"Authorization": f"{scheme} {token}"}
            for scheme in ("Bearer", "bearer", "BEARER", "Token", "token")
        ),
        *({"Authorization": f"{scheme} {_pair(READER, token)}"} for scheme in ("Basic", "basic", "BASIC")),
        {"X-API-Key": token},
        {"x-api-key": token},
    ]
    for headers in ways:
        answer = requests.get(f"{live.url}/allied/collections/", headers=headers, timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 200, headers


def test_line_21_and_none_that_mixes_up_who_asks(live: Live) -> None:
    token = live.member(READER).token
    other = live.member(PUSHER).token
    ways: list[dict[str, str]] = [
        {},
        {"Authorization": f"Basic {_pair(PUSHER, token)}"},
        {"Authorization": f"Basic {_pair(READER.upper(), token)}"},
        {"Authorization": f"Basic {_pair('', token)}"},
        {"Authorization": f"Digest {token}"},
        {"Authorization": token},
        {"Authorization": f"Bearer {token}x"},
        {"Authorization": "Basic !!!", "X-API-Key": other},
    ]
    for headers in ways:
        refused = requests.get(f"{live.url}/allied/collections/", headers=headers, timeout=TIMEOUT_SECONDS)
        assert (refused.status_code, "Unauthenticated" in error(refused)) == (401, True), headers


def test_line_21_secrets_have_no_colon_and_ids_no_capitals(live: Live) -> None:
    for _ in range(20):
        token = issue_token(live.service, live.member(READER).id, [Scope.READ]).token
        assert ":" not in token
        assert token.isascii()
        assert token.isprintable()
        assert " " not in token
    for id in ("US-agency3", "us-Agency3", "us-agency3\u00c4", "us:agency3"):
        with pytest.raises(Unprocessable, match="cannot be a member id"):
            add_member(live.service, id, "US", Kind.AGENCY, "Agency")
    assert add_member(live.service, "us-agency3", "US", Kind.AGENCY, "Agency").id == "us-agency3"


# --- 22-24: statuses, headers, filters ------------------------------------------------------------

BAD_ITEMS: list[Any] = [
    {"type": "malware"},
    {"id": 4, "type": "malware"},
    {"type": 4, "id": f"malware--{uuid.UUID(int=4)}"},
    {"id": f"malware--{uuid.UUID(int=5)}"},
    {},
    7,
    None,
    "text",
    [],
    [{"type": "malware"}],
    {"type": "malware", "id": f"malware--{uuid.uuid4()}", "spec_version": "2.0", "modified": 3},
    {"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": []},
]


def test_line_22_a_status_adds_up_whatever_was_pushed(live: Live) -> None:
    good = [made("malware"), made("indicator")]
    answer = post(live, json.dumps({"objects": [good[0], *BAD_ITEMS, good[1]]}).encode())
    status = answer.json()
    assert answer.status_code == 202
    counts = [status[f"{one}_count"] for one in ("success", "failure", "pending")]
    assert (sum(counts), status["status"]) == (status["total_count"], "complete")
    assert (len(status["successes"]), len(status["failures"])) == (counts[0], counts[1])
    assert counts == [len(good), len(BAD_ITEMS), 0]
    for entry in status["successes"] + status["failures"]:
        assert isinstance(entry["id"], str)
        assert isinstance(entry["version"], str)
        assert entry["id"]
        assert entry["version"]
    assert all(entry["message"] for entry in status["failures"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": TAXII},
        {"Content-Type": "application/json"},
        {"Content-Type": "text/xml; charset=utf-8"},
        {"Content-Type": "nonsense"},
        {"User-Agent": "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1)"},
        {"User-Agent": "taxii2-client/2.3.0"},
        {"User-Agent": "é" * 50},
        {"User-Agent": "'; DROP TABLE member; --"},
        {"User-Agent": None},
        {"Range": "items 0-100"},
        {"If-Modified-Since": "Mon, 23 Nov 2026 00:00:00 GMT"},
    ],
)
def test_line_23_a_get_is_answered_whatever_the_product_adds(live: Live, headers: dict[str, Any]) -> None:
    own = {name: value.encode() if value else value for name, value in headers.items()}
    answer = ask(live, objects_path(live), own)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, TAXII)


@pytest.mark.parametrize(
    "name",
    [
        "match[match[type]]",
        "match[added_after]",
        "match[name]",
        "match[]",
        "match",
        "match[type",
        "Match[type]",
        " match[type]",
        "amp;match[type]",
    ],
)
@pytest.mark.parametrize("place", ["objects/", "manifest/", "objects/{id}/", "objects/{id}/versions/"])
def test_line_24_a_match_that_is_not_defined_is_400_by_name(live: Live, place: str, name: str) -> None:
    obj = made("malware")
    push(live, [obj])
    path = f"/allied/collections/us/{place.format(id=obj['id'])}"
    assert live.get(READER, path).status_code == 200
    refused = live.get(READER, path, params={name: "malware"})
    assert (refused.status_code, name in error(refused)) == (400, True)


def test_line_24_whatever_else_is_unknown_is_ignored(live: Live) -> None:
    push(live, [made("malware")])
    plain = envelope(live, objects_path(live))
    assert envelope(live, objects_path(live), page="2", sort="desc", matching="x", per_page="1") == plain
