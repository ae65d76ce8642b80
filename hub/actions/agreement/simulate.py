"""What an agreement would release and withdraw if it came into force now: told, and nothing written.

Most objects refer to nothing and have one version: the database counts them by what decides over them. The
others are judged jointly, before and after, by the rules that decide in earnest; those that hang together in
the same way are judged once.
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
from hub.rules.release.deciding import Candidate, binding, lowest_clearance
from hub.rules.release.forms import ClausesInForce, to_audience
from hub.rules.release.judgement import DecisionContext, Originals, originals
from hub.rules.release.references import Judgement, Node, judge
from hub.store.agreement import agreements
from hub.store.database.connection import Connection
from hub.store.ledger import derived_objects
from hub.store.records import populations
from hub.store.records.originals import equal_before
from hub.store.records.populations import Linked

_EXAMPLES: Final = 5  # of each direction, of what is released and of what is withdrawn
_RECENT_DAYS: Final = 30


class SimulatedLine(NamedTuple):
    """What is counted together: versions of a type and level that some clearance begins or ceases to see."""

    origin: NationCode
    recipient: NationCode
    type: str
    tlp: Tlp
    clearance: Clearance


class SeenForm(NamedTuple):
    """From which clearance on somebody sees a version, and in which form."""

    clearance: Clearance
    form: Form


class _Example(NamedTuple):
    """A version that changes, and the form in which whoever asks knows it."""

    id: StixId
    form: Form


@dataclass(slots=True)
class _Tally:
    """How many versions change, by line, and a few of them by id, by direction."""

    counts: Counter[SimulatedLine] = field(default_factory=Counter)
    examples: dict[tuple[NationCode, NationCode], list[_Example]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, line: SimulatedLine, count: int, example: _Example) -> None:
        self.counts[line] += count
        kept = self.examples[line.origin, line.recipient]
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
        """Return the examples by the ids that whoever asks knows; what nobody was given yet has none."""
        return [
            {"change": change, "origin": origin, "recipient": recipient, "object": known}
            for (origin, recipient), examples in sorted(self.examples.items())
            for id, form in examples
            for known in ([id] if form == SUBMITTED else _made(connection, origin, id, form))
        ]


def _made(connection: Connection, origin: NationCode, id: StixId, form: Form) -> Collection[StixId]:
    return derived_objects.made_ids(connection, origin, [id], form).values()


def simulate(service: Service, caller: Caller, body: bytes) -> JsonObject:  # (hub/README: simulation-tells)
    """Return what would change for whom if the agreement in `body` came into force now; nothing is written.

    Versions are counted by direction, type, TLP and the lowest clearance that begins or ceases to see them,
    history included. A nation is told of what it submitted itself, whoever would see it, and of what it would
    cease to see itself; what others hold beyond that is theirs to tell (policy 9). An auditor is told all
    counts, and no examples. `recent` tells what would have crossed of what was submitted in the last 30 days,
    had the agreement been in force all that time: judged as it stands now, and beyond what crosses already.

    Raises Forbidden for whoever is neither a nation's cert that governs nor an auditor, and what
    `agree.propose` raises.
    """
    nation = caller.member.nation
    if not may_know(caller):
        raise Forbidden("Agreements are simulated by a nation's cert with scope govern, and by auditors.")
    agreement = read_proposal(service, nation, body)
    released, withdrawn, recent = _Tally(), _Tally(), _Tally()
    with service.store.read() as connection:
        now = present(service, connection)
        parties_amended(service, connection, caller, agreement, now)
        before = service.in_force.periods(connection)
        after = _periods_after(service, connection, agreement, before, now)
        since = now - timedelta(days=_RECENT_DAYS)
        had_been = [_covering(p, since) if p.id < 0 else p for p in after]
        for origin in sorted({p.clause.origin for p in after} | {p.clause.origin for p in before}):
            is_told = nation is None or origin == nation
            context = context_of(service, connection, origin, now)
            if not is_told and nation is not None:
                context = replace(context, recipients=[nation])
            laws = _UnderPeriods(context, before), _UnderPeriods(context, after)
            tallies = _Tallies(released, withdrawn) if is_told else _Tallies(_Tally(), withdrawn)
            past = _Past(_UnderPeriods(context, had_been), since, recent) if is_told else None
            starts = {at for p in (*before, *after) for at in p.since.values()}
            _Comparison(context, *laws, tallies, past, is_told).tell(connection, starts)
        shown = {} if nation is None else {"released": released, "withdrawn": withdrawn}
        examples = [one for change, tally in shown.items() for one in tally.shown(connection, change)]
    return {
        "released": released.lines(),
        "withdrawn": withdrawn.lines(),
        "examples": examples,
        "recent": {"days": _RECENT_DAYS, "since": format_instant(since), "released": recent.lines()},
    }


def _periods_after(
    service: Service, connection: Connection, agreement: Agreement, before: Sequence[Period], now: datetime
) -> list[Period]:
    """Return what would bind: the agreement from now on, and no longer what it supersedes."""
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
            since = covered_since(agreements.periods_of(connection, former.id))
    new = [replace(p, id=-1 - n) for n, p in enumerate(periods_from(lifecycle, now, since, None))]
    return [*(p for p in before if p.agreement_id != agreement.supersedes), *new]


def _covering(period: Period, since: datetime) -> Period:
    """Return the period as if it had covered each direction since then at the latest."""
    return replace(period, since={recipient: min(at, since) for recipient, at in period.since.items()})


class _UnderPeriods:
    """How one nation's versions are judged while certain periods bind."""

    def __init__(self, context: DecisionContext, periods: Sequence[Period]) -> None:
        self._context = context
        self._in_force = binding(periods, context.now)
        self._clauses = ClausesInForce(context.recipients, periods, context.now)
        self._seen: dict[Justification, Clearance | None] = {}

    def own(self, facts: Facts) -> Mapping[NationCode, Class]:
        """Return the class of such versions for each recipient, references aside."""
        return self._clauses.as_submitted(self.candidate(facts))

    def others(self, facts: Facts, *, is_last: bool = True) -> Mapping[View, Class]:
        """Return their classes in other forms than as submitted."""
        return self._clauses.in_other_forms(self.candidate(facts), is_last=is_last)

    def alone(self, facts: Facts) -> Judgement:
        """Return what such versions, which refer to nothing, stand by in every form."""
        own = {View(recipient): frozenset({one}) for recipient, one in self.own(facts).items()}
        return own | {view: frozenset({one}) for view, one in self.others(facts).items()}

    def candidate(self, facts: Facts) -> Candidate:
        return Candidate(self._context.origin, self._context.clearance(facts.member), facts)

    def judge(
        self, connection: Connection, groups: Sequence[Linked], behind: Originals
    ) -> Mapping[int, Judgement]:
        """Return the joint judgement of versions that hang together, for each group by its key."""
        nodes = {
            one.key: Node(
                one.facts.member,
                _named(one.key),
                self.own(one.facts),
                frozenset(map(_named, one.refers)),
                one.later,
                is_newest=True,
                others=self._forms(connection, one),
                left={level: frozenset(map(_named, targets)) for level, targets in one.left.items()},
                is_masked=self.candidate(one.facts).is_masked,
                sources=frozenset(map(_named, one.sources)),
                originals=behind.get(one.key, {}),
            )
            for one in groups
        }
        return judge(nodes, (), self._context.recipients)

    def _forms(self, connection: Connection, one: Linked) -> Mapping[View, Justification]:
        classes, about = self.others(one.facts, is_last=one.is_last), one.facts.about
        if about is None or not any(view.form.is_answer for view in classes):
            return to_audience(classes, frozenset())
        told = audience_of(connection, self._context.origin, about, one.ids, one.key)
        return to_audience(classes, told)

    def lowest(self, judgement: Judgement, recipient: NationCode) -> SeenForm | None:
        """Return the lowest clearance that sees a version, and in which form; None: nobody does."""
        found = [
            SeenForm(lowest, view.form)
            for view, value in judgement.items()
            if view.recipient == recipient and (lowest := self._lowest(value)) is not None
        ]
        return min(found, key=lambda seen: (seen.clearance, seen.form.label), default=None)

    def _lowest(self, justification: Justification) -> Clearance | None:
        if justification not in self._seen:
            self._seen[justification] = lowest_clearance(justification, self._in_force)
        return self._seen[justification]


