"""Generated worlds again: a note has exactly who fetched what was taken back, or may not be seen any more."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.actions.checks import check
from hub.actions.operation import work
from hub.model import Tlp
from tests.oracle import OracleVersion
from tests.properties.playing import Play
from tests.properties.test_worlds import MORE, a_world
from tests.properties.world_strategies import aimed, deletes, event_lists, lifecycle_events
from tests.properties.worlds import (
    DEFAULTS,
    LEVELS,
    MEMBERS,
    NATIONS,
    Agree,
    Delete,
    Draft,
    DrawnClause,
    Event,
    Push,
)
from tests.world import Copies

Readers = frozenset[str]
absentees = st.frozensets(st.sampled_from(MEMBERS), max_size=5)
# What is shared freely, and tightened afterwards: a few records of one member, alone and in containers.
_place = st.sampled_from([0, 0, 0, 1, 2, 4, 8])
_refs = st.lists(st.sampled_from([0, 1, 8]), max_size=2, unique=True).map(tuple)
lax = st.builds(Draft, _place, st.just(1), st.sampled_from([None, "clear", "green", "green"]), refs=_refs)
strict = st.builds(
    Draft, _place, st.integers(2, 3), st.sampled_from([None, *LEVELS, "amber", "red"]), refs=_refs
)
_first = st.builds(Push, st.just("us-agency"), st.lists(lax, min_size=3, max_size=5).map(tuple))
_tighter = st.builds(Push, st.just("us-agency"), st.lists(strict, min_size=1, max_size=2).map(tuple))
SHARED = Agree(
    (
        DrawnClause("US", ("KR", "JP"), "amber", "partner"),
        DrawnClause("KR", ("US",), "amber+strict", "partner"),
    )
)
tightenings = st.tuples(
    _first, _tighter, st.lists(st.one_of(_tighter, _tighter, _tighter, deletes, lifecycle_events), max_size=4)
).map(lambda parts: aimed([SHARED, *parts[:2], *parts[2]]))


@pytest.fixture(scope="module")
def copies() -> Copies:
    return Copies(codes=NATIONS, defaults={code: Tlp.of(level) for code, level in DEFAULTS.items()})


@dataclass
class Recalling(Play):
    """All but some poll before each push and deletion; whom it takes something back from is noted down."""

    absent: Readers = frozenset()
    fetched: set[tuple[str, OracleVersion]] = field(default_factory=set)
    due: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def _push(self, event: Push) -> None:
        self._take_back(lambda: super(Recalling, self)._push(event))

    def _delete(self, event: Delete) -> None:
        self._take_back(lambda: super(Recalling, self)._delete(event))

    def _take_back(self, act: Callable[[], None]) -> None:
        assert self.world is not None
        before = self.oracle.everybody(self.in_order(), self.now)
        for reader in before.keys() - self.absent:
            self.world.see(reader)
            self.fetched |= {(reader, version) for version in before[reader]}
        there = {version for version in self.oracle.versions if not version.is_deleted}
        act()
        after = self.oracle.everybody(self.in_order(), self.now)
        deleted = {version for version in there if version.is_deleted}
        events: set[tuple[str, str, str, bool]] = set()
        for reader, version in self.fetched:
            is_hidden = version in before[reader] and version not in after[reader]
            if version.member != reader and (version in deleted or is_hidden):
                events.add((reader, version.member, version.id, version in deleted))
        for reader, _, id, _ in events:
            self.due[reader][id] += 1


@MORE
@given(events=st.one_of(tightenings, tightenings, event_lists), absent=absentees)
def test_exactly_those_are_told_who_fetched_what_they_may_not_have(
    copies: Copies, events: list[Event], absent: Readers
) -> None:
    with a_world(copies) as world:
        play = Recalling(world, absent=absent).play(events)
        for _ in range(2):
            work.work(world.service)
            world.clock.wait()
        told = {
            reader: Counter(ref for note in world.notes(reader) for ref in note["object_refs"])
            for reader in MEMBERS
        }
        assert {reader: refs for reader, refs in told.items() if refs} == dict(play.due)
        assert check.check(world.service).faults == []
