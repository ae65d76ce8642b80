"""Members who meet under few ids: what the oracle itself must keep to, and the hub beside it (policy 10)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import Handling, OracleVersion
from tests.properties.comparing import Comparison, copies
from tests.properties.shared_ids import DeleteThing, Piece, Say, event_lists, pieces
from tests.properties.test_worlds import MORE
from tests.properties.worlds import ACCOUNTS, LEVELS, MEMBERS, Event, Wait
from tests.world import Copies


@pytest.fixture(scope="module")
def world_copies() -> Copies:
    return copies()


@MORE
@given(events=event_lists)
def test_the_hub_says_what_the_oracle_says(world_copies: Copies, events: list[Event]) -> None:
    world = world_copies.copy()
    try:
        Comparison(world).play(events)
    finally:
        world_copies.discard(world)


# --- the oracle alone -----------------------------------------------------------------------------


@MORE
@given(events=event_lists)
def test_nobody_moves_anothers_object(events: list[Event]) -> None:
    """What a member says shows and hides its own objects alone, and what it deletes those of whom it may."""
    play = Comparison()
    for event in events:
        before = _others(play, event)
        play.step(event)
        if isinstance(event, Say | DeleteThing):
            assert _others(play, event) >= before
            assert {key for key in _others(play, event) if key[1] in _versions(before)} == before


def _others(play: Comparison, event: Event) -> set[tuple[str, OracleVersion]]:
    """What every reader sees of others than who acts, and who may be deleted by it.

    An own copy is a way to what it is a copy of, and so goes with that.
    """
    if not isinstance(event, Say | DeleteThing):
        return set()
    acts = ACCOUNTS[event.member]
    is_cert = isinstance(event, DeleteThing) and acts.kind == "cert"
    aside = {m for m, a in ACCOUNTS.items() if m == event.member or (is_cert and a.nation == acts.nation)}
    aside |= {version.member for version in play.oracle.versions if version.copies}
    seen = play.oracle.everybody(play.in_order(), play.now)
    return {(reader, v) for reader, versions in seen.items() for v in versions if v.member not in aside}


def _versions(seen: set[tuple[str, OracleVersion]]) -> set[OracleVersion]:
    return {version for _, version in seen}


@MORE
@given(events=event_lists, member=st.sampled_from(MEMBERS), one=pieces, other=pieces)
def test_the_order_of_a_records_versions_decides_nothing(
    events: list[Event], member: str, one: Piece, other: Piece
) -> None:
    other = replace(other, place=one.place, version=one.version + 1)
    results = []
    for order in ([one, other], [other, one]):
        play = Comparison().play(events)
        for piece in order:
            play.step(Say(member, (piece,)))
        if play.outcomes[-1][1] != [True] or play.outcomes[-2][1] != [True]:
            return
        held = play.oracle.record(member, one.thing.id)
        results.append({version.obj.get("modified"): version.full for version in held})
    if one.thing.type != "domain-name":
        assert results[0] == results[1]


@MORE
@given(events=event_lists)
def test_nothing_goes_where_its_limits_do_not_let_it(events: list[Event]) -> None:
    play = Comparison().play(events)
    for reader, versions in play.oracle.everybody(play.in_order(), play.now).items():
        nation = ACCOUNTS[reader].nation
        for version in versions:
            full: Handling = version.full
            if version.member != reader and full.limits is not None:
                assert nation in full.limits
            if nation != play.oracle.nation(version):
                assert not full.is_closed
                assert full.nations is None or nation in full.nations


@MORE
@given(
    events=event_lists,
    member=st.sampled_from(MEMBERS),
    piece=pieces,
    tlp=st.sampled_from(LEVELS),
    data=st.data(),
)
def test_a_stricter_marking_reveals_nothing_of_its_member(
    events: list[Event], member: str, piece: Piece, tlp: str, data: st.DataObject
) -> None:
    """Names under a container made stricter aside (I2)."""
    if tlp == "red":
        return
    stricter = data.draw(st.sampled_from(LEVELS[LEVELS.index(tlp) + 1 :]))
    seen = []
    for level in (tlp, stricter):
        play = Comparison().play(events)
        play.step(Say(member, (replace(piece, tlp=level),)))
        found = play.oracle.everybody(play.in_order(), play.now)
        seen.append(
            {
                (reader, *version.key)
                for reader, versions in found.items()
                for version in versions
                if version.member == member and not version.is_once
            }
        )
        if play.outcomes[-1][1] != [True]:
            return
    assert seen[1] <= seen[0]


@MORE
@given(events=event_lists, data=st.data())
def test_nobody_is_answered_by_what_it_was_never_shown(events: list[Event], data: st.DataObject) -> None:
    """One event is left out: who sees the same at every moment is answered the same, and so handled (I6)."""
    said = [n for n, event in enumerate(events) if isinstance(event, Say | DeleteThing)]
    if not said:
        return
    n = data.draw(st.sampled_from(said))
    one, two = Comparison(), Comparison()
    readers = {member for member in MEMBERS if member != events[n].member}  # type: ignore[union-attr]
    for k, event in enumerate(events):
        one.step(event)
        two.step(Wait(0) if k == n else event)
        here, there = one.views(), two.views()
        readers = {reader for reader in readers if here[reader] == there[reader]}
    for reader in readers:
        assert _answers(one, reader) == _answers(two, reader), reader


def _answers(play: Comparison, reader: str) -> object:
    outcomes = [outcome for member, outcome in play.outcomes if member == reader]
    return outcomes, {v.key: v.full for v in play.oracle.versions if v.member == reader}
