"""The traps in the standard's own text (TAXII 2.1 sections 3-5), one by one: dates, filters, versions."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from tests.clients.exchange import (
    READER,
    envelope,
    error,
    in_full,
    last_date,
    made,
    objects_path,
    observable,
    push,
)
from tests.journeys.live import Live
from tests.stix_objects import Json, stamp

MANIFEST = "/allied/collections/us/manifest/"

# --- dates ----------------------------------------------------------------------------------------


def test_trap_dates_are_unique_and_rise_with_the_order(either: Live) -> None:
    push(either, [made("indicator") for _ in range(40)])
    entries = envelope(either, MANIFEST)["objects"]
    assert all(one["date_added"] < another["date_added"] for one, another in pairwise(entries))
    served = envelope(either, objects_path(either))["objects"]
    assert [one["id"] for one in served] == [one["id"] for one in entries]


def test_trap_nothing_is_committed_behind_a_poller(either: Live) -> None:
    """Four members push at once while two pollers walk, one by date and one by `next`."""
    members = ["us-agency", "us-agency2", "us-cert", "us-partner"]
    for member in members:
        either.member(member)
    start = last_date(either)
    pushed = {member: [[made("malware") for _ in range(3)] for _ in range(4)] for member in members}
    by_date, by_next = _by_date(either, start), _by_next(either, start)
    with ThreadPoolExecutor(len(members)) as pool:
        running = [pool.submit(_push_all, either, one, pushed[one]) for one in members]
        while not all(one.done() for one in running):
            by_date()
            by_next()
    for one in running:
        one.result()
    expected = {obj["id"] for batches in pushed.values() for batch in batches for obj in batch}
    for walk in (by_date, by_next):
        met = walk()
        assert len(met) == len(set(met))
        assert set(met) == expected


def _push_all(live: Live, member: str, batches: list[list[Json]]) -> None:
    for batch in batches:
        push(live, batch, member)


def _by_date(live: Live, start: str) -> Callable[[], list[str]]:
    met: list[str] = []
    state = {"added_after": start}

    def walk() -> list[str]:
        more = True
        while more:
            answer = live.get(READER, objects_path(live), params={**state, "limit": 2})
            met.extend(one["id"] for one in answer.json().get("objects", []))
            state["added_after"] = answer.headers.get("X-TAXII-Date-Added-Last", state["added_after"])
            more = answer.json()["more"]
        return met

    return walk


def _by_next(live: Live, start: str) -> Callable[[], list[str]]:
    met: list[str] = []
    state = {"added_after": start}

    def walk() -> list[str]:
        asked: dict[str, Any] = {**state, "limit": 2}
        while True:
            answer = live.get(READER, objects_path(live), params=asked)
            met.extend(one["id"] for one in answer.json().get("objects", []))
            state["added_after"] = answer.headers.get("X-TAXII-Date-Added-Last", state["added_after"])
            if not answer.json()["more"]:
                return met
            asked["next"] = answer.json()["next"]

    return walk


def test_trap_manifests_and_versions_continue_by_date_alone(either: Live) -> None:
    family = made("campaign")
    start = last_date(either)
    for n in range(1, 6):
        push(either, [{**family, "modified": stamp(n)}, made("campaign")])
    versions = f"{objects_path(either)}{family['id']}/versions/"
    for path, key, count in ((MANIFEST, "objects", 10), (versions, "versions", 5)):
        met: list[str] = []
        asked: dict[str, Any] = {"added_after": start, "limit": 2}
        if path == MANIFEST:
            asked["match[version]"] = "all"
        while True:
            answer = either.get(READER, path, params=asked)
            page = answer.json()
            met += map(str, page[key])
            assert ("next" in page) is page["more"]
            if not page["more"]:
                break
            asked["added_after"] = answer.headers["X-TAXII-Date-Added-Last"]
        assert len(set(met)) == count
        refused = either.get(READER, path, params={"next": "x"})
        assert (refused.status_code, "next" in error(refused)) == (400, True)


# --- filters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        *(f"limit={text}" for text in ("0", "-1", "", "x", "1.5", "1e3", "+5", " 5", "0x10", "٣")),
        "limit=5&limit=5",
        *(
            f"added_after={text}"
            for text in ("", "yesterday", "2026-01-01", "2026-13-01T00:00:00Z", "1700000000")
        ),
        "added_after=2026-01-01T00:00:00",
        "added_after=2026-01-01T00:00:00Z&added_after=2026-01-01T00:00:00Z",
        *(
            f"match[version]={text}"
            for text in ("all,last", "first,all", "newest", "", "last,", "2026-01-01")
        ),
        *(f"match[{field}]=" for field in ("id", "type", "spec_version")),
        "match[type]=malware&match[type]=malware",
        "match[id]=a,,b",
        "next=",
    ],
)
def test_trap_every_malformed_value_is_400_by_name(live: Live, query: str) -> None:
    paths = [objects_path(live), *([] if query.startswith("next") else [MANIFEST])]
    for path in paths:
        refused = live.get(READER, f"{path}?{query}")
        assert (refused.status_code, query.partition("=")[0] in error(refused)) == (400, True)


@pytest.mark.parametrize("limit", ["8", "1001", "999999999", "9" * 40, "9" * 5_000])
def test_trap_a_huge_limit_is_capped(small: Live, limit: str) -> None:
    push(small, [made("malware") for _ in range(9)])
    for path in (objects_path(small), MANIFEST):
        page = envelope(small, path, limit=limit)
        assert (len(page["objects"]), page["more"]) == (7, True)
        assert page["objects"] == envelope(small, path)["objects"]


def test_trap_noughts_before_a_limit_are_not_taken(live: Live) -> None:
    assert live.get(READER, objects_path(live), params={"limit": "007"}).status_code == 400


@pytest.mark.parametrize(
    "filters",
    [
        {"match[id]": "malware--no-such-thing"},
        {"match[id]": "'; DROP TABLE release; --"},
        {"match[type]": "x-nothing-like-it"},
        {"match[spec_version]": "2.0"},
        {"match[version]": "1999-01-01T00:00:00Z"},
        {"match[type]": "%"},
    ],
)
def test_trap_nonsense_that_is_well_formed_matches_nothing(live: Live, filters: dict[str, str]) -> None:
    push(live, [made("malware")])
    for path in (objects_path(live), MANIFEST):
        assert envelope(live, path, **filters) == {"more": False}


# --- versions -------------------------------------------------------------------------------------


def test_trap_last_is_the_highest_modified_and_the_default(either: Live) -> None:
    start = last_date(either)
    one, other = made("campaign"), made("indicator")
    for n in (2, 3, 1):
        push(either, [{**one, "modified": stamp(n)}])
    push(either, [other])
    ways: list[dict[str, str]] = [{}, {"match[version]": "last"}]
    for asked in ways:
        met = envelope(either, objects_path(either), added_after=start, **asked)["objects"]
        assert [(obj["id"], obj["modified"]) for obj in met] == [
            (one["id"], stamp(3)),
            (other["id"], stamp(1)),
        ]
        entries = envelope(either, MANIFEST, added_after=start, **asked)["objects"]
        assert [entry["version"] for entry in entries] == [stamp(3), stamp(1)]
    every = envelope(either, MANIFEST, added_after=start, **{"match[version]": "all"})["objects"]
    assert [entry["version"] for entry in every] == [stamp(n) for n in (2, 3, 1, 1)]
    first = envelope(either, objects_path(either), added_after=start, **{"match[version]": "first"})[
        "objects"
    ]
    assert [(obj["id"], obj["modified"]) for obj in first] == [(one["id"], stamp(1)), (other["id"], stamp(1))]


def test_trap_without_modified_the_version_is_created(live: Live) -> None:
    statement: Json = {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": f"marking-definition--{uuid.uuid4()}",
        "created": "2026-01-05T00:00:00.000Z",
        "definition_type": "statement",
        "definition": {"statement": "Copyright of the United States"},
    }
    push(live, [statement])
    entries = envelope(live, MANIFEST, **{"match[id]": statement["id"]})["objects"]
    assert [one["version"] for one in entries] == [statement["created"]]


def test_trap_an_observable_has_the_version_of_its_acceptance(either: Live) -> None:
    address = observable()
    push(either, [address])
    push(either, [address])
    changed = {**address, "x_seen": 2}
    push(either, [changed])
    match = {"match[id]": address["id"]}
    entries = envelope(either, MANIFEST, **match, **{"match[version]": "all"})["objects"]
    versions = [one["version"] for one in entries]
    assert versions == sorted(set(versions))
    assert len(versions) == 2
    assert in_full(either, **match) == {address["id"]: changed}
    for version, obj in zip(versions, (address, changed), strict=True):
        assert envelope(either, objects_path(either), **match, **{"match[version]": version})["objects"] == [
            obj
        ]


@pytest.mark.parametrize(
    "versions",
    [
        ["2026-02-01T00:00:00.000001Z", "2026-02-01T00:00:00.000002Z"],
        ["2026-02-01T00:00:00.100Z", "2026-02-01T00:00:00.100001Z"],
        ["2026-02-01T00:00:00.1000Z", "2026-02-01T00:00:00.101000Z"],
    ],
)
def test_trap_a_version_goes_out_as_it_came_in(either: Live, versions: list[str]) -> None:
    family = made("campaign")
    for version in versions:
        push(either, [{**family, "modified": version}])
    path = f"{objects_path(either)}{family['id']}/"
    assert envelope(either, f"{path}versions/")["versions"] == versions
    for version in versions:
        met = envelope(either, path, **{"match[version]": version})["objects"]
        assert [one["modified"] for one in met] == [version]
    assert [one["modified"] for one in envelope(either, path)["objects"]] == versions[-1:]


def test_trap_an_exact_duplicate_succeeds_and_moves_nothing(either: Live) -> None:
    objects = [made("malware"), observable(), made("campaign")]
    push(either, objects)
    before = envelope(either, MANIFEST, **{"match[version]": "all"})
    spelled_otherwise = [dict(reversed(list(one.items()))) for one in objects]
    for again in (objects, spelled_otherwise, [objects[0], objects[0]]):
        push(either, again)
    assert envelope(either, MANIFEST, **{"match[version]": "all"}) == before
