"""Simulates an agreement in force now: counts the releases and withdrawals, and writes nothing.

Most objects have no references and one version: the database counts such objects by the facts of a decision.
All other objects are judged jointly, before and after, by the same rules as real decisions. Groups of objects
with equal facts and equal links are judged once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeGuard

from hub.actions.access.authenticate import may_know
from hub.actions.agreement.agree import parties_amended, read_proposal
from hub.actions.agreement.lifecycles import lifecycle_of
from hub.actions.release.derived_objects import audience_of
from hub.actions.release.judging import context_of
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.errors import Forbidden
from hub.model import (
    SUBMITTED,
    Agreement,
    AgreementState,
    Caller,
    Class,
    Clearance,
    Facts,
    Form,
    JsonObject,
    Justification,
    NationCode,
    Period,
    StixId,
    Tlp,
    View,
    format_instant,
)
from hub.rules.agreement.agreements import (
    Lifecycle,
    covered_since,
    periods_from,
    status_of,
)
from hub.rules.release.deciding import Candidate, binding
from hub.rules.release.forms import ClausesInForce, to_audience
from hub.rules.release.judgement import DecisionContext, Originals, originals
from hub.rules.release.justifications import lowest_clearance
from hub.rules.release.references import Judgement, Node, judge
from hub.store.agreement import agreements
from hub.store.database.connection import Connection
from hub.store.ledger import derived_objects, justifications
from hub.store.records import populations
from hub.store.records.originals import equal_before
from hub.store.records.populations import Linked, Population

_EXAMPLES: Final = 5  # of each direction, of what is released and of what is withdrawn
_RECENT_DAYS: Final = 30


class SimulatedLine(NamedTuple):
    """The key of a count: versions of one type and level, gained or lost from one clearance on."""

    origin: NationCode
    recipient: NationCode
    type: str
    tlp: Tlp
    clearance: Clearance


class SeenForm(NamedTuple):
    """The lowest clearance that sees a version, and the form of the version for that clearance."""

    clearance: Clearance
    form: Form


class _Example(NamedTuple):
    """A version with a change, and its form as known to the caller."""

    id: StixId
    form: Form


@dataclass(slots=True)
class _ChangeCounts:
    """The numbers of changed versions by line, and a few example ids by direction."""

    counts: Counter[SimulatedLine] = field(default_factory=Counter)
    examples: dict[tuple[NationCode, NationCode], list[_Example]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, line: SimulatedLine, count: int, example: _Example) -> None:
        self.counts[line] += count
        kept = self.examples[line.origin, line.recipient]
        # A link has no content of interest: its redaction is the example.
        if not example.form.is_link and len(kept) < _EXAMPLES and example not in kept:
            kept.append(example)

    def lines(self) -> list[JsonObject]:
        return [
            {
                "origin": line.origin,
                "recipient": line.recipient,
                "type": line.type,
                "tlp": line.tlp.label,
                "clearance": line.clearance.label,
                "count": count,
            }
            for line, count in sorted(self.counts.items())
        ]

    def shown(self, connection: Connection, change: str) -> list[JsonObject]:
        """Return the examples by ids known to the caller; a derived object not made yet has no id."""
        return [
            {"change": change, "origin": origin, "recipient": recipient, "object": known}
            for (origin, recipient), examples in sorted(self.examples.items())
            for id, form in examples
            for known in ([id] if form == SUBMITTED else _made(connection, origin, id, form))
        ]


def _made(connection: Connection, origin: NationCode, id: StixId, form: Form) -> Collection[StixId]:
    return derived_objects.made_ids(connection, origin, [id], form).values()


def simulate(service: Service, caller: Caller, body: bytes) -> JsonObject:  # (hub/README: simulation-tells)
    """Return the changes of visibility if the agreement in `body` came into force now; write nothing.

    Versions are counted by direction, type, TLP and the lowest clearance with a change, history included. A
    nation gets all changes of its own objects, and of other nations' objects only its own losses (policy 9).
    An auditor gets all counts, and no examples. `recent` counts the further releases of the last 30 days'
    submissions, as if the agreement had been in force all that time, by their present markings.

    Raises Forbidden unless the caller is a governing cert or an auditor; else as `agree.propose`.
    """
    nation = caller.member.nation
    if not may_know(caller):
        raise Forbidden("Agreements are simulated by a nation's cert with scope govern, and by auditors.")
    agreement = read_proposal(service, nation, body)
    released, withdrawn, recent = _ChangeCounts(), _ChangeCounts(), _ChangeCounts()
    with service.store.read() as connection:
        now = present(service, connection)
        # For its refusals alone: an amendment that nobody could propose is not simulated.
        parties_amended(service, connection, caller, agreement, now)
        before = service.in_force.periods(connection)
        after = _periods_after(service, connection, agreement, before, now)
        since = now - timedelta(days=_RECENT_DAYS)
        had_been = [_covering(p, since) if p.id < 0 else p for p in after]
        populations.read_by_indexes(connection)
        changed = _changed(before, after)
        # Other origins have the same clauses before and after.
        for origin in sorted({p.clause.origin for p in changed}):
            # Of other nations' objects not even counts: these say what another nation holds (policy 9).
            sees_all = nation is None or origin == nation
            context = context_of(service, connection, origin, now)
            population = Population(origin)
            if not sees_all and nation is not None:
                context = replace(context, recipients=[nation])
                population = _losable(connection, context, before, changed)
            clauses = _UnderPeriods(context, before), _UnderPeriods(context, after)
            counts = _Counts(released, withdrawn) if sees_all else _Counts(_ChangeCounts(), withdrawn)
            past = _RecentCase(_UnderPeriods(context, had_been), since, recent) if sees_all else None
            starts = {at for p in (*before, *after) for at in p.since.values()}
            _Comparison(context, population, *clauses, counts, past, sees_all).count(connection, starts)
        shown = {} if nation is None else {"released": released, "withdrawn": withdrawn}
        examples = [
            one for change, change_counts in shown.items() for one in change_counts.shown(connection, change)
        ]
    return {
        "released": released.lines(),
        "withdrawn": withdrawn.lines(),
        "examples": examples,
        "recent": {"days": _RECENT_DAYS, "since": format_instant(since), "released": recent.lines()},
    }


def _periods_after(
    service: Service, connection: Connection, agreement: Agreement, before: Sequence[Period], now: datetime
) -> list[Period]:
    """Return the periods in force with the agreement from now on, without the superseded agreement."""
    # A later `valid_from` counts as now: the question is the change at this moment.
    lifecycle = Lifecycle(
        replace(agreement, valid_from=min(agreement.valid_from, now)), agreement.parties, now
    )
    since = {}
    if agreement.supersedes is not None:
        former = agreements.find(connection, None, agreement.supersedes)
        if former is not None and status_of(lifecycle_of(service.registry, former), now).state in (
            AgreementState.IN_FORCE,
            AgreementState.SUSPENDED,
        ):
            # An unbroken chain keeps the start of the superseded agreement (policy 4).
            since = covered_since(agreements.periods_of(connection, former.id))
    # Negative ids: no stored period has one, so both kinds can be told apart.
    new = [replace(p, id=-1 - n) for n, p in enumerate(periods_from(lifecycle, now, since, None))]
    return [*(p for p in before if p.agreement_id != agreement.supersedes), *new]


def _changed(before: Sequence[Period], after: Sequence[Period]) -> list[Period]:
    """Return the periods that only one of both has."""
    same = {p.id for p in before} & {p.id for p in after}
    return [p for p in (*before, *after) if p.id not in same]


def _losable(
    connection: Connection, context: DecisionContext, before: Sequence[Period], changed: Sequence[Period]
) -> Population:
    """Return the versions that a nation sees, and perhaps no longer without the changed periods.

    INVARIANT: only rows of its ledger that the nation sees decide (policy 9): neither the answer nor its time
    may depend on other objects of another nation. A further period hides nothing (I2).
    """
    (nation,) = context.recipients
    left = [p for p in before if all(p.id != one.id for one in changed)]
    then, now = binding(before, context.now), binding(left, context.now)
    known = justifications.of_recipient(connection, nation)
    lost = [id for id, one in known.items() if lowest_clearance(one, then) != lowest_clearance(one, now)]
    return populations.population_around(connection, nation, context.origin, lost)


def _covering(period: Period, since: datetime) -> Period:
    """Return the period as if each direction were covered from `since` on, or from an earlier start."""
    return replace(period, since={recipient: min(at, since) for recipient, at in period.since.items()})


class _UnderPeriods:
    """The judgement of one nation's versions under given periods."""

    def __init__(self, context: DecisionContext, periods: Sequence[Period]) -> None:
        self._context = context
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


