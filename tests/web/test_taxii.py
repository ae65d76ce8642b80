"""The TAXII resources over medallion's views, as clients and the standard want them."""

from __future__ import annotations

import re

import pytest

from hub.errors import BadCursor
from hub.model import Disclosed, NationCode, Outcome, VersionFilter
from tests.web.conftest import (
    CONTINUED,
    INDICATOR,
    KR,
    MAX_BODY_BYTES,
    RELEASED,
    SETTINGS,
    TAXII,
    US,
    Played,
    Web,
    objects_url,
    row,
    said,
)

NATIONS = list(SETTINGS.registry.nations.values())
FIRST = "2026-03-01T12:00:00.000001Z"
THIRD = "2026-03-01T12:00:00.000003Z"

# --- what there is ----------------------------------------------------------------------------------


def test_discovery_names_one_absolute_api_root_that_is_the_default(client: Web) -> None:
    found = said(client.get("/taxii2/"))
    assert found["api_roots"] == ["https://hub.example/allied/"]
    assert found["default"] == found["api_roots"][0]
    assert found["title"]


def test_the_api_root_promises_the_length_that_is_kept(client: Web) -> None:
    root = said(client.get("/allied/"))
    assert root["versions"] == [TAXII]
    assert root["max_content_length"] == MAX_BODY_BYTES


def test_a_nations_member_is_listed_every_collection_and_writes_its_own(client: Web) -> None:
    listed = said(client.get("/allied/collections/"))["collections"]
    assert [one["id"] for one in listed] == [n.collection_id for n in NATIONS] + [RELEASED]
    assert [one["alias"] for one in listed] == ["us", "kr", "jp", "au", "in", "released"]
    assert all(one["can_read"] is True for one in listed)
    assert [one["alias"] for one in listed if one["can_write"]] == ["us"]
    assert all(one["media_types"] == ["application/stix+json;version=2.1"] for one in listed)
    assert listed[-1]["aggregates"] == ["*"]


def test_titles_are_unique_and_without_dots(client: Web) -> None:
    titles = [one["title"] for one in said(client.get("/allied/collections/"))["collections"]]
    assert len(set(titles)) == len(titles)
    assert not any("." in title for title in titles)


@pytest.mark.parametrize(
    ("key", "can_read", "can_write"), [("us-reads", True, False), ("us-writes", False, True)]
)
def test_rights_follow_the_scopes_of_the_token(
    client: Web, key: str, can_read: bool, can_write: bool
) -> None:
    client.key = key
    found = said(client.get(f"/allied/collections/{US}/"))
    assert (found["can_read"], found["can_write"]) == (can_read, can_write)


@pytest.mark.parametrize("key", ["audit-key", "ops-key"])
def test_auditors_and_operators_have_no_collections(client: Web, played: Played, key: str) -> None:
    client.key = key
    assert client.get("/allied/collections/").data == b"{}"
    for path in (f"/allied/collections/{US}/", objects_url(), objects_url("us"), objects_url(RELEASED)):
        assert client.get(path).status_code == 404
    assert client.post(objects_url(), data=b"{}", content_type=TAXII).status_code == 404
    assert (played.queries, played.submissions) == ([], [])


@pytest.mark.parametrize(
    ("name", "origin"),
    [(US, "US"), ("us", "US"), (KR, "KR"), ("kr", "KR"), (RELEASED, None), ("released", None)],
)
def test_a_collection_answers_to_its_id_and_its_alias(
    client: Web, played: Played, name: str, origin: str | None
) -> None:
    client.get(objects_url(name))
    assert played.queries[0].origin == origin
    assert said(client.get(f"/allied/collections/{name}/"))["id"] in {US, KR, RELEASED}


@pytest.mark.parametrize(
    "path",
    [
        "/taxii2",
        "/allied",
        "/allied/collections",
        f"/allied/collections/{US}",
        objects_url().rstrip("/"),
        f"/allied/collections/{US}/manifest",
        objects_url(rest=INDICATOR),
        objects_url(rest=f"{INDICATOR}/versions"),
        "/allied/status/2a7ec0a5-8e1c-44a7-8ba4-4d2a1e2a3a52",
        "/governance/members",
        "/governance/agreements/agreement--1",
        "/healthz",
        "/readyz",
    ],
)
def test_the_last_slash_makes_no_difference(client: Web, played: Played, path: str) -> None:
    played.rows = (row(1),)
    without, with_slash = client.get(path), client.get(f"{path}/")
    assert (without.status_code, without.data) == (200, with_slash.data)


