"""Elastic Agent and Filebeat: the custom threat intelligence integration (CEL) and a feed over httpjson.

Sources: the repository elastic/integrations (packages ti_custom and ti_eset), its issues 11324 and 12874
and pull request 19303.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.clients.exchange import (
    READER,
    TAXII,
    TIMEOUT_SECONDS,
    basic,
    bounded,
    by_id,
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
from tests.stix_objects import Json


def ago(**duration: float) -> str:
    """RFC 3339 without fractional digits, as Go formats it."""
    return (datetime.now(UTC) - timedelta(**duration)).strftime("%Y-%m-%dT%H:%M:%SZ")


class CustomIntelligence:
    """The program of ti_custom: one page an evaluation, and another at once while there is a `next`.

    It cuts the slash off the configured URL and puts `/?` in its place. The first page of a round has
    `added_after` and `limit`, the others `next` and `limit` alone. The date is that of each answer's
    header: of one without, none, so that the next round looks back as far as the first.
    """

    def __init__(self, live: Live, headers: Mapping[str, str], *, limit: int | None) -> None:
        self.url = live.collection_url("us") + "objects/"
        self.session = bounded()
        self.session.headers.clear()
        self.session.headers.update({"User-Agent": "Elastic-Filebeat/9.1.0 (linux; amd64)", **headers})
        self.limit = {"limit": str(limit)} if limit else {}
        self.date: str | None = None
        self.events: dict[str, Json] = {}
        self.delivered = 0  # objects of the last round
        self.errors: list[requests.Response] = []

    def round(self) -> None:
        query: dict[str, str] | None = {"added_after": self.date or ago(hours=72), **self.limit}
        self.delivered = 0
        while query is not None:
            query = self._evaluate(query)

    def _evaluate(self, query: dict[str, str]) -> dict[str, str] | None:
        """Ask for a page and return the query of the one that follows at once, if any."""
        url = f"{self.url.rstrip('/')}/?{urlencode(query)}"
        answer = self.session.get(url, timeout=TIMEOUT_SECONDS)
        if answer.status_code not in (200, 206):
            self.errors.append(answer)
            return None
        page = answer.json()
        self.delivered += len(page.get("objects", []))
        self.events |= by_id(page.get("objects", []))
        self.date = answer.headers.get("X-Taxii-Date-Added-Last")
        return {"next": page["next"], **self.limit} if page.get("next") else None


ACCEPT = {"Accept": TAXII}


def test_a_refusal_comes_as_an_event_with_its_reason(live: Live) -> None:
    agent = CustomIntelligence(live, {**ACCEPT, "Authorization": "Bearer nonsense"}, limit=None)
    agent.round()
    assert [one.status_code for one in agent.errors] == [401]
    assert "Unauthenticated" in error(agent.errors[0])


@pytest.mark.parametrize("limit", [1, 5, None])
def test_rounds_end_with_what_a_full_poll_gives(live: Live, limit: int | None) -> None:
    first = first_wave()
    push(live, first)
    agent = CustomIntelligence(live, {**ACCEPT, "Authorization": basic(live, READER)}, limit=limit)
    agent.round()
    assert (agent.errors, agent.events) == ([], in_full(live))
    second = second_wave(first, at=last_date(live))
    push(live, second)
    # A round that finds nothing forgets its date, and the one after it begins anew.
    for delivered in (len(second), 0, len(in_full(live))):
        agent.round()
        assert (agent.errors, agent.events) == ([], in_full(live))
        assert agent.delivered == delivered


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "application/taxii+json;version=2.1"},
        {"Accept": "application/taxii+json; version=2.1"},
        {"Accept": "application/taxii+json"},
        {
            "Accept": "application/taxii+json;version=2.1",
            "Content-Type": "application/taxii+json;version=2.1",
        },
        {"Accept": "application/taxii+json;version=2.1", "Content-Type": "application/taxii+json"},
        {"Accept": "application/json", "Content-Type": "application/json"},
    ],
)
def test_no_spelling_of_its_configurable_headers_is_refused(live: Live, headers: dict[str, str]) -> None:
    """Servers answered 406 to one of these and 415 to another, and nothing was ingested."""
    push(live, [made("indicator")])
    token = live.member(READER).token
    agent = CustomIntelligence(live, {**headers, "Authorization": f"Bearer {token}"}, limit=50)
    agent.round()
    assert (agent.errors, agent.events) == ([], in_full(live))


# --- httpjson -------------------------------------------------------------------------------------


class HttpJson:
    """A feed of indicators over httpjson: it continues by date alone and never looks at `next`.

    `match[type]`, `limit` and `added_after` stand in each request, with a Content-Type. While the body
    says more, the date of the header takes the place of `added_after`; afterwards it is the cursor, or
    what was asked with stays when the header is missing.
    """

    def __init__(self, live: Live, *, limit: int) -> None:
        self.url = live.collection_url("us") + "objects/"
        self.session = bounded()
        self.session.headers.update({**ACCEPT, "Content-Type": TAXII, "Authorization": basic(live, READER)})
        self.asked: dict[str, Any] = {"match[type]": "indicator", "limit": limit, "added_after": ago(days=9)}
        self.events: dict[str, Json] = {}

    def round(self) -> None:
        more = True
        while more:
            answer = self.session.get(self.url, params=self.asked, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            self.events |= by_id(answer.json().get("objects", []))
            more = answer.json().get("more", False)
            date = answer.headers.get("X-TAXII-Date-Added-Last")
            self.asked["added_after"] = date or self.asked["added_after"]


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_paging_by_date_alone_meets_every_indicator(live: Live, limit: int) -> None:
    first = first_wave()
    push(live, first)
    feed = HttpJson(live, limit=limit)
    feed.round()
    assert feed.events == in_full(live, **{"match[type]": "indicator"})
    push(live, second_wave(first))
    feed.round()
    assert feed.events == in_full(live, **{"match[type]": "indicator"})
    before = len(sent(feed.session))
    feed.round()
    assert len(sent(feed.session)) == before + 1
