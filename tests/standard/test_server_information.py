"""Discovery, the API root and statuses (section 4), over real acts where they decide."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from hub.actions.operation import work
from hub.model import Limits, format_instant
from tests.named_objects import address, malware, statement
from tests.standard.endpoints import UNKNOWN
from tests.standard.shapes import faults, is_identifier
from tests.standard.site import TAXII, HttpSite, collection_path, objects_of, said
from tests.web.conftest import MAX_BODY_BYTES, Web

# --- discovery and API root -------------------------------------------------------------------------


def test_api_roots_are_https_without_a_query_and_lead_to_the_root_that_answers(client: Web) -> None:
    found = said(client.get("/taxii2/"))
    assert found["default"] in found["api_roots"]
    assert len(set(found["api_roots"])) == len(found["api_roots"])
    for url in found["api_roots"]:
        parts = urlsplit(url)
        assert (parts.scheme, parts.query, parts.fragment) == ("https", "", "")
        assert parts.path.endswith("/")
        assert faults("api-root", said(client.get(parts.path))) == []


def test_the_api_root_names_its_versions_as_media_types_with_their_parameter(client: Web) -> None:
    root = said(client.get("/allied/"))
    assert TAXII in root["versions"]
    assert all(version.startswith("application/taxii+json;version=") for version in root["versions"])
    assert root["max_content_length"] == MAX_BODY_BYTES


@pytest.mark.parametrize(("excess", "status"), [(-1, 202), (0, 202), (1, 413), (1_000, 413)])
def test_max_content_length_is_exact_to_the_byte(site: HttpSite, excess: int, status: int) -> None:
    small = HttpSite.over(site.hub.changed(limits=Limits(max_body_bytes=3_000)))
    promised = said(small.get("us-agency", "/allied/"))["max_content_length"]
    body = orjson.dumps({"objects": [malware("padded")]}).ljust(promised + excess)
    assert small.post_document("us-agency", body, "us").status_code == status
    stored = objects_of(small.get("us-agency", collection_path("us") + "objects/"))
    assert stored == ([malware("padded")] if status == 202 else [])


# --- the status resource ----------------------------------------------------------------------------

OLD = {**malware("of 2.0"), "spec_version": "2.0"}
# What an item is → whether it succeeds, and the version that its entry names (None: the hub's own).
ITEMS: list[tuple[Any, bool, str | None]] = [
    (malware("good"), True, malware("good")["modified"]),
    (malware("again"), True, malware("again")["modified"]),  # an exact duplicate, pushed before
    (address("192.0.2.7"), True, None),
    (statement("words"), True, statement("words")["created"]),
    (OLD, False, OLD["modified"]),
    ({"type": "malware", "id": "malware--1"}, False, None),
    ("no object", False, None),
]


@pytest.mark.parametrize("size", [1, 2, 3, len(ITEMS)])
def test_a_status_counts_every_object_once_and_names_it(site: HttpSite, size: int) -> None:
    site.post("us-agency", malware("again"))
    for items in itertools.combinations(ITEMS, size):
        answer = site.post("us-agency", *(item for item, _, _ in items))
        status = said(answer)
        assert (answer.status_code, faults("status", status)) == (202, [])
        counts = [status[f"{name}_count"] for name in ("success", "failure", "pending")]
        expected = [sum(good for _, good, _ in items), sum(not good for _, good, _ in items), 0]
        assert (counts, status["total_count"], status["status"]) == (expected, size, "complete")
        assert [len(status.get(name, ())) for name in ("successes", "failures", "pendings")] == counts
        entries = status.get("successes", []), status.get("failures", [])
        for good, found in zip((True, False), entries, strict=True):
            named = [(item, version) for item, is_good, version in items if is_good is good]
            for entry, (item, version) in zip(found, named, strict=True):
                assert not isinstance(item, dict) or entry["id"] == item["id"]
                assert version is None or entry["version"] == version
                assert good or entry["message"]


def test_a_status_is_got_again_as_it_was_given_and_by_its_submitter_alone(site: HttpSite) -> None:
    before = format_instant(site.hub.clock())
    given = said(site.post("us-agency", malware("one"), OLD))
    after = format_instant(site.hub.clock())
    assert before < given["request_timestamp"] < after
    assert is_identifier(given["id"])
    path = f"/allied/status/{given['id']}/"
    again = site.get("us-agency", path)
    assert (again.status_code, again.content_type, said(again)) == (200, TAXII, given)
    for other in ("us-cert", "us-agency-2", "us-partner", "kr-cert"):
        assert site.get(other, path).status_code == 404


@pytest.mark.parametrize("hours", [1, 23, 24, 25])
def test_a_status_is_kept_for_at_least_a_day(site: HttpSite, hours: int) -> None:
    given = said(site.post("us-agency", malware("one"), OLD))
    site.hub.clock.wait(hours=hours)
    work.work(site.hub.service)
    found = site.get("us-agency", f"/allied/status/{given['id']}/")
    assert (found.status_code, said(found)) == (200, given)


@pytest.mark.parametrize("id", [UNKNOWN, "1", "x" * 300, "%27", "a%2Fb", "None", "\u00e9"])
def test_a_status_that_is_not_there_is_404(site: HttpSite, id: str) -> None:
    answer = site.get("us-agency", f"/allied/status/{id}/")
    assert (answer.status_code, answer.content_type) == (404, TAXII)


def test_two_submissions_have_two_statuses(site: HttpSite) -> None:
    ids = {said(site.post("us-agency", malware("same")))["id"] for _ in range(3)}
    site.hub.clock.wait(seconds=timedelta(days=1).total_seconds())
    assert [site.get("us-agency", f"/allied/status/{id}/").status_code for id in ids] == [200] * 3
