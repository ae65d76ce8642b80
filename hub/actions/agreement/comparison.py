"""Compares the decisions on a nation's versions under present and simulated clauses.

Most versions are counted by the facts that decide on them (`rules.release.fact_sets`). All other versions are
judged jointly, before and after, by the same rules as real decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeGuard

from hub.actions.agreement.change_counts import ChangeCounts, Example, SeenForm, SimulatedLine
from hub.actions.release.derived_objects import audience_of
from hub.model import (
    SUBMITTED,
    Class,
    Clearance,
    Facts,
    Justification,
    NationCode,
    Period,
    StixId,
    View,
)
from hub.rules.release.deciding import Candidate, binding, starts_for
from hub.rules.release.fact_sets import are_altered
from hub.rules.release.forms import ClausesInForce, to_audience
from hub.rules.release.judgement import DecisionContext, Originals, originals
from hub.rules.release.justifications import lowest_clearance
from hub.rules.release.references import Judgement, Node, judge
from hub.store.database.connection import Connection
from hub.store.records import counted_facts, fact_sets, populations
from hub.store.records.counted_facts import Counted, FactGroup
from hub.store.records.originals import equal_before
from hub.store.records.populations import Linked, Population

# What becomes of versions for a recipient: before, after, and had the agreement been in force.
Outcome = tuple[SeenForm | None, SeenForm | None, SeenForm | None]
Outcomes = Mapping[NationCode, Outcome]

_MOMENT: Final = timedelta(microseconds=1)


class UnderPeriods:
    """The judgement of one nation's versions under given periods."""

    def __init__(self, context: DecisionContext, periods: Sequence[Period]) -> None:
        self._context = context
        self.periods = periods
        self._in_force = binding(periods, context.now)
        self._clauses = ClausesInForce(context.recipients, periods, context.now)
        self._seen: dict[Justification, Clearance | None] = {}

    def own(self, facts: Facts) -> Mapping[NationCode, Class]:
        """Return the class of versions with these facts for each recipient, references aside."""
        return self._clauses.as_submitted(self.candidate(facts))

    def others(self, facts: Facts, *, is_last: bool = True) -> Mapping[View, Class]:
        """Return the classes of such versions in other forms than as submitted."""
        return self._clauses.in_other_forms(self.candidate(facts), is_last=is_last)

    def alone(self, facts: Facts) -> Judgement:
        """Return the judgement of versions without references, in every form."""
        own = {View(recipient): frozenset({one}) for recipient, one in self.own(facts).items()}
        return own | {view: frozenset({one}) for view, one in self.others(facts).items()}

    def candidate(self, facts: Facts) -> Candidate:
        return Candidate(self._context.origin, self._context.clearance(facts.member), facts)

    def judge(
        self, connection: Connection, groups: Sequence[Linked], behind: Originals
    ) -> Mapping[int, Judgement]:
        """Return the joint judgement of linked versions, by the key of each group."""
        nodes = {
            one.key: Node(
                one.facts.member,
                _group_id(one.key),
                self.own(one.facts),
                frozenset(map(_group_id, one.refers)),
                one.later,
                is_newest=True,
                others=self._forms(connection, one),
                left={level: frozenset(map(_group_id, targets)) for level, targets in one.left.items()},
                is_masked=self.candidate(one.facts).is_masked,
                sources=frozenset(map(_group_id, one.sources)),
                originals=behind.get(one.key, {}),
            )
            for one in groups
        }
        return judge(nodes, (), self._context.recipients)

    def _forms(self, connection: Connection, one: Linked) -> Mapping[View, Justification]:
        classes, about = self.others(one.facts, is_last=one.is_last), one.facts.about
        if about is None or not any(view.form.is_answer for view in classes):
            return to_audience(classes, frozenset())
        audience = audience_of(connection, self._context.origin, about, one.ids, one.key)
        return to_audience(classes, audience)

    def by_facts(self, facts: Iterable[Facts]) -> Mapping[NationCode, Clearance | None]:
        """Return the lowest clearance that sees versions depending on these facts (policy 2.7)."""
        classes = [self.own(one) for one in facts]
        return {
            recipient: self._lowest(frozenset(own[recipient] for own in classes))
            for recipient in self._context.recipients
        }

    def lowest(self, judgement: Judgement, recipient: NationCode) -> SeenForm | None:
        """Return the lowest clearance with the version visible, and the form; None without a reader."""
        found = [
            SeenForm(lowest, view.form)
            for view, value in judgement.items()
            if view.recipient == recipient and (lowest := self._lowest(value)) is not None
        ]
        return min(found, key=lambda seen: (seen.clearance, seen.form.label), default=None)

    def _lowest(self, justification: Justification) -> Clearance | None:
        # Few justifications and many versions: each is evaluated once.
        if justification not in self._seen:
            self._seen[justification] = lowest_clearance(justification, self._in_force)
        return self._seen[justification]


