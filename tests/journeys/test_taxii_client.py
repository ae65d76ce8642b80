"""What a CERT does with the TAXII client it has: push, poll, versions and filters, over a live server."""

from __future__ import annotations

import itertools
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from taxii2client.v21 import Collection, Server, as_pages

from hub.client import HubAuth
from tests.journeys.live import Live
from tests.patience import PATIENCE_SECONDS

GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
RED = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"


def malware(
    name: str, *, marking: str | None = AMBER, modified: str = "2026-01-01T00:00:00.000Z", id: str = ""
) -> Any:
    found = {
        "type": "malware",
        "spec_version": "2.1",
        "id": id or f"malware--{uuid.uuid4()}",
        "created": "2026-01-01T00:00:00.000Z",
        "modified": modified,
        "name": name,
        "is_family": True,
    }
    return found if marking is None else {**found, "object_marking_refs": [marking]}


def everything(collection: Collection, per_request: int = 100, **filters: Any) -> list[dict[str, Any]]:
    return [
        o
        for page in as_pages(collection.get_objects, per_request, **filters)
        for o in page.get("objects", [])
    ]


@pytest.fixture(scope="module")
def shared(live: Live) -> Live:
    """The hub, with an agreement between the United States and Japan in force."""
    live.agree("US", "JP", max_tlp="amber+strict")
    return live


def test_discovery_leads_to_five_collections_and_released(live: Live) -> None:
    account = live.member("us-agency")
    server = Server(f"{live.url}/taxii2/", user=account.id, password=account.token)
    collections = {c.title: c for c in server.default.collections}
    assert len(collections) == 6
    assert all(c.can_read for c in collections.values())
    assert [c.id for c in collections.values() if c.can_write] == [
        live.service.registry.nations["US"].collection_id
    ]


def test_what_one_nation_pushes_the_other_polls_as_it_was(shared: Live) -> None:
    objects = [malware(f"family {n}") for n in range(25)]
    status = shared.push("us-agency", objects)
    assert (status.status, status.success_count, status.failure_count) == ("complete", 25, 0)
    polled = {o["id"]: o for o in everything(shared.collection("jp-cert", "us"), per_request=7)}
    assert {id: polled[id] for id in (o["id"] for o in objects)} == {o["id"]: o for o in objects}


def test_manifests_and_versions_are_paged_by_the_client_until_they_end(shared: Live) -> None:
    """While others write: everything that was there before is in some page, and nothing comes twice."""
    family = malware("of many versions")
    dates = [f"2026-01-{day:02}T00:00:00.000Z" for day in range(1, 12)]
    for modified in dates:
        shared.push("us-agency", [{**family, "modified": modified}, malware("beside it")])
    reader, writer = shared.collection("jp-cert", "us"), shared.collection("us-agency2", "us")

    def write() -> None:
        writer.add_objects({"objects": [malware(f"late {n}") for n in range(3)]})

    for read, per_request in ((reader.get_manifest, 4), (reader.get_manifest, 0), (reader.get_objects, 4)):
        before = {(o["id"], o["version"]) for o in reader.get_manifest(version="all")["objects"]}
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            pages = list(itertools.islice(as_pages(read, per_request, version="all"), 200))
            writing.result()
        assert pages[-1]["more"] is False
        found = [
            (o["id"], o.get("version") or o["modified"]) for page in pages for o in page.get("objects", ())
        ]
        assert len(found) == len(set(found))
        assert set(found) >= before
    # Of versions the client counts none, and asks for the rest in one page.
    pages = list(itertools.islice(as_pages(reader.object_versions, 3, family["id"]), 20))
    assert [version for page in pages for version in page["versions"]] == dates
    assert pages[-1]["more"] is False


def test_a_nation_without_an_agreement_gets_nothing(shared: Live) -> None:
    shared.push("us-agency", [malware("unseen")])
    assert shared.collection("au-cert", "us").get_objects() == {"more": False}


def test_red_and_what_refers_to_it_stay_at_home(shared: Live) -> None:
    red, seen = malware("red", marking=RED), malware("amber")
    relationship = {
        "type": "relationship",
        "spec_version": "2.1",
        "id": f"relationship--{uuid.uuid4()}",
        "created": "2026-01-01T00:00:00.000Z",
        "modified": "2026-01-01T00:00:00.000Z",
        "relationship_type": "related-to",
        "source_ref": seen["id"],
        "target_ref": red["id"],
        "object_marking_refs": [GREEN],
    }
    shared.push("us-agency", [relationship, red, seen])
    abroad = {o["id"] for o in everything(shared.collection("jp-cert", "us"))}
    at_home = {o["id"] for o in everything(shared.collection("us-cert", "us"))}
    assert abroad & {red["id"], relationship["id"], seen["id"]} == {seen["id"]}
    assert {red["id"], relationship["id"], seen["id"]} <= at_home


