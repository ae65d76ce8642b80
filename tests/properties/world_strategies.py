"""What may happen in generated worlds: hypothesis strategies for lists of events (`worlds.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from tests.properties.worlds import (
    LEVELS,
    MEMBERS,
    NATIONS,
    POOL,
    UNKNOWN,
    Agree,
    Amend,
    Delete,
    Draft,
    DrawnClause,
    Event,
    HistoryStep,
    LifecycleEvent,
    Nothing,
    Push,
    Resume,
    Sign,
    Suspend,
    Terminate,
    Wait,
    Work,
)
from tests.stix_objects import INFORMATIVE

_rarely = st.sampled_from(
    [None] * 8 + ["revoked", "revoked", "label", "red label", "part", "nothing", "addressed part"]
)
_marks = st.sampled_from([None] * 6 + ["own", "own", INFORMATIVE, UNKNOWN])
_addressees = st.sampled_from([()] * 6 + [("KR",), ("JP",), ("KR", "JP"), ("US",)])
places = st.integers(0, len(POOL) - 1)
drafts = st.builds(
    Draft,
    place=places,
    version=st.integers(1, 3),
    tlp=st.sampled_from([None, None, None, *LEVELS, "green", "amber"]),
    refs=st.lists(places, max_size=3, unique=True).map(tuple),
    creator=st.sampled_from([None, None, 0, 1]),
    mark=_marks,
    extra=_rarely,
    rel_to=_addressees,
)
# Most of it happens in one nation, so that its members meet.
members = st.sampled_from([*MEMBERS, *[m for m in MEMBERS if m.startswith("us-")] * 2])
pushes = st.builds(Push, members, st.lists(drafts, min_size=1, max_size=4).map(tuple))
clauses = (
    st.permutations(NATIONS)
    .flatmap(
        lambda order: st.builds(
            DrawnClause,
            origin=st.just(order[0]),
            to=st.integers(1, 2).map(lambda n: tuple(order[1 : 1 + n])),
            max_tlp=st.sampled_from([*LEVELS, "red"]),
            audience=st.sampled_from(["partner", "agency", "cert"]),
            types=st.sampled_from([None, None, ("malware", "relationship"), ("report", "grouping", "note")]),
            history=st.sampled_from([False, False, True]),
        )
    )
    .map(lambda clause: clause if clause.origin != "JP" else replace(clause, origin="US", to=("KR",)))
)
agreements = st.builds(
    Agree,
    st.lists(clauses, min_size=1, max_size=2).map(tuple),
    begins=st.sampled_from([-60, -60, 30]),
    lasts=st.sampled_from([1_000_000, 1_000_000, 100]),
)
waits = st.builds(Wait, st.sampled_from([40, 200]))
# Which agreement is first a number among those made before; `aimed` makes it that one's.
which, by = st.integers(0, 5), st.integers(0, 2)
ends = st.builds(Terminate, which, by)
suspensions = st.builds(Suspend, which, by)
resumptions = st.builds(Resume, which, by)
amendments = st.builds(
    Amend,
    which,
    st.builds(
        Agree,
        st.lists(clauses, min_size=1, max_size=3).map(tuple),
        begins=st.sampled_from([-60, -60, 30, 150]),
        lasts=st.sampled_from([1_000_000, 1_000_000, 100]),
    ),
    st.sampled_from([False, False, True]),
)
lifecycle_events = st.one_of(
    *(amendments, amendments, amendments),
    *(suspensions, suspensions, resumptions, resumptions, ends),
    st.builds(Sign, which),
)
# `place` is first a number among the drafts pushed before; `aimed` makes it that draft's.
deletes = st.builds(
    Delete,
    st.sampled_from(["submitter", "submitter", "cert", *MEMBERS]),
    st.integers(0, 30),
    st.sampled_from([None, 0, 0]),
)
others = st.one_of(agreements, agreements, lifecycle_events, waits, st.just(Work()))
event_lists = st.tuples(
    st.lists(st.one_of(agreements, pushes), min_size=1, max_size=3),
    st.lists(st.one_of(pushes, pushes, pushes, deletes, others), min_size=1, max_size=9),
).map(lambda parts: aimed([*parts[0], *parts[1]]))
# More of what happens to agreements, on more of what can cross; histories take their time.
steps = st.builds(HistoryStep, st.integers(0, 5))
broad = st.builds(
    replace,
    clauses,
    max_tlp=st.sampled_from(["amber", "amber+strict", "red"]),
    audience=st.sampled_from(["partner", "agency"]),
    history=st.booleans(),
)
broad_agreements = st.builds(replace, agreements, clauses=st.lists(broad, min_size=1, max_size=2).map(tuple))
eventful_lifecycles = st.tuples(
    st.permutations([0, 1, 2]).flatmap(
        lambda order: st.tuples(*([pushes, broad_agreements, pushes][n] for n in order))
    ),
    st.lists(
        st.one_of(pushes, lifecycle_events, lifecycle_events, lifecycle_events, waits, steps, steps),
        min_size=2,
        max_size=12,
    ),
).map(lambda parts: aimed([*parts[0], *parts[1]]))

# Agreements that reach back over the same objects, while those before them begin and end.
_overlapping = st.builds(
    lambda clause, audience: Agree(
        (replace(clause, origin="US", to=("KR",), audience=audience, history=True),)
    ),
    broad,
    st.sampled_from(["partner", "agency", "cert"]),
)
_PLAIN = Push("us-agency", (Draft(0, 1, "green"), Draft(1, 1, "amber")))
_twists = st.one_of(*(lifecycle_events, waits, steps))
overlaps = st.tuples(
    pushes.map(lambda push: [_PLAIN, replace(push, member="us-agency")]),
    st.lists(
        st.tuples(_overlapping, st.sampled_from([Work(), HistoryStep(0)]), _twists), min_size=2, max_size=4
    ),
).map(lambda parts: aimed([*parts[0], *(event for three in parts[1] for event in three)]))


def aimed(events: Sequence[Event]) -> list[Event]:
    """Let each deletion hit something that was pushed before, and each signed step an agreement."""
    pushed: list[tuple[str, Draft]] = []
    made = 0
    found: list[Event] = []
    for event in events:
        if isinstance(event, Push):
            pushed += [(event.member, draft) for draft in event.drafts]
        aim: Event = event
        if isinstance(event, Delete):
            aim = _aimed(event, pushed)
        if isinstance(event, LifecycleEvent):
            aim = replace(event, agreement=event.agreement % made) if made else Wait(1)
        made += isinstance(aim, Agree | Amend | Nothing)
        found.append(aim)
    return found


def _aimed(event: Delete, pushed: Sequence[tuple[str, Draft]]) -> Event:
    if not pushed:
        return Wait(1)
    owner, draft = pushed[event.place % len(pushed)]
    member = {"submitter": owner, "cert": f"{owner[:2]}-cert"}.get(event.member, event.member)
    version = None if event.version is None else draft.version
    return replace(event, member=member, place=draft.place, version=version)


def apart(events: Sequence[Event], owners: Sequence[str]) -> list[Event]:
    """Give every owner (a nation, or a member) a pool of ids of its own."""

    def shifted(event: Event) -> Event:
        if not isinstance(event, Push | Delete):
            return event
        owner = next(n for n, name in enumerate(owners) if event.member.startswith(name.lower()))
        if isinstance(event, Delete):
            return replace(event, shift=10 * (owner + 1))
        return replace(event, drafts=tuple(replace(d, shift=10 * (owner + 1)) for d in event.drafts))

    return [shifted(event) for event in events]
