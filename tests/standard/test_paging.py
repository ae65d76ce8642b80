"""Order, limits and pages: by `next`, and by the last date (sections 3.2 to 3.5)."""

from __future__ import annotations

import itertools

import pytest
from werkzeug.test import TestResponse

from hub.model import Limits
from tests.named_objects import malware
from tests.standard.shapes import faults, is_timestamp
from tests.standard.site import CLOSE, A, FilledCollection, HttpSite, collection_path, key, objects_of, said

PATH = collection_path("us")
# Endpoint → the resource that it answers. All continue by `next`, which the last two do not define.
PAGED = {
    "objects/": "envelope",
    f"objects/{A['id']}/": "envelope",
    "manifest/": "manifest",
    f"objects/{A['id']}/versions/": "versions",
}


def asked_of(rest: str) -> dict[str, str]:
    """Every version, where the endpoint lets one say so; the versions resource always has them all."""
    return {} if rest.endswith("/versions/") else {"version": "all"}


def dates(answer: TestResponse) -> tuple[str, str]:
    first, last = (answer.headers[f"X-TAXII-Date-Added-{which}"] for which in ("First", "Last"))
    assert is_timestamp(first)
    assert is_timestamp(last)
    return first, last


@pytest.mark.parametrize(("rest", "limit"), list(itertools.product(PAGED, range(1, 13))))
def test_a_page_has_what_was_asked_for_and_says_whether_more_follow(
    filled: FilledCollection, rest: str, limit: int
) -> None:
    whole = objects_of(filled.site.get("kr-cert", PATH + rest, **asked_of(rest)))
    page = filled.site.get("kr-cert", PATH + rest, limit=str(limit), **asked_of(rest))
    assert faults(PAGED[rest], said(page)) == []
    assert objects_of(page) == whole[:limit]
    assert said(page)["more"] is (limit < len(whole))
    assert ("next" in said(page)) is (limit < len(whole))


@pytest.mark.parametrize(("rest", "limit"), list(itertools.product(PAGED, (1, 2, 5))))
def test_pages_by_the_last_date_are_the_whole(filled: FilledCollection, rest: str, limit: int) -> None:
    whole = filled.site.get("kr-cert", PATH + rest, **asked_of(rest))
    pages = filled.site.walk_by_date("kr-cert", PATH + rest, limit=str(limit), **asked_of(rest))
    assert key(objects_of(*pages)) == key(objects_of(whole))


@pytest.mark.parametrize(("rest", "limit"), list(itertools.product(PAGED, (1, 2, 5))))
def test_pages_by_next_are_the_whole(filled: FilledCollection, rest: str, limit: int) -> None:
    whole = filled.site.get("kr-cert", PATH + rest, **asked_of(rest))
    pages = filled.site.walk("kr-cert", PATH + rest, limit=str(limit), **asked_of(rest))
    assert key(objects_of(*pages)) == key(objects_of(whole))


@pytest.mark.parametrize(("rest", "other"), list(itertools.permutations(PAGED, 2)))
def test_a_next_continues_the_resource_that_gave_it_and_no_other(
    filled: FilledCollection, rest: str, other: str
) -> None:
    given = said(filled.site.get("kr-cert", PATH + rest, limit="1", **asked_of(rest)))["next"]
    assert filled.site.get("kr-cert", PATH + rest, next=given).status_code == 200
    answer = filled.site.get("kr-cert", PATH + other, next=given)
    # An object is its collection, filtered by the id: the cursor brings its filter along.
    is_same = (rest, other) == (f"objects/{A['id']}/", "objects/")
    assert answer.status_code == (200 if is_same else 400)


@pytest.mark.parametrize("filters", [{}, {"spec_version": "2.1"}, {"spec_version": "2.0,2.1"}])
def test_versions_go_on_by_next_with_their_filters_or_without(
    filled: FilledCollection, filters: dict[str, str]
) -> None:
    path = f"{PATH}objects/{A['id']}/versions/"
    whole = objects_of(filled.site.get("kr-cert", path, **filters))
    given = said(filled.site.get("kr-cert", path, limit="1", **filters))["next"]
    for repeated in (filters, {}):
        assert objects_of(filled.site.get("kr-cert", path, next=given, **repeated)) == whole[1:]


@pytest.mark.parametrize("rest", ["objects/", "manifest/", f"objects/{A['id']}/versions/"])
def test_a_next_that_was_not_given_is_refused(filled: FilledCollection, rest: str) -> None:
    answer = filled.site.get("kr-cert", PATH + rest, next="anything")
    assert answer.status_code == 400
    assert "next" in said(answer)["description"]


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_the_dates_of_a_page_are_those_of_its_first_and_last_object(
    filled: FilledCollection, limit: int
) -> None:
    asked = {"version": "all", "limit": str(limit)}
    objects = filled.site.walk("kr-cert", f"{PATH}objects/", **asked)
    manifests = filled.site.walk_by_date("kr-cert", f"{PATH}manifest/", **asked)
    for page, manifest in zip(objects, manifests, strict=True):
        records = objects_of(manifest)
        told = records[0]["date_added"], records[-1]["date_added"]
        assert dates(page) == dates(manifest) == told