class SimulatedCounts(NamedTuple):
    """The counts of a simulation."""

    released: ChangeCounts
    withdrawn: ChangeCounts


class RecentCase(NamedTuple):
    """The clauses of an agreement covering submissions from `since` on, with the counts of releases."""

    clauses: UnderPeriods
    since: datetime
    released: ChangeCounts


@dataclass(frozen=True, slots=True)
class ClauseComparison:
    """Compares the judgements of one nation's versions under the present periods and the simulated periods.

    `counted` are the versions to compare. `sees_all`: the caller may know of all versions of the nation.
    """

    context: DecisionContext
    counted: Counted
    before: UnderPeriods
    after: UnderPeriods
    counts: SimulatedCounts
    past: RecentCase | None
    sees_all: bool

    @property
    def _compared(self) -> list[UnderPeriods]:
        """The present periods, the simulated periods and, last, the periods of the recent case."""
        return [self.before, self.after, *([self.past.clauses] if self.past else [])]

    def count(self, connection: Connection) -> None:
        """Count the changes."""
        if not self.sees_all and not self.counted.justified_by:
            return
        direction = self.context.origin, self.context.recipients
        periods = [period for clauses in self._compared for period in clauses.periods]
        starts = starts_for(periods, *direction)
        if self.past is not None:
            starts.add(self.past.since)
        ages = sorted(starts)
        # In other forms than as submitted the versions behind a version decide otherwise (policy 7).
        if are_altered(periods, *direction):
            keys = None if self.sees_all else counted_facts.served(connection, self.counted, unknown=False)
        else:
            keys = _ByFacts(self, connection, ages).count()
        self._one_by_one(connection, keys, ages)

    def _one_by_one(
        self, connection: Connection, keys: Collection[int] | None, ages: Sequence[datetime]
    ) -> None:
        """Count the changes of the versions with these keys, or of all versions of the nation."""
        origin = self.context.origin
        population = (
            Population(origin) if keys is None else populations.population_around(connection, origin, keys)
        )
        if population.keys is not None and not population.keys:
            return
        # A version's age matters only as before or after these instants, so ages are counted by span.
        for group in populations.group_alone(connection, population, ages):
            judged_alone = [clauses.alone(group.facts) for clauses in self._compared]
            self._compare(judged_alone, group.facts, group.count, group.example)
        # Linked versions: those of one group have equal facts and links, so are judged once.
        identities = {id: member.identity for id, member in self.context.members.items()}
        linked = populations.group_linked(connection, population, ages, self._decisive, identities)
        # Policy 2.7: an own copy withholds nothing from readers of its original.
        copies = equal_before(connection, {one.key for one in linked if one.is_copy})
        behind = originals(copies, self.context.members)
        judged = [clauses.judge(connection, linked, behind) for clauses in self._compared]
        for one in linked:
            found = [judgements[one.key] for judgements in judged]
            for facts, (count, example) in one.counts.items():
                self._compare(found, facts, count, example)

    def _decisive(self, facts: Facts) -> Hashable:
        """Return the value of facts in a judgement, references aside: equal values give equal judgements."""
        own = (tuple(sorted(clauses.own(facts).items())) for clauses in self._compared)
        others = (frozenset(clauses.others(facts, is_last=False).items()) for clauses in self._compared)
        return facts.member, facts.source_hiding, *own, *others

    def _compare(self, judged: Sequence[Judgement], facts: Facts, count: int, id: StixId) -> None:
        """Count a change; `judged` has a judgement under each of the compared periods."""
        found = {}
        for recipient in self.context.recipients:
            each = zip(self._compared, judged, strict=True)
            was, will, *then = (clauses.lowest(one, recipient) for clauses, one in each)
            found[recipient] = was, will, then[0] if then else None
        self.add(found, facts, count, lambda: id)

    def add(self, outcomes: Outcomes, facts: Facts, count: int, id: Callable[[], StixId]) -> None:
        """Count a change of versions with these facts; `id` returns the id of one of these."""
        for recipient, (was, will, then) in outcomes.items():
            if recipient == self.context.origin:
                continue  # no agreement changes what the origin nation sees (policy 3)
            if _is_wider(will, was):
                self._count(self.counts.released, (recipient, will), facts, count, id)
            elif was is not None and _clearance(was) != _clearance(will):
                self._count(self.counts.withdrawn, (recipient, was), facts, count, id)
            # Against the present periods: objects that cross already are no gain of the agreement.
            if self.past is not None and facts.submitted_at >= self.past.since and _is_wider(then, was):
                self._count(self.past.released, (recipient, then), facts, count, id)

    def _count(
        self,
        counts: ChangeCounts,
        seen: tuple[NationCode, SeenForm],
        facts: Facts,
        count: int,
        id: Callable[[], StixId],
    ) -> None:
        form = SUBMITTED if self.sees_all else seen[1].form
        counts.add(self._line(*seen, facts), count, lambda: Example(id(), form))

    def _line(self, recipient: NationCode, seen: SeenForm, facts: Facts) -> SimulatedLine:
        """Return the line of a count; a recipient gets the level of the form that it sees."""
        # The level as submitted would disclose the hidden part of another nation's redacted object (policy
        # 9).
        level = self.before.candidate(facts).level(seen.form)
        tlp = facts.tlp if self.sees_all or level is None else level
        return SimulatedLine(self.context.origin, recipient, facts.type, tlp, seen.clearance)


