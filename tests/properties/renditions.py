"""Worlds in which objects are served in other forms (policy 7), and how they are played and compared."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import select

from hub.store.schema.tables import object_version, release
from tests.oracle import Oracle, ServedForm
from tests.oracle.contents import ID, replaced
from tests.oracle.versions import reaches
from tests.properties import world_strategies, worlds
from tests.properties.playing import Play
from tests.properties.worlds import (
    ACCOUNTS,
    BY_VALUE,
    DEFAULTS,
    NATION_OF,
    POOL,
    Agree,
    Draft,
    DrawnClause,
    Push,
    pool_id,
)
from tests.stix_objects import INFORMATIVE, PUBLIC, Json, sdo
from tests.world import EVERY_VERSION, World

Form = tuple[str, str, str, str]  # member, id and version as submitted, and the form


@dataclass(frozen=True)
class DrawnAnswer:
    """A member refers to something that its nation knows by an id of the hub's.

    `which` and `others` are numbers among those ids; `refs` are places in the pool.
    """

    member: str
    which: int
    others: tuple[int, ...] = ()
    refs: tuple[int, ...] = ()
    type: str = "sighting"
    n: int = 0
    version: int = 1
    tlp: str | None = "green"

    def build(self, made: Sequence[str], shift: int = 0) -> Json:
        ids = [made[n % len(made)] for n in (self.which, *self.others)] if made else []
        refs = [*dict.fromkeys(ids), *(pool_id(place, shift) for place in self.refs)]
        # A sighting is of a domain object.
        is_fitting = self.type != "sighting" or (refs and not refs[0].startswith(_NOT_SIGHTED))
        stix_type = self.type if is_fitting else "note"
        return sdo(stix_type, 40 + self.n, version=self.version, tlp=self.tlp, refs=refs)


_NOT_SIGHTED = ("relationship", "marking-definition", "domain-name")
Event = worlds.Event | DrawnAnswer

# --- what may happen ------------------------------------------------------------------------------

_places = st.sampled_from([*range(len(POOL)), 0, 1, 4, 5, BY_VALUE])
_selectors = st.sampled_from(
    [
        *("description", "description", "description", "labels.[0]", "labels.[1]", "labels", "labels.[0]"),
        *("external_references", "external_references.[0].url", "external_references.[1]", "name"),
        *("object_refs.[0]", "object_refs.[1]", "x_related_refs", "x_related_refs.[0]", "x_sighted", "value"),
    ]
)
_levels = st.sampled_from(["green", "amber", "amber+strict", "red", "red"])
_parts = st.one_of(
    st.just(()), st.just(()), st.lists(st.tuples(_selectors, _levels), min_size=1, max_size=3).map(tuple)
)
_texts = st.sampled_from(
    [None] * 16
    + ["Told by the US-Agency.", "us-partner and KR-AGENCY", "Not us-agency23", f"See {pool_id(0)}."]
)
drafts = st.builds(
    Draft,
    place=_places,
    version=st.integers(1, 3),
    tlp=st.sampled_from([None, "clear", "green", "green", "green", "green", "amber", "amber+strict"]),
    refs=st.lists(_places, max_size=2, unique=True).map(tuple),
    creator=st.sampled_from([None, None, 0, 1]),
    mark=st.sampled_from([None] * 12 + ["own", "own", INFORMATIVE, worlds.UNKNOWN]),
    extra=st.sampled_from([None] * 6 + ["class", "class", "class", "label", "revoked"]),
    rel_to=st.sampled_from([()] * 12 + [("KR",), ("JP",)]),
    parts=_parts,
    text=_texts,
).map(lambda draft: replace(draft, parts=_not_deleted(draft)))


def _not_deleted(draft: Draft) -> tuple[tuple[str, str], ...]:
    """The parts that the object has: any other would close it."""
    obj = draft.build()
    return tuple(part for part in draft.parts if reaches(obj, part[0]))


_agencies = ["us-agency", "us-agency", "us-agency2", "us-partner"]
members = st.sampled_from([*_agencies, *_agencies, "us-cert", "us-cert", "kr-agency", "kr-cert", "jp-cert"])
pushes = st.builds(Push, members, st.lists(drafts, min_size=1, max_size=4).map(tuple))
clauses = st.builds(
    DrawnClause,
    origin=st.just("US"),
    to=st.sampled_from([("KR",), ("KR",), ("KR", "JP")]),
    max_tlp=st.sampled_from(["green", "amber", "amber", "amber", "amber+strict", "red"]),
    audience=st.sampled_from(["partner", "partner", "partner", "agency", "cert"]),
    types=st.sampled_from([None] * 5 + [("malware", "relationship", "report")]),
    history=st.booleans(),
    redacts=st.booleans(),
    hides=st.sampled_from([True, True, False]),
)
_ways_back = st.builds(
    DrawnClause,
    origin=st.just("KR"),
    to=st.sampled_from([("US",), ("US", "JP")]),
    max_tlp=st.sampled_from(["green", "amber+strict"]),
    audience=st.sampled_from(["partner", "agency"]),
    history=st.booleans(),
    redacts=st.booleans(),
    hides=st.booleans(),
)
agreements = st.builds(
    Agree, st.lists(st.one_of(clauses, clauses, _ways_back), min_size=1, max_size=2).map(tuple)
)
answers = st.builds(
    DrawnAnswer,
    st.sampled_from(["kr-cert", "kr-agency", "kr-agency", "kr-partner", "jp-cert"]),
    st.integers(0, 9),
    st.sampled_from([(), (), (1,), (3,)]),
    st.lists(_places, max_size=1).map(tuple),
    st.sampled_from(["sighting", "note", "report"]),
    st.integers(0, 1),
    st.integers(1, 3),
    st.sampled_from(["green", "green", "amber", None]),
)
_openings = st.builds(
    lambda there, back: Agree((*there, *back)),
    st.lists(clauses, min_size=1, max_size=3),
    st.lists(_ways_back, max_size=1),
)
_others = st.one_of(
    agreements,
    world_strategies.lifecycle_events,
    world_strategies.deletes,
    world_strategies.deletes,
    world_strategies.waits,
)
event_lists = st.tuples(
    st.permutations([0, 1]).flatmap(lambda order: st.tuples(*([_openings, pushes][n] for n in order))),
    st.lists(st.one_of(pushes, pushes, answers, _others), min_size=2, max_size=8),
).map(lambda parts: aimed([*parts[0], *parts[1]]))


def aimed(events: Sequence[Any]) -> list[Event]:
    """As `world_strategies.aimed`, answers aside."""
    plain = world_strategies.aimed(
        [worlds.Wait(0) if isinstance(event, DrawnAnswer) else event for event in events]
    )
    return [one if isinstance(one, DrawnAnswer) else other for one, other in zip(events, plain, strict=True)]


# --- playing it -----------------------------------------------------------------------------------


@dataclass
class RenditionPlay(Play):
    """Tells what everybody is served in every form; `ids` are the hub's ids, by those of the oracle."""

    ids: dict[str, str] = field(default_factory=dict)
    shift: int = 0

    def __post_init__(self) -> None:
        members = {} if self.world is None else {m: c.member for m, c in self.world.callers.items()}
        self.oracle = Oracle(
            ACCOUNTS,
            DEFAULTS,
            frozenset({INFORMATIVE}),
            NATION_OF,
            public_sources=frozenset({PUBLIC}),
            identities={name: member.identity for name, member in members.items()},
            titles={name: member.name for name, member in members.items()},
        )
        super().__post_init__()

    def step(self, event: Event) -> None:  # type: ignore[override]
        if not isinstance(event, DrawnAnswer):
            super().step(event)
            return
        self.wait(1)
        made = sorted(self.oracle.made.get(event.member[:2].upper(), ()))
        if self.is_compared:
            self.compare(event.member)  # it must have learnt the ids to use them
            made = [id for id in made if id in self.ids]
        self.submit(event.member, [event.build(made, self.shift)])
        self.catch_up()

    @property
    def is_compared(self) -> bool:
        """Tell whether anything is played beside the oracle."""
        return self.world is not None

    def as_told(self, objects: list[Json]) -> list[Json]:
        return [replaced(obj, lambda id: self.ids.get(id, id)) for obj in objects]

    # --- comparing ---

    def compare(self, *readers: str) -> None:
        """Each of these readers, or everybody, is served what the oracle says, in form and content."""
        served_forms = self.oracle.served_forms(self.in_order(), self.now)
        for reader in readers or self.oracle.accounts:
            self._compare(reader, served_forms[reader])

    def _compare(self, reader: str, served_forms: set[ServedForm]) -> None:
        served = self.served(reader)
        expected = Counter(self._form(s) for s in served_forms)
        told = Counter(form for form, _, _ in served)
        assert told == expected, (reader, "more", told - expected, "less", expected - told)
        by_form = {self._form(s): s for s in served_forms}
        for form, id, body in served:
            served_form = by_form[form]
            self.equal(self.oracle.id_of(served_form), id)
            said = self.oracle.contents[served_form]
            is_link = form[3].startswith("link:")
            self.equal(said, {name: body.get(name) for name in said} if is_link else body)

    def served(self, reader: str) -> list[tuple[Form, str, Json]]:
        """What the hub serves the reader now."""
        assert self.world is not None
        return forms(self.world, reader)

    def _form(self, served_form: ServedForm) -> Form:
        version = served_form.version
        return version.member, self.ids.get(version.id, version.id), version.text, served_form.form

    def originals(self) -> set[str]:
        return {version.id for version in self.oracle.versions}

    def equal(self, said: Any, told: Any) -> None:
        """Let the hub's ids be those of the oracle, each for one alone, ever after; all else is equal."""
        if isinstance(said, str) and isinstance(told, str) and said in self.oracle.drawn:
            assert ID.fullmatch(told), (said, told)
            assert told not in self.originals(), (said, told)
            assert self.ids.setdefault(said, told) == told, (self.oracle.drawn[said], told)
            assert list(self.ids.values()).count(told) == 1, told
        elif isinstance(said, list) and isinstance(told, list):
            assert len(said) == len(told), (said, told)
            for one, other in zip(said, told, strict=True):
                self.equal(one, other)
        elif isinstance(said, dict) and isinstance(told, dict):
            assert said.keys() == told.keys(), (said, told)
            for name in said:
                self.equal(said[name], told[name])
        else:
            assert said == told, (said, told)


def forms(world: World, reader: str) -> list[tuple[Form, str, Json]]:
    """What the reader is served: of which version in which form, under which id, and the object."""
    nation = world.callers[reader].member.nation
    rows = world.released(reader, EVERY_VERSION)
    v = object_version.c
    query = (
        select(release.c.position, v.member, v.stix_id, v.version, release.c.rendition)
        .join_from(release, object_version, release.c.version_id == v.id)
        .where(release.c.recipient == nation)
    )
    with world.service.store.read() as connection:
        known = {row.position: tuple(row)[1:] for row in connection.execute(query)}
    found = []
    for row in rows:
        member, id, version, form = known[row.position]
        found.append(((member, id, version, form or ""), str(row.id), json.loads(row.body)))
    return found
