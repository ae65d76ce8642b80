"""A filter is followed or refused by name: nothing malformed widens an answer."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from hub.errors import BadFilter
from hub.model import VersionFilter
from hub.web.taxii import filters
from hub.web.taxii.filters import OBJECTS, Filters
from tests.web.conftest import INDICATOR, PAGE_LIMIT, Played, Web, objects_url, row, said

NUL = "\0"


def read(pairs: list[tuple[str, str]], fields: tuple[str, ...] = OBJECTS) -> Filters:
    return filters.read(MultiDict(pairs), fields, page_limit=PAGE_LIMIT)


REFUSED = [
    # limit
    *[
        ("limit", text)
        for text in ("0", "-1", "+5", "05", " 5", "5 ", "", "x", "1.0", "1e3", "0x5", "\u0665", "5,6")
    ],
    # next
    ("next", ""),
    # added_after
    *[
        ("added_after", text)
        for text in (
            "",
            "yesterday",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "2016-12-30T23:59:60Z",
            "2016-12-31T23:59:60+01:00",
            "2016-12-31T23:59:61Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+0100",
            "0000-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z,2026-01-02T00:00:00Z",
            "\u0662026-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z\n",
        )
    ],
    # match fields that hold nothing
    *[(f"match[{name}]", text) for name in OBJECTS for text in ("", ",", "a,", ",a", "a,,b", " ", f"a{NUL}")],
    # versions
    *[
        ("match[version]", text)
        for text in ("latest", "LAST", "all,last", "all,2026-01-01T00:00:00Z", "2026-01-01")
    ],
    # match fields that are none
    *[
        (name, "x")
        for name in (
            "match[match[type]]",
            "match[]",
            "match[foo bar]",
            "match[foo]",
            "match[Type]",
            "Match[type]",
            "MATCH[type]",
            "match [type]",
            "match%5Btype%5D",
            "match",
            "match[type",
            "match.type",
            "match[type] ",
            "match_type",
            " match[type]",
            "\tmatch[type]",
            "amp;match[type]",
            "&match[type]",
            "amp;Match[type]",
            "amp;match%5Btype%5D",
            "%20match[type]",
            "20match%5Btype%5D",
            "xmatch[type]",
        )
    ],
    # what a badly quoted address makes of the others
    *[
        (f"{before}{name}", "1")
        for before in (" ", "amp;", "amp; ")
        for name in ("limit", "next", "added_after")
    ],
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_what_is_malformed_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadFilter, match="^" + re.escape(name)):
        read([(name, value)])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "5"),
        ("added_after", "2026-01-01T00:00:00Z"),
        ("next", "x"),
        ("match[type]", "malware"),
        ("match[version]", "last"),
        ("match[spec_version]", "2.1"),
        ("match[id]", INDICATOR),
    ],
)
def test_a_repeated_parameter_is_refused_even_when_it_agrees(name: str, value: str) -> None:
    with pytest.raises(BadFilter, match="give it once"):
        read([(name, value), (name, value)])


@pytest.mark.parametrize(
    ("fields", "name"), [(filters.OBJECT, "id"), (filters.OBJECT, "type"), (filters.VERSIONS, "version")]
)
def test_a_field_of_another_endpoint_is_refused(fields: tuple[str, ...], name: str) -> None:
    with pytest.raises(BadFilter, match=rf"match\[{name}\]: not a filter of this endpoint"):
        read([(f"match[{name}]", "last")], fields)


def test_a_long_name_is_not_repeated_in_full() -> None:
    with pytest.raises(BadFilter) as refusal:
        read([("match[" + "x" * 5_000 + "]", "1")])
    assert len(str(refusal.value)) < 250


# --- what is well-formed ----------------------------------------------------------------------------


def test_without_parameters_the_last_versions_are_asked_for_a_page_long() -> None:
    asked = read([])
    assert (asked.limit, asked.next, asked.added_after) == (PAGE_LIMIT, None, None)
    assert (asked.ids, asked.types, asked.versions) == (frozenset(), frozenset(), frozenset())
    assert (asked.spec_versions, asked.selections) == ({"2.1"}, {VersionFilter.LAST})


@pytest.mark.parametrize(
    ("text", "limit"), [("1", 1), ("99", 99), ("100", 100), ("101", 100), ("9" * 18, 100), ("9" * 4_000, 100)]
)
def test_a_limit_is_capped_however_large(text: str, limit: int) -> None:
    assert read([("limit", text)]).limit == limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01t00:00:00z", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00:00.5Z", datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-01T00:00:00.123456Z", datetime(2026, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-01-01T00:00:00.1234569Z", datetime(2026, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-01-01T09:00:00+09:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T09:00:00.000001 09:00", datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
        ("2025-12-31T18:30:00-05:30", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00:00-00:00", datetime(2026, 1, 1, tzinfo=UTC)),
        (f"2026-01-01T00:00:00.{'1' * 60}Z", datetime(2026, 1, 1, 0, 0, 0, 111_111, tzinfo=UTC)),
        # a leap second is the end of the one before it
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2017-01-01T08:59:60.5+09:00", datetime(2016, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("9999-12-31T23:59:60Z", datetime.max.replace(tzinfo=UTC)),
        # beyond either end of what can be named, it is that end
        ("0001-01-01T00:00:00+01:00", datetime.min.replace(tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime.min.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59-01:00", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_added_after_is_any_rfc_3339_instant(text: str, expected: datetime) -> None:
    assert read([("added_after", text)]).added_after == expected


@pytest.mark.parametrize(
    ("text", "selections", "versions"),
    [
        ("all", {"all"}, set()),
        ("first", {"first"}, set()),
        ("first,last", {"first", "last"}, set()),
        ("last, last", {"last"}, set()),
        ("2026-01-01T00:00:00.100Z", set(), {"2026-01-01T00:00:00.1"}),
        ("first,2026-01-01T00:00:00.000Z", {"first"}, {"2026-01-01T00:00:00"}),
        ("2026-01-01T01:00:00.1234567+01:00", set(), {"2026-01-01T00:00:00.1234567"}),
    ],
)
def test_match_version_gives_keywords_and_version_keys(
    text: str, selections: set[str], versions: set[str]
) -> None:
    asked = read([("match[version]", text)])
    assert (asked.selections, asked.versions) == (selections, versions)


def test_well_formed_nonsense_is_passed_on_to_match_nothing() -> None:
    asked = read([("match[type]", "no-such,Ünïcode"), ("match[id]", "x"), ("match[spec_version]", "2.0, 9")])
    assert asked.types == {"no-such", "Ünïcode"}
    assert asked.ids == {"x"}
    assert asked.spec_versions == {"2.0", "9"}


@pytest.mark.parametrize(
    "name", ["foo", "api_key", "matching", "rematch", "best_match", "amp;foo", "added", "_", "status"]
)
def test_parameters_that_nobody_defined_are_ignored(name: str) -> None:
    assert read([(name, "x"), (name, "y")]) == read([])


@given(st.lists(st.tuples(st.sampled_from(["limit", "next", "added_after", "match[version]"]), st.text())))
@example([("added_after", "2026-01-01T00:00:00." + "1" * 60 + "Z")])
def test_every_text_is_followed_or_refused(pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(BadFilter):
        assert 1 <= read(pairs).limit <= PAGE_LIMIT


# --- over HTTP --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        *(
            "limit=0",
            "limit=x",
            "limit=+5",
            "limit=%205",
            "limit=5&limit=5",
            "match[]=a",
            "match[type]=",
            "next=",
        ),
        *(
            "%20match[type]=malware",
            "amp;match[type]=malware",
            "limit=1&amp;added_after=2026-01-01T00:00:00Z",
        ),
    ],
)
@pytest.mark.parametrize("rest", ["", f"{INDICATOR}/", f"{INDICATOR}/versions/"])
def test_a_bad_parameter_is_400_and_asks_nothing(client: Web, played: Played, rest: str, query: str) -> None:
    answer = client.get(objects_url(rest=rest) + f"?{query}")
    assert (answer.status_code, played.queries) == (400, [])
    assert said(answer)["description"].startswith(unquote(query.rpartition("&")[2])[:4])


@pytest.mark.parametrize(
    "text", ["2026-01-01T09:00:00+09:00", "2026-01-01T09%3A00%3A00%2B09%3A00", "2026-01-01T00:00:00.000000Z"]
)
def test_added_after_is_read_with_its_plus_encoded_or_not(client: Web, played: Played, text: str) -> None:
    assert client.get(f"{objects_url()}?added_after={text}").status_code == 200
    assert played.queries[0].added_after == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("digits", [1, 19, 4_000, 5_000, 60_000])
@pytest.mark.parametrize("rest", ["", f"{INDICATOR}/", f"{INDICATOR}/versions/"])
def test_a_limit_of_any_length_is_capped(client: Web, played: Played, rest: str, digits: int) -> None:
    played.rows = (row(1),)
    assert (
        client.get(f"{objects_url(rest=rest)}?limit={'9' * digits}&match[spec_version]=2.1").status_code
        == 200
    )
    assert played.queries[0].limit == min(9 if digits == 1 else PAGE_LIMIT, PAGE_LIMIT)
    assert played.queries[0].spec_versions == {"2.1"}


@pytest.mark.parametrize("text", ["-" + "9" * 5_000, "9" * 5_000 + "x", "0" * 5_000])
def test_and_what_is_no_limit_stays_refused_by_name_at_any_length(
    client: Web, played: Played, text: str
) -> None:
    answer = client.get(f"{objects_url()}?limit={text}")
    assert (answer.status_code, played.queries) == (400, [])
    assert "limit" in said(answer)["description"]


def test_the_filters_reach_the_query(client: Web, played: Played) -> None:
    client.get(f"{objects_url()}?limit=7&match[type]=malware,tool&match[id]={INDICATOR}&match[version]=all")
    query = played.queries[0]
    assert (query.limit, query.types, query.ids) == (7, {"malware", "tool"}, {INDICATOR})
    assert query.selections == {VersionFilter.ALL}
