"""Lines 1-7, 14-16 and 25 of what clients ask: pages, cursors, dates and order."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from taxii2client.v21 import as_pages

from tests.clients.exchange import (
    LEAST_PATIENT_SECONDS,
    READER,
    TIMEOUT_SECONDS,
    by_id,
    envelope,
    error,
    in_full,
    made,
    objects_path,
    observable,
    push,
)
from tests.faults.faulty import workers
from tests.journeys.live import Live
from tests.stix_objects import TLP, Json, stamp

TYPES = ("campaign", "indicator", "malware")


@pytest.fixture(scope="module")
def filled(live: Live) -> Live:
    """The hub, with a feed of 31 objects of three types from the United States."""
    push(live, [made(TYPES[n % 3]) for n in range(31)])
    return live


def pages(live: Live, limit: int, **filters: Any) -> list[Json]:
    """Walk by `next`, repeating the filters."""
    found = [envelope(live, objects_path(live), limit=limit, **filters)]
    while found[-1]["more"]:
        assert len(found) < 400
        following = {"limit": limit, "next": found[-1]["next"], **filters}
        found.append(envelope(live, objects_path(live), **following))
    return found


FILTERS: list[dict[str, str]] = [
    {},
    {"match[type]": "malware"},
    {"match[type]": "malware,campaign", "match[version]": "all"},
    {"match[type]": "x-unheard-of"},
    {"added_after": "2100-01-01T00:00:00Z"},
]


# --- 1-3 and 6, 7: the envelope -------------------------------------------------------------------


def test_line_1_a_page_is_filled_after_filtering(filled: Live) -> None:
    found = pages(filled, 5, **{"match[type]": "malware"})
    assert [len(page["objects"]) for page in found[:-1]] == [5] * (len(found) - 1)
    assert len(found) > 1


@pytest.mark.parametrize("limit", [6, 8, 50, 100_000])
def test_line_1_so_is_one_that_the_hub_makes_shorter_than_was_asked(small: Live, limit: int) -> None:
    """taxii2-client goes on by as many as the first page had: that must be the hub's most."""
    push(small, [made(TYPES[n % 3]) for n in range(60)])
    collection, kind = small.collection(READER, "us"), {"type": "malware"}
    first = collection.get_objects(limit=limit, **kind)
    assert len(first["objects"]) == min(limit, 7)
    sizes = [len(page["objects"]) for page in as_pages(collection.get_objects, per_request=limit, **kind)]
    assert sizes[:-1] == [min(limit, 7)] * (len(sizes) - 1)
    assert len(sizes) > 2


@pytest.mark.parametrize("limit", [1, 7])
def test_line_2_nor_of_manifests_and_versions(filled: Live, limit: int) -> None:
    family = made("campaign")
    for version in range(1, 9):
        push(filled, [{**family, "modified": stamp(version)}])
    versions = f"{objects_path(filled)}{family['id']}/versions/"
    for path, name in (("/allied/collections/us/manifest/", "objects"), (versions, "versions")):
        found = by_date(filled, path, limit)
        assert len(found) > 1
        assert all(page[name] for page in found[:-1])
        assert all(page[name] for page in found if name in page)


def by_date(live: Live, path: str, limit: int) -> list[Json]:
    """Walk by the last date of each page."""
    found, asked = [], {"limit": str(limit)}
    while True:
        assert len(found) < 400
        answer = live.get(READER, path, params=asked)
        found.append(answer.json())
        if not found[-1]["more"]:
            return found
        asked["added_after"] = answer.headers["X-TAXII-Date-Added-Last"]


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("limit", [1, 7])
def test_line_2_no_page_that_says_more_is_empty(filled: Live, limit: int, filters: dict[str, str]) -> None:
    found = pages(filled, limit, **filters)
    assert all(page.get("objects") for page in found if page["more"])
    assert all(page["objects"] for page in found if "objects" in page)


def test_line_2_nor_is_one_after_what_followed_was_taken_away(live: Live) -> None:
    agreement = live.agree("KR", "AU")
    push(live, [made("malware") for _ in range(4)], "kr-agency")
    path = objects_path(live, "kr")
    page = envelope(live, path, "au-cert", limit=2)
    assert page["more"] is True
    live.governor("AU").terminate(agreement)
    assert envelope(live, path, "au-cert", limit=2, next=page["next"]) == {"more": False}


def test_line_3_next_is_text_and_there_exactly_when_more_follow(filled: Live) -> None:
    for page in pages(filled, 4):
        assert ("next" in page) is page["more"]
        if page["more"]:
            assert isinstance(page["next"], str)
            assert page["next"]