def test_the_dates_of_one_object_and_of_its_versions_are_those_of_its_manifest(
    filled: FilledCollection,
) -> None:
    records = objects_of(filled.site.get("kr-cert", f"{PATH}manifest/", id=A["id"], version="all"))
    told = records[0]["date_added"], records[-1]["date_added"]
    for rest in (f"objects/{A['id']}/", f"objects/{A['id']}/versions/"):
        assert dates(filled.site.get("kr-cert", PATH + rest, **asked_of(rest))) == told


@pytest.mark.parametrize("limit", ["4", "999999999999999999999"])
def test_a_limit_above_the_hubs_own_gives_fewer_objects_and_says_that_more_follow(
    filled: FilledCollection, limit: str
) -> None:
    small = HttpSite.over(filled.site.hub.changed(limits=Limits(page_objects=3)))
    pages = small.walk("kr-cert", f"{PATH}objects/", version="all", limit=limit)
    assert {len(objects_of(page)) for page in pages[:-1]} == {3}
    assert key(objects_of(*pages)) == key(entry.body for entry in filled.entries)


def test_without_limit_the_hubs_own_bound_alone_decides(filled: FilledCollection) -> None:
    for bound in (1, 3, len(filled.entries), 1_000):
        bounded = HttpSite.over(filled.site.hub.changed(limits=Limits(page_objects=bound)))
        for rest in ("objects/", "manifest/"):
            page = bounded.get("kr-cert", PATH + rest, version="all")
            assert len(objects_of(page)) == min(bound, len(filled.entries))
            assert said(page)["more"] is (bound < len(filled.entries))


def test_a_walk_goes_on_without_repeating_added_after(filled: FilledCollection) -> None:
    dated = filled.dated("kr-cert")
    asked = {"version": "all", "limit": "2"}
    first = filled.site.get("kr-cert", f"{PATH}objects/", added_after=dated[1].date_added, **asked)
    second = filled.site.get("kr-cert", f"{PATH}objects/", next=said(first)["next"], **asked)
    assert key(objects_of(first, second)) == key(entry.body for entry in dated[2:6])


@pytest.mark.parametrize("rest", ["objects/", "manifest/", f"objects/{A['id']}/"])
@pytest.mark.parametrize(
    "filters", [{"version": "all"}, {"version": "first,last"}, {"version": "all", "spec_version": "2.0,2.1"}]
)
def test_a_walk_goes_on_by_next_alone_with_the_filters_that_it_began_with(
    filled: FilledCollection, rest: str, filters: dict[str, str]
) -> None:
    first = filled.site.get("kr-cert", PATH + rest, limit="1", **filters)
    alone = filled.site.get("kr-cert", PATH + rest, limit="1", next=said(first)["next"])
    repeated = filled.site.get("kr-cert", PATH + rest, limit="2", next=said(first)["next"], **filters)
    whole = objects_of(filled.site.get("kr-cert", PATH + rest, **filters))
    assert len(objects_of(alone)) == 1
    assert objects_of(alone) == whole[1:2]
    assert objects_of(repeated) == whole[1:3]


@pytest.mark.parametrize(
    ("reader", "rest", "changed"),
    [
        ("kr-agency", "objects/", {}),
        ("kr-cert", f"objects/{A['id']}/", {}),
        ("kr-cert", "objects/", {"type": "malware"}),
        ("kr-cert", "objects/", {"version": "last"}),
        ("kr-cert", "objects/", {"spec_version": "2.0,2.1"}),
    ],
)
def test_next_is_good_for_the_query_and_the_reader_that_it_was_given_to(
    filled: FilledCollection, reader: str, rest: str, changed: dict[str, str]
) -> None:
    asked = {"version": "all", "limit": "2"}
    given = said(filled.site.get("kr-cert", f"{PATH}objects/", **asked))["next"]
    answer = filled.site.get(reader, PATH + rest, **{**asked, **changed, "next": given})
    assert answer.status_code == 400
    for repeated in (asked, {"limit": "2"}):
        path = f"{collection_path('jp')}objects/"
        assert filled.site.get("kr-cert", path, next=given, **repeated).status_code == 400


def test_what_is_added_later_comes_last_whatever_its_own_dates_say(site: HttpSite) -> None:
    site.post("us-agency", CLOSE[1])
    site.post("us-agency", malware("older than anything", modified="2026-01-01T00:00:00.000Z"))
    site.post("us-agency", CLOSE[0])
    found = objects_of(site.get("us-cert", f"{PATH}objects/", version="all"))
    assert [one["name"] for one in found] == ["c", "older than anything", "c"]
    assert found[0] == CLOSE[1]
    assert found[2] == CLOSE[0]


def test_collections_are_in_the_same_order_for_everybody(filled: FilledCollection) -> None:
    orders = {
        tuple(one["id"] for one in said(filled.site.get(member, "/allied/collections/"))["collections"])
        for member in ("us-cert", "us-cert", "us-agency", "kr-cert", "kr-partner", "au-cert")
    }
    assert len(orders) == 1


def test_more_may_be_promised_and_nothing_follow_when_it_was_deleted_meanwhile(site: HttpSite) -> None:
    site.post("us-agency", malware("stays"), malware("goes"))
    first = site.get("us-cert", f"{PATH}objects/", limit="1")
    assert said(first)["more"] is True
    assert site.delete("us-agency", malware("goes")["id"]).status_code == 200
    following = site.get("us-cert", f"{PATH}objects/", limit="1", next=said(first)["next"])
    assert (following.status_code, objects_of(following), said(following)["more"]) == (200, [], False)