def test_versions_and_filters(shared: Live) -> None:
    first = malware("first name")
    second = {**first, "name": "second name", "modified": "2026-02-01T00:00:00.000Z"}
    shared.push("us-agency", [first])
    shared.push("us-agency", [second])
    us = shared.collection("jp-cert", "us")

    def names(**filters: Any) -> list[str]:
        return [o["name"] for o in us.get_objects(id=first["id"], **filters).get("objects", [])]

    assert names() == names(version="last") == ["second name"]
    assert names(version="all") == ["first name", "second name"]
    assert names(version="first") == names(version=first["modified"]) == ["first name"]
    assert us.get_objects(type="campaign") == {"more": False}
    assert [o["name"] for o in us.get_object(first["id"])["objects"]] == ["second name"]
    assert len(us.object_versions(first["id"])["versions"]) == 2
    manifest = us.get_manifest(id=first["id"])["objects"]
    assert [entry["version"] for entry in manifest] == [second["modified"]]


def test_incremental_polls_by_date_meet_every_object_once(shared: Live) -> None:
    us = shared.collection("jp-cert", "us")
    url = us.objects_url
    auth = HubAuth(shared.member("jp-cert").token)
    last = requests.get(url, auth=auth, timeout=PATIENCE_SECONDS).headers.get(
        "X-TAXII-Date-Added-Last", "1970-01-01T00:00:00Z"
    )
    while requests.get(url, auth=auth, params={"added_after": last}, timeout=PATIENCE_SECONDS).json()["more"]:
        raise AssertionError("the first page was expected to hold everything")
    ids = [o["id"] for o in (malware(f"new {n}") for n in range(40))]
    shared.push("us-agency", [malware("one of many", id=id) for id in ids])
    met: list[str] = []
    while True:
        answer = requests.get(
            url, auth=auth, params={"added_after": last, "limit": 3}, timeout=PATIENCE_SECONDS
        )
        met += [o["id"] for o in answer.json().get("objects", [])]
        last = answer.headers.get("X-TAXII-Date-Added-Last", last)
        if not answer.json()["more"]:
            break
    assert met == ids


def test_an_agreement_that_ends_ends_the_next_poll(live: Live) -> None:
    agreement = live.agree("KR", "AU")
    live.push("kr-agency", [malware("for a while")])
    korea = live.collection("au-cert", "kr")
    assert len(everything(korea)) == 1
    live.governor("AU").terminate(agreement)
    assert korea.get_objects() == {"more": False}


def test_pushing_again_changes_nothing_and_a_bad_item_takes_none_down(live: Live) -> None:
    good = malware("good")
    statuses = [live.push("in-agency", [good, {"type": "malware"}, 7, {**good, "id": 4}]) for _ in range(2)]
    for status in statuses:
        assert (status.success_count, status.failure_count, status.total_count) == (1, 3, 4)
        assert all(f["message"] and f["id"] and f["version"] for f in status.failures)
    rows = live.collection("in-cert", "in").get_manifest(id=good["id"])["objects"]
    assert len(rows) == 1


def test_sixteen_parallel_replays_are_taken_once(live: Live) -> None:
    account = live.member("au-agency")
    body = b'{"objects": [{"type": "ipv4-addr", "id": "ipv4-addr--%s", "value": "192.0.2.1"}]}'
    request = requests.Request(
        "POST",
        live.collection_url("au") + "objects/",
        data=body % str(uuid.uuid4()).encode(),
        headers={"Content-Type": "application/taxii+json;version=2.1"},
        auth=HubAuth(account.token, account.submit_key),
    ).prepare()
    gate = threading.Barrier(16, timeout=PATIENCE_SECONDS)

    def send(_n: int) -> int:
        gate.wait()
        with requests.Session() as session:
            return session.send(request, timeout=PATIENCE_SECONDS).status_code

    with ThreadPoolExecutor(16) as pool:
        codes = sorted(pool.map(send, range(16)))
    assert codes == [202] + [401] * 15


@pytest.mark.parametrize(
    "path", ["objects", "manifest", "objects/malware--00000000-0000-4000-8000-000000000000"]
)
def test_withheld_is_as_absent(shared: Live, path: str) -> None:
    hidden = malware("hidden", marking=RED)
    shared.push("us-agency", [hidden])
    root = shared.collection_url("us").removeprefix(shared.url)
    absent = f"malware--{uuid.uuid4()}"

    def answer(id: str) -> tuple[int, bytes]:
        where = root + path.replace("malware--00000000-0000-4000-8000-000000000000", id)
        params = {} if id in where else {"match[id]": id}
        found = shared.get("jp-cert", where + "/", params=params)
        return found.status_code, found.content.replace(id.encode(), b"ID")

    assert answer(hidden["id"]) == answer(absent)


def test_nothing_without_a_token_and_nothing_for_auditors(live: Live) -> None:
    url = live.collection_url("us") + "objects/"
    refused = requests.get(url, timeout=PATIENCE_SECONDS)
    assert refused.status_code == 401
    assert "Basic" in refused.headers["WWW-Authenticate"]
    assert "Bearer" in refused.headers["WWW-Authenticate"]
    assert refused.headers["Content-Type"] == "application/taxii+json;version=2.1"
