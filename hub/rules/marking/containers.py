"""How a member's versions are handled, by the containers, definitions and namers around them (policy 2).

1. Containers hand down their level, REL TO and closure, through containers without TLP too; what they took
   over from others stays with them.
2. An unmarked object takes the strictest of its containers, whenever they come, else the nation's default.
3. A name or derived observable is decided once; a revoking version without TLP follows its predecessor.
4. An unmarked identity in no container follows the objects that name it as their creator.
5. What was taken over from others' objects (policy 2.7) is added.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from hub.model import EffectiveMarking, NationCode, ObjectVersion, StixId, Tlp, as_of
from hub.rules.claims import is_decided_once
from hub.rules.marking.levels import (
    Accepted,
    accepted_by,
    handed_down,
    is_stricter,
    laxest,
    laxest_of,
    narrower,
    raised,
    releasable_to,
    strictest,
    taken_together,
    unknown_markings,
)

ContainerKey = tuple[StixId, str]  # the id and version key of a container of the same member

CONTAINERS = frozenset({"report", "grouping"})


@dataclass(frozen=True, slots=True)
class MarkingDefaults:
    """What the configuration says of a nation's unmarked objects, and which markings restrict nothing."""

    default_tlp: Tlp
    stays_home: bool
    informative: frozenset[StixId]
    rel_to: Mapping[StixId, NationCode]


@dataclass(frozen=True, slots=True)
class MarkingFacts:
    """The versions that are judged together, of one member, and what is stored around them.

    `now` has every version of a record or none, `before` those that are stored, as they are. `present` are
    the versions that the submission brings or says again, `repeated` the names said again. `around` is what
    stored containers that are not in `now` hand down, `closed_around` those of them that are closed.
    `accepted` are definitions that leave what carries them open. `earlier` are the defaults of configurations
    before this one, each until when: a version is judged by those of the moment at which it was submitted.
    `identities` are stored ones that versions in `now` name as their creators, and that are not in `now`;
    `namers` how many stored versions name each identity, at each level.
    """

    defaults: MarkingDefaults
    now: Mapping[int, ObjectVersion]
    before: Mapping[int, ObjectVersion]
    present: frozenset[int]
    repeated: frozenset[int]
    around: Mapping[StixId, Counter[EffectiveMarking]]
    closed_around: Mapping[StixId, frozenset[ContainerKey]]
    accepted: Accepted
    earlier: Sequence[tuple[datetime, MarkingDefaults]] = ()
    identities: Mapping[int, ObjectVersion] = field(default_factory=dict)
    namers: Mapping[StixId, Mapping[Tlp, int]] = field(default_factory=dict)

    def defaults_of(self, version: ObjectVersion) -> MarkingDefaults:
        """Return what the configuration said when the version was submitted."""
        return as_of(self.earlier, version.submitted_at, self.defaults)


def settle(facts: MarkingFacts) -> dict[int, ObjectVersion]:
    """Return every version as it is to be handled, but for identities that follow their namers (policy 2)."""
    return _Settling(facts).result()


