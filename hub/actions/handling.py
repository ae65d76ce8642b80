"""What a submission makes of markings: its own objects' and those of the member's that it touches.

Here the versions, containers, definitions and counts are loaded; how they are handled is decided in
`rules.handling` (policy 2.1 to 2.6).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from hub.actions.house import House
from hub.model import Handling, MemberId, NationCode, ObjectVersion, Registry, StixId, Tlp
from hub.rules.handling import ContainerKey, Customs, Facts, settle
from hub.rules.marking import Accepted
from hub.rules.namers import CreatorDeltas, creator_deltas, following_namers, follows_namers
from hub.rules.names import is_decided_once
from hub.store import creators, definitions, objects
from hub.store.connection import Connection

_NONE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Desk:
    """Whose markings are judged, and what the configuration says of them, and said `earlier`, until when."""

    member: MemberId
    origin: NationCode
    customs: Customs
    earlier: Sequence[tuple[datetime, Customs]] = ()

    @classmethod
    def of(cls, house: House, member: MemberId, origin: NationCode) -> Desk:
        """Return the desk at which what `member` of `origin` submitted is judged."""
        registry = house.registry
        # What was submitted before a nation was there is the hub's own, or of others.
        earlier = [(until, _customs(one, origin)) for until, one in registry.earlier if origin in one.nations]
        return cls(member, origin, _customs(registry, origin), earlier)


def _customs(registry: Registry, origin: NationCode) -> Customs:
    nation = registry.nations[origin]
    markings = registry.informative_markings, registry.rel_to
    return Customs(nation.default_tlp, nation.unmarked_stays_home, *markings)


@dataclass(frozen=True, slots=True)
class Handled:
    """Every version that was looked at, as it is now to be handled, and how it was stored before.

    All versions of a record are there or none. `before` lacks the versions that are new. `accepted` are the
    definitions that leave what carries them open, as a configuration lists them.
    """

    now: Mapping[int, ObjectVersion]
    before: Mapping[int, ObjectVersion]
    creator_deltas: CreatorDeltas
    accepted: Accepted = field(default_factory=dict)

    def changed(self) -> list[ObjectVersion]:
        """Return the stored versions of which something is to be recorded anew."""
        return [
            v
            for key, v in self.now.items()
            if key in self.before and v is not self.before[key] and v != self.before[key]
        ]


def together(parts: Iterable[Handled]) -> Handled:
    """Return what was handled for several members, to be judged at once; the counts are each member's own."""
    now: dict[int, ObjectVersion] = {}
    before: dict[int, ObjectVersion] = {}
    for part in parts:
        now.update(part.now)
        before.update(part.before)
    return Handled(now, before, {})


@dataclass(frozen=True, slots=True)
class Brought:
    """What a submission brings: new versions, and the stored ones that it says again.

    `repeated` are the names among these, whatever their dates (policy 2.3).
    """

    fresh: Sequence[ObjectVersion] = ()
    present: frozenset[int] = _NONE
    repeated: frozenset[int] = _NONE


def handle(
    connection: Connection,
    desk: Desk,
    brought: Brought,
    held: Collection[ObjectVersion],
    deleted: Mapping[int, datetime] = MappingProxyType({}),
) -> Handled:
    """Return the handling of what is brought, of the `held` versions of these records, and of all they touch.

    `deleted` are the held versions that are deleted now, and when: they go on tightening and closing as they
    did (policy 8), and whatever was deleted is not judged anew.
    """
    table = _Table(connection, desk)
    table.lay(brought.fresh, held, deleted)
    table.gather(brought.fresh)
    facts = table.facts(brought)
    table.now = settle(facts)
    deltas = table.follow_namers()
    return Handled(table.now, table.before, deltas, facts.accepted)


