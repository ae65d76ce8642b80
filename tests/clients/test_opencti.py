"""OpenCTI in its three parts: the taxii2 import connector, the built-in ingestion, the connector that posts.

Sources: the repositories OpenCTI-Platform/connectors (external-import/taxii2, stream/taxii-post) and
OpenCTI-Platform/opencti (ingestionManager), and opencti issues 4246 and 5681.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from requests.auth import HTTPBasicAuth
from taxii2client.exceptions import TAXIIServiceException
from taxii2client.v21 import ApiRoot, Collection, Server

from tests.clients.exchange import (
    ORIGIN,
    PUSHER,
    READER,
    TIMEOUT_SECONDS,
    basic,
    bounded,
    by_id,
    error,
    first_wave,
    in_full,
    last_date,
    made,
    objects_path,
    observable,
    push,
    second_wave,
    sent,
    signer,
)
from tests.journeys.live import Live
from tests.stix_objects import TLP, Json

US, RELEASED, EVERYTHING = "allied.United States of America", "allied.Released", "allied.*"


# --- the connector that imports -------------------------------------------------------------------


class ImportConnector:
    """Polls collections, named by root and title around a dot, on a schedule and over taxii2-client.

    It keeps one dictionary of parameters for all its collections and all its runs: every run sets
    `added_after` to its previous start, in whole seconds, a continuation drops that and sets `next`, and
    nothing ever removes `next` again. The first object of a collection's first page decides how it goes on:
    with `spec_version` 2.1 by `next`, without one by looking the last object's date up in the manifest. An
    HTTP error ends the configured entry, whose objects are then lost, and the run counts all the same; a
    page that lacks the list where TAXII 2.0 would have an empty one ends the run, which does not count.
    OpenCTI and MISP write `spec_version` into observables too, so these tests push them with it.
    """

    def __init__(self, live: Live, *entries: str, limit: int, member: str = READER) -> None:
        auth = HTTPBasicAuth(member, live.member(member).token)
        self.server = Server(f"{live.url}/taxii2/", auth=auth)
        self.entries = entries
        self.parameters: dict[str, object] = {"limit": limit}
        self.objects: dict[str, Json] = {}
        self.errors: list[requests.Response] = []
        self.spoke: list[str] = []
        self.delivered = 0  # objects of the last run
        self.started: datetime | None = None
        for root in self.server.api_roots:
            bounded(root._conn.session)

    def run(self) -> None:
        now = datetime.now(UTC)
        since = self.started or now - timedelta(hours=24)
        self.parameters["added_after"] = since.replace(microsecond=0)
        met: list[Json] = []
        for entry in self.entries:
            try:
                met = self._collect(entry, met)
            except requests.HTTPError as refused:
                self.errors.append(refused.response)
            except KeyError:
                return
        self.delivered = len(met)
        self.objects |= by_id(met)
        self.started = now

    def _collect(self, entry: str, met: list[Json]) -> list[Json]:
        """Return what is met with that of this entry, or, as the product has it for stars, that alone."""
        root, title = entry.split(".")
        if root == "*":
            roots = self.server.api_roots
            return [one for each in roots for found in self._named(each, title) for one in self._poll(found)]
        (found,) = [one for one in self.server.api_roots if one.url.split("/")[-2] == root]
        new = [one for each in self._named(found, title) for one in self._poll(each)]
        return new if title == "*" else met + new

    def _named(self, root: ApiRoot, title: str) -> list[Collection]:
        found = [one for one in root.collections if title in ("*", one.title)]
        if not found:
            raise TAXIIServiceException(f"no collection {title}")
        return found

    def _poll(self, collection: Collection) -> list[Json]:
        page = collection.get_objects(**self.parameters)
        if not page.get("objects"):
            return []
        self.spoke.append(page["objects"][0].get("spec_version", "2.0"))
        met = list(page["objects"])
        while page.get("more") is True if self.spoke[-1] == "2.1" else page["objects"]:
            if self.spoke[-1] == "2.1":
                self.parameters.pop("added_after", None)
                self.parameters["next"] = page["next"]
            else:
                entries = collection.get_manifest(id=page["objects"][-1]["id"])["objects"]
                self.parameters["added_after"] = entries[0]["date_added"]
            page = collection.get_objects(**self.parameters)
            met += page["objects"]
        return met


def between(live: Live) -> datetime:
    """Return a whole second that lies behind all that is there, once it has passed."""
    second = datetime.fromisoformat(last_date(live)).replace(microsecond=0) + timedelta(seconds=1)
    while datetime.now(UTC) <= second:
        time.sleep(0.05)
    return second


@pytest.mark.parametrize("limit", [2, 1000])
def test_the_import_connector_ends_with_what_a_full_poll_gives(either: Live, limit: int) -> None:
    first = first_wave(bare=False)
    push(either, first)
    connector = ImportConnector(either, US, limit=limit)
    connector.run()
    assert (connector.errors, connector.objects) == ([], in_full(either))
    connector.started = between(either)
    second = second_wave(first, at=last_date(either))
    push(either, second)
    connector.run()
    assert (connector.errors, connector.objects) == ([], in_full(either))
    assert connector.delivered == len(second)
    for _ in range(2):  # what it kept of its last walk goes out with every further run
        connector.run()
        assert (connector.errors, connector.objects) == ([], in_full(either))
        assert connector.delivered <= len(second)  # again only what came in the second of its start
    assert set(connector.spoke) == {"2.1"}


@pytest.mark.parametrize("entry", [RELEASED, "*.Released"])
def test_the_aggregate_in_one_entry_is_all_that_the_connector_needs(live: Live, entry: str) -> None:
    push(live, first_wave(bare=False))
    push(live, first_wave(bare=False), "jp-agency")
    connector = ImportConnector(live, entry, limit=3)
    for _ in range(2):
        connector.run()
        assert (connector.errors, connector.objects) == ([], in_full(live, "released"))


def test_a_cursor_that_it_takes_to_the_next_collection_is_refused_with_the_reason(live: Live) -> None:
    """With `*` for a title it sends one collection's `next` to the one that follows.

    It never comes out of that again: the second collection is asked with the `next` of the first in every
    run, and what the first gave is lost with the entry. That is why README names `Released` alone.
    """
    push(live, first_wave(bare=False))
    connector = ImportConnector(live, EVERYTHING, limit=2)
    for run in range(1, 4):
        connector.run()
        assert [one.status_code for one in connector.errors] == [400] * run
        assert "next: this cursor was given for another query" in error(connector.errors[-1])
        assert connector.objects == {}
    listed = live.get(READER, "/allied/collections/").json()["collections"]
    for refused in connector.errors:
        parts = urlsplit(str(refused.url))
        assert parts.path == f"/allied/collections/{listed[1]['id']}/objects/"
        assert "next" in parse_qs(parts.query)


def test_a_refusal_of_one_entry_leaves_the_others_alone(live: Live) -> None:
    push(live, first_wave())
    connector = ImportConnector(live, US, RELEASED, limit=2)
    connector.run()
    assert [one.status_code for one in connector.errors] == [400]
    assert connector.objects == in_full(live)


def test_what_has_a_spec_version_leads_its_commit_whatever_the_order_in_the_envelope(live: Live) -> None:
    pushed = [observable(), observable(), made("indicator"), observable(), made("malware")]
    before = live.get(READER, objects_path(live)).headers.get("X-TAXII-Date-Added-Last")
    push(live, pushed)
    answer = live.get(READER, objects_path(live), params={"added_after": before})
    versions = [one.get("spec_version") for one in answer.json()["objects"]]
    assert versions == ["2.1", "2.1", None, None, None]


def test_a_commit_of_bare_observables_alone_makes_it_speak_taxii_2_0_and_get_nothing(live: Live) -> None:
    """Nothing leads such a commit. At the end TAXII 2.0's empty list is not there, and the run is undone."""
    push(live, [observable("192.0.2.1"), observable("192.0.2.2")], "kr-agency")
    connector = ImportConnector(live, "allied.Republic of Korea", limit=1000, member="kr-cert")
    for _ in range(2):
        connector.run()
        assert (connector.spoke[-1], connector.objects, connector.started) == ("2.0", {}, None)
    push(live, [observable("192.0.2.3", bare=False)], "au-agency")
    other = ImportConnector(live, "allied.Australia", limit=1000, member="au-cert")
    other.run()
    assert (other.spoke, len(other.objects)) == (["2.1"], 1)


