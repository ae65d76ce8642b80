"""What a submission makes of markings: its own objects' and those of the member's that it touches.

A container tightens what it names, an accepted definition opens what carries it, and an identity
follows those who name it (policy 2.3, 2.4, 2.6), in whatever order they come in.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from types import MappingProxyType

from hub.actions.house import House
from hub.model import MemberId, NationCode, ObjectVersion, StixId, Tlp
from hub.rules.marking import (
    Around,
    effective_tlp,
    identity_exception,
    narrower,
    releasable_to,
    unknown_markings,
)
from hub.store import objects
from hub.store.connection import Connection
from hub.store.objects import Containers

CreatorDeltas = Mapping[tuple[StixId, Tlp], int]


@dataclass(frozen=True, slots=True)
class Desk:
    """Whose markings are judged, and what the configuration says of them."""

    member: MemberId
    origin: NationCode
    default_tlp: Tlp
    informative: frozenset[StixId]
    rel_to: Mapping[StixId, NationCode]

    @classmethod
    def of(cls, house: House, member: MemberId, origin: NationCode) -> Desk:
        """Return the desk at which what `member` of `origin` submitted is judged."""
        registry = house.registry
        default = registry.nations[origin].default_tlp
        return cls(member, origin, default, registry.informative_markings, registry.rel_to)


@dataclass(frozen=True, slots=True)
class Handled:
    """Every version that was looked at, as it is now to be handled, and how it was stored before.

    All versions of a record are there or none. `before` lacks the versions that are new.
    """

    now: Mapping[int, ObjectVersion]
    before: Mapping[int, ObjectVersion]
    creator_deltas: CreatorDeltas

    def changed(self) -> list[ObjectVersion]:
        """Return the stored versions of which something is to be recorded anew."""
        return [v for key, v in self.now.items() if key in self.before and v != self.before[key]]


def together(parts: Iterable[Handled]) -> Handled:
    """Return what was handled for several members, to be judged at once; the counts are each member's own."""
    now: dict[int, ObjectVersion] = {}
    before: dict[int, ObjectVersion] = {}
    for part in parts:
        now.update(part.now)
        before.update(part.before)
    return Handled(now, before, {})


def handle(
    connection: Connection,
    desk: Desk,
    fresh: Sequence[ObjectVersion],
    held: Collection[ObjectVersion],
    kept: Mapping[int, int] = MappingProxyType({}),
    deleted: Mapping[int, datetime] = MappingProxyType({}),
) -> Handled:
    """Return the handling of `fresh`, of the `held` versions of the same records, and of all they touch.

    `kept` names the predecessor whose level a revoking version without TLP takes over; `deleted` the held
    versions that are deleted now, and when: they go on tightening and closing as they did (policy 8),
    and whatever was deleted is not judged anew.
    """
    table = _Table(connection, desk, kept)
    table.lay(fresh, held, deleted)
    table.gather(fresh)
    table.settle()
    deltas = table.follow_creators()
    return Handled(table.now, table.before, deltas)


