"""Who asks is settled first, whatever the address, the parameters or the form of the request."""

from __future__ import annotations

import pytest

from hub.proofs.requests import SECRET_FIELDS
from tests.web.conftest import INDICATOR, KR, TAXII, US, Played, Web, basic, objects_url, said

_OTHERS = SECRET_FIELDS - {"authorization", "x-api-key"}
GUARDED = [
    "/taxii2/",
    "/allied/",
    "/allied/collections/",
    f"/allied/collections/{US}/",
    f"/allied/collections/{KR}/objects/",
    f"/allied/collections/{US}/manifest/",
    f"/allied/collections/{US}/objects/{INDICATOR}/",
    f"/allied/collections/{US}/objects/{INDICATOR}/versions/",
    "/allied/collections/no-such/objects/",
    "/allied/status/2a7ec0a5-8e1c-44a7-8ba4-4d2a1e2a3a52/",
    "/governance/members/",
    "/governance/agreements/",
    "/governance/agreements/agreement--1/",
    "/governance/recoveries/",
]


@pytest.mark.parametrize("path", GUARDED)
def test_without_a_token_every_address_is_401_with_both_challenges(client: Web, path: str) -> None:
    client.key = None
    answer = client.get(path, headers={"Accept": "text/html"}, query_string="limit=0&match[x]=1")
    challenges = answer.headers.getlist("WWW-Authenticate")
    assert answer.status_code == 401
    assert [challenge.split()[0] for challenge in challenges] == ["Basic", "Bearer"]


def test_a_401_is_a_taxii_error_under_taxii_and_a_problem_elsewhere(client: Web) -> None:
    client.key = None
    taxii, governance = client.get("/taxii2/"), client.get("/governance/members/")
    assert (taxii.content_type, said(taxii)["http_status"]) == (TAXII, "401")
    assert governance.content_type == "application/problem+json"
    assert said(governance)["status"] == 401


def test_the_unauthenticated_cannot_tell_collections_apart(client: Web) -> None:
    client.key = None
    bodies = {client.get(objects_url(name)).data for name in (US, KR, "no-such")}
    assert len(bodies) == 1


def test_a_post_is_refused_for_its_token_before_anything_of_it_is_judged(client: Web, played: Played) -> None:
    client.key = None
    answer = client.post(objects_url(), data=b"x" * 5_000, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, played.submissions) == (401, [])


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer wrong",
        "Digest us-key",
        "us-key",
        "Basic ???",
        "Basic dXMta2V5",
        basic("kr-cert", "us-key"),
        basic("us-cert", "wrong"),
        basic("us-cert", "us-key\0"),
        basic("us-cert\0", "us-key"),
        "Bearer us-key, Bearer us-key",
        "",
    ],
)
def test_what_is_no_valid_credential_is_401(client: Web, authorization: str) -> None:
    # There is no second choice behind a header that cannot be read.
    headers = {"Authorization": authorization, "X-API-Key": "us-key"}
    assert client.get("/taxii2/", headers=headers).status_code == 401


def test_no_control_character_reaches_the_look_up(client: Web, played: Played) -> None:
    client.get("/taxii2/", headers={"Authorization": basic("us\0cert", "k\0")})
    assert played.authenticated == [(None, None)]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer us-key"},
        {"Authorization": "bearer us-key"},
        {"Authorization": "BEARER   us-key"},
        {"Authorization": "Token us-key"},
        {"Authorization": "tOKEN us-key"},
        {"Authorization": basic("us-cert", "us-key")},
        {"Authorization": basic("us-cert", "us-key", "bASIC")},
        {"X-API-Key": "us-key"},
        {"x-api-key": "us-key"},
    ],
)
def test_every_spelling_of_a_token_is_read(client: Web, headers: dict[str, str]) -> None:
    client.key = None
    assert client.get("/taxii2/", headers=headers).status_code == 200


def test_no_header_from_which_a_token_is_taken_may_be_evidence(client: Web, played: Played) -> None:
    client.key = None
    for name in ("Authorization", "X-API-Key", *sorted(_OTHERS)):
        played.authenticated.clear()
        client.get("/taxii2/", headers={name: "Token us-key" if name == "Authorization" else "us-key"})
        is_read = played.authenticated != [(None, None)]
        assert is_read == (name in {"Authorization", "X-API-Key"})
        assert name.lower() in SECRET_FIELDS


def test_a_request_is_authenticated_once(client: Web, played: Played) -> None:
    assert client.get(objects_url()).status_code == 200
    assert played.authenticated == [(None, "us-key")]


def test_basic_names_the_member_and_a_bearer_does_not(client: Web, played: Played) -> None:
    client.get("/taxii2/", headers={"Authorization": basic("us-cert", "us-key")})
    assert played.authenticated == [("us-cert", "us-key")]
