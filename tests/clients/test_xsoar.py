"""Cortex XSOAR's TAXII 2 feed, over taxii2-client.

Source: the repository demisto/content (FeedTAXII2 and TAXII2ApiModule). No fetching by manifest was found
in the feed; it is among the ways of test_misp and test_taxii2_client.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from requests.auth import AuthBase, HTTPBasicAuth
from taxii2client import v20, v21
from taxii2client.common import TokenAuth, _HTTPConnection
from taxii2client.exceptions import InvalidJSONError

from tests.clients.exchange import (
    READER,
    bounded,
    error,
    first_wave,
    in_full,
    last_date,
    made,
    push,
    second_wave,
    sent,
)
from tests.journeys.live import Live
from tests.stix_objects import TLP, Json

_NOT_INDICATORS = {"extension-definition"}
_TLP_1 = {TLP["white"]: "WHITE", "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "GREEN"}


class Feed:
    """Tries TAXII 2.1, falls back to 2.0 on 406, finds a collection by title, and fetches on a schedule.

    The user name decides about authentication: `_api_token_key` means a token, `_header:NAME` a header,
    anything else Basic. Relationships are fetched along with any choice of several types. A page without
    objects ends a fetch. The date of the next fetch is the latest `modified` that came, not a date of the
    server's: what came before comes again, and is left out by id and `modified`.
    """

    def __init__(
        self,
        live: Live,
        title: str,
        *,
        user: str = READER,
        types: Sequence[str] = (),
        limit_per_request: int = 100,
        full: bool = False,
    ) -> None:
        token = live.member(READER).token
        self.url = f"{live.url}/taxii2/"
        self.auth: AuthBase | None = _auth(user, token)
        self.header = {user.removeprefix("_header:"): token} if user.startswith("_header:") else {}
        self.title, self.full, self.limit = title, full, limit_per_request
        several = len(types) > 1 and "relationship" not in types
        self.types = [*types, *(["relationship"] if several else [])]
        self.version = "2.1"
        self.date: str | None = None
        self.known: dict[str, str | None] = {}
        self.indicators: dict[str, Json] = {}
        self.delivered = 0  # objects of the last fetch, known ones included

    def connect(self) -> None:
        try:
            self._open(v21, "2.1")
        except requests.HTTPError as refused:
            if refused.response.status_code != 406:
                raise
            self._open(v20, "2.0")

    def _open(self, client: Any, version: str) -> None:
        self.version = version
        connection = _HTTPConnection(version=version, auth=self.auth)
        connection.session.headers.update(self.header)
        self.session = bounded(connection.session)
        root = client.Server(self.url, conn=connection).default
        root._conn = connection
        (self.collection,) = [one for one in root.collections if one.title == self.title]

    def fetch(self) -> list[Json]:
        """Return what is new to the product."""
        first = (datetime.now(UTC) - timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        asked: dict[str, Any] = {"added_after": first if self.full else self.date or first}
        if self.types:
            asked["type"] = self.types
        try:
            met = [one for page in self._pages(asked) for one in page]
        except InvalidJSONError:
            met = []
        self.delivered = len(met)
        self.indicators |= {one["id"]: one for one in met}
        dates = [self.date or "", *(one.get("modified", "") for one in met)]
        self.date = max(dates) or None
        new = [one for one in met if self.known.get(one["id"], "") != one.get("modified")]
        self.known |= {one["id"]: one.get("modified") for one in met}
        return new

    def _pages(self, asked: dict[str, Any]) -> list[list[Json]]:
        found = []
        for page in v21.as_pages(self.collection.get_objects, per_request=self.limit, **asked):
            if not page.get("objects"):
                break
            found.append([one for one in page["objects"] if one["type"] not in _NOT_INDICATORS])
        return found


def _auth(user: str, token: str) -> AuthBase | None:
    if user == "_api_token_key":
        by_token: AuthBase = TokenAuth(token)
        return by_token
    return None if user.startswith("_header:") else HTTPBasicAuth(user, token)


def test_a_wrong_password_is_no_reason_to_try_taxii_2_0(live: Live) -> None:
    feed = Feed(live, "Released")
    feed.auth = HTTPBasicAuth(READER, "wrong")
    with pytest.raises(requests.HTTPError) as refused:
        feed.connect()
    assert (refused.value.response.status_code, feed.version) == (401, "2.1")
    assert "Unauthenticated" in error(refused.value.response)


def test_a_bad_query_is_no_reason_either(live: Live) -> None:
    feed = Feed(live, "Released", types=["indicator", "indicator,,malware"])
    feed.connect()
    with pytest.raises(requests.HTTPError) as refused:
        feed.fetch()
    assert refused.value.response.status_code == 400
    assert "match[type]" in error(refused.value.response)


@pytest.mark.parametrize("user", [READER, "_api_token_key", "_header:X-API-Key"])
def test_each_way_to_authenticate_finds_the_collection_by_its_title(live: Live, user: str) -> None:
    feed = Feed(live, "United States of America", user=user)
    feed.connect()
    assert (feed.version, feed.collection.can_read) == ("2.1", True)


@pytest.mark.parametrize("full", [False, True], ids=["incremental", "full"])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_fetches_end_with_what_a_full_poll_gives(live: Live, limit: int, full: bool) -> None:
    first = first_wave()
    push(live, first)
    feed = Feed(live, "United States of America", limit_per_request=limit, full=full)
    feed.connect()
    feed.fetch()
    assert feed.indicators == in_full(live)
    second = second_wave(first, at=last_date(live))
    push(live, second)
    new = feed.fetch()
    assert {one["id"] for one in new} == {one["id"] for one in second}
    assert feed.indicators == in_full(live)
    # The second wave was modified when the first had been added: only what came behind that is given again.
    assert feed.fetch() == []
    assert feed.delivered == (len(in_full(live)) if full else len(second))


def test_types_are_filtered_on_every_page_with_their_relationships(live: Live) -> None:
    push(live, first_wave())
    feed = Feed(live, "United States of America", types=["indicator", "malware"], limit_per_request=2)
    feed.connect()
    feed.fetch()
    expected = in_full(live, **{"match[type]": "indicator,malware,relationship"})
    assert feed.indicators == expected
    assert {one["type"] for one in expected.values()} == {"indicator", "malware", "relationship"}
    asked = [str(one.url) for one in sent(feed.session) if "/objects/" in str(one.url)]
    assert all("match%5Btype%5D=indicator%2Cmalware%2Crelationship" in url for url in asked)
    assert all("limit=2" in url for url in asked)


def test_the_definitions_of_the_levels_that_it_knows_are_in_reach(live: Live) -> None:
    """It reads a level from four ids alone, which therefore pass as they were written."""
    obj = made("indicator", object_marking_refs=list(_TLP_1)[1:])
    push(live, [obj])
    feed = Feed(live, "Released")
    feed.connect()
    feed.fetch()
    assert feed.indicators[obj["id"]] == obj
    assert _TLP_1.keys() <= feed.indicators.keys()