class _Tallies(NamedTuple):
    released: _Tally
    withdrawn: _Tally


class _Past(NamedTuple):
    """How it would be judged had the agreement covered what was submitted at or after `since`."""

    clauses: _UnderPeriods
    since: datetime
    released: _Tally


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What one nation submitted, judged by what binds now and by what would.

    `is_told`: whoever asks may know of all that it submitted.
    """

    context: DecisionContext
    before: _UnderPeriods
    after: _UnderPeriods
    tallies: _Tallies
    past: _Past | None
    is_told: bool

    @property
    def _compared(self) -> list[_UnderPeriods]:
        """What binds now, what would and, last, what would have bound."""
        return [self.before, self.after, *([self.past.clauses] if self.past else [])]

    def tell(self, connection: Connection, starts: Collection[datetime]) -> None:
        """Count what would change; `starts` are when any clause begins to cover what is submitted."""
        origin = self.context.origin
        ages = sorted({*starts, *([self.past.since] if self.past else [])})
        for group in populations.group_alone(connection, origin, ages):
            judged_alone = [clauses.alone(group.facts) for clauses in self._compared]
            self._compare(judged_alone, group.facts, group.count, group.example)
        identities = {id: member.identity for id, member in self.context.members.items()}
        linked = populations.group_linked(connection, origin, ages, self._decisive, identities)
        copies = equal_before(connection, {one.key for one in linked if one.is_copy})
        behind = originals(copies, self.context.members)
        judged = [clauses.judge(connection, linked, behind) for clauses in self._compared]
        for one in linked:
            found = [judgements[one.key] for judgements in judged]
            for facts, (count, example) in one.counts.items():
                self._compare(found, facts, count, example)

    def _decisive(self, facts: Facts) -> Hashable:
        """Return what facts come to in a judgement, references aside."""
        own = (tuple(sorted(clauses.own(facts).items())) for clauses in self._compared)
        others = (frozenset(clauses.others(facts, is_last=False).items()) for clauses in self._compared)
        return facts.member, facts.source_hiding, *own, *others

    def _compare(self, judged: Sequence[Judgement], facts: Facts, count: int, id: StixId) -> None:
        """Count a change; `judged` has a judgement by each of the laws."""
        for recipient in self.context.recipients:
            if recipient == self.context.origin:
                continue
            was, will = self.before.lowest(judged[0], recipient), self.after.lowest(judged[1], recipient)
            if _is_wider(will, was):
                self.tallies.released.add(self._line(recipient, facts, will), count, self._example(id, will))
            elif was is not None and _clearance(was) != _clearance(will):
                self.tallies.withdrawn.add(self._line(recipient, facts, was), count, self._example(id, was))
            if self.past is not None and facts.submitted_at >= self.past.since:
                then = self.past.clauses.lowest(judged[-1], recipient)
                if _is_wider(then, was):
                    line = self._line(recipient, facts, then)
                    self.past.released.add(line, count, self._example(id, then))

    def _line(self, recipient: NationCode, facts: Facts, seen: SeenForm) -> SimulatedLine:
        """Return where it is counted; a recipient is told the level of what it sees."""
        level = self.before.candidate(facts).level(seen.form)
        tlp = facts.tlp if self.is_told or level is None else level
        return SimulatedLine(self.context.origin, recipient, facts.type, tlp, seen.clearance)

    def _example(self, id: StixId, seen: SeenForm) -> _Example:
        return _Example(id, SUBMITTED if self.is_told else seen.form)


def _is_wider(will: SeenForm | None, was: SeenForm | None) -> TypeGuard[SeenForm]:
    return will is not None and (was is None or will.clearance < was.clearance)


def _clearance(seen: SeenForm | None) -> Clearance | None:
    return None if seen is None else seen.clearance


def _named(key: int) -> StixId:
    """Return a name for the versions of a group, which are referred to alike whatever their ids."""
    return StixId(str(key))