class _Settling:
    def __init__(self, facts: MarkingFacts) -> None:
        self.facts = facts
        self.ordered = sorted(facts.now.values(), key=lambda v: (v.id, v.version_key))
        self.predecessors = predecessors(self.ordered)
        self.containers = [v for v in self.ordered if v.type in CONTAINERS]
        self.naming: dict[StixId, list[int]] = defaultdict(list)  # containers on the table, by what they name
        self.container_keys: dict[ContainerKey, int] = {}
        for version in self.containers:
            self.container_keys[version.id, version.version_key] = version.key
            for id in version.contains:
                self.naming[id].append(version.key)
        self.given: dict[int, EffectiveMarking] = {}
        self.done: dict[int, ObjectVersion] = {}
        self.known: dict[frozenset[StixId], frozenset[StixId]] = {}  # markings that close nothing

    def result(self) -> dict[int, ObjectVersion]:
        self._hand_down()
        for version in self.ordered:  # predecessors first
            self.done[version.key] = self._handled(version)
        return self.done

    # --- what containers hand down ---

    def _hand_down(self) -> None:
        """Let containers on the table hand down to those that they name, until nothing changes."""
        followers = self._followers()
        for version in self.containers:
            self.given[version.key] = self._first_given(version)
        unmarked: dict[StixId, list[int]] = defaultdict(list)
        for version in self.containers:
            if version.deleted_at is None and version.markings.tlp is None and not self._follows(version):
                unmarked[version.id].append(version.key)
        waiting = deque(v.key for v in self.containers)
        while waiting:
            key = waiting.popleft()
            passed = handed_down(self.given[key])
            targets = [target for id in self.facts.now[key].contains for target in unmarked.get(id, ())]
            for target in (*targets, *followers.get(key, ())):
                both = strictest((self.given[target], passed)) or passed
                if both != self.given[target]:
                    self.given[target] = both
                    waiting.append(target)

    def _followers(self) -> Mapping[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for version in self.containers:
            predecessor = self.predecessors.get(version.key)
            if predecessor is not None and version.deleted_at is None:
                found[predecessor].append(version.key)
        return found

    def _first_given(self, version: ObjectVersion) -> EffectiveMarking:
        stored = self.facts.before.get(version.key)
        if version.deleted_at is not None and stored is not None and stored.given is not None:
            return stored.given  # as it stood (policy 2.3)
        markings = version.markings
        own = EffectiveMarking(Tlp.CLEAR, self._own_rel_to(version), self._is_closed_by_itself(version))
        if markings.tlp is not None:
            return raised(own._replace(tlp=markings.tlp), markings.raised)
        if self._follows(version):
            predecessor = self.given.get(self.predecessors[version.key])
            former = [] if predecessor is None else [handed_down(predecessor)]
            return raised(strictest((own, *former)) or own, markings.raised)
        # It counts at its default, whatever names it; and as strictly as it did.
        is_named = version.id in self.naming or bool(self.facts.around.get(version.id))
        defaults = self.facts.defaults_of(version)
        is_home = defaults.stays_home and not is_named if stored is None else stored.is_home
        at_default = strictest((own, EffectiveMarking(defaults.default_tlp, None, is_home))) or own
        if not is_named:  # RED by default: what comes later does not address it
            at_default = handed_down(at_default)
        floor = [] if stored is None or stored.given is None else [stored.given._replace(is_closed=False)]
        around = map(handed_down, self.facts.around.get(version.id, ()))
        return raised(strictest((at_default, *floor, *around)) or own, markings.raised)

    # --- one version ---

    def _handled(self, version: ObjectVersion) -> ObjectVersion:
        if version.deleted_at is not None:
            return version  # it restricts as it stood (policy 2.7)
        if self._follows(version):
            return self._following(version)
        if version.markings.tlp is not None:
            base = EffectiveMarking(
                version.markings.tlp, self._own_rel_to(version), self._is_closed_by_itself(version)
            )
            return self._finished(version, base)
        if is_decided_once(version):
            return self._decided_once(version)
        return self._unmarked(version)

    def _unmarked(self, version: ObjectVersion) -> ObjectVersion:
        """Handle an object without TLP by all its containers; what is stored is never loosened by others."""
        stored = self.facts.before.get(version.key)
        containers = self._containers_of(version.id)
        base = strictest(containers)
        if stored is not None:
            floor = handed_down(EffectiveMarking(stored.base, stored.base_rel_to))
            base = strictest((floor, *containers))
        if base is not None:
            is_contained = bool(containers) or version.is_contained
            return self._finished(version, self._with_own(version, base), is_contained=is_contained)
        return self._by_default(version)

    def _by_default(self, version: ObjectVersion) -> ObjectVersion:
        """Handle what nothing else decides (policy 2.4)."""
        defaults = self.facts.defaults_of(version)
        if version.is_accepted_definition:
            return self._finished(version, self._with_own(version, EffectiveMarking(Tlp.GREEN)))
        home = version.altered(is_home=defaults.stays_home)
        return self._finished(home, self._with_own(version, EffectiveMarking(defaults.default_tlp)))

    def _following(self, version: ObjectVersion) -> ObjectVersion:
        """Let a revoking version without TLP be handled as its predecessor (policy 8)."""
        former = self.done[self.predecessors[version.key]]
        base = handed_down(raised(EffectiveMarking(former.base, former.base_rel_to), former.markings.raised))
        is_closed = former.is_closed or self._is_closed_by_itself(version)
        base = EffectiveMarking(base.tlp, narrower(base.rel_to, self._own_rel_to(version)), is_closed)
        taken = taken_together((version.taken, former.taken))
        kept = replace(version, is_home=former.is_home, taken=taken)
        return self._finished(kept, base, is_contained=True)

    # --- names and derived observables ---

    def _decided_once(self, version: ObjectVersion) -> ObjectVersion:  # (hub/README: name-decided-once)
        stored = self.facts.before.get(version.key)
        beside = self._beside(version.id)
        if stored is None:
            return self._first_decided(version, beside)
        closed_by = frozenset(one for one in stored.closed_by if not self._is_open_now(one))
        now = handed_down(EffectiveMarking(stored.base, stored.base_rel_to, bool(closed_by)))
        if beside and version.key in self.facts.repeated:
            offered = self._with_own(version, laxest(list(beside.values())) or now)
            current = now._replace(is_closed=now.is_closed or stored.is_home)
            if offered != current and not is_stricter(offered, current):
                home = replace(version, is_home=False)
                return self._once(home, offered, self._givers(beside), is_contained=True)
        fresh = {key: given for key, given in beside.items() if key not in self.facts.before}
        if not version.is_contained and fresh:
            # The first that comes may still tighten the default.
            tightened = strictest((now, laxest(list(fresh.values())) or now)) or now
            return self._once(version, tightened, closed_by | self._givers(fresh), is_contained=True)
        return self._once(version, now, closed_by, is_contained=version.is_contained)

    def _first_decided(self, version: ObjectVersion, beside: Mapping[int, EffectiveMarking]) -> ObjectVersion:
        if beside:
            base = laxest(list(beside.values())) or EffectiveMarking(Tlp.RED)
            return self._once(version, base, self._givers(beside), is_contained=True)
        containers = self._containers_of(version.id)
        held = strictest(containers)
        if held is None:
            return self._by_default(version)
        closed_by = self.facts.closed_around.get(version.id, frozenset()) | {
            self._name(key) for key in self.naming.get(version.id, ()) if self.given[key].is_closed
        }
        return self._once(version, held, closed_by, is_contained=True)

    def _once(
        self,
        version: ObjectVersion,
        base: EffectiveMarking,
        closed_by: frozenset[ContainerKey],
        *,
        is_contained: bool,
    ) -> ObjectVersion:
        base = self._with_own(version, base._replace(is_closed=bool(closed_by)))
        return self._finished(version.altered(closed_by=closed_by), base, is_contained=is_contained)

    def _beside(self, id: StixId) -> dict[int, EffectiveMarking]:
        """Return what the containers in the submission hand down to an id that they name, by their keys."""
        return {
            key: handed_down(self.given[key]) for key in self.naming.get(id, ()) if key in self.facts.present
        }

    def _givers(self, beside: Mapping[int, EffectiveMarking]) -> frozenset[ContainerKey]:
        """Return the containers that decide, if what they give is closed."""
        deciding = laxest_of(list(beside.values()))
        return frozenset(
            self._name(key) for key, given in beside.items() if given in deciding and given.is_closed
        )

    def _is_open_now(self, container: ContainerKey) -> bool:
        key = self.container_keys.get(container)
        return key is not None and not self.given[key].is_closed

    def _name(self, key: int) -> ContainerKey:
        version = self.facts.now[key]
        return version.id, version.version_key

    # --- what stands around ---

    def _follows(self, version: ObjectVersion) -> bool:
        return version.key in self.predecessors

    def _containers_of(self, id: StixId) -> list[EffectiveMarking]:
        """Return what all containers hand down to an id that they name, those in the submission too."""
        in_submission = (self.given[key] for key in self.naming.get(id, ()))
        return [handed_down(given) for given in (*self.facts.around.get(id, ()), *in_submission)]

    def _own_rel_to(self, version: ObjectVersion) -> frozenset[NationCode] | None:
        return releasable_to(version.markings.others, self.facts.defaults_of(version).rel_to)

    def _is_closed_by_itself(self, version: ObjectVersion) -> bool:
        defaults = self.facts.defaults_of(version)
        listed = defaults.informative
        if listed not in self.known:
            self.known[listed] = listed | accepted_by(self.facts.accepted, listed)
        unknown = unknown_markings(version.markings, defaults.rel_to, self.known[listed])
        return version.markings.fault is not None or bool(unknown)

    def _with_own(self, version: ObjectVersion, base: EffectiveMarking) -> EffectiveMarking:
        """Return the handling with the version's own REL TO and closure."""
        own = self._own_rel_to(version)
        is_closed = base.is_closed or self._is_closed_by_itself(version)
        return EffectiveMarking(base.tlp, narrower(base.rel_to, own), is_closed)

    def _finished(
        self, version: ObjectVersion, base: EffectiveMarking, *, is_contained: bool = False
    ) -> ObjectVersion:
        """Return the version handled so, with what labels add and what is taken over from others."""
        handled = version.altered(
            base=_with_taken(version, base).tlp,
            base_rel_to=_with_taken(version, base).rel_to,
            given=self.given.get(version.key),
            is_contained=is_contained,
        )
        return with_taken(handled, self._raised(version, base))

    def _raised(self, version: ObjectVersion, base: EffectiveMarking) -> EffectiveMarking:
        """Return the handling with what labels and granular markings add; own REL TO addresses it still."""
        full, own = raised(base, version.markings.raised), self._own_rel_to(version)
        is_own = full.tlp > base.tlp and own is not None
        return full._replace(rel_to=base.rel_to) if is_own else full


def with_taken(version: ObjectVersion, effective: EffectiveMarking) -> ObjectVersion:
    """Return the version handled so, and as strictly as what it took over from others (policy 2.7)."""
    full = _with_taken(version, effective)
    return version.altered(tlp=full.tlp, rel_to=full.rel_to, is_closed=full.is_closed)


def _with_taken(version: ObjectVersion, effective: EffectiveMarking) -> EffectiveMarking:
    taken = version.taken.effective
    return effective if taken is None else strictest((handed_down(effective), taken)) or effective


def predecessors(ordered: Iterable[ObjectVersion]) -> dict[int, int]:
    """Return, by the key of a revoking version without TLP, the one before it; deleted ones count (policy 8).

    `ordered` are by id, and of each id by version.
    """
    found: dict[int, int] = {}
    last: dict[StixId, int] = {}
    for version in ordered:
        if version.revoked and version.markings.tlp is None and version.id in last:
            found[version.key] = last[version.id]
        last[version.id] = version.key
    return found
