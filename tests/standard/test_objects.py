"""Objects in a collection: added, got, listed in manifests and by versions (sections 3.7, 5.3 to 5.8)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.named_objects import address, identifier
from tests.standard.shapes import faults
from tests.standard.site import (
    CLOSE,
    TAXII,
    A,
    FilledCollection,
    HttpSite,
    collection_path,
    key,
    objects_of,
    said,
)
from tests.stix_objects import sdo, stix_id

PATH = collection_path("us")
READERS = ("us-agency", "us-cert", "kr-cert")

# --- adding -----------------------------------------------------------------------------------------


def test_what_is_added_is_read_as_it_was_sent_by_all_who_may(site: HttpSite) -> None:
    answer = site.post("us-agency", CLOSE[0], address("192.0.2.9"))
    assert (answer.status_code, answer.content_type) == (202, TAXII)
    for reader in ("us-agency", "us-cert", "us-partner"):
        found = objects_of(site.get(reader, f"{PATH}objects/"))
        assert key(found) == key([CLOSE[0], address("192.0.2.9")])


@pytest.mark.parametrize("times", [1, 3])
def test_an_exact_duplicate_is_no_error_and_changes_nothing(site: HttpSite, times: int) -> None:
    site.post("us-agency", CLOSE[0])
    before = site.get("us-agency", f"{PATH}manifest/", version="all").data
    status = said(site.post("us-agency", *[CLOSE[0]] * times))
    assert (status["success_count"], status["failure_count"]) == (times, 0)
    assert site.get("us-agency", f"{PATH}manifest/", version="all").data == before


def test_other_content_under_a_version_that_is_there_fails_and_changes_nothing(site: HttpSite) -> None:
    site.post("us-agency", CLOSE[0])
    status = said(site.post("us-agency", {**CLOSE[0], "name": "another"}))
    assert (status["failure_count"], status["failures"][0]["version"]) == (1, CLOSE[0]["modified"])
    assert objects_of(site.get("us-agency", f"{PATH}objects/")) == [CLOSE[0]]


@pytest.mark.parametrize("more", [{}, {"type": "bundle", "id": identifier("bundle", "b")}, {"more": False}])
def test_an_envelope_and_a_bundle_are_read_by_their_objects(site: HttpSite, more: dict[str, str]) -> None:
    answer = site.post_document("us-agency", {**more, "objects": [A]}, "us")
    assert (answer.status_code, said(answer)["success_count"]) == (202, 1)


def test_an_object_that_cannot_be_taken_takes_none_with_it(site: HttpSite) -> None:
    bad: list[Any] = [{**A, "spec_version": "2.0"}, {**A, "id": 7}, {"type": "malware"}, None, [], "x"]
    status = said(site.post("us-agency", *bad[:3], A, *bad[3:]))
    assert (status["success_count"], status["failure_count"]) == (1, len(bad))
    assert objects_of(site.get("us-agency", f"{PATH}objects/")) == [A]


@pytest.mark.parametrize("collection", ["kr", "released"])
def test_who_may_not_write_to_a_collection_adds_nothing(site: HttpSite, collection: str) -> None:
    assert site.post("us-agency", A, collection=collection).status_code == 403
    assert said(site.get("us-cert", f"{PATH}objects/")) == {"more": False}


def test_a_type_that_stix_does_not_define_is_taken_and_served(site: HttpSite) -> None:
    thing = sdo("x-acme-thing", x_colour="blue")
    assert said(site.post("us-agency", thing))["success_count"] == 1
    for asked in ({}, {"type": "x-acme-thing"}, {"id": thing["id"]}):
        assert objects_of(site.get("us-cert", f"{PATH}objects/", **asked)) == [thing]
    assert objects_of(site.get("us-cert", f"{PATH}objects/{thing['id']}/")) == [thing]


# --- nothing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", ["objects/", "manifest/"])
@pytest.mark.parametrize("filters", [{}, {"type": "tool"}, {"id": stix_id("malware", 404)}, {"limit": "1"}])
def test_nothing_to_return_is_a_resource_without_the_list(
    site: HttpSite, rest: str, filters: dict[str, str]
) -> None:
    answer = site.get("us-cert", PATH + rest, **filters)
    assert (answer.status_code, said(answer)) == (200, {"more": False})


@pytest.mark.parametrize("rest", ["", "versions/"])
@pytest.mark.parametrize("collection", ["us", "kr", "released", "nowhere"])
def test_an_object_that_is_not_in_the_collection_is_404(
    filled: FilledCollection, collection: str, rest: str
) -> None:
    for id in (stix_id("malware", 404), "x", A["id"].upper(), *([A["id"]] if collection == "kr" else [])):
        answer = filled.site.get("us-cert", f"{collection_path(collection)}objects/{id}/{rest}")
        assert (answer.status_code, answer.content_type) == (404, TAXII)


@pytest.mark.parametrize("rest", ["", "versions/"])
@pytest.mark.parametrize("filters", [{"spec_version": "2.0"}, {"added_after": "2100-01-01T00:00:00Z"}])
@pytest.mark.parametrize("reader", READERS)
def test_filters_that_leave_nothing_of_an_object_give_an_empty_page_of_it(
    filled: FilledCollection, reader: str, filters: dict[str, str], rest: str
) -> None:
    answer = filled.site.get(reader, f"{PATH}objects/{A['id']}/{rest}", **filters)
    assert (answer.status_code, said(answer)) == (200, {"more": False})


@pytest.mark.parametrize("reader", READERS)
def test_a_version_of_an_object_that_is_not_there_is_404(filled: FilledCollection, reader: str) -> None:
    never = "1999-01-01T00:00:00Z"
    for asked in (never, f"{never},1999-01-02T00:00:00Z"):
        answer = filled.site.get(reader, f"{PATH}objects/{A['id']}/", version=asked)
        assert (answer.status_code, answer.content_type) == (404, TAXII)
    among = filled.site.get(reader, f"{PATH}objects/{A['id']}/", version=f"{never},last")
    assert objects_of(among) == objects_of(filled.site.get(reader, f"{PATH}objects/{A['id']}/"))


# --- manifests --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reader", "version"), list(itertools.product(READERS, ["first", "last", "all"])))
def test_a_manifest_tells_of_each_object_what_the_object_says(
    filled: FilledCollection, reader: str, version: str
) -> None:
    objects = objects_of(filled.site.get(reader, f"{PATH}objects/", version=version))
    answer = filled.site.get(reader, f"{PATH}manifest/", version=version)
    media_types = said(filled.site.get(reader, PATH))["media_types"]
    assert faults("manifest", said(answer)) == []
    for record, body in zip(objects_of(answer), objects, strict=True):
        assert record["id"] == body["id"]
        assert record["version"] == body.get("modified", body.get("created", record["version"]))
        assert record["media_type"] in media_types


def test_a_version_that_the_hub_gave_is_the_same_wherever_it_is_told(filled: FilledCollection) -> None:
    given = [entry.version for entry in filled.entries if entry.id == address("192.0.2.2")["id"]]
    assert len(set(given)) == 2
    id = address("192.0.2.2")["id"]
    for reader in READERS:
        records = objects_of(filled.site.get(reader, f"{PATH}manifest/", id=id, version="all"))
        assert [record["version"] for record in records] == given
        assert objects_of(filled.site.get(reader, f"{PATH}objects/{id}/versions/")) == given


# --- one object -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["", "first", "last", "all", "first,last", A["modified"]])
@pytest.mark.parametrize("reader", READERS)
def test_an_object_by_its_path_is_the_collection_filtered_by_its_id(
    filled: FilledCollection, reader: str, version: str
) -> None:
    asked = {"version": version} if version else {}
    for id in {entry.id for entry in filled.entries}:
        alone = filled.site.get(reader, f"{PATH}objects/{id}/", **asked)
        among = filled.site.get(reader, f"{PATH}objects/", id=id, **asked)
        if not objects_of(among):
            assert alone.status_code == 404
            continue
        assert (alone.status_code, said(alone)) == (200, said(among))
        assert faults("envelope", said(alone)) == []
        told = "X-TAXII-Date-Added-Last"
        assert alone.headers.get(told) == among.headers.get(told)


@pytest.mark.parametrize(("name", "value"), [("id", A["id"]), ("type", "malware"), ("name", "a")])
@pytest.mark.parametrize("rest", ["", "versions/"])
def test_an_object_by_its_path_takes_no_filter_but_of_versions(
    filled: FilledCollection, rest: str, name: str, value: str
) -> None:
    answer = filled.site.get("us-cert", f"{PATH}objects/{A['id']}/{rest}", **{name: value})
    assert (answer.status_code, answer.content_type) == (400, TAXII)


def test_the_aggregate_holds_every_object_that_its_collections_hold(filled: FilledCollection) -> None:
    pages = filled.site.walk("kr-cert", f"{collection_path('released')}objects/", version="all", limit="7")
    found = key(objects_of(*pages))
    assert [body for body in key(entry.body for entry in filled.entries) if body not in found] == []


# --- versions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", READERS)
def test_versions_are_every_version_of_one_object_as_they_were_added(
    filled: FilledCollection, reader: str
) -> None:
    for id in {entry.id for entry in filled.entries}:
        answer = filled.site.get(reader, f"{PATH}objects/{id}/versions/")
        assert faults("versions", said(answer)) == []
        assert objects_of(answer) == [entry.version for entry in filled.entries if entry.id == id]


@pytest.mark.parametrize(("spec_version", "count"), [("2.1", 3), ("2.0,2.1", 3), ("2.0", 0)])
def test_versions_are_filtered_by_spec_version(
    filled: FilledCollection, spec_version: str, count: int
) -> None:
    answer = filled.site.get("us-cert", f"{PATH}objects/{A['id']}/versions/", spec_version=spec_version)
    assert len(objects_of(answer)) == count
    assert ("versions" in said(answer)) is (count > 0)