def test_line_6_what_is_empty_is_left_out(filled: Live) -> None:
    nothing = {"added_after": "2100-01-01T00:00:00Z"}
    for path in (objects_path(filled), "/allied/collections/us/manifest/", objects_path(filled, "in")):
        assert envelope(filled, path, **nothing) == {"more": False}
    one = envelope(filled, objects_path(filled), limit=1)["objects"][0]["id"]
    for rest in (f"{one}/", f"{one}/versions/"):
        assert envelope(filled, f"{objects_path(filled)}{rest}", **nothing) == {"more": False}


def test_line_6_no_resource_holds_an_empty_list_or_a_null(filled: Live) -> None:
    for path in ("/taxii2/", "/allied/", "/allied/collections/", "/allied/collections/jp/"):
        assert _hollow(filled.get(READER, path).json()) == []
    status = filled.push("jp-cert", [made("malware")])
    assert _hollow(filled.get("jp-cert", f"/allied/status/{status.id}/").json()) == []


def _hollow(value: Any, place: str = "") -> list[str]:
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in _hollow(inner, f"{place}/{key}")]
    if isinstance(value, list):
        return [place] if not value else [one for inner in value for one in _hollow(inner, place)]
    return [place] if value is None else []


def test_line_7_an_envelope_has_no_other_keys(filled: Live) -> None:
    for page in pages(filled, 10):
        assert page.keys() <= {"more", "next", "objects"}
    manifest = envelope(filled, "/allied/collections/us/manifest/", limit=3)
    assert manifest.keys() == {"more", "next", "objects"}


# --- 4 and 5: the cursor --------------------------------------------------------------------------


def test_line_4_a_cursor_stands_alone_or_beside_what_it_began_with(filled: Live) -> None:
    dates = [one["date_added"] for one in envelope(filled, "/allied/collections/us/manifest/")["objects"]]
    asked = {"added_after": dates[3], "match[type]": "malware"}
    first = envelope(filled, objects_path(filled), limit=2, **asked)
    match = {"match[type]": "malware"}
    expected = envelope(filled, objects_path(filled), limit=100, next=first["next"], **asked)
    assert envelope(filled, objects_path(filled), next=first["next"], **match) == expected
    assert envelope(filled, objects_path(filled), next=first["next"]) == expected
    whole = envelope(filled, objects_path(filled), **asked)
    assert first["objects"] + expected["objects"] == whole["objects"]
    again = envelope(filled, objects_path(filled), limit=3, next=first["next"], **asked)
    assert again["objects"] == expected["objects"][:3]


@pytest.mark.parametrize("filters", FILTERS[:3])
def test_line_4_a_walk_by_next_alone_is_the_walk_that_was_begun(
    filled: Live, filters: dict[str, str]
) -> None:
    page = envelope(filled, objects_path(filled), limit=2, **filters)
    met = list(page["objects"])
    while page["more"]:
        page = envelope(filled, objects_path(filled), limit=5, next=page["next"])
        met += page["objects"]
    assert met == envelope(filled, objects_path(filled), **filters)["objects"]


def test_line_4_a_later_date_beside_a_cursor_asks_for_what_satisfies_both(filled: Live) -> None:
    """OpenCTI's connector never forgets a `next` and sets a new date each run; earlier OpenCTI sent both."""
    dates = [one["date_added"] for one in envelope(filled, "/allied/collections/us/manifest/")["objects"]]
    cursor = envelope(filled, objects_path(filled), limit=5)["next"]
    for date in dates[:10]:
        since = envelope(filled, objects_path(filled), added_after=max(date, dates[4]))
        beside = envelope(filled, objects_path(filled), added_after=date, next=cursor)
        assert beside["objects"] == since["objects"]


def test_line_5_a_cursor_of_something_else_is_400(filled: Live) -> None:
    push(filled, [made("malware") for _ in range(3)], "jp-agency")
    path = objects_path(filled)
    cursor = envelope(filled, path, limit=2)["next"]
    id = envelope(filled, path, limit=2)["objects"][0]["id"]
    others: list[tuple[str, str, dict[str, str]]] = [
        (READER, objects_path(filled, "jp"), {}),
        (READER, objects_path(filled, "released"), {}),
        (READER, f"{path}{id}/", {}),
        (READER, path, {"match[type]": "malware"}),
        (READER, path, {"match[version]": "all"}),
        ("jp-agency", path, {}),
        ("us-agency", path, {}),
    ]
    for member, place, filters in others:
        answer = filled.get(member, place, params={"next": cursor, **filters})
        assert (answer.status_code, "next: this cursor was given" in error(answer)) == (400, True)
    for text in (cursor[:-2], cursor[::-1], "50", "AAAA", "x" * 5_000):
        answer = filled.get(READER, path, params={"next": text})
        assert (answer.status_code, "next is not a cursor" in error(answer)) == (400, True)


# --- 14-16: order and dates -----------------------------------------------------------------------


