"""Generated worlds: what happens in them, as small values that shrink well. `playing.py` plays them.

Few ids, few members and few versions, so that collisions, circles, containers that come late and
several members with the same id are the rule and not the exception.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from tests.oracle import OracleAccount
from tests.stix_objects import INFORMATIVE, TLP, Json, definition, observable, sdo, stix_id, value_id
from tests.world import KINDS, registry

NATIONS = ("US", "KR", "JP")
# Several agencies in one nation only, and in the third those alone who may see most.
MEMBERS = [
    *(f"us-{kind}" for kind in KINDS),
    *(f"kr-{kind}" for kind in ("cert", "agency", "partner")),
    *(f"jp-{kind}" for kind in ("cert", "agency")),
]
ACCOUNTS = {m: OracleAccount(m[:2].upper(), KINDS[m[3:]].value) for m in MEMBERS}


def speaker(member: str) -> str:
    """The identity that a member speaks as, where no hub has given it one."""
    return stix_id("identity", 1_000 + zlib.crc32(member.encode()))


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
    ("domain-name", 1),  # its id follows from its value
]
NOT_RELATED = ("relationship", "marking-definition")
LEVELS = ["clear", "green", "amber", "amber+strict", "red"]
BY_VALUE = len(POOL) - 1
UNKNOWN = stix_id("marking-definition", 500)
REL_TO: dict[str, str] = {n.code: n.rel_to_id for n in registry(codes=NATIONS).nations.values()}
NATION_OF = {id: code for code, id in REL_TO.items()}

Parts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Draft:
    """An object to be. `refs` are places in the pool; `shift` moves all ids to another pool.

    `parts` are selectors, each with the level that it is marked with.
    """

    place: int
    version: int = 1
    tlp: str | None = None
    refs: tuple[int, ...] = ()
    creator: int | None = None
    mark: str | None = None
    extra: str | None = None
    shift: int = 0
    rel_to: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    text: str | None = None

    @property
    def type(self) -> str:
        return POOL[self.place][0]

    def build(self, rel_to: Mapping[str, str] = REL_TO) -> Json:
        """The object; `rel_to` are the ids of the hub's REL TO definitions by nation."""
        n = POOL[self.place][1] + self.shift
        # A relationship may not point at another (STIX 2.1 section 5.1).
        places = [p for p in self.refs if self.type != "relationship" or POOL[p][0] not in NOT_RELATED]
        refs = [pool_id(place, self.shift) for place in places]
        creator = None if self.creator is None else stix_id("identity", self.creator + self.shift)
        mark = stix_id("marking-definition", self.shift) if self.mark == "own" else self.mark
        if self.mark == "own" and self.type == "marking-definition":
            mark = None  # No definition marks itself (STIX 2.1 section 7.2.1).
        marks = [*([mark] if mark else []), *(rel_to[code] for code in self.rel_to)]
        common: dict[str, Any] = {"tlp": self.tlp, "marks": marks}
        if self.type == "marking-definition":
            return definition(n, statement=self.extra != "listed", created_by=creator, **common)
        if self.type == "domain-name":
            obj = observable(n, value=self.version, refs=refs, **common)
            return obj | {"id": pool_id(self.place, self.shift)} | _marked_parts(self.parts)
        obj = sdo(self.type, n, version=self.version, refs=refs, created_by=creator, **common)
        obj |= self._extra(rel_to) | ({} if self.text is None else {"description": self.text})
        return _with_parts(obj, self.parts) if self.parts else obj

    def _extra(self, rel_to: Mapping[str, str]) -> Json:
        match self.extra:
            case "revoked":
                return {} if self.type == "identity" else {"revoked": True}
            case "label" | "red label":
                return {"labels": ["tlp:amber+strict" if self.extra == "label" else "tlp:red"]}
            case "class":
                return {"identity_class": "class"}
            case "part":
                return _part(TLP["amber"], "created")
            case "nothing" | "addressed part":
                is_addressed = self.extra == "addressed part"
                return _part(rel_to["KR"], "created") if is_addressed else _part(TLP["green"], "x_missing")
        return {}


def _part(marking: str, selector: str) -> Json:
    return {"granular_markings": [{"marking_ref": marking, "selectors": [selector]}]}


def _with_parts(obj: Json, parts: Parts) -> Json:
    """Give the object something to be marked in parts, and mark it."""
    labels = [*obj.get("labels", []), "one", "two"]
    sources = [{"source_name": name, "description": name, "url": f"https://{name}.example"} for name in "ab"]
    marked = obj.get("granular_markings", []) + _marked_parts(parts)["granular_markings"]
    told = {"description": "Described", "labels": labels, "external_references": sources}
    return told | obj | {"labels": labels, "granular_markings": marked}


def _marked_parts(parts: Parts) -> Json:
    marked = [{"marking_ref": TLP[level], "selectors": [selector]} for selector, level in parts]
    return {"granular_markings": marked} if marked else {}


def pool_id(place: int, shift: int = 0) -> str:
    stix_type, n = POOL[place]
    return value_id(n + shift) if place == BY_VALUE else stix_id(stix_type, n + shift)


@dataclass(frozen=True)
class Push:
    member: str
    drafts: tuple[Draft, ...]

    def objects(self) -> list[Json]:
        return [draft.build() for draft in self.drafts]


@dataclass(frozen=True)
class Clause:
    origin: str
    to: tuple[str, ...]
    max_tlp: str
    audience: str = "agency"
    types: tuple[str, ...] | None = None
    history: bool = False
    redacts: bool = False
    hides: bool = False

    def build(self) -> Json:
        types: Json = {} if self.types is None else {"types": list(self.types)}
        history = {"history": True} if self.history else {}
        forms = ({"granular": "redact"} if self.redacts else {}) | (
            {"anonymise": "agency"} if self.hides else {}
        )
        return {
            "from": self.origin,
            "to": list(self.to),
            "max_tlp": self.max_tlp,
            "audience": self.audience,
            **types,
            **history,
            **forms,
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
        return pool_id(self.place, self.shift)


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
            Clause,
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
    max_tlp=st.sampled_from(["amber", "amber+strict", "red"]),
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

# Agreements that reach back over the same objects, while those before them begin and end.
_overlapping = st.builds(
    lambda clause, audience: Agree(
        (replace(clause, origin="US", to=("KR",), audience=audience, history=True),)
    ),
    broad,
    st.sampled_from(["partner", "agency", "cert"]),
)
_PLAIN = Push("us-agency", (Draft(0, 1, "green"), Draft(1, 1, "amber")))
_twists = st.one_of(*(lives, waits, steps))
overlaps = st.tuples(
    pushes.map(lambda push: [_PLAIN, replace(push, member="us-agency")]),
    st.lists(st.tuples(_overlapping, st.sampled_from([Work(), Step(0)]), _twists), min_size=2, max_size=4),
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
