"""Decides the markings of a member's versions by containers, definitions and creators (policy 2).

1. Containers hand down level, REL TO and closure, through containers without TLP too. Markings taken over
   from other members' objects are not handed down.
2. An unmarked object takes the strictest of all containers, whenever submitted, else the nation's default.
3. A name or derived observable is decided once; a revoking version without TLP follows the predecessor.
4. An unmarked identity in no container follows the objects naming the identity as creator.
5. Markings taken over from other members' objects (policy 2.7) are added.
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
    """The configuration on a nation's unmarked objects, and the markings without restriction."""

    default_tlp: Tlp
    stays_home: bool
    informative: frozenset[StixId]
    rel_to: Mapping[StixId, NationCode]


@dataclass(frozen=True, slots=True)
class MarkingFacts:
    """The versions of one member judged together, and the stored data around these.

    `now` has every version of a record or none, `before` the stored ones, unchanged. `present` are the
    versions brought or repeated by the submission, `repeated` the repeated names. `around` are the markings
    handed down by stored containers outside `now`, `closed_around` the closed ones among these containers.
    `accepted` are definitions leaving marked objects open. `earlier` are the defaults of earlier
    configurations, each with the end: a version is judged by the configuration of the moment of submission.
    `identities` are stored identities outside `now`, named by versions in `now` as creators; `namers` is the
    number of stored versions naming each identity, at each level.
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
        """Return the configuration at the submission of the version."""
        return as_of(self.earlier, version.submitted_at, self.defaults)


def settle(facts: MarkingFacts) -> dict[int, ObjectVersion]:
    """Return every version with the effective marking, without the rule on identities (policy 2.4)."""
    # The rule on identities (2.4) is not applied here, but in `effective.effective`: that rule counts all
    # stored objects of the member, not only those loaded here.
    return _Settling(facts).result()


class _Settling:
    def __init__(self, facts: MarkingFacts) -> None:
        self.facts = facts
        # By version, so that a predecessor is decided before the revoking version that follows it.
        self.ordered = sorted(facts.now.values(), key=lambda v: (v.id, v.version_key))
        self.predecessors = predecessors(self.ordered)
        self.containers = [v for v in self.ordered if v.type in CONTAINERS]
        self.naming: dict[StixId, list[int]] = defaultdict(list)  # judged containers, by named id
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
            self.done[version.key] = self._with_marking(version)
        return self.done

    # --- markings handed down by containers ---

    def _hand_down(self) -> None:
        """Let judged containers hand down to the named containers, until nothing changes."""
        followers = self._followers()
        for version in self.containers:
            self.given[version.key] = self._first_given(version)
        unmarked: dict[StixId, list[int]] = defaultdict(list)
        for version in self.containers:
            # Policy 2.3: only a container without TLP of its own passes on
            # the markings of containers naming it.
            if version.deleted_at is None and version.markings.tlp is None and not self._follows(version):
                unmarked[version.id].append(version.key)
        # INVARIANT: markings only tighten in this loop, so cycles of
        # containers end, in every order (policy 2.3).
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
        # Policy 8: a revoking version without TLP keeps the predecessor's marking, as a container too.
        found: dict[int, list[int]] = defaultdict(list)
        for version in self.containers:
            predecessor = self.predecessors.get(version.key)
            if predecessor is not None and version.deleted_at is None:
                found[predecessor].append(version.key)
        return found

    def _first_given(self, version: ObjectVersion) -> EffectiveMarking:
        """Return the marking that a container hands down before other containers count (policy 2.3)."""
        stored = self.facts.before.get(version.key)
        if version.deleted_at is not None and stored is not None and stored.given is not None:
            return stored.given  # as it stood (policy 2.3)
        markings = version.markings
        # CLEAR is no decision here, only the lowest start for the maximum
        # below: the default follows (policy 2.4).
        own = EffectiveMarking(Tlp.CLEAR, self._own_rel_to(version), self._is_closed_by_itself(version))
        if markings.tlp is not None:
            return raised(own._replace(tlp=markings.tlp), markings.raised)
        if self._follows(version):
            predecessor = self.given.get(self.predecessors[version.key])
            former = [] if predecessor is None else [handed_down(predecessor)]
            return raised(strictest((own, *former)) or own, markings.raised)
        # Policy 2.3: a container without TLP counts at the default, whatever names it,
        # and never less strictly than before.
        is_named = version.id in self.naming or bool(self.facts.around.get(version.id))
        defaults = self.facts.defaults_of(version)
        is_home = defaults.stays_home and not is_named if stored is None else stored.is_home
        at_default = strictest((own, EffectiveMarking(defaults.default_tlp, None, is_home))) or own
        if not is_named:  # RED by default: a later container does not address the object
            at_default = handed_down(at_default)
        # Policy 2.3: a container that arrives later can only tighten. Closure alone ends with its cause.
        minimum = [] if stored is None or stored.given is None else [stored.given._replace(is_closed=False)]
        around = map(handed_down, self.facts.around.get(version.id, ()))
        return raised(strictest((at_default, *minimum, *around)) or own, markings.raised)

    # --- one version ---

    def _with_marking(self, version: ObjectVersion) -> ObjectVersion:
        if version.deleted_at is not None:
            return version  # it restricts as it stood (policy 2.7)
        # A revoking version follows first: without TLP, yet neither unmarked
        # nor a name decided anew (policy 8).
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
        """Decide an object without TLP by all containers; a later container never loosens (policy 2.3)."""
        stored = self.facts.before.get(version.key)
        containers = self._containers_of(version.id)
        base = strictest(containers)
        # Policy 2.3: a container that arrives later can only tighten; a new version can
        # loosen, for it has no stored level.
        if stored is not None:
            minimum = handed_down(EffectiveMarking(stored.base, stored.base_rel_to))
            base = strictest((minimum, *containers))
        if base is not None:
            is_contained = bool(containers) or version.is_contained
            return self._finished(version, self._with_own(version, base), is_contained=is_contained)
        return self._by_default(version)

    def _by_default(self, version: ObjectVersion) -> ObjectVersion:
        """Decide a version without container, predecessor or TLP (policy 2.4)."""
        defaults = self.facts.defaults_of(version)
        # Policy 2.4: an accepted definition is GREEN, so that the marked objects stay readable.
        if version.is_accepted_definition:
            return self._finished(version, self._with_own(version, EffectiveMarking(Tlp.GREEN)))
        # INVARIANT: unmarked never means public (policy 2.4): the nation's default, or kept at home.
        home = version.altered(is_home=defaults.stays_home)
        return self._finished(home, self._with_own(version, EffectiveMarking(defaults.default_tlp)))

    def _following(self, version: ObjectVersion) -> ObjectVersion:
        """Decide a revoking version without TLP as the predecessor was decided (policy 8)."""
        former = self.done[self.predecessors[version.key]]
        base = handed_down(raised(EffectiveMarking(former.base, former.base_rel_to), former.markings.raised))
        is_closed = former.is_closed or self._is_closed_by_itself(version)
        base = EffectiveMarking(base.tlp, narrower(base.rel_to, self._own_rel_to(version)), is_closed)
        # Policy 8: level, REL TO, closure, home and limits all stay; own
        # references of the revoking version add.
        taken = taken_together((version.taken, former.taken))
        kept = replace(version, is_home=former.is_home, taken=taken)
        return self._finished(kept, base, is_contained=True)

    # --- names and derived observables ---

    def _decided_once(self, version: ObjectVersion) -> ObjectVersion:  # (hub/README: name-decided-once)
        stored = self.facts.before.get(version.key)
        beside = self._beside(version.id)
        if stored is None:
            return self._first_decided(version, beside)
        # Policy 2.3: the closure of a name ends with that of the container, and only then.
        closed_by = frozenset(one for one in stored.closed_by if not self._is_open_now(one))
        now = handed_down(EffectiveMarking(stored.base, stored.base_rel_to, bool(closed_by)))
        if beside and version.key in self.facts.repeated:
            offered = self._with_own(version, laxest(list(beside.values())) or now)
            current = now._replace(is_closed=now.is_closed or stored.is_home)
            # Policy 2.3: submitting a name again beside a laxer container
            # loosens the name, stricter in nothing.
            if offered != current and not is_stricter(offered, current):
                home = replace(version, is_home=False)
                return self._once(home, offered, self._closing_containers(beside), is_contained=True)
        fresh = {key: given for key, given in beside.items() if key not in self.facts.before}
        if not version.is_contained and fresh:
            # The first that comes may still tighten the default.
            tightened = strictest((now, laxest(list(fresh.values())) or now)) or now
            return self._once(
                version, tightened, closed_by | self._closing_containers(fresh), is_contained=True
            )
        return self._once(version, now, closed_by, is_contained=version.is_contained)

    def _first_decided(self, version: ObjectVersion, beside: Mapping[int, EffectiveMarking]) -> ObjectVersion:
        # Policy 2.3: the laxest container of the own submission, so that a RED report closes no actor's name.
        """Decide a new name or derived observable, once (policy 2.3)."""
        if beside:
            base = laxest(list(beside.values())) or EffectiveMarking(Tlp.RED)
            return self._once(version, base, self._closing_containers(beside), is_contained=True)
        containers = self._containers_of(version.id)
        # Policy 2.3: without a container beside it, the strictest held by then.
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
        """Return the markings handed down to an id by the naming containers of the submission, by key."""
        return {
            key: handed_down(self.given[key]) for key in self.naming.get(id, ()) if key in self.facts.present
        }

    def _closing_containers(self, beside: Mapping[int, EffectiveMarking]) -> frozenset[ContainerKey]:
        """Return the deciding containers, if these are closed."""
        # Kept in `closed_by`: the closure of a name ends when all these containers have opened (policy 2.3).
        deciding = laxest_of(list(beside.values()))
        return frozenset(
            self._name(key) for key, given in beside.items() if given in deciding and given.is_closed
        )

    def _is_open_now(self, container: ContainerKey) -> bool:
        # Every doubt closes: a container outside this judgement counts as closed still.
        key = self.container_keys.get(container)
        return key is not None and not self.given[key].is_closed

    def _name(self, key: int) -> ContainerKey:
        version = self.facts.now[key]
        return version.id, version.version_key

    # --- stored data around the versions ---

    def _follows(self, version: ObjectVersion) -> bool:
        return version.key in self.predecessors

    def _containers_of(self, id: StixId) -> list[EffectiveMarking]:
        """Return the markings handed down to an id by all naming containers, stored and submitted."""
        # Policy 2.3: every version of every container counts, deleted ones as before the deletion.
        in_submission = (self.given[key] for key in self.naming.get(id, ()))
        return [handed_down(given) for given in (*self.facts.around.get(id, ()), *in_submission)]

    def _own_rel_to(self, version: ObjectVersion) -> frozenset[NationCode] | None:
        return releasable_to(version.markings.others, self.facts.defaults_of(version).rel_to)

    def _is_closed_by_itself(self, version: ObjectVersion) -> bool:
        defaults = self.facts.defaults_of(version)
        listed = defaults.informative
        if listed not in self.known:
            self.known[listed] = listed | accepted_by(self.facts.accepted, listed)
        # INVARIANT: an unknown marking closes the object (policy 2.6; every doubt closes). The definitions
        # accepted from the same member count, now or later.
        unknown = unknown_markings(version.markings, defaults.rel_to, self.known[listed])
        return version.markings.fault is not None or bool(unknown)

    def _with_own(self, version: ObjectVersion, base: EffectiveMarking) -> EffectiveMarking:
        """Return the marking with the version's own REL TO and closure."""
        own = self._own_rel_to(version)
        is_closed = base.is_closed or self._is_closed_by_itself(version)
        return EffectiveMarking(base.tlp, narrower(base.rel_to, own), is_closed)

    def _finished(
        self, version: ObjectVersion, base: EffectiveMarking, *, is_contained: bool = False
    ) -> ObjectVersion:
        """Return the version with this marking, labels and the markings taken over from other members."""
        # `base` is kept without labels and granular markings: redactions start from `base` (policy 7).
        start, full = _with_taken(version, base), _with_taken(version, self._raised(version, base))
        return version.altered(  # all at once: every change copies the version
            base=start.tlp,
            base_rel_to=start.rel_to,
            given=self.given.get(version.key),
            is_contained=is_contained,
            tlp=full.tlp,
            rel_to=full.rel_to,
            is_closed=full.is_closed,
        )

    def _raised(self, version: ObjectVersion, base: EffectiveMarking) -> EffectiveMarking:
        """Return the marking with labels and granular markings; own REL TO still addresses the object."""
        full, own = raised(base, version.markings.raised), self._own_rel_to(version)
        # Policy 6: raised to RED, an object is addressed only by REL TO of its own, not of a container.
        is_own = full.tlp > base.tlp and own is not None
        return full._replace(rel_to=base.rel_to) if is_own else full


def with_taken(version: ObjectVersion, effective: EffectiveMarking) -> ObjectVersion:
    """Return the version with this marking, at least as strict as the marking taken over (policy 2.7)."""
    full = _with_taken(version, effective)
    return version.altered(tlp=full.tlp, rel_to=full.rel_to, is_closed=full.is_closed)


def _with_taken(version: ObjectVersion, effective: EffectiveMarking) -> EffectiveMarking:
    # Policy 2.7: added last, so that nothing taken over is handed down to contained objects.
    taken = version.taken.effective
    return effective if taken is None else strictest((handed_down(effective), taken)) or effective


def predecessors(ordered: Iterable[ObjectVersion]) -> dict[int, int]:
    """Return the version before each revoking version without TLP, by key; deleted ones count (policy 8).

    `ordered` are by id, and within an id by version.
    """
    found: dict[int, int] = {}
    last: dict[StixId, int] = {}
    for version in ordered:
        # By version, not by arrival: a revocation that came first is judged again (policy 8).
        if version.revoked and version.markings.tlp is None and version.id in last:
            found[version.key] = last[version.id]
        last[version.id] = version.key
    return found