class _ByFacts:
    """SimulatedCounts the versions with known facts in groups.

    Versions of one group have one age, but may depend on versions of different ages. A clause takes later
    versions where it takes earlier ones, so two outcomes bound every other: all others as old as the oldest,
    and all others of the last age. If both are equal, the group is decided.
    """

    def __init__(
        self, comparison: ClauseComparison, connection: Connection, ages: Sequence[datetime]
    ) -> None:
        self._comparison = comparison
        self._connection = connection
        self._ages = ages
        # An instant of each age: before the first start, then the starts.
        now = comparison.context.now
        self._instants = [ages[0] - _MOMENT, *ages] if ages else [now]
        self._lines: dict[int, list[str]] = {}
        self._facts: dict[tuple[str, int], Facts] = {}
        self._known: dict[tuple[object, ...], Outcomes] = {}

    def count(self) -> list[int] | None:
        """Count, and return the keys of the versions that are left; None: all, and nothing was counted."""
        place = self._connection, self._comparison.counted
        groups = list(counted_facts.groups(*place, self._ages))
        found = [group for group in groups if group.set_id]
        left = self._unknown(is_some=len(found) < len(groups))
        # A look at all versions costs less than a look at most versions by their keys.
        if self._comparison.sees_all and len(left) > sum(group.size for group in found):
            return None
        self._lines = dict(counted_facts.lines_of(self._connection, {group.set_id for group in found}))
        open_sets = {group.set_id for group in found if not self._is_decided(group)}
        self._add(group for group in found if group.set_id not in open_sets)
        if open_sets:
            divisions = list(counted_facts.divided(*place, self._ages, open_sets))
            undecided = [group for group in divisions if not self._is_decided(group)]
            self._add(group for group in divisions if group not in undecided)
            left += counted_facts.keys_of(*place, self._ages, undecided)
        return left

    def _unknown(self, *, is_some: bool) -> list[int]:
        """Return the versions with unknown facts; `is_some`: there are such versions among those served."""
        counted = self._comparison.counted
        if self._comparison.sees_all:
            return fact_sets.undetermined(self._connection, counted.origin)
        return counted_facts.served(self._connection, counted, unknown=True) if is_some else []

    def _add(self, groups: Iterable[FactGroup]) -> None:
        for group in groups:
            facts = self._at(self._lines[group.set_id][0], group.age)

            def id(key: int = group.example) -> StixId:
                return counted_facts.id_of(self._connection, key)

            self._comparison.add(self._outcomes(group, group.oldest), facts, group.size, id)

    def _is_decided(self, group: FactGroup) -> bool:
        own, *others = self._lines[group.set_id]
        if own == fact_sets.NOT_BY_FACTS:
            return False
        last = len(self._ages)
        return not others or self._outcomes(group, group.oldest) == self._outcomes(group, last)

    def _outcomes(self, group: FactGroup, others_age: int) -> Outcomes:
        own, *others = self._lines[group.set_id]
        key = (group.set_id, group.age, others_age)
        if key not in self._known:
            facts = [self._at(own, group.age), *(self._at(line, others_age) for line in others)]
            was, will, *then = (clauses.by_facts(facts) for clauses in self._comparison._compared)
            self._known[key] = {
                recipient: (
                    _as_submitted(was[recipient]),
                    _as_submitted(will[recipient]),
                    _as_submitted(then[0][recipient]) if then else None,
                )
                for recipient in self._comparison.context.recipients
            }
        return self._known[key]

    def _at(self, line: str, age: int) -> Facts:
        if (line, age) not in self._facts:
            self._facts[line, age] = fact_sets.decode_line(line).at(self._instants[age])
        return self._facts[line, age]


def _as_submitted(clearance: Clearance | None) -> SeenForm | None:
    return None if clearance is None else SeenForm(clearance, SUBMITTED)


def _is_wider(will: SeenForm | None, was: SeenForm | None) -> TypeGuard[SeenForm]:
    return will is not None and (was is None or will.clearance < was.clearance)


def _clearance(seen: SeenForm | None) -> Clearance | None:
    return None if seen is None else seen.clearance


def _group_id(key: int) -> StixId:
    """Return an id for all versions of a group, in place of their own ids."""
    return StixId(str(key))
