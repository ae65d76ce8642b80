"""Generated worlds: what happens in them, as small values that shrink well, and how it is played.

Few ids, few members and few versions, so that collisions, circles, containers that come late and
several members with the same id are the rule and not the exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from hub.actions import work
from hub.errors import Forbidden, NotFound
from hub.model import VersionFilter
from hub.stix.versions import version_key
from tests.oracle import Account, Oracle, Pact, Version
from tests.stix_objects import INFORMATIVE, TLP, Json, definition, observable, sdo, stamp, stix_id
from tests.world import KINDS, START, World

NATIONS = ("US", "KR", "JP")
# Several agencies in one nation only, and in the third those alone who may see most.
MEMBERS = [
    *(f"us-{kind}" for kind in KINDS),
    *(f"kr-{kind}" for kind in ("cert", "agency", "partner")),
    *(f"jp-{kind}" for kind in ("cert", "agency")),
]
ACCOUNTS = {m: Account(m[:2].upper(), KINDS[m[3:]].value) for m in MEMBERS}
DEFAULTS = {"US": "amber", "KR": "green", "JP": "amber"}
POOL = [
    *(("malware", n) for n in range(2)),
    *(("relationship", n) for n in range(2)),
    *(("report", n) for n in range(2)),
    *(("grouping", n) for n in range(2)),
    *(("identity", n) for n in range(2)),
    ("note", 0),
    ("marking-definition", 0),
    ("domain-name", 0),
]
NOT_RELATED = ("relationship", "marking-definition")
LEVELS = ["clear", "green", "amber", "amber+strict", "red"]
UNKNOWN = stix_id("marking-definition", 500)


# --- what may happen ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """An object to be. `refs` are places in the pool; `shift` moves all ids to another pool."""

    place: int
    version: int = 1
    tlp: str | None = None
    refs: tuple[int, ...] = ()
    creator: int | None = None
    mark: str | None = None
    extra: str | None = None
    shift: int = 0

    @property
    def type(self) -> str:
        return POOL[self.place][0]

    def _id(self, place: int) -> str:
        stix_type, n = POOL[place]
        return stix_id(stix_type, n + self.shift)

    def build(self) -> Json:
        n = POOL[self.place][1] + self.shift
        # A relationship may not point at another (STIX 2.1 section 5.1).
        places = [p for p in self.refs if self.type != "relationship" or POOL[p][0] not in NOT_RELATED]
        refs = [self._id(place) for place in places]
        creator = None if self.creator is None else stix_id("identity", self.creator + self.shift)
        mark = stix_id("marking-definition", self.shift) if self.mark == "own" else self.mark
        common: dict[str, Any] = {"tlp": self.tlp, "marks": [mark] if mark else []}
        if self.type == "marking-definition":
            return definition(n, created_by=creator, **common)
        if self.type == "domain-name":
            return observable(n, value=self.version, refs=refs, **common)
        obj = sdo(self.type, n, version=self.version, refs=refs, created_by=creator, **common)
        return obj | self._extra()

    def _extra(self) -> Json:
        match self.extra:
            case "revoked" if self.type != "identity":
                return {"revoked": True}
            case "label":
                return {"labels": ["tlp:amber+strict"]}
            case "part":
                return {"granular_markings": [{"marking_ref": TLP["amber"], "selectors": ["created"]}]}
            case "nothing":
                return {"granular_markings": [{"marking_ref": TLP["green"], "selectors": ["x_missing"]}]}
            case _:
                return {}


@dataclass(frozen=True)
class Push:
    member: str
    drafts: tuple[Draft, ...]


@dataclass(frozen=True)
class Clause:
    origin: str
    to: tuple[str, ...]
    max_tlp: str
    audience: str = "agency"
    types: tuple[str, ...] | None = None

    def build(self) -> Json:
        types = {} if self.types is None else {"types": list(self.types)}
        return {
            "from": self.origin,
            "to": list(self.to),
            "max_tlp": self.max_tlp,
            "audience": self.audience,
            **types,
        }


@dataclass(frozen=True)
class Agree:
    """`begins` and `lasts` are seconds from the moment of signing."""

    clauses: tuple[Clause, ...]
    begins: int = -60
    lasts: int = 1_000_000

    @property
    def parties(self) -> list[str]:
        named = {clause.origin for clause in self.clauses} | {to for c in self.clauses for to in c.to}
        return sorted(named)


@dataclass(frozen=True)
class Terminate:
    agreement: int


@dataclass(frozen=True)
class Delete:
    """A member deletes an object: every version, or the one with a number."""

    member: str
    place: int
    version: int | None = None
    shift: int = 0

    @property
    def id(self) -> str:
        stix_type, n = POOL[self.place]
        return stix_id(stix_type, n + self.shift)


@dataclass(frozen=True)
class Wait:
    seconds: int


@dataclass(frozen=True)
class Work:
    """The hub tidies up: nobody may notice."""


@dataclass(frozen=True)
class Nothing:
    """Stands where something was left out."""


Event = Push | Delete | Agree | Terminate | Wait | Work | Nothing

_rarely = st.sampled_from([None] * 8 + ["revoked", "revoked", "label", "part", "nothing"])
_marks = st.sampled_from([None] * 6 + ["own", "own", INFORMATIVE, UNKNOWN])
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
)
# Most of it happens in one nation, so that its members meet.
members = st.sampled_from([*MEMBERS, *[m for m in MEMBERS if m.startswith("us-")] * 2])
pushes = st.builds(Push, members, st.lists(drafts, min_size=1, max_size=4).map(tuple))
clauses = (
    st.permutations(NATIONS)
    .flatmap(
        lambda order: st.builds(
            Clause,
            origin=st.just(order[0]),
            to=st.integers(1, 2).map(lambda n: tuple(order[1 : 1 + n])),
            max_tlp=st.sampled_from(LEVELS),
            audience=st.sampled_from(["partner", "agency", "cert"]),
            types=st.sampled_from([None, None, ("malware", "relationship"), ("report", "grouping", "note")]),
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
ends = st.builds(Terminate, st.integers(0, 2))
# `place` is first a number among the drafts pushed before; `aimed` makes it that draft's.
deletes = st.builds(
    Delete,
    st.sampled_from(["submitter", "submitter", "cert", *MEMBERS]),
    st.integers(0, 30),
    st.sampled_from([None, 0, 0]),
)
others = st.one_of(agreements, agreements, ends, waits, st.just(Work()))
happenings = st.tuples(
    st.lists(st.one_of(agreements, pushes), min_size=1, max_size=3),
    st.lists(st.one_of(pushes, pushes, pushes, deletes, others), min_size=1, max_size=9),
).map(lambda parts: aimed([*parts[0], *parts[1]]))


def aimed(events: Sequence[Event]) -> list[Event]:
    """Let each deletion hit something that was pushed before, by its submitter, its cert or anybody."""
    pushed: list[tuple[str, Draft]] = []
    found: list[Event] = []
    for event in events:
        if isinstance(event, Push):
            pushed += [(event.member, draft) for draft in event.drafts]
        found.append(_aimed(event, pushed) if isinstance(event, Delete) else event)
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


# --- playing it ---------------------------------------------------------------------------------

View = frozenset[tuple[str, str, str]]


@dataclass
class Play:
    """A world as the oracle sees it, and, unless `world` is None, the hub beside it."""

    world: World | None = None
    oracle: Oracle = field(default_factory=lambda: Oracle(ACCOUNTS, DEFAULTS, frozenset({INFORMATIVE})))
    pacts: list[Pact | None] = field(default_factory=list)
    made: list[Any] = field(default_factory=list)
    now: datetime = START
    outcomes: list[tuple[str, list[bool]]] = field(default_factory=list)

    def play(self, events: Sequence[Event]) -> Play:
        for event in events:
            self.step(event)
        return self

    def step(self, event: Event) -> None:
        """Let a second pass, then the event happen."""
        self.wait(1)
        match event:
            case Push():
                self._push(event)
            case Delete():
                self._delete(event)
            case Agree():
                self._agree(event)
            case Terminate():
                self._terminate(event)
            case Wait():
                self.wait(event.seconds)
            case Work():
                if self.world is not None:
                    assert work.work(self.world.house).is_done
            case Nothing():
                self.pacts.append(None)
                self.made.append(None)

    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        if self.world is not None:
            self.world.clock.now = self.now

    def _push(self, event: Push) -> None:
        objects = [draft.build() for draft in event.drafts]
        expected = self.oracle.submit(event.member, objects, self.now, self.in_order())
        self.outcomes.append((event.member, expected))
        if self.world is not None:
            receipt = self.world.push(event.member, *objects)
            assert [outcome.succeeded for outcome in receipt.outcomes] == expected, receipt.outcomes

    def _delete(self, event: Delete) -> None:
        texts = None if event.version is None else [stamp(event.version)]
        expected = self.oracle.delete(event.member, event.id, texts)
        self.outcomes.append((event.member, [expected]))
        if self.world is not None:
            keys = frozenset(key for text in texts or [] if (key := version_key(text)))
            filters = {"selections": frozenset[VersionFilter](), "versions": keys} if texts else {}
            try:
                self.world.delete(event.member, event.id, **filters)
                deleted = True
            except (NotFound, Forbidden):
                deleted = False
            assert deleted == expected

    def _agree(self, event: Agree) -> None:
        start = self.now + timedelta(seconds=event.begins)
        until = start + timedelta(seconds=event.lasts)
        built = [clause.build() for clause in event.clauses]
        self.pacts.append(Pact(built, max(start, self.now), until))
        if self.world is not None:
            made = self.world.agree(event.parties, *built, valid_from=start, valid_until=until)
            self.made.append(made)

    def _terminate(self, event: Terminate) -> None:
        index = event.agreement
        if index >= len(self.pacts):
            return
        pact = self.pacts[index]
        if pact is None or pact.end <= self.now:
            return
        self.pacts[index] = replace(pact, end=self.now)
        if self.world is not None:
            self.world.terminate(self.made[index], self.made[index]["parties"][0])

    def in_order(self) -> list[Pact]:
        return [pact for pact in self.pacts if pact is not None]

    # --- what is to be seen ---

    def visible(self, reader: str) -> set[Version]:
        return self.oracle.visible(reader, self.in_order(), self.now)

    def views(self) -> dict[str, frozenset[tuple[str, ...]]]:
        """What the oracle lets every reader see, as values that can be compared between worlds."""
        seen = self.oracle.everybody(self.in_order(), self.now)
        return {
            reader: frozenset((*v.key, str(sorted(v.obj.items(), key=str))) for v in versions)
            for reader, versions in seen.items()
        }
