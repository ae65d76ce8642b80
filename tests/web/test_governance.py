"""Governance over HTTP: the caller and the request as received go to the acts, their views come back."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from hub.actions.oversight.explain import ExplanationRequest
from hub.actions.submission.submissions import SubmissionsRequest
from hub.errors import NotFound
from hub.model import NationCode, StixId
from tests.web.conftest import CALLERS, MAX_BODY_BYTES, Played, Web, header, said

JSON = "application/json"
AGREEMENTS = "/governance/agreements/"
SUBMISSIONS = "/governance/submissions/"
ONE = f"{AGREEMENTS}agreement--1/"
RECOVERY = "/governance/recoveries/agreement--1/confirmation/"  # whatever name: it goes to the act
WRITES = [
    (AGREEMENTS, "propose"),
    (f"{ONE}signatures/", "sign"),
    (f"{ONE}termination/", "terminate"),
    (RECOVERY, "confirm"),
]


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
        ("/governance/recoveries/", {"recoveries": [{"id": "one"}]}),
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


# --- questions about an object --------------------------------------------------------------------

EXPLANATIONS = "/governance/explanations/"
DISCLOSURES = "/governance/disclosures/"


@pytest.mark.parametrize(
    ("path", "query", "sentence"),
    [
        (EXPLANATIONS, "", "object: give the STIX id"),
        (EXPLANATIONS, "object=", "object: empty or unprintable"),
        (EXPLANATIONS, "object=a%00b", "object: empty or unprintable"),
        (EXPLANATIONS, "object=a&object=b", "object: give it once"),
        (EXPLANATIONS, "object=a&id=b", "id: not a parameter of this address; it takes object, version, to"),
        (EXPLANATIONS, "object=a&version=newest", "version: give it as the object has it"),
        (EXPLANATIONS, "object=a&to=FR", "to: give one nation of AU, IN, JP, KR, US"),
        (DISCLOSURES, "", "object: give the STIX id"),
        (DISCLOSURES, "object=a&to=KR", "to: not a parameter of this address; it takes object"),
    ],
)
def test_a_question_that_cannot_be_followed_is_refused_by_name(
    client: Web, played: Played, path: str, query: str, sentence: str
) -> None:
    answer = client.get(f"{path}?{query}")
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert said(answer)["detail"].startswith(sentence)
    assert played.governed == []
    client.key = None
    assert client.get(f"{path}?{query}").status_code == 401


def test_what_one_may_not_ask_about_and_nothing_are_alike(client: Web, played: Played) -> None:
    played.raises = NotFound("withheld from KR")
    for path in (EXPLANATIONS, DISCLOSURES):
        first, second = client.get(f"{path}?object=malware--1"), client.get(f"{path}?object=malware--2")
        assert (first.status_code, first.data) == (404, second.data)
        assert b"KR" not in first.data


def test_a_question_goes_to_its_act_and_its_answer_comes_back(client: Web, played: Played) -> None:
    query = {"object": "malware--1", "version": "2026-01-01T00:00:00.100Z", "to": "KR"}
    answer = client.get(EXPLANATIONS, query_string=query)
    assert (answer.status_code, answer.content_type, said(answer)) == (200, JSON, {"id": "agreement--1"})
    assert said(client.get(DISCLOSURES, query_string={"object": "malware--1"})) == {
        "disclosures": [{"id": "one"}]
    }
    question = ExplanationRequest(StixId("malware--1"), "2026-01-01T00:00:00.1", NationCode("KR"))
    assert played.governed == [
        ("explain", CALLERS["us-key"], question),
        ("of_object", CALLERS["us-key"], "malware--1"),
    ]


def ask_many(client: Web, body: object) -> tuple[int, object]:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = client.post(EXPLANATIONS, data=data, headers={"Content-Type": JSON})
    return answer.status_code, said(answer)


def test_many_questions_are_asked_in_one_request_without_a_signature(client: Web, played: Played) -> None:
    version = "2026-01-01T00:00:00.100Z"
    body = {"objects": ["malware--1", {"object": "malware--2", "version": version}, {"object": "x"}]}
    assert ask_many(client, body) == (200, {"explanations": [{"id": "one"}]})
    asked = [
        ExplanationRequest(StixId("malware--1")),
        ExplanationRequest(StixId("malware--2"), "2026-01-01T00:00:00.1", version=version),
        ExplanationRequest(StixId("x")),
    ]
    assert played.governed == [("explain_many", CALLERS["us-key"], asked)]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "body, line 1"),
        (b'{"objects": ["a"], "objects": []}', "body"),
        ([], 'body: send {"objects": [...]}'),
        ({"objects": "a"}, "body: send"),
        ({"objects": ["a"], "to": "KR"}, "body: send"),
        ({"objects": ["a", 1]}, "objects[1]: give a STIX id"),
        ({"objects": [""]}, "objects[0]: give a STIX id"),
        ({"objects": ["a\n"]}, "objects[0]: give a STIX id"),
        ({"objects": [{"version": "2026-01-01T00:00:00Z"}]}, "objects[0]: give a STIX id"),
        ({"objects": [{"object": "a", "to": "KR"}]}, "objects[0]: give a STIX id"),
        ({"objects": [{"object": "a", "version": None}]}, "objects[0]: give a STIX id"),
        ({"objects": [{"object": "a", "version": "2"}]}, "objects[0].version: give it as the object"),
    ],
)
def test_many_questions_that_cannot_be_read_are_refused_by_their_place(
    client: Web, played: Played, body: object, sentence: str
) -> None:
    code, told = ask_many(client, body)
    assert (code, played.governed) == (400, [])
    assert isinstance(told, dict)
    assert told["detail"].startswith(sentence)
    client.key = None
    assert ask_many(client, body)[0] == 401


# --- submissions ----------------------------------------------------------------------------------


def test_submissions_are_asked_for_by_limit_moment_and_cursor(client: Web, played: Played) -> None:
    query = {"limit": "5000", "since": "2026-01-01T09:00:00+09:00", "next": "abc"}
    assert said(client.get(SUBMISSIONS, query_string=query)) == {"id": "agreement--1"}
    assert said(client.get(SUBMISSIONS)) == {"id": "agreement--1"}
    assert said(client.get(f"{SUBMISSIONS}one/")) == {"id": "agreement--1"}
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert played.governed == [
        ("submissions.listing", CALLERS["us-key"], SubmissionsRequest(100, since, "abc")),
        ("submissions.listing", CALLERS["us-key"], SubmissionsRequest()),
        ("submissions.show", CALLERS["us-key"], "one"),
    ]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("limit=0", "limit: give a whole number"),
        ("limit=1&limit=1", "limit: give it once"),
        ("since=yesterday", "since: give an RFC 3339"),
        ("next=", "next: empty"),
        ("object=a", "object: not a parameter of this address; it takes limit, next, since"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_by_name(
    client: Web, played: Played, query: str, sentence: str
) -> None:
    answer = client.get(f"{SUBMISSIONS}?{query}")
    assert (answer.status_code, played.governed) == (400, [])
    assert said(answer)["detail"].startswith(sentence)