def test_line_14_what_has_a_spec_version_comes_first_of_its_commit(either: Live) -> None:
    since = _last(either)
    pushed = [observable(), made("indicator"), observable(), made("malware"), observable()]
    push(either, pushed)
    met = envelope(either, objects_path(either), **since)["objects"]
    assert [one.get("spec_version") for one in met] == ["2.1", "2.1", None, None, None]
    assert by_id(met) == by_id(pushed)
    assert envelope(either, objects_path(either), limit=1, **since)["objects"][0]["spec_version"] == "2.1"


def _last(live: Live) -> dict[str, str]:
    date = live.get(READER, objects_path(live)).headers.get("X-TAXII-Date-Added-Last")
    return {"added_after": date} if date else {}


DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_line_15_every_answer_with_objects_says_their_dates(filled: Live) -> None:
    id = envelope(filled, objects_path(filled), limit=1)["objects"][0]["id"]
    places = ["manifest/", "objects/", f"objects/{id}/", f"objects/{id}/versions/"]
    for place in places:
        answer = filled.get(READER, f"/allied/collections/us/{place}")
        first, last = (answer.headers[f"X-TAXII-Date-Added-{end}"] for end in ("First", "Last"))
        assert DATE.fullmatch(first)
        assert DATE.fullmatch(last)
        assert first <= last
    empty = filled.get(READER, objects_path(filled), params={"added_after": "2100-01-01T00:00:00Z"})
    assert not [name for name in empty.headers if name.lower().startswith("x-taxii")]


def test_line_15_added_after_is_exclusive_in_every_spelling(filled: Live) -> None:
    entries = envelope(filled, "/allied/collections/us/manifest/")["objects"]
    entry = next(one for one in entries if not one["date_added"].endswith("000Z"))
    date, following = entry["date_added"], entries[entries.index(entry) + 1 :]
    expected = [one["id"] for one in following]
    for text in _spellings(date):
        url = f"{filled.url}{objects_path(filled)}?added_after={text}"
        assert [one["id"] for one in _get(filled, url).get("objects", [])] == expected, text
    for digits in (3, 0):  # cut off, it lies earlier: the object itself comes again, and none is lost
        cut = f"{date[:19]}Z" if digits == 0 else f"{date[:23]}Z"
        met = _get(filled, f"{filled.url}{objects_path(filled)}?added_after={cut}")["objects"]
        assert [one["id"] for one in met][-len(expected) - 1 :] == [entry["id"], *expected]


def _spellings(date: str) -> list[str]:
    instant = datetime.fromisoformat(date)
    east = instant.astimezone(timezone(timedelta(hours=9))).isoformat()
    west = instant.astimezone(timezone(timedelta(hours=-5))).isoformat()
    utc = instant.isoformat()
    return [
        date,
        quote(date, safe=""),
        date.lower(),
        f"{date[:-1]}000Z",
        east,
        quote(east),
        west,
        utc,
        quote(utc),
    ]


def _get(live: Live, url: str) -> Json:
    headers = {"Authorization": f"Bearer {live.member(READER).token}"}
    answer = requests.get(url, headers=headers, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def test_line_16_what_becomes_visible_later_gets_a_later_date(either: Live) -> None:
    """A relationship is withheld with what it refers to, and must not appear behind the poller's back."""
    red, seen = made("malware", object_marking_refs=[TLP["red"]]), made("indicator")
    link = made("relationship", source_ref=seen["id"], target_ref=red["id"])
    push(either, [link, red, seen])
    assert link["id"] not in in_full(either)
    date = _last(either)
    loosened = {**red, "modified": stamp(9), "object_marking_refs": [TLP["green"]]}
    push(either, [loosened])
    met = envelope(either, objects_path(either), **date)["objects"]
    assert by_id(met) == by_id([link, loosened])


# --- 25: patience ---------------------------------------------------------------------------------


def test_line_25_no_request_takes_longer_than_the_least_patient_client(live: Live) -> None:
    """OpenCTI's ingestion gives up after 30 seconds; counted are those that the server works on a request."""
    size = 1_500
    push(live, [made("indicator") for _ in range(size)], "jp-agency")
    url, met, cursor = f"{live.url}{objects_path(live, 'jp')}", 0, None
    headers = {"Authorization": f"Bearer {live.member('us-cert').token}"}
    while True:
        before = _worked_seconds(live)
        answer = requests.get(url, headers=headers, params={"next": cursor}, timeout=TIMEOUT_SECONDS)
        assert _worked_seconds(live) - before < LEAST_PATIENT_SECONDS
        met += len(answer.json()["objects"])
        if not answer.json()["more"]:
            break
        cursor = answer.json()["next"]
    assert met >= size


def _worked_seconds(live: Live) -> float:
    """Return what the server's processes have used of the processors: a busy machine does not add to it."""
    ticks = 0
    for pid in [live.process.pid, *workers(live)]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # user and system
    return ticks / os.sysconf("SC_CLK_TCK")