@dataclass(slots=True)
class _Table:
    """The versions under judgement, and the facts about what is stored around them."""

    connection: Connection
    desk: Desk
    now: dict[int, ObjectVersion] = field(default_factory=dict)
    before: dict[int, ObjectVersion] = field(default_factory=dict)

    def lay(
        self,
        fresh: Iterable[ObjectVersion],
        held: Collection[ObjectVersion],
        deleted: Mapping[int, datetime],
    ) -> None:
        """Put the records on the table, each with its newest version marked."""
        records: dict[StixId, list[ObjectVersion]] = defaultdict(list)
        for version in (*held, *fresh):
            at = deleted.get(version.key, version.deleted_at)
            records[version.id].append(version.altered(deleted_at=at))
        self.before.update((v.key, v) for v in held)
        for versions in records.values():
            newest = max(versions, key=lambda v: v.rank)
            self.now.update((v.key, v.altered(is_newest=v is newest)) for v in versions)

    def gather(self, fresh: Sequence[ObjectVersion]) -> None:
        """Add the member's stored objects that the new ones touch, down through nested containers."""
        definitions = {v.id for v in fresh if v.is_accepted_definition}
        carriers = objects.carrying(self.connection, self.desk.member, self.desk.origin, definitions)
        touched = {id for v in fresh for id in v.contains} | carriers
        renewed = {v.id for v in fresh}
        for version in self.now.values():
            # A revoking version follows one that has come before it.
            if version.id in carriers or (version.revoked and version.id in renewed):
                touched |= version.contains
        while missing := touched - {v.id for v in self.now.values()}:
            movable = objects.movable(self.connection, self.desk.member, missing) | (missing & carriers)
            loaded = objects.versions_of(self.connection, self.desk.member, movable)
            for version in loaded:
                self.now[version.key] = self.before[version.key] = version
            inner = (v.contains for v in loaded if v.markings.tlp is None or v.id in carriers)
            touched = {id for contains in inner for id in contains} - (missing - movable)

    def facts(self, brought: Brought) -> Facts:
        """Return what decides how the versions on the table are handled."""
        versions = self.now.values()
        around = self._around({v.id for v in versions if v.markings.tlp is None})
        others = {ref for v in versions for ref in v.markings.others}
        accepted = definitions.accepted(self.connection, self.desk.member, others)
        for version in versions:
            if version.is_accepted_definition and version.id not in accepted:
                accepted[version.id] = version.listed or None
        return Facts(
            customs=self.desk.customs,
            now=self.now,
            before=self.before,
            present=brought.present | {v.key for v in brought.fresh},
            repeated=brought.repeated,
            around=around,
            closed_around=self._closed_around(brought.fresh, around),
            accepted=accepted,
            earlier=self.desk.earlier,
        )

    def _around(self, ids: Collection[StixId]) -> dict[StixId, Counter[Handling]]:
        """Return what stored containers that are not on the table hand down."""
        stored = objects.containers_of(self.connection, self.desk.member, self.desk.origin, ids)
        for version in self.before.values():
            if version.given is not None:
                for id in version.contains & stored.keys():
                    stored[id][version.given] -= 1
        return {id: +counts for id, counts in stored.items()}

    def _closed_around(
        self, fresh: Iterable[ObjectVersion], around: Mapping[StixId, Counter[Handling]]
    ) -> dict[StixId, frozenset[ContainerKey]]:
        """Return which stored containers close a name that is new (policy 2.3)."""
        asked = {v.id for v in fresh if is_decided_once(v) and any(g.is_closed for g in around.get(v.id, ()))}
        on_table = {(v.id, v.version_key) for v in self.before.values()}
        place = self.desk.member, self.desk.origin
        return {
            id: frozenset(objects.closed_containers_of(self.connection, *place, id) - on_table)
            for id in asked
        }

    def follow_namers(self) -> CreatorDeltas:
        """Give unmarked identities the level of those who name them; return how the counts change."""
        deltas = creator_deltas(self.now, self.before)
        moved = {identity for identity, _ in deltas} - {v.id for v in self.now.values()}
        for version in objects.versions_of(self.connection, self.desk.member, moved):
            self.now[version.key] = self.before[version.key] = version
        followers = [v for v in self.now.values() if follows_namers(v)]
        counts = creators.levels(self.connection, self.desk.member, {v.id for v in followers})
        for version in followers:
            namers: Counter[Tlp] = Counter(counts.get(version.id, {}))
            namers.update({tlp: n for (identity, tlp), n in deltas.items() if identity == version.id})
            stored = self.before.get(version.key)
            self.now[version.key] = following_namers(version, stored, namers)
        return deltas