class _Counts(NamedTuple):
    released: _ChangeCounts
    withdrawn: _ChangeCounts


class _RecentCase(NamedTuple):
    """The clauses of an agreement covering submissions from `since` on, with the counts of releases."""

    clauses: _UnderPeriods
    since: datetime
    released: _ChangeCounts


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Compares the judgements of one nation's versions under the present periods and the simulated periods.

    `sees_all`: the caller may know of all versions of the nation.
    """

    context: DecisionContext
    population: Population
    before: _UnderPeriods
    after: _UnderPeriods
    counts: _Counts
    past: _RecentCase | None
    sees_all: bool

    @property
    def _compared(self) -> list[_UnderPeriods]:
        """The present periods, the simulated periods and, last, the periods of the recent case."""
        return [self.before, self.after, *([self.past.clauses] if self.past else [])]

    def count(self, connection: Connection, starts: Collection[datetime]) -> None:
        """Count the changes; `starts` are the starts of all clauses."""
        if self.population.keys is not None and not self.population.keys:
            return
        # A version's age matters only as before or after these instants, so ages are counted by span.
        ages = sorted({*starts, *([self.past.since] if self.past else [])})
        for group in populations.group_alone(connection, self.population, ages):
            judged_alone = [clauses.alone(group.facts) for clauses in self._compared]
            self._compare(judged_alone, group.facts, group.count, group.example)
        # Linked versions: those of one group have equal facts and links, so are judged once.
        identities = {id: member.identity for id, member in self.context.members.items()}
        linked = populations.group_linked(connection, self.population, ages, self._decisive, identities)
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
        for recipient in self.context.recipients:
            if recipient == self.context.origin:
                continue  # no agreement changes what the origin nation sees (policy 3)
            was, will = self.before.lowest(judged[0], recipient), self.after.lowest(judged[1], recipient)
            if _is_wider(will, was):
                self.counts.released.add(self._line(recipient, facts, will), count, self._example(id, will))
            elif was is not None and _clearance(was) != _clearance(will):
                self.counts.withdrawn.add(self._line(recipient, facts, was), count, self._example(id, was))
            # Against the present periods: objects that cross already are no gain of the agreement.
            if self.past is not None and facts.submitted_at >= self.past.since:
                then = self.past.clauses.lowest(judged[-1], recipient)
                if _is_wider(then, was):
                    line = self._line(recipient, facts, then)
                    self.past.released.add(line, count, self._example(id, then))

    def _line(self, recipient: NationCode, facts: Facts, seen: SeenForm) -> SimulatedLine:
        """Return the line of a count; a recipient gets the level of the form that it sees."""
        # The level as submitted would disclose the hidden part of another nation's redacted object (policy
        # 9).
        level = self.before.candidate(facts).level(seen.form)
        tlp = facts.tlp if self.sees_all or level is None else level
        return SimulatedLine(self.context.origin, recipient, facts.type, tlp, seen.clearance)

    def _example(self, id: StixId, seen: SeenForm) -> _Example:
        return _Example(id, SUBMITTED if self.sees_all else seen.form)


def _is_wider(will: SeenForm | None, was: SeenForm | None) -> TypeGuard[SeenForm]:
    return will is not None and (was is None or will.clearance < was.clearance)


def _clearance(seen: SeenForm | None) -> Clearance | None:
    return None if seen is None else seen.clearance


def _group_id(key: int) -> StixId:
    """Return an id for all versions of a group, in place of their own ids."""
    return StixId(str(key))
