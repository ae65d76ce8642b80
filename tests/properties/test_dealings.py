"""Members who meet under few ids: what the oracle itself must keep to, and the hub beside it (policy 10)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import Handling, Version
from tests.properties.comparing import Comparison, mould
from tests.properties.dealings import Piece, Say, Strike, happenings, pieces
from tests.properties.test_worlds import MORE
from tests.properties.worlds import ACCOUNTS, MEMBERS, Event
from tests.world import Mould


@pytest.fixture(scope="module")
def casts() -> Mould:
    return mould()


@MORE
@given(events=happenings)
def test_the_hub_says_what_the_oracle_says(casts: Mould, events: list[Event]) -> None:
    world = casts.cast()
    try:
        Comparison(world).play(events)
    finally:
        casts.discard(world)


# --- the oracle alone -----------------------------------------------------------------------------


@MORE
@given(events=happenings)
def test_nobody_moves_anothers_object(events: list[Event]) -> None:
    """What a member says shows and hides its own objects alone, and what it deletes those of whom it may."""
    play = Comparison()
    for event in events:
        before = _others(play, event)
        play.step(event)
        if isinstance(event, Say | Strike):
            assert _others(play, event) >= before
            assert {key for key in _others(play, event) if key[1] in _versions(before)} == before


def _others(play: Comparison, event: Event) -> set[tuple[str, Version]]:
    """What every reader sees of others than who acts, and who may be deleted by it.

    An own copy is a way to what it is a copy of, and so goes with that.
    """
    if not isinstance(event, Say | Strike):
        return set()
    acts = ACCOUNTS[event.member]
    is_cert = isinstance(event, Strike) and acts.kind == "cert"
    aside = {m for m, a in ACCOUNTS.items() if m == event.member or (is_cert and a.nation == acts.nation)}
    aside |= {version.member for version in play.oracle.versions if version.copies}
    seen = play.oracle.everybody(play.in_order(), play.now)
    return {(reader, v) for reader, versions in seen.items() for v in versions if v.member not in aside}


def _versions(seen: set[tuple[str, Version]]) -> set[Version]:
    return {version for _, version in seen}


@MORE
@given(events=happenings, member=st.sampled_from(MEMBERS), one=pieces, other=pieces)
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
@given(events=happenings)
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
