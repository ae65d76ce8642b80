"""Generated worlds: what happens in them, as small values that shrink well. `playing.py` plays them.

Few ids, few members and few versions, so that collisions, cycles, containers that come late and
several members with the same id are the rule and not the exception.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.oracle import OracleAccount
from tests.stix_objects import TLP, Json, definition, observable, sdo, stix_id, value_id
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
class DrawnClause:
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

    clauses: tuple[DrawnClause, ...]
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
class HistoryStep:
    """One of the histories that are under way, or preparations, comes a step further."""

    job: int


@dataclass(frozen=True)
class Nothing:
    """Stands where something was left out."""


LifecycleEvent = Amend | Sign | Suspend | Resume | Terminate
Event = Push | Delete | Agree | LifecycleEvent | Wait | Work | HistoryStep | Nothing