@dataclass(slots=True)
class _Table:
    """The versions under judgement, and the facts about what is stored around them."""

    connection: Connection
    desk: Desk
    kept: Mapping[int, int]
    now: dict[int, ObjectVersion] = field(default_factory=dict)
    before: dict[int, ObjectVersion] = field(default_factory=dict)
    around: dict[StixId, Containers] = field(default_factory=dict)
    accepted: set[StixId] = field(default_factory=set)
    # What containers on the table say of an id: that there is one, the strictest level, that one is closed,
    # and to whom alone it is releasable.
    _named: set[StixId] = field(default_factory=set)
    _above: dict[StixId, Tlp] = field(default_factory=dict)
    _in_closed: set[StixId] = field(default_factory=set)
    _releasable: dict[StixId, frozenset[NationCode] | None] = field(default_factory=dict)
    _unaddressed: set[StixId | int] = field(default_factory=set)

    # --- laying out ---

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
            records[version.id].append(replace(version, deleted_at=at))
        self.before.update((v.key, v) for v in held)
        for versions in records.values():
            newest = max(versions, key=lambda v: v.rank)
            self.now.update((v.key, replace(v, is_newest=v is newest)) for v in versions)

    def gather(self, fresh: Sequence[ObjectVersion]) -> None:
        """Add the member's stored objects that the new ones touch, down through nested containers."""
        definitions = {v.id for v in fresh if v.is_accepted_definition}
        carriers = objects.carrying(self.connection, self.desk.member, self.desk.origin, definitions)
        touched = {id for v in fresh for id in v.contains} | carriers
        for version in self.now.values():
            if version.id in carriers:
                touched |= version.contains
        while missing := touched - {v.id for v in self.now.values()}:
            loaded = objects.versions_of(self.connection, self.desk.member, missing)
            self._add(loaded)
            inner = (v.contains for v in loaded if v.markings.tlp is None or v.id in carriers)
            touched = {id for contains in inner for id in contains}

    def _add(self, loaded: Iterable[ObjectVersion]) -> None:
        for version in loaded:
            self.now[version.key] = self.before[version.key] = version

    # --- levels and closure ---

    def settle(self) -> None:
        """Judge every version on the table, and again what a change touches, until nothing changes.

        Levels and closure only ever rise, so that of all containers of an id the strictest is enough.
        """
        self._look_around()
        self._named = {id for version in self.now.values() for id in version.contains}
        touches = self._touches()
        levels: dict[int, Tlp | None] = dict.fromkeys(self.now)
        closed: dict[int, bool] = dict.fromkeys(self.now, False)
        rel_to: dict[int, frozenset[NationCode] | None] = dict.fromkeys(self.now)
        for is_last_resort in (False, True):
            if is_last_resort:
                self._note_unaddressed(levels, rel_to)
            queue = deque(self.now)
            queued = set(queue)
            while queue:
                key = queue.popleft()
                queued.discard(key)
                version = self.now[key]
                level = self._level(version, levels, is_last_resort=is_last_resort)
                is_closed = self._is_closed(version)
                releasable = self._rel_to(version, rel_to)
                if (level, is_closed, releasable) == (levels[key], closed[key], rel_to[key]):
                    continue
                levels[key], closed[key], rel_to[key] = level, is_closed, releasable
                handled = replace(version, rel_to=releasable, is_closed=is_closed)
                tightened: list[StixId | int] = [key, *self._tighten(handled, level)]
                for name in tightened:
                    queue.extend(touches[name] - queued)
                    queued |= touches[name]
        for key, version in self.now.items():
            tlp = levels[key]
            if tlp is None:
                raise RuntimeError("every version has a level after the last resort")
            if version.deleted_at is not None:
                continue
            is_contained = version.is_contained or key in self.kept or self._is_named(version)
            handled = replace(
                version, tlp=tlp, is_closed=closed[key], is_contained=is_contained, rel_to=rel_to[key]
            )
            self.now[key] = replace(handled, base=self._base(version, levels))

    def _note_unaddressed(
        self, levels: Mapping[int, Tlp | None], rel_to: Mapping[int, frozenset[NationCode] | None]
    ) -> None:
        """Note what is RED, or in something RED, or was, that is addressed to nobody.

        REL TO of another container may not address it, for a container can only tighten (policy 2.3).
        """
        unaddressed = {key for key in self.now if (levels[key], rel_to[key]) == (Tlp.RED, None)}
        self._unaddressed = {id for key in unaddressed for id in self.now[key].contains}
        self._unaddressed |= {id for id, stored in self.around.items() if (Tlp.RED, None) in stored.rel_to}
        self._unaddressed |= {key for key, predecessor in self.kept.items() if predecessor in unaddressed}
        for key, stored in self.before.items():
            # An identity that follows its namers may leave RED as they do.
            is_free = _follows_namers(stored) and not self._is_named(stored)
            if (stored.tlp, stored.rel_to) == (Tlp.RED, None) and not is_free:
                self._unaddressed.add(key)

    def _touches(self) -> Mapping[StixId | int, set[int]]:
        """Return the versions of each id, and for a version those that take its level over."""
        touches: dict[StixId | int, set[int]] = defaultdict(set)
        for key, version in self.now.items():
            touches[version.id].add(key)
        for key, predecessor in self.kept.items():
            touches[predecessor].add(key)
        return touches

    def _tighten(self, version: ObjectVersion, level: Tlp | None) -> Iterable[StixId]:
        """Let a container's level, closure and REL TO reach what it names; return where that is news."""
        for id in version.contains:
            is_news = version.is_closed and id not in self._in_closed
            if is_news:
                self._in_closed.add(id)
            releasable = narrower(self._releasable.get(id), version.rel_to)
            if releasable != self._releasable.get(id):
                self._releasable[id], is_news = releasable, True
            if level is not None and level > self._above.get(id, -1):
                self._above[id], is_news = level, True
            if is_news:
                yield id

    def _look_around(self) -> None:
        """Learn what stored containers and definitions that are not on the table say of what is."""
        versions = self.now.values()
        ids = {v.id for v in versions if v.markings.tlp is None}
        stored = objects.containers_of(self.connection, self.desk.member, self.desk.origin, ids)
        own_closed = Counter(id for v in self.before.values() if v.is_closed for id in v.contains)
        for id, containers in stored.items():
            self.around[id] = replace(containers, closed=containers.closed - own_closed[id])
        others = {ref for v in versions for ref in v.markings.others}
        self.accepted |= objects.accepted_definitions(self.connection, self.desk.member, others)
        self.accepted |= {v.id for v in versions if v.is_accepted_definition}

    def _is_named(self, version: ObjectVersion) -> bool:
        return version.markings.tlp is None and (version.id in self.around or version.id in self._named)

    def _level(
        self, version: ObjectVersion, levels: Mapping[int, Tlp | None], *, is_last_resort: bool
    ) -> Tlp | None:
        """Return the version's level, or None while what it depends on has none yet."""
        if version.deleted_at is not None:
            return version.tlp  # as it stood (policy 2.7)
        known = self._container_levels(version)
        floor = self._floor(version, levels, is_named=bool(known))
        waits = version.key in self.kept or version.id in self._named
        if version.markings.tlp is None and floor is None and not known and waits and not is_last_resort:
            return None
        exception = Tlp.GREEN if version.is_accepted_definition else None
        strictest = max(known, default=None)
        return effective_tlp(version.markings, Around(self.desk.default_tlp, floor, strictest, exception))

    def _container_levels(self, version: ObjectVersion) -> list[Tlp]:
        known = [self._above[version.id]] if version.id in self._above else []
        stored = self.around.get(version.id)
        return known if stored is None else [*known, stored.tlp]

    def _base(self, version: ObjectVersion, levels: Mapping[int, Tlp | None]) -> Tlp:
        """Return the level without what granular markings and labels add (policy 7)."""
        known = self._container_levels(version)
        floor = self._floor(version, levels, is_named=bool(known))
        stored = self.before.get(version.key)
        if floor is not None and stored is not None and version.key not in self.kept:
            floor = stored.base
        exception = Tlp.GREEN if version.is_accepted_definition else None
        around = Around(self.desk.default_tlp, floor, max(known, default=None), exception)
        return effective_tlp(replace(version.markings, raised=None), around)

    def _floor(
        self, version: ObjectVersion, levels: Mapping[int, Tlp | None], *, is_named: bool
    ) -> Tlp | None:
        """Return the level below which an unmarked version does not fall by what comes later."""
        if version.key in self.kept:
            predecessor = self.before.get(self.kept[version.key])
            if predecessor is not None and _follows_namers(predecessor):
                return predecessor.tlp  # its namers' level, which is not on the table yet
            return levels[self.kept[version.key]]
        stored = self.before.get(version.key)
        if stored is None or (_follows_namers(stored) and not is_named):
            return None
        return stored.tlp

    def _is_closed(self, version: ObjectVersion) -> bool:
        if version.deleted_at is not None:
            return version.is_closed
        if version.markings.fault is not None:
            return True
        if unknown_markings(version.markings, self.accepted, self.desk.informative | self.desk.rel_to.keys()):
            return True
        if version.markings.tlp is not None:
            return False
        stored = self.around.get(version.id)
        return version.id in self._in_closed or (stored is not None and stored.closed > 0)

    def _rel_to(
        self, version: ObjectVersion, known: Mapping[int, frozenset[NationCode] | None]
    ) -> frozenset[NationCode] | None:
        """Return to whom alone the version is releasable; what has TLP of its own goes by its own REL TO."""
        if version.deleted_at is not None:
            return version.rel_to
        own = releasable_to(version.markings.others, self.desk.rel_to)
        if version.markings.tlp is not None:
            return own
        stored, around = self.before.get(version.key), self.around.get(version.id)
        limits = [
            own,
            None if stored is None else stored.rel_to,
            *(() if around is None else (nations for _, nations in around.rel_to)),
            self._releasable.get(version.id),
            known.get(self.kept[version.key]) if version.key in self.kept else None,
        ]
        nations = reduce(narrower, limits)
        is_addressed_by_others = own is None and nations is not None
        is_unaddressed = not self._unaddressed.isdisjoint((version.id, version.key))
        return frozenset() if is_addressed_by_others and is_unaddressed else nations

    # --- identities ---

    def follow_creators(self) -> CreatorDeltas:
        """Give unmarked identities the level of those who name them; return how the counts change."""
        deltas: Counter[tuple[StixId, Tlp]] = Counter()
        for key, version in self.now.items():
            for counted, sign in ((version, 1), (self.before.get(key), -1)):
                if counted is not None and counted.creator is not None and names_creator(counted):
                    deltas[counted.creator, counted.tlp] += sign
        moved = {identity for (identity, _), delta in deltas.items() if delta}
        on_table = {v.id for v in self.now.values()}
        self._add(objects.versions_of(self.connection, self.desk.member, moved - on_table))
        followers = [v for v in self.now.values() if _follows_namers(v) and v.deleted_at is None]
        counts = objects.creator_levels(self.connection, self.desk.member, {v.id for v in followers})
        for version in followers:
            namers = Counter(counts.get(version.id, {}))
            namers.update({tlp: n for (identity, tlp), n in deltas.items() if identity == version.id})
            exception = identity_exception(namers)
            level, base = self._followed(version, exception)
            self.now[version.key] = replace(version, tlp=level, base=base)
        return {key: delta for key, delta in deltas.items() if delta}

    def _followed(self, version: ObjectVersion, exception: Tlp | None) -> tuple[Tlp, Tlp]:
        """Return level and base of an unmarked identity; while nobody names it, none laxer than it had."""
        around = Around(self.desk.default_tlp, exception=exception)
        level = effective_tlp(version.markings, around)
        base = effective_tlp(replace(version.markings, raised=None), around)
        stored = self.before.get(version.key)
        if stored is None or exception is not None:
            return level, base
        return max(level, stored.tlp), max(base, stored.base)


def _follows_namers(version: ObjectVersion) -> bool:
    """Tell whether the version is an unmarked identity in no container, whose level its namers decide."""
    return version.type == "identity" and version.markings.tlp is None and not version.is_contained


def names_creator(version: ObjectVersion) -> bool:
    """Tell whether the version's level counts for the identity that it names.

    Newest versions alone do, while they are not deleted; an unmarked identity would only pass on what it
    takes from others.
    """
    is_unmarked_identity = version.type == "identity" and version.markings.tlp is None
    is_there = version.is_newest and version.deleted_at is None
    return is_there and version.creator != version.id and not is_unmarked_identity
