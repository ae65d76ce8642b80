"""Loads the stored data of effective markings; `rules.marking.effective` decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from hub.actions.service.service import Service
from hub.model import EffectiveMarking, MemberId, NationCode, ObjectVersion, Registry, StixId
from hub.rules.claims import is_decided_once
from hub.rules.marking.containers import ContainerKey, MarkingDefaults, MarkingFacts
from hub.rules.marking.effective import with_deletions
from hub.rules.marking.levels import accepted_as
from hub.rules.submission.drafting import NO_DRAFTS, Drafts
from hub.store.database.connection import Connection
from hub.store.records import marking_facts, objects, references


def load(
    service: Service,
    connection: Connection,
    place: tuple[NationCode, MemberId],
    held: Collection[ObjectVersion],
    drafts: Drafts = NO_DRAFTS,
    deleted: Mapping[int, datetime] = MappingProxyType({}),
) -> MarkingFacts:
    """Return the marking facts of `drafts`, of the `held` versions, and of all versions related to these.

    `place` is the origin and the member of the records. `deleted` has the time for each held version that is
    deleted now. A deleted version goes on restricting other versions (policy 8), and is not judged again.
    """
    loaded = _Loaded(connection, *place)
    loaded.before.update((v.key, v) for v in held)
    loaded.now.update(with_deletions((*held, *drafts.fresh), deleted))
    loaded.gather(drafts.fresh)
    return loaded.facts(service.registry, drafts)


def _defaults(registry: Registry, origin: NationCode) -> MarkingDefaults:
    nation = registry.nations[origin]
    markings = registry.informative_markings, registry.rel_to
    return MarkingDefaults(nation.default_tlp, nation.unmarked_stays_home, *markings)


@dataclass(slots=True)
class _Loaded:
    """The versions of one member for one joint judgement.

    `before` has the versions as stored, `now` as judged, both by key. Drafts are in `now` alone.
    """

    connection: Connection
    origin: NationCode
    member: MemberId
    now: dict[int, ObjectVersion] = field(default_factory=dict)
    before: dict[int, ObjectVersion] = field(default_factory=dict)

    def gather(self, fresh: Sequence[ObjectVersion]) -> None:
        """Add the member's stored objects named by `fresh` versions, down through nested containers."""
        # A definition accepted now opens stored objects that carry its id (policy 2.6).
        definitions = {v.id for v in fresh if v.is_accepted_definition}
        carriers = references.carrying(self.connection, self.member, self.origin, definitions)
        touched = {id for v in fresh for id in v.contains} | carriers
        renewed = {v.id for v in fresh}
        for version in self.now.values():
            # A revoking version follows a predecessor that may come after it (policy 8): then what it
            # contains is judged again as well.
            if version.id in carriers or (version.revoked and version.id in renewed):
                touched |= version.contains
        while missing := touched - {v.id for v in self.now.values()}:
            # An object with TLP of its own takes nothing from containers (policy 2.3), so is not loaded.
            movable = objects.movable(self.connection, self.member, missing) | (missing & carriers)
            loaded = objects.versions_of(self.connection, self.member, movable)
            for version in loaded:
                self.now[version.key] = self.before[version.key] = version
            # A container without TLP hands down the markings of its own containers (policy 2.3).
            inner = (v.contains for v in loaded if v.markings.tlp is None or v.id in carriers)
            touched = {id for contains in inner for id in contains} - (missing - movable)

    def facts(self, registry: Registry, drafts: Drafts) -> MarkingFacts:
        # A configuration without this nation has no defaults for it, and none of its versions either.
        former = [(until, one) for until, one in registry.earlier if self.origin in one.nations]
        versions = self.now.values()
        around = self._around({v.id for v in versions if v.markings.tlp is None})
        others = {ref for v in versions for ref in v.markings.others}
        definitions = marking_facts.accepted(self.connection, self.member, others)
        definitions += [(v.id, v.listed) for v in versions if v.is_accepted_definition]
        identities = self._identities()
        named = {v.id for v in (*versions, *identities.values()) if v.type == "identity"}
        return MarkingFacts(
            defaults=_defaults(registry, self.origin),
            now=self.now,
            before=self.before,
            present=drafts.present | {v.key for v in drafts.fresh},
            repeated=drafts.repeated,
            around=around,
            closed_around=self._closed_around(drafts.fresh, around),
            accepted=accepted_as(definitions),
            earlier=[(until, _defaults(one, self.origin)) for until, one in former],
            identities=identities,
            namers=marking_facts.creator_levels(self.connection, self.member, named),
        )

    def _around(self, ids: Collection[StixId]) -> dict[StixId, Counter[EffectiveMarking]]:
        """Return the markings handed down to `ids` by stored containers outside this judgement."""
        stored = references.containers_of(self.connection, self.member, self.origin, ids)
        # Containers of this judgement hand down their new markings instead; so their stored share is taken
        # off.
        for version in self.before.values():
            if version.given is not None:
                for id in version.contains & stored.keys():
                    stored[id][version.given] -= 1
        return {id: +counts for id, counts in stored.items()}

    def _closed_around(
        self, fresh: Iterable[ObjectVersion], around: Mapping[StixId, Counter[EffectiveMarking]]
    ) -> dict[StixId, frozenset[ContainerKey]]:
        """Return the stored containers of each new name with a closed container (policy 2.3)."""
        # The closure of a name ends with the closure of its container, so the container is kept by name.
        asked = {v.id for v in fresh if is_decided_once(v) and any(g.is_closed for g in around.get(v.id, ()))}
        loaded = {(v.id, v.version_key) for v in self.before.values()}
        place = self.member, self.origin
        return {
            id: frozenset(references.closed_containers_of(self.connection, *place, id) - loaded)
            for id in asked
        }

    def _identities(self) -> dict[int, ObjectVersion]:
        """Return the stored identities that are named as creators: their level may follow (policy 2.4)."""
        named = {v.creator for v in self.now.values() if v.creator is not None}
        missing = named - {v.id for v in self.now.values()}
        return {v.key: v for v in objects.versions_of(self.connection, self.member, missing)}
