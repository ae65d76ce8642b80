"""Pairs of histories: what happens in both hubs, and what happens in one of them unseen by some readers.

Ids and versions are few, so that what is hidden collides with what is seen. The oracle says who may see
a difference, at any time; everybody else must not be able to tell the two hubs apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from tests.oracle import Oracle, OracleAccount
from tests.properties import worlds
from tests.properties.playing import Play
from tests.properties.world_strategies import drafts
from tests.properties.worlds import LEVELS, Agree, Delete, Draft, DrawnClause, Nothing, Push, Terminate, Wait
from tests.stix_objects import INFORMATIVE

READERS = ("kr-cert", "kr-agency", "kr-partner", "us-agency2", "us-partner")
WITHOUT_NATION = ("auditor", "operator")
ACCOUNTS = {
    member: OracleAccount(member[:2].upper(), member[3:].rstrip("2"))
    for member in [*READERS, "us-cert", "us-agency", "jp-cert", "jp-agency"]
} | {
    member: OracleAccount(member[:2].upper(), member[3:])
    for member in ("au-cert", "au-agency", "in-cert", "in-partner")
}
DEFAULTS = dict.fromkeys(("US", "KR", "JP", "AU", "IN"), "amber")


@dataclass(frozen=True)
class Aside:
    """Something that leaves no object and no agreement in force."""

    what: str


Event = worlds.Event | Aside


@dataclass(frozen=True)
class Slot:
    """What happens at one time in either hub."""

    here: Event
    there: Event

    @property
    def is_common(self) -> bool:
        return self.here == self.there


# --- what may happen ------------------------------------------------------------------------------

_strict = st.builds(replace, drafts, tlp=st.sampled_from(["amber+strict", "red", "red"]))
_amber = st.builds(replace, drafts, tlp=st.just("amber"))
_closed = st.builds(replace, drafts, mark=st.just(worlds.UNKNOWN), tlp=st.sampled_from(["green", "red"]))
_levelled = st.builds(replace, drafts, tlp=st.sampled_from([*LEVELS[:3], "green", "amber", None]))


def _pushes(members: Sequence[str], objects: st.SearchStrategy[Draft], most: int) -> st.SearchStrategy[Push]:
    return st.builds(Push, st.sampled_from(members), st.lists(objects, min_size=1, max_size=most).map(tuple))


def _agreements(
    origins: Sequence[str], recipients: Sequence[str], ceilings: Sequence[str]
) -> st.SearchStrategy[Agree]:
    clause = st.builds(
        DrawnClause,
        origin=st.sampled_from(origins),
        to=st.sampled_from(recipients).map(lambda one: (one,)),
        max_tlp=st.sampled_from(ceilings),
        audience=st.sampled_from(["partner", "partner", "agency", "cert"]),
        types=st.sampled_from([None, None, None, ("malware", "relationship", "report")]),
    ).filter(lambda clause: clause.origin not in clause.to)
    return st.builds(Agree, st.lists(clause, min_size=1, max_size=2).map(tuple))


_report = st.builds(
    lambda member, target, tlp: Push(
        member,
        (Draft(target, tlp=tlp), Draft(4, tlp=tlp, refs=(target,)), Draft(2, tlp=tlp, refs=(target, 4))),
    ),
    st.sampled_from(["us-agency", "au-cert", "jp-cert"]),
    st.sampled_from([0, 1, 8]),
    st.sampled_from(["amber+strict", "red"]),
)
# What crosses in both hubs: without it nothing foreign would be seen at all.
_openings = st.builds(
    lambda tlp, types, more: Agree((DrawnClause("US", ("KR",), tlp, "partner", types), *more)),
    st.sampled_from(["amber", "green", "amber+strict"]),
    st.sampled_from([None, None, ("malware", "relationship", "report")]),
    _agreements(["JP"], ["KR", "US"], ["amber", "red"]).map(lambda one: one.clauses[:1]),
)
_crossing = st.lists(
    st.builds(replace, drafts, tlp=st.sampled_from(["green", "clear"]), refs=st.just(())),
    min_size=3,
    max_size=5,
    unique_by=lambda draft: draft.place,
).map(lambda found: Push("us-agency", tuple(found)))
_common = st.one_of(
    *[_pushes(["us-cert", "us-agency", "us-agency", "jp-cert"], _levelled, 4)] * 3,
    *[_pushes(READERS, drafts, 3)] * 2,
    _agreements(["US", "KR"], ["KR", "US"], LEVELS),
    st.builds(Terminate, st.integers(0, 1)),
)
_hidden = st.one_of(
    *[_pushes(["au-cert", "au-agency", "in-partner", "jp-agency"], drafts, 4)] * 3,
    *[_pushes(["us-agency", "us-cert", "jp-cert"], _strict, 3)] * 3,
    _pushes(["us-agency", "us-cert"], _amber, 2),
    _pushes(["us-agency", "jp-cert"], _closed, 2),
    _report,
    _agreements(["AU", "IN", "JP"], ["AU", "IN", "JP"], LEVELS),
    _agreements(["US", "AU"], ["AU", "IN"], LEVELS),
    st.sampled_from(["refused", "polled", "proposed", "enrolled", "suspended"]).map(Aside),
)
# A foreign object that the pusher's cert may see, and the pusher's own of the same id (policy 8, passing on).
_collisions = st.builds(
    lambda place, tlp, reader: (Push("us-cert", (Draft(place, tlp=tlp),)), Push(reader, (Draft(place),))),
    st.sampled_from([0, 1]),
    st.sampled_from(["amber", "amber+strict"]),
    st.sampled_from(["kr-partner", "kr-partner", "kr-agency"]),
)
_own = _pushes(["au-cert", "us-agency", "us-cert", "jp-cert"], _strict, 3)


@st.composite
def histories(draw: st.DrawFn) -> list[Slot]:
    """Draw an agreement, what both hubs hear, and between it what only one of them hears."""
    common = [Slot(event, event) for event in draw(st.lists(_common, min_size=2, max_size=5))]
    there = [Slot(Wait(0), event) for event in draw(st.lists(_hidden, min_size=2, max_size=5))]
    here = [Slot(event, Wait(0)) for event in draw(st.lists(_own, max_size=1))]
    slots = common
    for slot in [*there, *here]:
        slots.insert(draw(st.integers(0, len(slots))), slot)
    begins = [Slot(event, event) for event in (draw(_openings), draw(_crossing))]
    slots = [*begins, *slots]
    for hidden, pushed in draw(st.lists(_collisions, max_size=1)):
        n = draw(st.integers(2, len(slots)))
        slots.insert(n, Slot(Wait(0), hidden))
        slots.insert(draw(st.integers(n + 1, len(slots))), Slot(pushed, pushed))
    for _ in range(draw(st.integers(0, 3))):
        slots.insert(*draw(_deletions(slots)))
    return [_with_stand_in(slot) for slot in slots]


def _with_stand_in(slot: Slot) -> Slot:
    """Let an agreement that one hub lacks have its place in the other: others are named by number."""
    return replace(slot, here=Nothing()) if isinstance(slot.there, Agree) and not slot.is_common else slot


@st.composite
def _deletions(draw: st.DrawFn, slots: Sequence[Slot]) -> tuple[int, Slot]:
    """Draw the deletion of what was pushed, in one hub or in both, and its place behind that."""
    n, push, draft = draw(
        st.sampled_from(
            [
                (n, s.there, d)
                for n, s in enumerate(slots)
                if isinstance(s.there, Push)
                for d in s.there.drafts
            ]
        )
    )
    member = draw(st.sampled_from([push.member, f"{push.member[:2]}-cert"]))
    event = Delete(member, draft.place, draw(st.sampled_from([None, None, draft.version])))
    slot = Slot(event if slots[n].is_common else Wait(0), event)
    return draw(st.integers(n + 1, len(slots))), slot


def object_id(draft: Draft) -> str:
    return worlds.pool_id(draft.place, draft.shift)


def shifted(slots: Sequence[Slot], shift: int) -> list[Slot]:
    """Return the same history with ids that no other example has."""

    def move(event: Event) -> Event:
        match event:
            case Push():
                return replace(event, drafts=tuple(replace(d, shift=shift) for d in event.drafts))
            case Delete():
                return replace(event, shift=shift)
            case _:
                return event

    return [Slot(move(slot.here), move(slot.there)) for slot in slots]


# --- who may notice -------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExpectedNotice:
    """Who must not notice any difference, and which ids every reader sees in the end, in either hub."""

    unaware: frozenset[str]
    seen: Mapping[str, frozenset[str]]


def expected_notice(slots: Sequence[Slot]) -> ExpectedNotice:
    """Return who, by the oracle, sees the same in both hubs at every moment and is answered the same."""
    here, there = _play(), _play()
    readers = {*READERS, *WITHOUT_NATION}
    one, two = here.views(), there.views()
    for slot in slots:
        _step(here, slot.here)
        _step(there, slot.there)
        one, two = here.views(), there.views()
        readers = {r for r in readers if r in WITHOUT_NATION or one[r] == two[r]}
        if not slot.is_common:
            readers -= _told(slot.there)
    seen = {reader: frozenset(id for _, id, *_ in one[reader] | two[reader]) for reader in one}
    return ExpectedNotice(frozenset(r for r in readers if _answers(here, r) == _answers(there, r)), seen)


def _play() -> Play:
    return Play(oracle=Oracle(ACCOUNTS, DEFAULTS, frozenset({INFORMATIVE}), worlds.NATION_OF))


def _step(play: Play, event: Event) -> None:
    play.step(Wait(0) if isinstance(event, Aside) else event)


def _told(event: Event) -> set[str]:
    """Return who learns of what happens in one hub alone, other than by seeing an object."""
    match event:
        case Agree():
            return {"auditor"} | ({"kr-cert"} & {f"{nation.lower()}-cert" for nation in event.parties})
        case Aside(what="proposed"):
            return {"auditor"}
        case _:
            return set()


def _answers(play: Play, reader: str) -> list[list[bool]]:
    return [outcome for member, outcome in play.outcomes if member == reader]