@pytest.mark.parametrize(
    "path", ["/taxii2/", objects_url(), objects_url(rest=f"{INDICATOR}/"), "/allied/nowhere"]
)
def test_head_is_get_without_the_body(client: Web, played: Played, path: str) -> None:
    played.rows = (row(1),)
    head, got = client.head(path), client.get(path)
    assert (head.status_code, head.data) == (got.status_code, b"")
    assert head.headers["Content-Length"] == str(len(got.data))
    assert head.content_type == TAXII


def test_a_head_is_recorded_as_told_and_not_as_fetched(client: Web, played: Played) -> None:
    """Who was given no body is recalled nothing."""
    played.rows = (row(1),)
    for path in (objects_url(), objects_url(rest=f"{INDICATOR}/")):
        client.head(path)
        client.get(path)
    assert played.kinds == [Disclosed.MANIFEST, Disclosed.OBJECTS] * 2


# --- reading ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [objects_url("kr"), "/allied/collections/kr/manifest/"])
def test_an_empty_page_leaves_the_list_out(client: Web, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.data) == (200, b'{"more":false}')
    assert not [name for name in answer.headers.keys() if name.startswith("X-TAXII")]  # noqa: SIM118


def test_an_envelope_is_the_stored_bytes(client: Web, played: Played) -> None:
    played.rows = (row(1, b'{"id":"a", "x":1.0}'), row(3, '{"id":"\u00fc"}'.encode()))
    answer = client.get(objects_url())
    assert answer.data == '{"more":false,"objects":[{"id":"a", "x":1.0},{"id":"\u00fc"}]}'.encode()


def test_next_is_there_exactly_when_more_follow(client: Web, played: Played) -> None:
    played.rows, played.more = (row(1), row(2)), True
    page = said(client.get(objects_url()))
    assert page.keys() == {"more", "next", "objects"}
    assert (page["more"], page["next"]) == (True, "after-2")


def test_next_continues_the_query(client: Web, played: Played) -> None:
    assert client.get(f"{objects_url()}?next=abc&limit=5&added_after=2026-01-01T00:00:00Z").status_code == 200
    assert played.cursors == ["abc"]
    assert (played.queries[0].added_after, played.queries[0].limit) == (CONTINUED, 5)


@pytest.mark.parametrize(
    ("query", "is_filtered"),
    [
        ("", False),
        ("&limit=5&added_after=2026-01-01T00:00:00Z", False),
        ("&match[type]=malware", True),
        ("&match[spec_version]=2.1", True),
        ("&match[version]=last", True),
    ],
)
def test_a_cursor_stands_for_the_filters_where_none_is_repeated(
    client: Web, played: Played, query: str, is_filtered: bool
) -> None:
    assert client.get(f"{objects_url()}?next=abc{query}").status_code == 200
    assert played.filtered == [is_filtered]


