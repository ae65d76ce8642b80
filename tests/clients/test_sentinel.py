"""Microsoft Sentinel's data connector "Threat Intelligence - TAXII".

Its code is closed. From Microsoft's documentation: API root URL, collection id, user name and password,
how far back the first import goes (one day, week or month, or everything) and how often it polls. From
Azure-Sentinel issues 12234 and 14172: it polls with `added_after`, and may import again what it has.
How it continues is not published: both ways that TAXII 2.1 section 3.4 allows are tried here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.clients.exchange import (
    READER,
    TIMEOUT_SECONDS,
    basic,
    bounded,
    by_id,
    error,
    first_wave,
    in_full,
    made,
    push,
    second_wave,
    sent,
)
from tests.journeys.live import Live
from tests.stix_objects import Json


class DataConnector:
    """Polls one collection of one root, from its look-back on, and keeps the date that the answer gives."""

    def __init__(self, live: Live, *, by_cursor: bool, limit: int | None, days: int | None = 30) -> None:
        self.root = f"{live.url}/allied/"
        self.collection = live.collection_url("us").rstrip("/").rsplit("/", 1)[1]
        self.session = bounded()
        self.session.headers["Accept"] = "application/taxii+json;version=2.1"
        self.session.headers["Authorization"] = basic(live, READER)
        self.by_cursor, self.limit = by_cursor, limit
        since = datetime.now(UTC) - timedelta(days=days or 0)
        self.date = since.strftime("%Y-%m-%dT%H:%M:%S.000Z") if days else None
        self.indicators: dict[str, Json] = {}

    def connect(self) -> Json:
        """Look whether the collection can be read, as is done when the connector is set up."""
        answer = self.session.get(f"{self.root}collections/{self.collection}/", timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        found: Json = answer.json()
        return found

    def poll(self) -> None:
        asked = {"added_after": self.date, "limit": self.limit}
        more = True
        while more:
            url = f"{self.root}collections/{self.collection}/objects/"
            answer = self.session.get(url, params=asked, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            page = answer.json()
            self.indicators |= by_id(page.get("objects", []))
            self.date = answer.headers.get("X-TAXII-Date-Added-Last", self.date)
            more = page["more"]
            asked |= {"next": page.get("next")} if self.by_cursor else {"added_after": self.date}


def test_a_wrong_password_and_a_wrong_collection_stop_the_setup(live: Live) -> None:
    connector = DataConnector(live, by_cursor=True, limit=None)
    connector.collection = "system.AbuseIPDB_blacklist"
    answer = connector.session.get(f"{connector.root}collections/{connector.collection}/")
    assert (answer.status_code, "Not found" in error(answer)) == (404, True)
    connector.session.headers["Authorization"] = "Basic Z3Vlc3Q6Z3Vlc3Q="
    answer = connector.session.get(f"{connector.root}collections/{connector.collection}/")
    assert (answer.status_code, "Unauthenticated" in error(answer)) == (401, True)


@pytest.mark.parametrize("by_cursor", [True, False], ids=["by next", "by date"])
@pytest.mark.parametrize("limit", [1, 4, None])
def test_polls_end_with_what_a_full_poll_gives(live: Live, limit: int | None, by_cursor: bool) -> None:
    first = first_wave()
    push(live, first)
    connector = DataConnector(live, by_cursor=by_cursor, limit=limit)
    assert connector.connect()["can_read"] is True
    connector.poll()
    assert connector.indicators == in_full(live)
    push(live, second_wave(first))
    connector.poll()
    assert connector.indicators == in_full(live)
    before = len(sent(connector.session))
    connector.poll()
    assert len(sent(connector.session)) == before + 1
    assert connector.indicators == in_full(live)


def test_everything_available_is_everything(live: Live) -> None:
    push(live, first_wave())
    connector = DataConnector(live, by_cursor=True, limit=None, days=None)
    connector.poll()
    assert connector.indicators == in_full(live)


def test_no_object_comes_twice_in_one_import(live: Live) -> None:
    """The import counts every delivery: what is sent once more is stored, and paid for, once more."""
    push(live, [made("indicator") for _ in range(20)])
    connector = DataConnector(live, by_cursor=True, limit=3, days=None)
    connector.poll()
    delivered = sum(
        len(connector.session.get(str(one.url), timeout=TIMEOUT_SECONDS).json()["objects"])
        for one in list(sent(connector.session))
    )
    assert delivered == len(in_full(live))
