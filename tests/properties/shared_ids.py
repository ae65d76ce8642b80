"""Generated worlds in which members meet under few ids: copies, claims, names, answers, translations.

The objects are as real products make them, in our own words: names with fixed ids whose `created` is the
event's and that name no creator, ids by UUIDv5 from a pattern or a name, and the objects of a public source
that several members submit.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from tests.properties import world_strategies
from tests.properties.worlds import (
    LEVELS,
    MEMBERS,
    NATIONS,
    REL_TO,
    UNKNOWN,
    Agree,
    Delete,
    DrawnClause,
    Event,
    Push,
    Resume,
    Suspend,
    Wait,
    speaker,
)
from tests.stix_objects import (
    INFORMATIVE,
    PUBLIC,
    TLP,
    Json,
    definition,
    observable,
    sdo,
    stamp,
    stix_id,
    value_id,
)

HUB = stix_id("identity", 999)
THIRD = stix_id("identity", 702)  # no member, and no public source
_BY_NAME = uuid.UUID("2c3a8d5e-86b1-5f0c-9a55-6f6f0e5d1c11")
_TLP_2 = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"


def by_name(stix_type: str, n: int = 0) -> str:
    return f"{stix_type}--{uuid.uuid5(_BY_NAME, f'{stix_type} {n}')}"


@dataclass(frozen=True)
class Thing:
    """An id, and what is said under it. `is_cluster`: a fixed name, dated by who says it."""

    type: str
    id: str
    is_cluster: bool = False


THINGS = [
    Thing("indicator", stix_id("indicator", 0)),
    Thing("indicator", stix_id("indicator", 1)),
    Thing("indicator", by_name("indicator")),
    Thing("malware", stix_id("malware", 0)),
    Thing("malware", by_name("malware")),
    Thing("intrusion-set", stix_id("intrusion-set", 0), is_cluster=True),
    Thing("threat-actor", stix_id("threat-actor", 0), is_cluster=True),
    Thing("attack-pattern", stix_id("attack-pattern", 0)),
    Thing("identity", THIRD),
    Thing("identity", speaker("kr-agency")),
    Thing("identity", speaker("jp-cert")),
    Thing("identity", PUBLIC),
    Thing("domain-name", value_id(0)),
    Thing("domain-name", stix_id("domain-name", 5)),
    Thing("report", stix_id("report", 0)),
    Thing("report", stix_id("report", 1)),
    Thing("grouping", stix_id("grouping", 0)),
    Thing("relationship", stix_id("relationship", 0)),
    Thing("relationship", stix_id("relationship", 1)),
    Thing("sighting", stix_id("sighting", 0)),
    Thing("note", stix_id("note", 0)),
    Thing("language-content", stix_id("language-content", 0)),
    Thing("language-content", stix_id("language-content", 1)),
    Thing("marking-definition", stix_id("marking-definition", 60)),
]
PLACES = range(len(THINGS))


def _of(*types: str) -> list[int]:
    return [place for place in PLACES if THINGS[place].type in types]


NAMES = _of("malware", "intrusion-set", "threat-actor", "attack-pattern", "identity")
CONTENT = [*_of("indicator"), *NAMES, *_of("domain-name")]
ABOUT = _of("report", "grouping", "relationship", "sighting", "note", "language-content")
_UNRELATED = (
    "relationship",
    "sighting",
    "note",
    "report",
    "grouping",
    "language-content",
    "marking-definition",
)
_REQUIRED: dict[str, Json] = {
    "intrusion-set": {"name": "Group"},
    "threat-actor": {"name": "Actor"},
    "attack-pattern": {"name": "Way"},
}


_EXTRAS: dict[str, Json] = {
    "revoked": {"revoked": True},
    "ahead": {"modified": "2026-03-09T00:00:00.000Z"},
    "label": {"labels": ['misp:tlp="amber"']},
    "extension": {"extensions": {_TLP_2: {"extension_type": "property-extension", "tlp_2_0": "red"}}},
    "deep": {"x_kept": [{"object_marking_refs": [TLP["red"]]}]},
    "deep unknown": {"x_kept": [{"object_marking_refs": [UNKNOWN]}]},
    "upper": {"x_about": stix_id("indicator", 0).upper()},
    "key": {"x_by_id": {stix_id("indicator", 0): "seen"}},
}


@dataclass(frozen=True)
class Piece:
    """An object to be, under one of the few ids. `refs` are places; `creator` a member, or an identity.

    `text` makes the content another; `shift` moves `created`.
    """

    place: int
    version: int = 1
    tlp: str | None = None
    refs: tuple[int, ...] = ()
    creator: str | None = None
    mark: str | None = None
    rel_to: tuple[str, ...] = ()
    extra: str | None = None
    text: int = 0
    shift: int = 0

    @property
    def thing(self) -> Thing:
        return THINGS[self.place]

    def build(self) -> Json:
        thing = self.thing
        common: dict[str, Any] = {"tlp": self.tlp, "marks": [*self._marks()]}
        if thing.type == "marking-definition":
            return definition(60, **common)
        if thing.type == "domain-name":
            return observable(0, value=self.text, **common) | {"id": thing.id} | self._extra()
        creator = speaker(self.creator) if self.creator in MEMBERS else self.creator
        # A cluster's dates are those of the event in which somebody says it.
        created = stamp(self.version - 1 if thing.is_cluster else self.shift)
        said = {"description": f"Text {self.text}", "created": created, **_REQUIRED.get(thing.type, {})}
        obj = sdo(thing.type, 0, version=self.version, created_by=creator, **common, **said)
        return obj | {"id": thing.id} | self._about() | self._extra()

    def _marks(self) -> Sequence[str]:
        mark = stix_id("marking-definition", 60) if self.mark == "own" else self.mark
        return [*([mark] if mark else []), *(REL_TO[code] for code in self.rel_to)]

    def _about(self) -> Json:
        ids = [THINGS[place].id for place in self.refs if THINGS[place].id != self.thing.id]
        plain = [id for id in ids if not id.startswith(_UNRELATED)] or [stix_id("campaign", 90)]
        match self.thing.type:
            case "report" | "grouping" | "note":
                return {"object_refs": ids or plain}
            case "relationship":
                return {"source_ref": plain[0], "target_ref": plain[-1]}
            case "sighting":
                fitting = [id for id in plain if not id.startswith("domain-name")]
                return {"sighting_of_ref": (fitting or [stix_id("campaign", 90)])[0]}
            case "language-content":
                return {"object_ref": (ids or plain)[0], "contents": {"ko": {"name": "이름"}}}
        return {"x_related_refs": ids} if ids else {}

    def _extra(self) -> Json:
        is_dated = self.thing.type != "domain-name"
        if self.extra is None or (self.extra in ("revoked", "ahead") and not is_dated):
            return {}
        return _EXTRAS[self.extra]


@dataclass(frozen=True)
class Say(Push):
    """A submission of pieces."""

    drafts: tuple[Piece, ...]  # type: ignore[assignment]


@dataclass(frozen=True)
class DeleteThing(Delete):
    """Deletes under one of these ids."""

    @property
    def id(self) -> str:
        return THINGS[self.place].id


# --- what may happen ------------------------------------------------------------------------------

_versions = st.integers(1, 3)
_tlp = st.sampled_from([None, None, None, "green", "green", "amber", *LEVELS])
_marks = st.sampled_from([None] * 10 + ["own", INFORMATIVE, UNKNOWN])
_addressees = st.sampled_from([()] * 10 + [("KR",), ("US", "JP")])
_extras = st.sampled_from(
    [None] * 10
    + ["revoked", "revoked", "label", "extension", "deep", "deep unknown", "upper", "ahead", "key"]
)
# "self" and "cert" are replaced by the submitter and its cert.
_creators = st.sampled_from(
    [None, None, "self", "self", "cert", THIRD, THIRD, PUBLIC, HUB, "kr-agency", "jp-cert"]
)
_some = st.integers(0, len(MEMBERS) - 1).map(MEMBERS.__getitem__)
pieces = st.builds(
    Piece,
    st.sampled_from([*PLACES, *CONTENT, *ABOUT]),
    _versions,
    _tlp,
    st.lists(st.sampled_from([*CONTENT, *CONTENT, *ABOUT]), max_size=2, unique=True).map(tuple),
    _creators,
    _marks,
    _addressees,
    _extras,
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from([0] * 12 + [1]),
)
# One who writes about what is there, and nothing else.
_remarks = st.builds(
    Piece,
    st.sampled_from(ABOUT),
    _versions,
    st.sampled_from(["clear", "green", "green", None]),
    st.lists(st.sampled_from([*CONTENT, *ABOUT]), max_size=1).map(tuple),
    st.sampled_from([None, "self"]),
)
# An event exported by a product: a container with its parts and its clusters, as unmarked as they come.
_exports = st.builds(
    lambda container, inner, tlp, version: (
        Piece(container, version, tlp, tuple(inner)),
        *(Piece(place, version) for place in inner),
    ),
    st.sampled_from(_of("report", "grouping")),
    st.lists(st.sampled_from(CONTENT), min_size=1, max_size=3, unique=True),
    st.sampled_from([None, "green", "green", "amber", "red"]),
    _versions,
)
# ATT&CK: names and what stands between them, by the public source, unmarked.
_public = st.builds(
    lambda version, text: (
        *(Piece(place, version, creator=PUBLIC, text=text) for place in NAMES[:2] + _of("attack-pattern")),
        Piece(_of("relationship")[0], version, refs=(NAMES[0], _of("attack-pattern")[0]), creator=PUBLIC),
    ),
    _versions,
    st.integers(0, 1),
)
_bundles = st.one_of(st.lists(pieces, min_size=1, max_size=3).map(tuple), _exports, _public)


def _named(member: str, bundle: Sequence[Piece]) -> Say:
    whose = {"self": member, "cert": f"{member[:2]}-cert"}
    return Say(member, tuple(replace(p, creator=whose.get(p.creator or "", p.creator)) for p in bundle))


sayings = st.builds(_named, _some, _bundles)


@dataclass(frozen=True)
class Repeat(Wait):
    """Stands for a copy of a piece said before, by a member, with something altered; see `aimed`."""

    seconds: int = 0
    member: str = "us-cert"
    which: int = 0
    altered: dict[str, Any] = field(default_factory=dict, hash=False)

    def aim(self, said: Piece) -> Piece:
        return replace(said, **self.altered)


@dataclass(frozen=True)
class AimedRemark(Wait):
    """Stands for something about a piece said before; see `aimed`."""

    seconds: int = 0
    member: str = "us-cert"
    which: int = 0
    piece: Piece = Piece(0)

    def aim(self, said: Piece) -> Piece:
        return replace(self.piece, refs=(said.place, *self.piece.refs))


_alterations = st.sampled_from(
    [
        *(
            {},
            {},
            {},
            {"version": 2},
            {"version": 4},
            {"version": 3},
            {"version": 3, "tlp": "green"},
            {"version": 2, "tlp": "red"},
        ),
        *({"version": 3, "extra": "revoked"}, {"version": 3, "extra": "revoked", "tlp": None, "rel_to": ()}),
        *({"creator": None}, {"creator": PUBLIC}, {"text": 1}, {"version": 2, "text": 1, "tlp": "green"}),
    ]
)
repeats = st.builds(Repeat, st.just(0), _some, st.integers(0, 30), _alterations)
remarks = st.builds(AimedRemark, st.just(0), _some, st.integers(0, 30), _remarks)
deletions = st.builds(
    DeleteThing,
    st.sampled_from(["submitter", "submitter", "cert", *MEMBERS]),
    st.integers(0, 30),
    st.sampled_from([None, 0]),
)
clauses = st.permutations(NATIONS).flatmap(
    lambda order: st.builds(
        DrawnClause,
        origin=st.just(order[0]),
        to=st.integers(1, 2).map(lambda n: tuple(order[1 : 1 + n])),
        max_tlp=st.sampled_from(["green", "amber", "amber+strict", "red", "red"]),
        audience=st.sampled_from(["partner", "partner", "agency", "cert"]),
        types=st.sampled_from([None] * 5 + [("malware", "indicator", "report")]),
        history=st.sampled_from([True, True, False]),
    )
)
agreements = st.builds(Agree, st.lists(clauses, min_size=1, max_size=3).map(tuple))


def _agreement(one: str, other: str, max_tlp: str, audience: str) -> Agree:
    return Agree(tuple(DrawnClause(o, (to,), max_tlp, audience) for o, to in ((one, other), (other, one))))


# Two nations share with each other, so that most of what is said is seen; the third comes by chance.
_pairs = st.builds(
    lambda order, max_tlp, audience: _agreement(order[0], order[1], max_tlp, audience),
    st.permutations(NATIONS),
    st.sampled_from(["amber", "amber+strict", "red"]),
    st.sampled_from(["partner", "partner", "agency"]),
)
# A suspension for a moment.
moments = st.builds(
    lambda which, by: (Suspend(which, by), Resume(which, by)), st.integers(0, 5), st.integers(0, 2)
)
# Equal branches of `one_of` count once: weights need another way.
_kinds = [
    *[sayings] * 6,
    *[repeats] * 6,
    *[remarks] * 5,
    deletions,
    agreements,
    world_strategies.lifecycle_events,
    world_strategies.waits,
]
_one = st.sampled_from(_kinds).flatmap(lambda kind: kind).map(lambda event: (event,))
event_lists = st.tuples(
    st.tuples(_pairs, _pairs, agreements).map(list),
    st.lists(st.sampled_from([_one] * 9 + [moments]).flatmap(lambda one: one), min_size=8, max_size=18),
).map(lambda parts: aimed([*parts[0], *(event for some in parts[1] for event in some)]))


def aimed(events: Sequence[Any]) -> list[Event]:
    """Let repetitions and deletions hit what was said before, and each signed step an agreement."""
    said: list[tuple[str, Piece]] = []
    found: list[Any] = []
    for event in events:
        aim = event
        if isinstance(event, Repeat | AimedRemark):
            aim = Wait(1)
            if said:
                aim = _named(event.member, [event.aim(said[event.which % len(said)][1])])
        elif isinstance(event, DeleteThing):
            aim = Wait(1)
            if said:
                owner, piece = said[event.place % len(said)]
                member = {"submitter": owner, "cert": f"{owner[:2]}-cert"}.get(event.member, event.member)
                version = None if event.version is None else piece.version
                aim = DeleteThing(member, piece.place, version)
        if isinstance(aim, Say):
            said += [(aim.member, piece) for piece in aim.drafts]
        found.append(aim)
    deletions = {n: event for n, event in enumerate(found) if isinstance(event, DeleteThing)}
    plain = world_strategies.aimed([Wait(1) if n in deletions else event for n, event in enumerate(found)])
    return [deletions.get(n, event) for n, event in enumerate(plain)]
