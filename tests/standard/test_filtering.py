"""Filters alone, in pairs and all at once, against what a plain reading of section 3.4 gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import pytest

from hub.model import version_key
from tests.standard.shapes import is_timestamp
from tests.standard.site import (
    CLOSE,
    A,
    B,
    FilledCollection,
    StoredVersion,
    collection_path,
    key,
    objects_of,
    said,
)
from tests.stix_objects import stix_id

PATH = collection_path("us")
ABSENT = stix_id("malware", 404)
# Of each filter what selects nothing, something, a list with something in it, and everything. The dates
# stand for positions in the collection: they are known only when it is filled.
CHOICES: dict[str, Sequence[str]] = {
    "id": (A["id"], f"{A['id']},{ABSENT},{B['id']}", ABSENT),
    "type": ("malware", "relationship,ipv4-addr", "marking-definition", "x-no-such-type"),
    "version": ("last", "first", "all", "first,last", CLOSE[1]["modified"], f"last,{A['modified']}"),
    "spec_version": ("2.1", "2.0", "2.0,2.1"),
    "added_after": ("before all", "after 2", "after 6", "after all"),
    "limit": ("1", "3", "1000"),
}
PAIRS = list(itertools.combinations(CHOICES, 2))
READERS = ("us-agency", "us-cert", "kr-cert")

# Every type of STIX 2.1 sections 4 to 7.
STIX_TYPES = [
    "attack-pattern",
    "campaign",
    "course-of-action",
    "grouping",
    "identity",
    "incident",
    "indicator",
    "infrastructure",
    "intrusion-set",
    "location",
    "malware",
    "malware-analysis",
    "note",
    "observed-data",
    "opinion",
    "report",
    "threat-actor",
    "tool",
    "vulnerability",
    "relationship",
    "sighting",
    "artifact",
    "autonomous-system",
    "directory",
    "domain-name",
    "email-addr",
    "email-message",
    "file",
    "ipv4-addr",
    "ipv6-addr",
    "mac-addr",
    "mutex",
    "network-traffic",
    "process",
    "software",
    "url",
    "user-account",
    "windows-registry-key",
    "x509-certificate",
    "marking-definition",
    "language-content",
    "extension-definition",
]


# --- the plain reading ------------------------------------------------------------------------------


def selected(entries: Sequence[StoredVersion], **filters: str) -> list[StoredVersion]:
    """What the filters select of a collection: each of them alone, and all together (section 3.4)."""
    chosen = [entry for entry in entries if _is_chosen(entry, entries, filters.get("version", "last"))]
    tests: dict[str, Callable[[StoredVersion, list[str]], bool]] = {
        "id": lambda entry, values: entry.id in values,
        "type": lambda entry, values: entry.type in values,
        "spec_version": lambda _entry, values: "2.1" in values,
        "added_after": lambda entry, values: entry.date_added > values[0],
    }
    for name, test in tests.items():
        if name in filters:
            chosen = [entry for entry in chosen if test(entry, filters[name].split(","))]
    return chosen


def _is_chosen(entry: StoredVersion, entries: Iterable[StoredVersion], choice: str) -> bool:
    versions = sorted(version_key(one.version) or "" for one in entries if one.id == entry.id)
    mine, values = version_key(entry.version), choice.split(",")
    named = {"all": versions, "first": versions[:1], "last": versions[-1:]}
    return any(mine in named.get(value, [version_key(value)]) for value in values)


def spelled(dated: Sequence[StoredVersion], filters: dict[str, str]) -> dict[str, str]:
    """The filters with the real dates in them."""
    dates = {
        "before all": "1970-01-01T00:00:00.000000Z",
        "after 2": dated[2].date_added,
        "after 6": dated[6].date_added,
        "after all": dated[-1].date_added,
    }
    return {name: dates.get(value, value) for name, value in filters.items()}


def assert_all_endpoints_agree(
    filled_collection: FilledCollection, reader: str, filters: dict[str, str]
) -> None:
    dated = filled_collection.dated(reader)
    asked = spelled(dated, filters)
    rows = selected(dated, **asked)
    limit = int(asked.get("limit", 1_000))
    pages = filled_collection.site.walk(reader, f"{PATH}objects/", **asked)
    assert key(objects_of(*pages)) == key(entry.body for entry in rows), asked
    assert all(len(objects_of(page)) <= limit for page in pages)
    records = objects_of(*filled_collection.site.walk_by_date(reader, f"{PATH}manifest/", **asked))
    assert [(one["id"], one["version"], one["date_added"]) for one in records] == [
        (entry.id, entry.version, entry.date_added) for entry in rows
    ], asked


# --- over the filled collection ---------------------------------------------------------------------


@pytest.mark.parametrize("reader", READERS)
def test_without_filters_the_latest_of_everything_is_returned_oldest_first(
    filled: FilledCollection, reader: str
) -> None:
    dated = filled.dated(reader)
    assert all(is_timestamp(entry.date_added) for entry in dated)
    assert [entry.date_added for entry in dated] == sorted({entry.date_added for entry in dated})
    assert_all_endpoints_agree(filled, reader, {})


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("reader", READERS)
def test_each_filter_alone_gives_what_it_says(filled: FilledCollection, reader: str, name: str) -> None:
    for value in CHOICES[name]:
        assert_all_endpoints_agree(filled, reader, {name: value})


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_filters_give_what_both_say(filled: FilledCollection, one: str, other: str) -> None:
    for values in itertools.product(CHOICES[one], CHOICES[other]):
        assert_all_endpoints_agree(filled, "kr-cert", dict(zip((one, other), values, strict=True)))


@pytest.mark.parametrize("value", CHOICES["version"])
def test_all_filters_at_once_give_what_all_say(filled: FilledCollection, value: str) -> None:
    for id, limit in itertools.product(CHOICES["id"], CHOICES["limit"]):
        filters = {"id": id, "type": "malware,tool", "version": value, "spec_version": "2.0,2.1"}
        assert_all_endpoints_agree(
            filled, "us-cert", {**filters, "added_after": "before all", "limit": limit}
        )


def test_the_plain_reading_is_not_empty(filled: FilledCollection) -> None:
    dated = filled.dated("kr-cert")
    counts = {value: len(selected(dated, version=value)) for value in CHOICES["version"]}
    assert counts["last"] == counts["first"] == len({entry.id for entry in dated})
    assert counts["last"] < counts["first,last"] < counts["all"] == len(dated)
    assert [entry.body for entry in selected(dated, version=CLOSE[1]["modified"])] == [CLOSE[1]]
    assert len(selected(dated, type="ipv4-addr", version="all")) == 3


# --- what a value may be ----------------------------------------------------------------------------


@pytest.mark.parametrize("stix_type", [*STIX_TYPES, "x-acme-thing", "no such type", "Malware"])
def test_no_type_is_an_error(filled: FilledCollection, stix_type: str) -> None:
    answers = [filled.site.get("us-cert", PATH + rest, type=stix_type) for rest in ("objects/", "manifest/")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert all(one["type"] == stix_type for one in objects_of(answers[0]))


def test_a_list_of_every_type_is_one_filter(filled: FilledCollection) -> None:
    everything = filled.site.get("us-cert", f"{PATH}objects/", type=",".join(STIX_TYPES))
    assert key(objects_of(everything)) == key(objects_of(filled.site.get("us-cert", f"{PATH}objects/")))


@pytest.mark.parametrize("value", ["last", "first", "all", CLOSE[1]["modified"]])
def test_a_version_or_keyword_named_twice_is_named_once(filled: FilledCollection, value: str) -> None:
    for rest in ("objects/", "manifest/", f"objects/{CLOSE[1]['id']}/"):
        once = filled.site.get("kr-cert", PATH + rest, version=value)
        twice = filled.site.get("kr-cert", PATH + rest, version=f"{value},{value}")
        assert objects_of(once) == objects_of(twice) != []


def test_versions_a_microsecond_apart_are_two(filled: FilledCollection) -> None:
    for body in CLOSE:
        found = objects_of(filled.site.get("kr-cert", f"{PATH}objects/", version=body["modified"]))
        assert found == [body]


def test_what_has_no_modified_is_found_by_created_or_by_the_version_that_the_hub_gave(
    filled: FilledCollection,
) -> None:
    plain = [entry for entry in filled.entries if "modified" not in entry.body]
    assert {entry.type for entry in plain} == {"ipv4-addr", "marking-definition"}
    for entry in plain:
        asked = {"id": entry.id, "version": entry.version}
        assert objects_of(filled.site.get("us-cert", f"{PATH}objects/", **asked)) == [entry.body]
        assert entry.version == entry.body.get("created", entry.version)


def test_a_field_that_nobody_defined_is_refused_by_name(filled: FilledCollection) -> None:
    answer = filled.site.get("us-cert", f"{PATH}objects/", name="Sample")
    assert answer.status_code == 400
    assert "match[name]" in said(answer)["description"]


def test_filters_on_a_manifest_are_about_the_objects(filled: FilledCollection) -> None:
    records = objects_of(filled.site.get("us-cert", f"{PATH}manifest/", type="malware"))
    assert {record["id"].split("--")[0] for record in records} == {"malware"}
    assert all("type" not in record for record in records)
