"""The invariants of policy 10, on generated worlds played by the real acts on a real database.

The same worlds on every run; HUB_TEST_EXAMPLES=500 draws others, and more.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.model import Tlp, VersionFilter
from tests.oracle import OracleVersion
from tests.properties.playing import Play
from tests.properties.world_strategies import agreements, apart, event_lists
from tests.properties.worlds import (
    DEFAULTS,
    LEVELS,
    MEMBERS,
    NATIONS,
    Agree,
    Amend,
    Delete,
    DrawnClause,
    Event,
    LifecycleEvent,
    Nothing,
    Push,
    Terminate,
    Wait,
)
from tests.world import Copies, Seen, World
from tests.world.paged import Row

EXAMPLES = int(os.environ.get("HUB_TEST_EXAMPLES", "10"))
FEWER = settings(
    derandomize="HUB_TEST_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    max_examples=EXAMPLES,
    suppress_health_check=list(HealthCheck),
)
MORE = settings(FEWER, max_examples=3 * EXAMPLES)
FIRST = frozenset({VersionFilter.FIRST})
LAST = frozenset({VersionFilter.LAST})


@pytest.fixture(scope="module")
def copies() -> Copies:
    return Copies(codes=NATIONS, defaults={code: Tlp.of(level) for code, level in DEFAULTS.items()})


@contextmanager
def a_world(copies: Copies) -> Iterator[World]:
    world = copies.copy()
    try:
        yield world
    finally:
        copies.discard(world)


def rows(seen: Sequence[Seen]) -> Counter[tuple[str, str, str, str]]:
    return Counter((s.origin, s.id, s.version, canonical(json.loads(s.body))) for s in seen)


def expected(play: Play, versions: Iterable[OracleVersion]) -> Counter[tuple[str, str, str, str]]:
    return Counter((play.oracle.nation(v), v.id, v.text, canonical(v.obj)) for v in versions)


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def compare(play: Play, world: World) -> None:
    """Every full poll of every reader is what the oracle says, equal as JSON to what was submitted."""
    for reader, versions in play.oracle.everybody(play.in_order(), play.now).items():
        assert rows(world.see(reader)) == expected(play, versions), reader
        newest = [v for v in versions if play.oracle.is_newest(v)]
        assert ids(world.released(reader, LAST)) == Counter((v.id, v.text) for v in newest), reader
        first = [v for v in versions if not any(is_earlier(other, v) for other in versions)]
        assert ids(world.released(reader, FIRST)) == Counter((v.id, v.text) for v in first), reader


def ids(rows: Iterable[Row]) -> Counter[tuple[str, str]]:
    return Counter((row.id, row.version) for row in rows)


def is_earlier(one: OracleVersion, other: OracleVersion) -> bool:
    return (one.member, one.id) == (other.member, other.id) and one.when < other.when


# --- I1, I5, I7 -----------------------------------------------------------------------------------


@MORE
@given(events=event_lists)
def test_a_full_poll_is_exactly_what_the_policy_releases(copies: Copies, events: list[Event]) -> None:
    with a_world(copies) as world:
        play = Play(world).play(events)
        compare(play, world)


@FEWER
@given(events=event_lists)
def test_it_is_so_after_every_single_event(copies: Copies, events: list[Event]) -> None:
    with a_world(copies) as world:
        play = Play(world)
        for event in events:
            play.step(event)
            for reader, versions in play.oracle.everybody(play.in_order(), play.now).items():
                told = Counter((row.id, row.version) for row in world.released(reader))
                assert told == Counter((v.id, v.text) for v in versions), reader


# --- I2 -------------------------------------------------------------------------------------------


def polls(copies: Copies, events: Sequence[Event]) -> dict[str, set[tuple[str, str, str]]]:
    with a_world(copies) as world:
        Play(world).play(events)
        return {reader: {(s.origin, s.id, s.version) for s in world.see(reader)} for reader in MEMBERS}


@FEWER
@given(events=event_lists, more=agreements, data=st.data())
def test_adding_an_agreement_never_hides(
    copies: Copies, events: list[Event], more: Agree, data: st.DataObject
) -> None:
    # Each nation has its own ids: what one may pass on of another's does depend on what it may see.
    events = apart(events, NATIONS)
    place = data.draw(st.integers(0, len(events)))
    # What is done to agreements made later counts one more.
    events = [*events[:place], *later_by_one(events, place)]
    before = polls(copies, [*events[:place], Nothing(), *events[place:]])
    after = polls(copies, [*events[:place], more, *events[place:]])
    assert all(before[reader] <= after[reader] for reader in MEMBERS)


def later_by_one(events: Sequence[Event], place: int) -> list[Event]:
    made = sum(isinstance(event, Agree | Amend) for event in events[:place])
    return [
        replace(event, agreement=event.agreement + (event.agreement >= made))
        if isinstance(event, LifecycleEvent)
        else event
        for event in events[place:]
    ]


@FEWER
@given(events=event_lists, data=st.data())
def test_a_stricter_marking_never_reveals(copies: Copies, events: list[Event], data: st.DataObject) -> None:
    # Each member has its own ids: a reference to another member's record counts only while the
    # referring member sees it, so that hiding it from that member may show the referring object.
    events = one_by_one(apart(events, MEMBERS))
    marked = [
        (n, k)
        for n, event in enumerate(events)
        if isinstance(event, Push)
        for k, draft in enumerate(event.drafts)
        if draft.tlp not in (None, "red")
    ]
    if not marked:
        return
    n, k = data.draw(st.sampled_from(marked))
    push = events[n]
    assert isinstance(push, Push)
    draft = push.drafts[k]
    stricter = LEVELS[LEVELS.index(draft.tlp or "clear") + 1 :]
    changed = replace(draft, tlp=data.draw(st.sampled_from(stricter)))
    other = replace(push, drafts=(*push.drafts[:k], changed, *push.drafts[k + 1 :]))
    before = polls(copies, events)
    after = polls(copies, [*events[:n], other, *events[n + 1 :]])
    assert all(after[reader] <= before[reader] for reader in MEMBERS)


def one_by_one(events: Sequence[Event]) -> list[Event]:
    """Every object has a version of its own, so that none is refused or taken for another."""

    def numbered(n: int, event: Event) -> Event:
        if isinstance(event, Delete):
            return Wait(1)
        if not isinstance(event, Push):
            return event
        kept = [d for d in event.drafts if d.type not in ("domain-name", "marking-definition")]
        drafts = tuple(replace(d, version=d.version * 500 + n * 10 + k) for k, d in enumerate(kept))
        return replace(event, drafts=drafts) if drafts else Wait(1)

    return [numbered(n, event) for n, event in enumerate(events)]


@FEWER
@given(events=event_lists, data=st.data())
def test_a_narrower_clause_never_reveals(copies: Copies, events: list[Event], data: st.DataObject) -> None:
    events = apart(events, NATIONS)
    found = [(n, event) for n, event in enumerate(events) if isinstance(event, Agree)]
    if not found:
        return
    n, agreement = data.draw(st.sampled_from(found))
    first, *rest = agreement.clauses
    changed = replace(agreement, clauses=(narrower(first, data), *rest))
    if changed.parties != agreement.parties:
        return
    before = polls(copies, events)
    after = polls(copies, [*events[:n], changed, *events[n + 1 :]])
    assert all(after[reader] <= before[reader] for reader in MEMBERS)


def narrower(clause: DrawnClause, data: st.DataObject) -> DrawnClause:
    match data.draw(st.sampled_from(["max_tlp", "audience", "types", "to", "history"])):
        case "history":
            return replace(clause, history=False)
        case "max_tlp":
            ceiling = LEVELS.index(clause.max_tlp)
            return replace(clause, max_tlp=data.draw(st.sampled_from(LEVELS[: ceiling + 1])))
        case "audience":
            wider = ["partner", "agency", "cert"]
            return replace(clause, audience=data.draw(st.sampled_from(wider[wider.index(clause.audience) :])))
        case "types":
            return replace(clause, types=(clause.types or ("malware", "report"))[:1])
        case _:
            return replace(clause, to=clause.to[:1])


# --- I3 -------------------------------------------------------------------------------------------


@FEWER
@given(events=event_lists, by_clock=st.booleans())
def test_nothing_outlives_the_agreements_that_allowed_it(
    copies: Copies, events: list[Event], by_clock: bool
) -> None:
    with a_world(copies) as world:
        play = Play(world).play(events)
        if by_clock:
            play.wait(2_000_000)
        for n in range(len(play.agreements)):
            play.step(Terminate(n))
        for reader in MEMBERS:
            home = reader[:2].upper()
            assert {seen.origin for seen in world.see(reader)} <= {home}
        compare(play, world)


# --- I4 -------------------------------------------------------------------------------------------


@FEWER
@given(events=event_lists, data=st.data())
def test_who_comes_back_with_the_last_date_misses_nothing(
    copies: Copies, events: list[Event], data: st.DataObject
) -> None:
    readers = data.draw(st.lists(st.sampled_from(MEMBERS), min_size=2, max_size=3, unique=True))
    with a_world(copies) as world:
        play = Play(world)
        pollers = {reader: world.follow(reader) for reader in readers}
        for event in [*events, Wait(1)]:
            play.step(event)
            for reader, poller in pollers.items():
                if data.draw(st.booleans()) or event == Wait(1):
                    allowed = {(v.id, v.text, canonical(v.obj)) for v in play.visible(reader)}
                    for row in poller.poll():
                        told = (row.id, row.version, canonical(json.loads(row.body)))
                        assert row.id in world.hubs_own() or told in allowed
        for reader, poller in pollers.items():
            received = {(row.id, row.version, row.body.decode()) for row in poller.received}
            assert {(s.id, s.version, s.body) for s in world.see(reader)} <= received
            dated = [(row.id, row.date_added) for row in poller.received]
            assert len(set(dated)) == len(dated)


# --- I6 -------------------------------------------------------------------------------------------


@FEWER
@given(events=event_lists, data=st.data())
def test_what_a_reader_may_not_see_changes_nothing_for_it(
    copies: Copies, events: list[Event], data: st.DataObject
) -> None:
    """One event is left out. Whoever may see the same in both worlds, at every moment, is told the same."""
    n = data.draw(st.integers(0, len(events) - 1))
    event = events[n]
    if isinstance(event, Wait):
        return
    instead: Event = Nothing() if isinstance(event, Agree | Amend) else Wait(0)
    other = [*events[:n], instead, *events[n + 1 :]]
    unaware = same_view(events, other, n)
    if not unaware:
        return
    with a_world(copies) as one, a_world(copies) as two:
        Play(one).play(events)
        Play(two).play(other)
        for reader in unaware:
            assert one.see(reader) == two.see(reader), reader
            assert one.see(reader, LAST) == two.see(reader, LAST), reader


def same_view(events: Sequence[Event], other: Sequence[Event], n: int) -> list[str]:
    """The readers who, by the oracle, see the same and are answered the same throughout."""
    one, two = Play(), Play()
    readers = set(MEMBERS)
    event = events[n]
    if isinstance(event, Push | Delete):
        readers.discard(event.member)
    for left, right in zip(events, other, strict=True):
        one.step(left)
        two.step(right)
        here, there = one.views(), two.views()
        readers = {reader for reader in readers if here[reader] == there[reader]}
    return sorted(reader for reader in readers if answers(one, reader) == answers(two, reader))


def answers(play: Play, reader: str) -> list[list[bool]]:
    return [outcome for member, outcome in play.outcomes if member == reader]
