"""Generated worlds: what happens in them, as small values that shrink well, and how it is played.

Few ids, few members and few versions, so that collisions, circles, containers that come late and
several members with the same id are the rule and not the exception.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

from hub.actions import history, takeover, work
from hub.actions.present import present
from hub.errors import Conflict, Forbidden, NotFound, Unavailable
from hub.model import VersionFilter
from hub.stix.versions import version_key
from hub.store import histories
from hub.store.histories import History, HistoryKind
from tests.oracle import Account, Oracle, Treaty, Version
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
    history: bool = False

    def build(self) -> Json:
        types: Json = {} if self.types is None else {"types": list(self.types)}
        history = {"history": True} if self.history else {}
        return {
            "from": self.origin,
            "to": list(self.to),
            "max_tlp": self.max_tlp,
            "audience": self.audience,
            **types,
            **history,
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
class Amend:
    """An agreement that supersedes another. `hesitates`: the last signature comes later, as Sign."""

    agreement: int
    terms: Agree
    hesitates: bool = False


@dataclass(frozen=True)
class Sign:
    """The last signature under an amendment that hesitates."""

    agreement: int


@dataclass(frozen=True)
class Suspend:
    """`by` is a place among the parties."""

    agreement: int
    by: int = 0


@dataclass(frozen=True)
class Resume:
    agreement: int
    by: int = 0


@dataclass(frozen=True)
class Terminate:
    agreement: int
    by: int = 0


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
class Step:
    """One of the histories that are under way, or preparations, comes a step further."""

    job: int


@dataclass(frozen=True)
class Nothing:
    """Stands where something was left out."""


Life = Amend | Sign | Suspend | Resume | Terminate
Event = Push | Delete | Agree | Life | Wait | Work | Step | Nothing

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
lives = st.one_of(
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
others = st.one_of(agreements, agreements, lives, waits, st.just(Work()))
happenings = st.tuples(
    st.lists(st.one_of(agreements, pushes), min_size=1, max_size=3),
    st.lists(st.one_of(pushes, pushes, pushes, deletes, others), min_size=1, max_size=9),
).map(lambda parts: aimed([*parts[0], *parts[1]]))
# More of what happens to agreements, on more of what can cross; histories take their time.
steps = st.builds(Step, st.integers(0, 5))
broad = st.builds(
    replace,
    clauses,
    max_tlp=st.sampled_from(["amber", "amber+strict"]),
    audience=st.sampled_from(["partner", "agency"]),
    history=st.booleans(),
)
broad_agreements = st.builds(replace, agreements, clauses=st.lists(broad, min_size=1, max_size=2).map(tuple))
eventful_lives = st.tuples(
    st.permutations([0, 1, 2]).flatmap(
        lambda order: st.tuples(*([pushes, broad_agreements, pushes][n] for n in order))
    ),
    st.lists(st.one_of(pushes, lives, lives, lives, waits, steps, steps), min_size=2, max_size=12),
).map(lambda parts: aimed([*parts[0], *parts[1]]))


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
        if isinstance(event, Life):
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


# --- playing it ---------------------------------------------------------------------------------

View = frozenset[tuple[str, str, str]]


@dataclass
class Play:
    """A world as the oracle sees it, and, unless `world` is None, the hub beside it.

    Due histories are brought to their end at once, unless it `lags`: then by Step and Work alone.
    """

    world: World | None = None
    lags: bool = False
    oracle: Oracle = field(default_factory=lambda: Oracle(ACCOUNTS, DEFAULTS, frozenset({INFORMATIVE})))
    treaties: list[Treaty | None] = field(default_factory=list)
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
            case Amend():
                self._amend(event)
            case Sign() | Suspend() | Resume() | Terminate():
                self._live(event)
            case Wait():
                self.wait(event.seconds)
            case Work():
                if self.world is not None:
                    assert work.work(self.world.house).is_done
            case Step():
                self._advance(event)
            case Nothing():
                self.treaties.append(None)
                self.made.append(None)
        self.catch_up()

    def wait(self, seconds: int) -> None:
        """Let time pass, and stop at whatever the clock alone begins or ends."""
        until = self.now + timedelta(seconds=seconds)
        edges = {edge for treaty in self.in_order() for edge in (treaty.valid_from, treaty.valid_until)}
        for edge in sorted(edge for edge in edges if self.now < edge <= until):
            self.set_clock(edge - timedelta(microseconds=1))
            self.change(lambda edge=edge: self.set_clock(edge))  # type: ignore[misc]
            self.catch_up()
        self.set_clock(until)

    def set_clock(self, now: datetime) -> None:
        self.now = now
        if self.world is not None:
            self.world.clock.now = now

    def change(self, act: Callable[[], None]) -> None:
        """Do what may let an amendment take over; to be watched."""
        act()

    def catch_up(self) -> None:
        if self.world is not None and not self.lags and self.histories(HistoryKind.APPEND):
            assert work.work(self.world.house).is_done

    def histories(self, kind: HistoryKind) -> list[History]:
        """What is under way in the hub."""
        if self.world is None:
            return []
        with self.world.house.store.read() as connection:
            now = present(self.world.house, connection)
            return [one for one in histories.unfinished(connection, kind) if one.due_at <= now]

    def _advance(self, event: Step) -> None:
        jobs = [*self.histories(HistoryKind.PREPARE), *self.histories(HistoryKind.APPEND)]
        if jobs and self.world is not None:
            history._step(self.world.house, jobs[event.job % len(jobs)].id)

    def _push(self, event: Push) -> None:
        objects = [draft.build() for draft in event.drafts]
        served = None
        if self.world is not None and self.histories(HistoryKind.APPEND):
            # What history has yet to bring, nobody can have received to pass it on (8).
            served = {(row.id, row.version) for row in self.world.released(event.member)}
        expected = self.oracle.submit(event.member, objects, self.now, self.in_order(), served)
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

    # --- agreements ---

    def _agree(self, event: Agree) -> None:
        self._propose(event, event.parties, None)
        self.change(lambda: self._sign(-1))

    def _amend(self, event: Amend) -> None:
        former = self.treaties[event.agreement]
        if former is None:
            self.treaties.append(None)
            self.made.append(None)
            return
        told = former.parties | (former.amends.parties if former.amends else set())
        parties = sorted(event.terms.parties, key=lambda nation: (nation not in told, nation))
        may = parties[0] in former.parties and self._may_supersede(former)
        self._propose(event.terms, parties, event.agreement, may=may)
        if may and not event.hesitates:
            self.change(lambda: self._sign(-1))
        elif may:
            self._hesitate()

    def _may_supersede(self, former: Treaty) -> bool:
        is_signed = former.begins is not None and not former.has_ended(self.now)
        return is_signed and former.superseded_at is None

    def _propose(self, terms: Agree, parties: Sequence[str], amends: int | None, *, may: bool = True) -> None:
        """Propose, and let all sign but the last who must."""
        start = self.now + timedelta(seconds=terms.begins)
        until = start + timedelta(seconds=terms.lasts)
        built = [clause.build() for clause in terms.clauses]
        former = None if amends is None else self.treaties[amends]
        if may:
            treaty = Treaty(built, frozenset(parties), start, until, former)
            if former is not None:
                former.amendments.append(treaty)
        self.treaties.append(treaty if may else None)
        made = None
        if self.world is not None:
            supersedes = None if amends is None else self.made[amends]["id"]
            dates = {"valid_from": start, "valid_until": until, "supersedes": supersedes}
            world = self.world
            made = self._attempt(lambda: world.agree(parties, *built, **dates, signers=[]), may=may)
            for nation in made["to_sign"][:-1] if made else []:
                world.sign(made, nation)
        self.made.append(made)

    def _sign(self, n: int) -> None:
        """Let the last sign, if it can be signed."""
        treaty = self.treaties[n]
        assert treaty is not None
        former = treaty.amends
        may = treaty.signed_at is None and not treaty.has_ended(self.now)
        may = may and (former is None or self._may_supersede(former))
        if self.world is not None:
            world, made = self.world, self.made[n]
            self._attempt(lambda: world.sign(made, made["to_sign"][-1]), may=may)
        if may:
            treaty.signed_at = self.now

    def _hesitate(self) -> None:
        """Let the last signature begin to prepare the amendment, and be asked for again."""
        if self.world is None:
            return

        def prepare(*arguments: Any) -> None:
            prepared(*arguments)
            raise Unavailable("asked for again")

        prepared, made = takeover.prepare, self.made[-1]
        with patch.object(takeover, "_PATIENCE_SECONDS", 0.0), patch.object(takeover, "prepare", prepare):
            try:
                self.world.sign(made, made["to_sign"][-1])
            except Unavailable:
                return
        raise AssertionError("it was not to be signed yet")

    def _live(self, event: Sign | Suspend | Resume | Terminate) -> None:
        treaty = self.treaties[event.agreement] if event.agreement < len(self.treaties) else None
        if treaty is None:
            return
        if isinstance(event, Sign):
            self.change(lambda: self._sign(event.agreement))
            return
        nation = sorted(treaty.parties)[event.by % len(treaty.parties)]
        suspenders = treaty.suspenders(self.now)
        is_alive = not treaty.has_ended(self.now)
        act = type(event).__name__.lower()
        match event:
            case Suspend():
                may = is_alive and treaty.has_begun(self.now) and nation not in suspenders
            case Resume():
                may = is_alive and nation in suspenders
            case Terminate():
                may = is_alive
        if self.world is not None:
            do, made = getattr(self.world, act), self.made[event.agreement]
            self._attempt(lambda: do(made, nation), may=may)
        if not may:
            return
        match event:
            case Suspend():
                treaty.suspensions.append((nation, self.now, None))
            case Resume():
                treaty.suspensions = [
                    (by, start, self.now if by == nation and end is None else end)
                    for by, start, end in treaty.suspensions
                ]
            case Terminate():
                treaty.terminated_at = self.now

    def _attempt(self, act: Callable[[], Json], *, may: bool) -> Json | None:
        """Do it in the hub, which must refuse it if it may not be."""
        done = refusal = None
        try:
            done = act()
        except (NotFound, Conflict) as error:
            refusal = error
        assert (refusal is None) == may, refusal
        return done

    def in_order(self) -> list[Treaty]:
        return [treaty for treaty in self.treaties if treaty is not None]

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
