"""Splunk: the CTIS TAXII app, which submits groupings, and Enterprise Security's download of intelligence.

Sources: the repository splunk/ctis-taxii-splunk-app and its documentation. The download is closed; known
from Splunk's documentation are credentials, an address, a collection for each source and a time to look
back; continuing as TAXII 2.1 section 3.4 says is an assumption.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import requests
import stix2
from taxii2client.v21 import ApiRoot, Collection, Server

from tests.clients.exchange import (
    PUSHER,
    READER,
    TAXII,
    TIMEOUT_SECONDS,
    bounded,
    by_id,
    error,
    in_full,
    made,
    push,
    sent,
    signer,
)
from tests.journeys.live import Live
from tests.stix_objects import TLP, Json


class CtisApp:
    """Submits one grouping with its indicators and its author as a bundle, and keeps what was answered.

    The collection is picked by id from those of the root; the status is kept as the raw JSON, and any
    exception as text, with the submission marked FAILED. User and password are the app's own; a
    signature takes their place here.
    """

    def __init__(self, live: Live, member: str = PUSHER) -> None:
        self.root = ApiRoot(f"{live.url}/allied/", auth=signer(live, member))
        self.member = member

    def collections(self) -> list[Collection]:
        """What the form offers: those that cannot be written are greyed out."""
        return [one for one in self.root.collections if one.can_write]

    def submit(self, collection_id: str, objects: Sequence[Json]) -> Json:
        bundle = stix2.v21.Bundle(*[stix2.parse(one) for one in objects]).serialize()
        found: Json = {"bundle_json_sent": bundle, "status": "SENT", "error_message": None}
        try:
            by_collection = {one.id: one for one in self.root.collections}
            answer = by_collection[collection_id].add_objects(bundle)
            found["response_json"] = json.dumps(answer._raw)
        except Exception as refused:  # noqa: BLE001 the app keeps whatever went wrong as text
            found |= {"status": "FAILED", "error_message": str(refused)}
        return found


def grouping(marking: str | None = "amber", count: int = 3) -> list[Json]:
    author = made("identity", name="Bank of the South")
    level: Json = {"object_marking_refs": [TLP[marking]]} if marking else {}
    indicators = [made("indicator", created_by_ref=author["id"], **level) for _ in range(count)]
    refs = [one["id"] for one in indicators]
    named: Json = {"name": "Campaign against banks", "created_by_ref": author["id"], "object_refs": refs}
    return [made("grouping", **named, **level), *indicators, author]


def test_the_check_of_a_connection_reads_the_title_and_fails_on_a_wrong_password(live: Live) -> None:
    """How the app tries what was typed in: it takes the title of the server for a connection that works."""
    url, token = f"{live.url}/taxii2/", live.member(PUSHER).token
    assert Server(url, user=PUSHER, password=token).title
    for user, password in ((PUSHER, "wrong"), (READER, token), ("", "")):
        with pytest.raises(requests.HTTPError, match="401"):
            _ = Server(url, user=user, password=password).title


def test_a_collection_of_others_gives_a_failed_submission(live: Live) -> None:
    app = CtisApp(live)
    japan = live.service.registry.nations["JP"].collection_id  # type: ignore[index]
    submission = app.submit(japan, grouping())
    assert submission["status"] == "FAILED"
    assert "does not allow writing" in submission["error_message"]


def test_a_submission_is_sent_with_a_status_that_adds_up(live: Live) -> None:
    app, objects = CtisApp(live), grouping()
    (own,) = app.collections()
    submission = app.submit(own.id, objects)
    assert (submission["status"], submission["error_message"]) == ("SENT", None)
    answered = json.loads(submission["response_json"])
    assert answered["status"] == "complete"
    assert answered["total_count"] == answered["success_count"] == len(objects)
    assert {one["id"] for one in answered["successes"]} == by_id(objects).keys()
    again = app.root.get_status(answered["id"])
    assert again._raw == answered
    assert by_id(objects).keys() <= in_full(live).keys()


def test_a_bad_indicator_in_a_bundle_is_told_and_takes_no_other_down(live: Live) -> None:
    objects = [*grouping(), {"type": "indicator", "id": "indicator--broken"}]
    body = json.dumps({"type": "bundle", "id": f"bundle--{objects[0]['id'][10:]}", "objects": objects})
    (own,) = CtisApp(live).collections()
    status = own.add_objects(body)
    assert (status.success_count, status.failure_count) == (5, 1)
    assert status.failures[0]["id"] == "indicator--broken"
    assert status.failures[0]["message"]


def test_submitting_again_after_an_edit_makes_a_new_version(live: Live) -> None:
    app, objects = CtisApp(live), grouping()
    (own,) = app.collections()
    app.submit(own.id, objects)
    edited = {**objects[0], "modified": "2026-03-01T00:00:00.000Z", "name": "Campaign against exchanges"}
    app.submit(own.id, [edited, *objects[1:]])
    assert in_full(live)[objects[0]["id"]]["name"] == "Campaign against exchanges"


def test_a_red_grouping_keeps_its_unmarked_indicators_at_home(live: Live) -> None:
    bare = grouping(marking=None)
    bare[0]["object_marking_refs"] = [TLP["red"]]
    app = CtisApp(live)
    app.submit(app.collections()[0].id, bare)
    refs = set(bare[0]["object_refs"])
    assert not refs & in_full(live).keys()
    assert refs <= in_full(live, member=PUSHER).keys()


# --- the download ---------------------------------------------------------------------------------


class Download:
    """Polls one collection from a time to look back to, keeps the last date, and reads in chunks."""

    def __init__(self, live: Live, alias: str, *, earliest: str, limit: int) -> None:
        self.url = f"{live.url}/allied/collections/{alias}/objects/"
        self.session = bounded()
        self.session.auth = (READER, live.member(READER).token)
        self.session.headers["Accept"] = TAXII
        self.date, self.limit = earliest, limit
        self.artefacts: dict[str, Json] = {}

    def run(self) -> None:
        asked: dict[str, Any] = {"added_after": self.date, "limit": self.limit}
        while True:
            answer = self.session.get(self.url, params=asked, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            self.artefacts |= by_id(answer.json().get("objects", []))
            self.date = answer.headers.get("X-TAXII-Date-Added-Last", self.date)
            if not answer.json()["more"]:
                return
            asked["next"] = answer.json()["next"]


def test_a_source_that_is_set_up_wrongly_says_why(live: Live) -> None:
    source = Download(live, "us", earliest="-7d", limit=5)
    with pytest.raises(requests.HTTPError) as refused:
        source.run()
    assert "added_after: give an RFC 3339 timestamp" in error(refused.value.response)


@pytest.mark.parametrize("limit", [1, 4, 10_000])
@pytest.mark.parametrize("alias", ["us", "released"])
def test_downloads_end_with_what_a_full_poll_gives(live: Live, alias: str, limit: int) -> None:
    app = CtisApp(live)
    app.submit(app.collections()[0].id, grouping())
    source = Download(live, alias, earliest="2020-01-01T00:00:00Z", limit=limit)
    source.run()
    assert source.artefacts == in_full(live, alias)
    push(live, grouping("green"))
    push(live, grouping("green"), "jp-agency")
    source.run()
    assert source.artefacts == in_full(live, alias)
    before = len(sent(source.session))
    source.run()
    assert len(sent(source.session)) == before + 1
