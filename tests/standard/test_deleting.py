"""An object is deleted from a collection (section 5.7), by a signed request, and is gone for everybody."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from hub.store.schema.tables import metadata
from tests.named_objects import malware
from tests.standard.shapes import faults
from tests.standard.site import TAXII, HttpSite, collection_id, collection_path, key, objects_of, said
from tests.world import World as Hub
from tests.world import clause

PATH = collection_path("us")
ONE, TWO, THREE = (malware("a", version=n) for n in (1, 2, 3))
ID = ONE["id"]
OBJECT = f"{PATH}objects/{ID}/"
OTHER = malware("b")


@pytest.fixture
def full(site: HttpSite) -> HttpSite:
    """A collection with three versions of one object and one of another, which Korea reads too."""
    site.hub.agree(["US", "KR"], clause("US", "KR"))
    for objects in ([ONE], [TWO, OTHER], [THREE]):
        assert said(site.post("us-agency", *objects))["failure_count"] == 0
    return site


def kept(site: HttpSite, reader: str = "us-cert", collection: str = "us") -> list[bytes]:
    """Every version that a reader finds of the two objects, by objects and manifest alike."""
    path, ids = collection_path(collection), f"{ID},{OTHER['id']}"
    found = objects_of(site.get(reader, f"{path}objects/", id=ids, version="all"))
    records = objects_of(site.get(reader, f"{path}manifest/", id=ids, version="all"))
    assert [(one["id"], one["modified"]) for one in found] == [(r["id"], r["version"]) for r in records]
    return key(found)


ALL = key([ONE, TWO, OTHER, THREE])

# --- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("member", "collection", "status"),
    [
        ("us-agency-2", "us", 403),  # another's object: it is seen, and not the member's to delete
        ("us-partner", "us", 403),
        ("kr-cert", "us", 403),  # read only
        ("kr-agency", "us", 403),
        ("jp-cert", "us", 403),  # read only, and nothing to see
        ("us-agency", "released", 403),  # nobody writes to the aggregate
        ("us-cert", "released", 403),
        ("kr-cert", "kr", 404),  # its own collection, where no such object is
        ("us-agency", "nowhere", 404),
    ],
)
def test_who_may_not_delete_deletes_nothing(
    full: HttpSite, member: str, collection: str, status: int
) -> None:
    answer = full.delete(member, ID, collection=collection)
    assert (answer.status_code, answer.content_type) == (status, TAXII)
    assert faults("error", said(answer)) == []
    assert kept(full) == kept(full, "kr-cert") == ALL


@pytest.mark.parametrize("id", [malware("never added")["id"], "x", ID.upper(), "malware--", "%00"])
def test_an_object_that_is_not_there_is_404(full: HttpSite, id: str) -> None:
    assert full.delete("us-agency", id).status_code == 404
    assert kept(full) == ALL


@pytest.mark.parametrize(
    "filters",
    [
        {"version": "2001-01-01T00:00:00.000Z"},
        {"spec_version": "2.0"},
        {"version": "first", "spec_version": "2.0"},
        {"version": ONE["modified"], "spec_version": "2.0"},
    ],
)
def test_filters_that_match_no_version_delete_none(full: HttpSite, filters: dict[str, str]) -> None:
    assert full.delete("us-agency", ID, **filters).status_code == 404
    assert kept(full) == ALL


@pytest.mark.parametrize(
    "filters",
    [
        {"version": "all,last"},
        {"version": "newest"},
        {"version": ""},
        {"version": "2026-01-01"},
        {"type": "malware"},
        {"id": ID},
        {"name": "a"},
        {"limit": "1"},
        {"next": "x"},
        {"added_after": "2026-01-01T00:00:00Z"},
    ],
)
def test_a_filter_that_cannot_be_followed_is_400_and_deletes_nothing(
    full: HttpSite, filters: dict[str, str]
) -> None:
    answer = full.delete("us-agency", ID, **filters)
    assert (answer.status_code, answer.content_type) == (400, TAXII)
    assert kept(full) == ALL


@pytest.mark.parametrize(
    ("signed_method", "signed_path"),
    [
        ("DELETE", f"{PATH}objects/{OTHER['id']}/"),
        ("DELETE", f"{OBJECT}?match%5Bversion%5D=first"),
        ("GET", OBJECT),
    ],
)
def test_a_signature_for_another_request_is_401(full: HttpSite, signed_method: str, signed_path: str) -> None:
    signature = full.signature("us-agency", signed_method, signed_path)
    answer = full.web.delete(OBJECT, headers={**signature, **full.authorization("us-agency")})
    assert (answer.status_code, kept(full)) == (401, ALL)


def test_without_a_signature_a_token_deletes_nothing(full: HttpSite) -> None:
    answer = full.web.delete(OBJECT, headers=full.authorization("us-agency"))
    assert (answer.status_code, kept(full)) == (401, ALL)


def test_another_members_signature_deletes_nothing(full: HttpSite) -> None:
    signature = full.signature("us-cert", "DELETE", OBJECT)
    answer = full.web.delete(OBJECT, headers={**signature, **full.authorization("us-agency")})
    assert (answer.status_code, kept(full)) == (403, ALL)


def test_a_replay_is_401_and_does_not_delete_what_was_added_since(full: HttpSite) -> None:
    path = f"{PATH}objects/{OTHER['id']}/"
    headers = {**full.signature("us-agency", "DELETE", path), **full.authorization("us-agency")}
    assert full.web.delete(path, headers=headers).status_code == 200
    newer = malware("b", version=5)
    assert said(full.post("us-agency", newer))["success_count"] == 1
    assert full.web.delete(path, headers=headers).status_code == 401
    assert objects_of(full.get("us-agency", path)) == [newer]


def test_a_delete_with_a_body_is_400(full: HttpSite) -> None:
    headers = {**full.signature("us-agency", "DELETE", OBJECT), **full.authorization("us-agency")}
    answer = full.web.delete(OBJECT, data=b"{}", headers=headers)
    assert (answer.status_code, kept(full)) == (400, ALL)


# --- what is gone -----------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["us-agency", "us-cert"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_submitter_and_its_nations_cert_delete_for_everybody_everywhere(
    full: HttpSite, member: str, slash: str
) -> None:
    path = OBJECT.rstrip("/") + slash
    headers = {**full.signature(member, "DELETE", path), **full.authorization(member)}
    answer = full.web.delete(path, headers=headers)
    assert (answer.status_code, answer.content_type, answer.data) == (200, TAXII, b"{}")
    for reader in ("us-agency", "us-cert", "us-partner", "kr-cert", "kr-agency"):
        for collection in ("us", "released", collection_id(full.hub, "US")):
            root = collection_path(collection)
            assert full.get(reader, f"{root}objects/{ID}/").status_code == 404
            assert full.get(reader, f"{root}objects/{ID}/versions/").status_code == 404
            assert full.get(reader, f"{root}objects/{ID}/", version=TWO["modified"]).status_code == 404
            assert kept(full, reader, collection) == key([OTHER])


def test_what_was_deleted_is_not_there_to_be_deleted_again(full: HttpSite) -> None:
    assert [full.delete("us-agency", ID).status_code for _ in range(3)] == [200, 404, 404]


@pytest.mark.parametrize(
    ("version", "left"),
    [
        ("first", [TWO, OTHER, THREE]),
        ("last", [ONE, TWO, OTHER]),
        ("first,last", [TWO, OTHER]),
        ("all", [OTHER]),
        (TWO["modified"], [ONE, OTHER, THREE]),
        (f"{ONE['modified']},{TWO['modified']}", [OTHER, THREE]),
        (f"last,{ONE['modified']}", [TWO, OTHER]),
        (f"{ONE['modified']},2001-01-01T00:00:00.000Z", [TWO, OTHER, THREE]),
    ],
)
def test_only_the_versions_that_are_asked_for_are_deleted(
    full: HttpSite, version: str, left: list[dict[str, str]]
) -> None:
    assert full.delete("us-agency", ID, version=version).status_code == 200
    remaining = sorted(key(left))
    assert sorted(kept(full)) == sorted(kept(full, "kr-cert")) == remaining
    versions = [one["modified"] for one in left if one["id"] == ID]
    answer = full.get("us-cert", f"{OBJECT}versions/")
    assert answer.status_code == (200 if versions else 404)
    assert sorted(said(answer).get("versions", [])) == sorted(versions)


@pytest.mark.parametrize(("spec_version", "version"), [("2.1", None), ("2.0,2.1", "last")])
def test_spec_version_narrows_what_is_deleted(full: HttpSite, spec_version: str, version: str | None) -> None:
    filters = {"spec_version": spec_version, **({"version": version} if version else {})}
    assert full.delete("us-agency", ID, **filters).status_code == 200
    assert sorted(kept(full)) == sorted(key([ONE, TWO, OTHER] if version else [OTHER]))


def test_a_deleted_version_is_not_returned_by_its_name(full: HttpSite) -> None:
    full.delete("us-agency", ID, version=TWO["modified"])
    for path, status in ((OBJECT, 404), (f"{PATH}objects/", 200), (f"{PATH}manifest/", 200)):
        answer = full.get("us-cert", path, version=TWO["modified"])
        assert answer.status_code == status
        assert TWO["modified"].encode() not in answer.data


def test_the_version_that_becomes_the_latest_is_added_anew_for_who_has_polled_before(full: HttpSite) -> None:
    polled = full.get("kr-cert", f"{PATH}objects/").headers["X-TAXII-Date-Added-Last"]
    assert objects_of(full.get("kr-cert", f"{PATH}objects/", added_after=polled)) == []
    full.delete("us-agency", ID, version="last")
    assert objects_of(full.get("kr-cert", f"{PATH}objects/", added_after=polled)) == [TWO]
    assert objects_of(full.get("kr-cert", OBJECT)) == [TWO]


def test_a_deleted_version_does_not_come_back_by_being_pushed_again(full: HttpSite) -> None:
    full.delete("us-agency", ID)
    status = said(full.post("us-agency", ONE, THREE, malware("a", version=9)))
    assert [one["version"] for one in status["failures"]] == [ONE["modified"], THREE["modified"]]
    assert all(re.search(r"deleted on \d{4}-\d\d-\d\d", one["message"]) for one in status["failures"])
    assert objects_of(full.get("us-cert", OBJECT)) == [malware("a", version=9)]


def test_another_members_record_of_the_id_stays(full: HttpSite) -> None:
    mine = malware("a", version=7)
    assert said(full.post("us-agency-2", mine))["success_count"] == 1
    assert full.delete("us-agency", ID).status_code == 200
    assert kept(full) == key([OTHER, mine])


def test_what_was_deleted_is_nowhere_in_the_database(full: HttpSite) -> None:
    secret = malware("hidden", description="Quixotic Heron")
    full.post("us-agency", secret, malware("beside"))
    assert holds(full.hub, "Quixotic Heron")
    assert full.delete("us-agency", secret["id"]).status_code == 200
    assert not holds(full.hub, "Quixotic Heron")
    assert objects_of(full.get("us-cert", f"{PATH}objects/{malware('beside')['id']}/")) == [malware("beside")]


def holds(hub: Hub, text: str) -> bool:
    """Tell whether any value of any table contains the text."""
    with hub.service.store.read() as connection:
        rows = [tuple(row) for table in metadata.sorted_tables for row in connection.execute(select(table))]
    values = [bytes(value) if isinstance(value, memoryview) else value for row in rows for value in row]
    return any(text in str(value) for value in values)