def test_a_cursor_of_something_else_is_400(
    client: Web, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BadCursor("next: this cursor was given for another query")

    monkeypatch.setattr("hub.actions.reading.poll.open_cursor", refuse)
    assert client.get(f"{objects_url()}?next=abc").status_code == 400
    assert client.get(f"{objects_url(rest=INDICATOR)}?next=abc").status_code == 400


@pytest.mark.parametrize(
    "rest", ["objects/", "manifest/", f"objects/{INDICATOR}/", f"objects/{INDICATOR}/versions/"]
)
def test_every_answer_with_objects_says_their_dates(client: Web, played: Played, rest: str) -> None:
    played.rows = (row(1), row(2), row(3))
    answer = client.get(f"/allied/collections/{US}/{rest}")
    assert answer.headers["X-TAXII-Date-Added-First"] == FIRST
    assert answer.headers["X-TAXII-Date-Added-Last"] == THIRD


def test_a_manifest_describes_its_rows_and_continues_by_next(client: Web, played: Played) -> None:
    played.rows, played.more = (row(1, b""),), True
    assert said(client.get("/allied/collections/us/manifest/?match[type]=indicator")) == {
        "more": True,
        "next": "after-1",
        "objects": [
            {
                "id": INDICATOR,
                "date_added": FIRST,
                "version": "2026-01-01T00:00:00.0Z",
                "media_type": "application/stix+json;version=2.1",
            }
        ],
    }
    assert played.queries[0].types == {"indicator"}


def test_versions_are_all_those_of_one_id_as_they_came_in(client: Web, played: Played) -> None:
    played.rows = (row(1, b""), row(3, b""))
    answer = client.get(objects_url(rest=f"{INDICATOR}/versions/"))
    assert said(answer) == {"more": False, "versions": ["2026-01-01T00:00:00.0Z", "2026-01-03T00:00:00.0Z"]}
    assert (played.queries[0].ids, played.queries[0].selections) == ({INDICATOR}, {VersionFilter.ALL})


def test_one_object_is_a_page_of_its_id(client: Web, played: Played) -> None:
    played.rows = (row(1),)
    answer = client.get(objects_url(rest=f"{INDICATOR}/?match[version]=first&limit=2"))
    assert (answer.status_code, said(answer)) == (200, {"more": False, "objects": [{"type": "x"}]})
    query = played.queries[0]
    assert (query.ids, query.selections, query.limit) == ({INDICATOR}, {VersionFilter.FIRST}, 2)


@pytest.mark.parametrize("rest", ["", "versions/"])
@pytest.mark.parametrize(
    "query", ["", "?limit=1", "?added_after=2030-01-01T00:00:00Z", "?match[spec_version]=2.0"]
)
def test_an_object_that_is_not_to_be_seen_is_404_whatever_the_filters(
    client: Web, rest: str, query: str
) -> None:
    assert client.get(objects_url(rest=f"{INDICATOR}/{rest}{query}")).status_code == 404


@pytest.mark.parametrize("rest", ["", "versions/"])
def test_an_object_of_which_the_filters_match_nothing_is_an_empty_page(
    client: Web, played: Played, rest: str
) -> None:
    played.known = frozenset({INDICATOR})
    answer = client.get(objects_url(rest=f"{INDICATOR}/{rest}?added_after=2030-01-01T00:00:00Z"))
    assert (answer.status_code, answer.data) == (200, b'{"more":false}')


def test_a_token_without_the_read_scope_reads_nothing(client: Web, played: Played) -> None:
    client.key = "us-writes"
    for path in (objects_url(), objects_url(rest=f"{INDICATOR}/"), f"/allied/collections/{US}/manifest/"):
        assert client.get(path).status_code == 403
    assert played.queries == []


# --- writing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "name"), [("us-key", KR), ("us-key", "kr"), ("us-key", RELEASED), ("us-reads", US)]
)
def test_only_the_own_collection_and_the_submit_scope_write(
    client: Web, played: Played, key: str, name: str
) -> None:
    client.key = key
    answer = client.post(objects_url(name), data=b"{}", content_type=TAXII)
    assert (answer.status_code, played.submissions) == (403, [])


@pytest.mark.parametrize("path", [objects_url(US), objects_url(US).rstrip("/"), objects_url("us")])
def test_a_submission_is_202_with_a_status_whose_counts_agree(client: Web, played: Played, path: str) -> None:
    played.outcomes = (
        Outcome("indicator--1", "2026-01-01T00:00:00Z", succeeded=True),
        Outcome("indicator--2", "2026-01-01T00:00:00Z", succeeded=False, message="why"),
        Outcome("indicator--3", "2026-01-01T00:00:00Z", succeeded=True, message="closed"),
    )
    answer = client.post(path, data=b"{}", content_type=TAXII)
    assert (answer.status_code, answer.content_type) == (202, TAXII)
    version = {"version": "2026-01-01T00:00:00Z"}
    assert said(answer) == {
        "id": "2a7ec0a5-8e1c-44a7-8ba4-4d2a1e2a3a52",
        "status": "complete",
        "request_timestamp": "2026-03-01T12:00:00.123456Z",
        "total_count": 3,
        "success_count": 2,
        "successes": [
            {"id": "indicator--1", **version},
            {"id": "indicator--3", **version, "message": "closed"},
        ],
        "failure_count": 1,
        "failures": [{"id": "indicator--2", **version, "message": "why"}],
        "pending_count": 0,
    }
    assert played.submissions[0].origin == NationCode("US")
    assert played.submissions[0].caller.member.id == "us-cert"


def test_a_status_is_what_the_submission_answered(client: Web, played: Played) -> None:
    played.outcomes = (Outcome("indicator--1", "2026-01-01T00:00:00Z", succeeded=True),)
    posted = said(client.post(objects_url(), data=b"{}", content_type=TAXII))
    assert said(client.get(f"/allied/status/{posted['id']}")) == posted


def test_no_resource_holds_an_empty_list_or_a_null(client: Web) -> None:
    empty = re.compile(rb"\[\]|null")
    answers = [client.get(path) for path in ("/taxii2/", "/allied/", "/allied/collections/", objects_url())]
    answers.append(client.post(objects_url(), data=b"{}", content_type=TAXII))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 202]
    assert not any(empty.search(answer.data) for answer in answers)
