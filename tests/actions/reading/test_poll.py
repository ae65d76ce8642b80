"""Pages of a reader's ledger: filters, order, and cursors that serve one reader for one question."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hub.actions.reading import poll
from hub.actions.service import in_force
from hub.errors import BadCursor, BadFilter
from hub.model import Limits, Query, VersionFilter, version_key
from hub.rules.release.justifications import is_visible
from hub.store.ledger import pages
from hub.store.ledger.pages import Valid
from tests.named_objects import address, malware, relation
from tests.world import World, clause, paged
from tests.world.paged import Row

_LAST, _FIRST, _ALL = (frozenset({f}) for f in (VersionFilter.LAST, VersionFilter.FIRST, VersionFilter.ALL))


def _names(rows: Any) -> list[str]:
    return [json.loads(row.body)["name"] for row in rows]


def _pages(world: World, query: Query) -> list[tuple[Row, ...]]:
    found, start = [], query
    while True:
        page = paged.objects(world.service, query)
        found.append(page.rows)
        if not page.more:
            return found
        query = poll.open_cursor(world.service, start, poll.seal_cursor(world.service, start, page))


@pytest.fixture
def ten(world: World) -> World:
    world.agree(["US", "KR", "JP"], clause("US", "KR"), clause("JP", "KR"))
    for n in range(0, 10, 2):
        world.accepted("us-cert", malware(str(n)), malware(str(n + 1)))
    return world


# --- what stands ----------------------------------------------------------------------------------


def test_however_many_justifications_stand_a_poll_is_answered(ten: World) -> None:
    query = ten.query("kr-cert", "US", selections=_FIRST)
    right = _names(paged.objects(ten.service, query).rows)
    with ten.service.store.read() as connection:
        known = ten.service.in_force.visible(connection, query.reader, ten.clock()).valid(query).ids
        others = range(100_000, 170_000)
        assert len(pages.served(connection, query, Valid([*known, *others]))) == len(right)
        assert not pages.is_there(connection, query, Valid(others))


def test_a_new_justification_alone_is_evaluated(ten: World, monkeypatch: pytest.MonkeyPatch) -> None:
    query = ten.query("kr-cert")
    assert len(paged.objects(ten.service, query).rows) > 10
    asked: list[Any] = []
    monkeypatch.setattr(in_force, "is_visible", lambda *a: [is_visible(*a), asked.append(a)][0])
    ten.accepted("us-cert", malware("other", "amber+strict"))
    assert "other" in _names(paged.objects(ten.service, ten.query("kr-cert", "US")).rows)
    assert len(asked) == 1
    paged.objects(ten.service, query)
    assert len(asked) == 1


# --- pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3, 5, 10, 11])
def test_pages_of_any_size_give_everything_once_in_order(ten: World, limit: int) -> None:
    pages = _pages(ten, ten.query("kr-cert", "US", limit))
    assert [len(page) for page in pages] == [limit] * (10 // limit) + ([10 % limit] if 10 % limit else [])
    rows = [row for page in pages for row in page]
    assert _names(rows) == [str(n) for n in range(10)]
    assert [row.date_added for row in rows] == sorted({row.date_added for row in rows})


def test_a_page_ends_at_its_bytes_but_is_never_empty(ten: World) -> None:
    size = len(paged.objects(ten.service, ten.query("kr-cert", "US", 1)).rows[0].body)
    for page_bytes, lengths in [(1, [1] * 10), (3 * size, [3, 3, 3, 1]), (3 * size - 1, [2] * 5)]:
        small = ten.changed(limits=Limits(page_bytes=page_bytes))
        assert [len(page) for page in _pages(small, small.query("kr-cert", "US"))] == lengths


def test_a_manifest_is_the_same_without_bodies(ten: World) -> None:
    query = ten.query("kr-cert", "US", 4)
    objects, manifest = paged.objects(ten.service, query), paged.manifest(ten.service, query)
    assert manifest.more
    assert list(manifest.rows) == [replace(row, body=b"") for row in objects.rows]


def test_an_empty_ledger_is_an_empty_page(world: World) -> None:
    assert paged.objects(world.service, world.query("kr-cert", "US")).rows == ()
    assert not paged.objects(world.service, world.query("kr-cert", "US")).more


def test_what_is_written_between_two_pages_comes_on_the_last(ten: World) -> None:
    query = ten.query("kr-cert", "US", 6)
    page = paged.objects(ten.service, query)
    ten.accepted("us-cert", malware("0", version=2), malware("new"))
    rest = poll.open_cursor(ten.service, query, poll.seal_cursor(ten.service, query, page))
    assert _names(paged.objects(ten.service, rest).rows) == ["6", "7", "8", "9", "0", "new"]


def test_what_is_withdrawn_between_two_pages_is_not_served(ten: World) -> None:
    query = ten.query("kr-cert", "US", 6)
    page = paged.objects(ten.service, query)
    ten.accepted("us-cert", malware("7", "red", version=2))
    rest = poll.open_cursor(ten.service, query, poll.seal_cursor(ten.service, query, page))
    assert _names(paged.objects(ten.service, rest).rows) == ["6", "8", "9"]


# --- added_after ----------------------------------------------------------------------------------


def test_added_after_is_exclusive_to_the_microsecond(ten: World) -> None:
    rows = paged.objects(ten.service, ten.query("kr-cert", "US")).rows
    microsecond = timedelta(microseconds=1)
    for n, row in enumerate(rows):
        for instant, expected in [
            (row.date_added - microsecond, rows[n:]),
            (row.date_added, rows[n + 1 :]),
        ]:
            assert (
                paged.objects(ten.service, ten.query("kr-cert", "US", added_after=instant)).rows == expected
            )


def test_added_after_before_and_behind_everything(ten: World) -> None:
    assert len(ten.rows("kr-cert", "US", added_after=ten.clock() - timedelta(days=9_999))) == 10
    assert ten.rows("kr-cert", "US", added_after=ten.clock() + timedelta(days=9_999)) == []


# --- filters --------------------------------------------------------------------------------------


def test_filters_select_before_the_page_is_cut(ten: World) -> None:
    edge = relation(malware("1"), malware("2"))
    ten.accepted("us-cert", edge)
    assert [row.id for row in ten.rows("kr-cert", types=frozenset({"relationship"}), limit=1)] == [edge["id"]]
    ids = frozenset({malware("3")["id"], malware("8")["id"], malware("none")["id"]})
    assert _names(ten.rows("kr-cert", ids=ids, limit=1)) == ["3", "8"]
    assert ten.rows("kr-cert", ids=ids, types=frozenset({"relationship"})) == []


def test_collections_are_by_origin_and_released_is_all(ten: World) -> None:
    ten.accepted("jp-cert", malware("j"))
    ten.accepted("kr-cert", malware("k"))
    assert _names(ten.rows("kr-cert", "JP")) == ["j"]
    assert _names(ten.rows("kr-cert", "KR")) == ["k"]
    assert _names(ten.rows("kr-cert")) == [*map(str, range(10)), "j", "k"]
    assert ten.rows("jp-cert", "US") == []


def test_only_stix_21_is_there(ten: World) -> None:
    assert ten.rows("kr-cert", spec_versions=frozenset({"2.0"})) == []
    assert len(ten.rows("kr-cert", "US", spec_versions=frozenset({"2.0", "2.1"}))) == 10


def test_versions_first_last_all_and_exact(world: World) -> None:
    world.agree(["US", "KR"], clause("US", "KR"))
    versions = [malware("a", "amber", n) for n in (1, 2, 3)]
    for version in (versions[1], versions[2], versions[0]):
        world.accepted("us-cert", version)
    exact = frozenset({version_key(versions[1]["modified"]) or ""})
    table = [
        (_LAST, frozenset(), [3]),
        (_FIRST, frozenset(), [1]),
        (_FIRST | _LAST, frozenset(), [3, 1]),
        (_ALL, frozenset(), [2, 3, 1]),
        (frozenset(), exact, [2]),
        (_LAST, exact, [2, 3]),
    ]
    for selections, chosen, expected in table:
        rows = world.rows("kr-agency", selections=selections, versions=chosen)
        assert [json.loads(row.body) for row in rows] == [versions[n - 1] for n in expected]


def test_first_is_the_first_that_the_reader_sees(world: World) -> None:
    unmarked, later = malware("a", None, 1), malware("a", "green", 2)
    world.agree(["US", "KR"], clause("US", "KR", max_tlp="green"))
    world.accepted("us-cert", unmarked, later)
    assert [json.loads(row.body) for row in world.rows("us-cert", selections=_FIRST)] == [unmarked]
    assert [json.loads(row.body) for row in world.rows("kr-cert", selections=_FIRST)] == [later]


def test_objects_with_spec_version_take_the_earlier_positions(world: World) -> None:
    bare = {key: value for key, value in address("192.0.2.1").items() if key != "spec_version"}
    world.accepted("us-cert", bare, malware("a"), malware("b"))
    assert [row.id.split("--")[0] for row in world.rows("us-cert")] == ["malware", "malware", "ipv4-addr"]


# --- cursors --------------------------------------------------------------------------------------


def test_a_cursor_serves_its_reader_collection_and_filters_alone(ten: World) -> None:
    query = ten.query("kr-cert", "US", 2, types=frozenset({"malware"}))
    page = paged.objects(ten.service, query)
    text = poll.seal_cursor(ten.service, query, page)
    others = [
        ten.query("kr-agency", "US", 2, types=frozenset({"malware"})),
        ten.query("us-cert", "US", 2, types=frozenset({"malware"})),
        replace(query, origin="KR"),
        replace(query, origin=None),
        replace(query, types=frozenset()),
        replace(query, types=frozenset({"malware", "relationship"})),
        replace(query, ids=frozenset({malware("1")["id"]})),
        replace(query, selections=_ALL),
        replace(query, versions=frozenset({"2026-01-01T00:00:00"})),
        replace(query, spec_versions=frozenset({"2.1", "2.0"})),
    ]
    for other in others:
        with pytest.raises(BadCursor):
            poll.open_cursor(ten.service, other, text)
    assert (
        poll.open_cursor(ten.service, replace(query, limit=7), text).added_after == page.rows[-1].date_added
    )


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"types": frozenset({"malware"})},
        {"ids": frozenset(malware(str(n))["id"] for n in range(6))},
        {"selections": _ALL, "types": frozenset({"malware", "tool"})},
        {"selections": frozenset(), "versions": frozenset({version_key(malware("1")["modified"])})},
        {"selections": _FIRST | _LAST, "spec_versions": frozenset({"2.0", "2.1"})},
    ],
)
def test_a_cursor_carries_its_filters_for_who_does_not_repeat_them(
    ten: World, filters: dict[str, Any]
) -> None:
    query = ten.query("kr-cert", "US", 2, **filters)
    text = poll.seal_cursor(ten.service, query, paged.objects(ten.service, query))
    plain = ten.query("kr-cert", "US", 2)
    continued = poll.open_cursor(ten.service, plain, text, is_filtered=False)
    assert continued == poll.open_cursor(ten.service, query, text)
    assert [row.id for row in paged.objects(ten.service, continued).rows] == [
        row.id for row in ten.rows("kr-cert", "US", **filters)[2:4]
    ]


def test_an_id_in_the_path_is_not_widened_by_a_cursor(ten: World) -> None:
    one, two = (frozenset({malware(name)["id"]}) for name in ("1", "2"))
    everything = ten.query("kr-cert", "US", 2)
    page = paged.objects(ten.service, everything)
    for ids in (frozenset(), two, one | two):
        text = poll.seal_cursor(ten.service, replace(everything, ids=ids), page)
        with pytest.raises(BadCursor):
            poll.open_cursor(ten.service, replace(everything, ids=one), text, is_filtered=False)
    text = poll.seal_cursor(ten.service, replace(everything, ids=one, selections=_ALL), page)
    continued = poll.open_cursor(ten.service, replace(everything, ids=one), text, is_filtered=False)
    assert (continued.ids, continued.selections) == (one, _ALL)


def test_filters_too_long_for_a_cursor_are_to_be_repeated(ten: World) -> None:
    ids = [malware(str(n))["id"] for n in range(200)]
    page = paged.objects(ten.service, ten.query("kr-cert", "US", 2))
    lengths = []
    for count in range(1, 200, 5):
        query = ten.query("kr-cert", "US", 2, ids=frozenset(ids[:count]))
        text = poll.seal_cursor(ten.service, query, page)
        lengths.append(len(text))
        assert poll.open_cursor(ten.service, query, text).ids == query.ids
        if count > 25:
            with pytest.raises(BadCursor, match="repeat them"):
                poll.open_cursor(ten.service, ten.query("kr-cert", "US", 2), text, is_filtered=False)
    assert 1_500 < max(lengths) < 2_048
    assert lengths[-1] < 500


def test_behind_a_cursor_added_after_may_be_repeated_left_out_or_later(ten: World) -> None:
    instant = ten.rows("kr-cert", "US")[2].date_added
    query = ten.query("kr-cert", "US", 2, added_after=instant)
    text = poll.seal_cursor(ten.service, query, paged.objects(ten.service, query))
    last = ten.rows("kr-cert", "US")[6].date_added
    for date, expected in ((instant, ["5", "6"]), (None, ["5", "6"]), (last, ["7", "8"])):
        again = replace(query, added_after=date)
        rows = paged.objects(ten.service, poll.open_cursor(ten.service, again, text)).rows
        assert _names(rows) == expected


def test_an_altered_or_invented_cursor_is_refused(ten: World) -> None:
    query = ten.query("kr-cert", "US", 2)
    text = poll.seal_cursor(ten.service, query, paged.objects(ten.service, query))
    for n in range(0, len(text), 7):
        with pytest.raises(BadCursor):
            poll.open_cursor(ten.service, query, text[:n] + ("A" if text[n] != "A" else "B") + text[n + 1 :])
    for other in ("", "2", text[:-4], text + "AAAA", text.lower(), "é", "A" * 5_000):
        with pytest.raises(BadCursor):
            poll.open_cursor(ten.service, query, other)
    elsewhere = ten.changed(secrets=replace(ten.service.secrets, cursor_key=b"x" * 32))
    with pytest.raises(BadCursor):
        poll.open_cursor(elsewhere.service, query, text)


def test_a_cursor_tells_its_holder_nothing(ten: World) -> None:
    query = ten.query("kr-cert", "US", 2)
    page = paged.objects(ten.service, query)
    assert poll.seal_cursor(ten.service, query, page) != poll.seal_cursor(ten.service, query, page)
    many = ten.query(
        "kr-cert", "US", 2, ids=frozenset(row["id"] for row in map(malware, map(str, range(999))))
    )
    assert len(poll.seal_cursor(ten.service, many, page)) < 500


def test_cursors_serve_across_processes(ten: World) -> None:
    query = ten.query("kr-cert", "US", 2)
    text = poll.seal_cursor(ten.service, query, paged.objects(ten.service, query))
    assert poll.open_cursor(ten.changed().service, query, text).added_after is not None
    assert BadFilter.status == BadCursor.status == 400