# --- the ingestion that is built in ---------------------------------------------------------------


class Ingestion:
    """Asks for one page a tick, and keeps two things: a cursor and a date.

    Both go out together as long as there is a cursor. A page that says more and has a `next` sets the
    cursor and leaves the date; any other page with objects drops the cursor and sets the date from
    X-TAXII-Date-Added-Last, cut to milliseconds; a page without objects drops the cursor. An error
    changes nothing, so that the same request goes out again at the next tick.
    """

    def __init__(self, live: Live, alias: str = ORIGIN, *, limit: int, authorization: str = "") -> None:
        self.url = f"{live.url}/allied/collections/{alias}/objects/"
        self.session = bounded()
        self.session.headers["Accept"] = "application/taxii+json;version=2.1"
        self.session.headers["Authorization"] = authorization or basic(live, READER)
        self.limit = limit
        self.cursor: str | None = None
        self.date: str | None = None
        self.objects: dict[str, Json] = {}
        self.empty_pages_that_said_more = 0

    def tick(self) -> bool:
        """Ask once; return whether there is more to ask for at once."""
        asked = {"next": self.cursor, "added_after": self.date, "limit": self.limit}
        answer = self.session.get(self.url, params=asked, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        page = answer.json()
        self.objects |= by_id(page.get("objects", []))
        self._move(page, answer.headers)
        return self.cursor is not None

    def _move(self, page: Json, headers: requests.structures.CaseInsensitiveDict[str]) -> None:
        if page.get("objects") and page["more"] and page.get("next"):
            self.cursor = page["next"]
            return
        self.empty_pages_that_said_more += bool(page["more"])
        self.cursor = None
        if page.get("objects"):
            self.date = self._kept(headers["x-taxii-date-added-last"])

    def _kept(self, date: str) -> str:
        return f"{date[:23]}Z"

    def drain(self) -> None:
        while self.tick():
            pass


class EarlierIngestion(Ingestion):
    """As OpenCTI did it in 2023: any Accept, and with the cursor the date of the page before (issue 5681)."""

    def __init__(self, live: Live, *, limit: int) -> None:
        super().__init__(live, limit=limit)
        self.session.headers["Accept"] = "application/json, text/plain, */*"

    def _move(self, page: Json, headers: requests.structures.CaseInsensitiveDict[str]) -> None:
        self.cursor = page.get("next")
        self.date = headers.get("x-taxii-date-added-last", self.date)


@pytest.mark.parametrize(
    ("product", "limit"),
    [
        (Ingestion, 1),
        (Ingestion, 3),
        (Ingestion, 5000),
        (EarlierIngestion, 1),
        (EarlierIngestion, 3),
        (EarlierIngestion, 5000),
    ],
)
def test_the_ingestion_ends_with_what_a_full_poll_gives(
    either: Live, product: type[Ingestion], limit: int
) -> None:
    first = first_wave()
    push(either, first)
    ingestion = product(either, limit=limit)
    ingestion.drain()
    assert ingestion.objects == in_full(either)
    push(either, second_wave(first))
    ingestion.drain()
    assert ingestion.objects == in_full(either)
    before = len(sent(ingestion.session))
    ingestion.drain()
    # Cut to milliseconds, its date lies before the last objects: it meets those again, and no others.
    assert len(sent(ingestion.session)) - before <= len(first) // limit + 2
    assert (ingestion.objects, ingestion.empty_pages_that_said_more) == (in_full(either), 0)


def test_what_is_pushed_between_two_pages_is_met(live: Live) -> None:
    first = first_wave()
    push(live, first)
    ingestion = Ingestion(live, limit=2, authorization=f"Bearer {live.member(READER).token}")
    assert ingestion.tick()
    push(live, second_wave(first))
    ingestion.drain()
    assert ingestion.objects == in_full(live)


# --- the connector that posts ---------------------------------------------------------------------


class PostConnector:
    """Posts every object of a stream by itself, in a bundle that says its `spec_version`.

    Content-Type and Accept are spelled with a space. Markings are taken off when it is so configured.
    """

    def __init__(self, live: Live, *, delete_markings: bool = False) -> None:
        self.url = (
            f"{live.url}/allied/collections/{live.service.registry.nations['US'].collection_id}/objects/"  # type: ignore[index]
        )
        self.auth = signer(live, PUSHER)
        self.delete_markings = delete_markings

    def post(self, obj: Json) -> requests.Response:
        taken = {k: v for k, v in obj.items() if not (self.delete_markings and k == "object_marking_refs")}
        bundle = {
            "type": "bundle",
            "spec_version": "2.1",
            "id": f"bundle--{uuid.uuid4()}",
            "objects": [{**taken, "spec_version": "2.1"}],
        }
        headers = {
            "Content-Type": "application/stix+json; version=2.1",
            "Accept": "application/taxii+json; version=2.1",
        }
        return requests.post(self.url, json=bundle, headers=headers, auth=self.auth, timeout=TIMEOUT_SECONDS)


def test_without_a_signature_the_post_connector_is_told_so(live: Live) -> None:
    connector = PostConnector(live)
    connector.auth = type(connector.auth)(live.member(PUSHER).token)
    refused = connector.post(made("malware"))
    assert refused.status_code == 401
    assert "signature" in error(refused).lower()


def test_bundles_of_one_arrive_and_are_ingested(either: Live) -> None:
    connector, posted = PostConnector(either), [made("malware"), made("indicator"), made("campaign")]
    for one in posted:
        answer = connector.post(one)
        assert answer.status_code == 202
        assert answer.json()["success_count"] == answer.json()["total_count"] == 1
    ingestion = Ingestion(either, limit=2)
    ingestion.drain()
    assert by_id(posted).items() <= ingestion.objects.items()


def test_markings_that_the_connector_takes_off_make_nothing_public(live: Live) -> None:
    obj = made("malware", object_marking_refs=[TLP["red"]])
    assert PostConnector(live, delete_markings=True).post(obj).status_code == 202
    assert obj["id"] in in_full(live, member="jp-agency")
    assert obj["id"] not in in_full(live, member="jp-partner")
    assert obj["id"] not in in_full(live, member="au-cert")
