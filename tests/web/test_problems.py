"""Every refusal is JSON of the form that its address speaks, and tells a stranger nothing."""

from __future__ import annotations

import logging

import pytest
from medallion.exceptions import BackendError, ProcessingError

from hub import errors
from tests.web.conftest import INDICATOR, KR, TAXII, US, Played, Web, objects_url, said

PROBLEM = "application/problem+json"
STATUS = "/allied/status/2a7ec0a5-8e1c-44a7-8ba4-4d2a1e2a3a52/"
AGREEMENT = "/governance/agreements/agreement--1/"
REFUSED = [
    errors.BadRequest("one sentence"),
    errors.BadJson("one sentence"),
    errors.BadFilter("one sentence"),
    errors.BadCursor("one sentence"),
    errors.Unauthenticated("one sentence"),
    errors.BadSignature("one sentence"),
    errors.Forbidden("one sentence"),
    errors.Conflict("one sentence"),
    errors.TooLarge("one sentence"),
    errors.UnsupportedMedia("one sentence"),
    errors.Unprocessable("one sentence"),
    errors.Unavailable("one sentence", 7),
]


@pytest.mark.parametrize("refusal", REFUSED, ids=lambda one: type(one).__name__)
def test_a_refusal_under_taxii_is_a_taxii_error_message(
    client: Web, played: Played, refusal: errors.Refused
) -> None:
    played.raises = refusal
    answer = client.get(STATUS)
    assert (answer.status_code, answer.content_type) == (refusal.status, TAXII)
    assert said(answer) == {
        "title": refusal.title,
        "description": "one sentence",
        "http_status": str(refusal.status),
    }


@pytest.mark.parametrize("refusal", REFUSED, ids=lambda one: type(one).__name__)
def test_a_refusal_elsewhere_is_a_problem(client: Web, played: Played, refusal: errors.Refused) -> None:
    played.raises = refusal
    answer = client.get(AGREEMENT)
    assert (answer.status_code, answer.content_type) == (refusal.status, PROBLEM)
    problem = said(answer)
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert (problem["type"], problem["status"], problem["detail"]) == (
        "about:blank",
        refusal.status,
        "one sentence",
    )


@pytest.mark.parametrize("path", [STATUS, AGREEMENT])
def test_an_unavailable_hub_says_when_to_come_back(client: Web, played: Played, path: str) -> None:
    played.raises = errors.Unavailable("busy", 7)
    assert client.get(path).headers["Retry-After"] == "7"


@pytest.mark.parametrize("error", [errors.Unauthenticated("no"), errors.BadSignature("no")])
def test_every_401_has_its_challenges(client: Web, played: Played, error: Exception) -> None:
    played.raises = error
    answer = client.post(objects_url(), data=b"{}", content_type=TAXII)
    assert [one.split()[0] for one in answer.headers.getlist("WWW-Authenticate")] == ["Basic", "Bearer"]


# --- what others wrote does not go out --------------------------------------------------------------


@pytest.mark.parametrize("path", [STATUS, AGREEMENT])
@pytest.mark.parametrize("error", [RuntimeError("secret"), KeyError("secret"), errors.HubError("secret")])
def test_what_nobody_foresaw_is_500_logged_and_unexplained(
    client: Web, played: Played, caplog: pytest.LogCaptureFixture, path: str, error: Exception
) -> None:
    played.raises = error
    with caplog.at_level(logging.ERROR):
        answer = client.get(path)
    assert answer.status_code == 500
    assert b"secret" not in answer.data
    assert b"Internal error" in answer.data
    assert "secret" in caplog.text


@pytest.mark.parametrize("error", [ProcessingError("secret", 404), BackendError("secret", 500)])
def test_medallions_own_words_stay_inside(client: Web, played: Played, error: Exception) -> None:
    played.raises = error
    answer = client.get(STATUS)
    assert answer.status_code == error.status  # type: ignore[attr-defined]
    assert b"secret" not in answer.data


def test_withheld_foreign_and_unknown_give_the_very_same_bytes(client: Web, played: Played) -> None:
    played.raises = errors.NotFound("whatever the act says of it")
    bodies = {client.get(path).data for path in (objects_url(rest=f"{INDICATOR}/"), STATUS)}
    played.raises = None
    bodies |= {
        client.get(path).data
        for path in (
            objects_url(rest=f"{INDICATOR}/"),  # an empty page, and no version to be seen
            objects_url(rest=f"{INDICATOR}/versions/"),
            objects_url(KR, "indicator--other/"),
            objects_url("no-such"),
            f"/allied/collections/{INDICATOR}/manifest/",
            "/allied/collections/no-such/",
            "/allied/nowhere/",
            objects_url(rest="a%00b/"),
        )
    }
    assert len(bodies) == 1
    assert INDICATOR.encode() not in bodies.pop()


def test_a_name_with_a_nul_is_the_name_of_nothing(client: Web, played: Played) -> None:
    for path in (objects_url(rest="a%00b/"), "/allied/status/a%00b/", "/governance/agreements/a%00b/"):
        assert client.get(path).status_code == 404
    assert (played.queries, played.governed) == ([], [])


# --- routing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/allied/nowhere/", TAXII),
        ("/allied/collections/a/b/c/d/", TAXII),
        ("/taxii2/nowhere", TAXII),
        ("/other/collections/", TAXII),
        ("/governance/nowhere/", PROBLEM),
        ("/", TAXII),
        ("/static/x", TAXII),
        ("/allied//collections/", TAXII),
    ],
)
def test_an_unknown_path_is_404_in_the_form_of_its_place(client: Web, path: str, content_type: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content_type) == (404, content_type)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", objects_url(rest=f"{INDICATOR}/"), {"GET", "HEAD", "DELETE"}),
        ("PUT", objects_url(rest=INDICATOR), {"GET", "HEAD", "DELETE"}),
        ("DELETE", objects_url(), {"GET", "HEAD", "POST"}),
        ("DELETE", objects_url().rstrip("/"), {"GET", "HEAD", "POST"}),
        ("PUT", objects_url(), {"GET", "HEAD", "POST"}),
        ("POST", "/taxii2/", {"GET", "HEAD"}),
        ("PATCH", f"/allied/collections/{US}/", {"GET", "HEAD"}),
        ("OPTIONS", "/allied/", {"GET", "HEAD"}),
        ("PUT", "/governance/agreements/", {"GET", "HEAD", "POST"}),
        ("GET", f"{AGREEMENT}signatures/", {"POST"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_is_not_offered_is_405_with_allow(
    client: Web, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].replace(" ", "").split(",")) == allowed
    assert answer.content_type in {TAXII, PROBLEM}


@pytest.mark.parametrize("path", ["/taxii2/", objects_url(), "/allied/nowhere", AGREEMENT, "/governance/x"])
def test_nothing_is_kept_by_caches(client: Web, path: str) -> None:
    assert client.get(path).headers["Cache-Control"] == "no-store"
