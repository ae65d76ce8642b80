"""What an agreement would release and withdraw if it came into force now: told, and nothing written.

Most objects refer to nothing and have one version: the database counts them by what decides over them. The
others are judged jointly, before and after, by the rules that decide in earnest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NamedTuple

from hub.actions import renditions
from hub.actions.agree import parties_amended, read_proposal
from hub.actions.house import House
from hub.actions.judging import Bench
from hub.actions.lives import life_of
from hub.actions.present import present
from hub.errors import Forbidden
from hub.model import (
    Agreement,
    AgreementState,
    Caller,
    Class,
    Clause,
    Clearance,
    JsonObject,
    Justification,
    Kind,
    MemberId,
    NationCode,
    Period,
    Reader,
    Release,
    StixId,
    Tlp,
    View,
)
from hub.rules.agreements import Life, covered_since, periods_from, standing
from hub.rules.forms import Law, Parts, in_other_forms, is_altering
from hub.rules.references import Judgement, Node, judge
from hub.rules.release import NEVER, Candidate, binding, decide, stands
from hub.store import agreements, populations
from hub.store.connection import Connection
from hub.store.populations import Facts, Population

_EXAMPLES: Final = 5  # of each direction, of what is released and of what is withdrawn
_NOBODY: Final = MemberId("")  # a reader of whom no ground speaks
_WHOLE: Final = Parts(Tlp.RED, (), is_last=True)


class Line(NamedTuple):
    """What is counted together: versions of a type and level that some clearance begins or ceases to see."""

    origin: NationCode
    recipient: NationCode
    type: str
    tlp: Tlp
    clearance: Clearance


@dataclass(slots=True)
class _Tally:
    """How many versions change, by line, and a few of them by id, by direction."""

    counts: Counter[Line] = field(default_factory=Counter)
    examples: dict[tuple[NationCode, NationCode], list[StixId]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, line: Line, count: int, id: StixId) -> None:
        self.counts[line] += count
        kept = self.examples[line.origin, line.recipient]
        if len(kept) < _EXAMPLES and id not in kept:
            kept.append(id)

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

    def shown(self, change: str) -> list[JsonObject]:
        return [
            {"change": change, "origin": origin, "recipient": recipient, "object": id}
            for (origin, recipient), ids in sorted(self.examples.items())
            for id in ids
        ]


def simulate(house: House, caller: Caller, body: bytes) -> JsonObject:
    """Return what would change for whom if the agreement in `body` came into force now; nothing is written.

    Versions are counted by direction, type, TLP and the lowest clearance that begins or ceases to see them,
    history included. A nation is told of what it submitted itself, whoever would see it, and of what it would
    cease to see itself; what others hold beyond that is theirs to tell (policy 9). An auditor is told all
    counts, and no examples.

    Raises Forbidden for whoever is neither a nation's cert nor an auditor, and what `agree.propose` raises.
    """
    nation = caller.member.nation
    if caller.member.kind not in (Kind.CERT, Kind.AUDITOR):
        raise Forbidden("Agreements are simulated by a nation's cert, and by auditors.")
    agreement = read_proposal(house, nation, body)
    released, withdrawn = _Tally(), _Tally()
    with house.store.read() as connection:
        now = present(house, connection)
        parties_amended(house, connection, caller, agreement, now)
        before = house.bindings.periods(connection)
        after = _periods_after(house, connection, agreement, before, now)
        for origin in sorted({p.clause.origin for p in after} | {p.clause.origin for p in before}):
            is_told = nation is None or origin == nation
            bench = Bench.of(house, connection, origin, now)
            if not is_told and nation is not None:
                bench = replace(bench, recipients=[nation])
            laws = _Law(bench, before), _Law(bench, after)
            compared = _Comparison(bench, *laws, released if is_told else _Tally(), withdrawn)
            compared.tell(connection, {at for p in (*before, *after) for at in p.since.values()})
    examples = [] if nation is None else [*released.shown("released"), *withdrawn.shown("withdrawn")]
    return {"released": released.lines(), "withdrawn": withdrawn.lines(), "examples": examples}


def _periods_after(
    house: House, connection: Connection, agreement: Agreement, before: Sequence[Period], now: datetime
) -> list[Period]:
    """Return what would bind: the agreement from now on, and no longer what it supersedes."""
    life = Life(replace(agreement, valid_from=min(agreement.valid_from, now)), agreement.parties)
    since = {}
    if agreement.supersedes is not None:
        former = agreements.find(connection, None, agreement.supersedes)
        if former is not None and standing(life_of(house.registry, former), now).state in (
            AgreementState.IN_FORCE,
            AgreementState.SUSPENDED,
        ):
            since = covered_since(agreements.periods_of(connection, former.id))
    new = [replace(p, id=-1 - n) for n, p in enumerate(periods_from(life, now, since, None))]
    return [*(p for p in before if p.agreement_id != agreement.supersedes), *new]


class _Law:
    """How one nation's versions are judged while certain periods bind."""

    def __init__(self, bench: Bench, periods: Sequence[Period]) -> None:
        self._bench = bench
        self._periods = periods
        self._in_force = binding(periods, bench.now)
        self._law = Law(bench.recipients, periods, bench.now)
        self._altering = [clause for clause in self._law.clauses() if is_altering(clause)]
        self._own: dict[Facts, dict[NationCode, Class]] = {}
        self._others: dict[Facts, dict[NationCode, list[Justification]]] = {}
        self._seen: dict[Justification, Clearance | None] = {}

    def own(self, facts: Facts) -> Mapping[NationCode, Class]:
        """Return the class of such versions for each recipient, as submitted and references aside."""
        if facts not in self._own:
            candidate = self._candidate(facts)
            self._own[facts] = {
                r: self._class(candidate, r) for r in (self._bench.origin, *self._bench.recipients)
            }
        return self._own[facts]

    def alone(self, facts: Facts, recipient: NationCode) -> list[Justification]:
        """Return what such versions, which refer to nothing, stand by for the recipient, in every form."""
        if facts not in self._others:
            found: dict[NationCode, list[Justification]] = defaultdict(list)
            for view, own in self._in_other_forms(facts, _WHOLE, self._altering):
                found[view.recipient].append(frozenset({own}))
            self._others[facts] = found
        return [frozenset({self.own(facts)[recipient]}), *self._others[facts].get(recipient, ())]

    def _candidate(self, facts: Facts) -> Candidate:
        return Candidate(
            self._bench.origin,
            facts.member,
            self._bench.clearance(facts.member),
            *(facts.type, facts.tlp, facts.submitted_at),
            closed="closed" if facts.is_closed else None,
            rel_to=facts.rel_to,
            guise=facts.guise,
            about=facts.about,
        )

    def _in_other_forms(
        self, facts: Facts, parts: Parts, clauses: Sequence[Clause]
    ) -> Iterator[tuple[View, Class]]:
        return in_other_forms(self._candidate(facts), parts, self._law, clauses) if clauses else iter(())

    def _class(self, candidate: Candidate, recipient: NationCode) -> Class:
        decision = decide(candidate, recipient, self._periods, self._bench.now)
        return decision.grounds if isinstance(decision, Release) else NEVER

    def judge(self, connection: Connection, linked: Population) -> Mapping[int, Judgement]:
        """Return the joint judgement of versions that hang together."""
        nodes: dict[int, Node[int]] = {}
        later: dict[tuple[MemberId, StixId], int] = {}
        for one in sorted(linked.versions, key=lambda v: v.version_key, reverse=True):
            facts, record = one.facts, (one.facts.member, one.id)
            refers = linked.references.get(one.key, frozenset())
            parts = Parts(one.base, one.cuts, record not in later and not one.is_deleted)
            identity = self._bench.members[facts.member].identity
            nodes[one.key] = Node(
                *(facts.member, one.id, self.own(facts), refers, later.get(record)),
                is_newest=one.is_newest,
                others=self._linked_forms(connection, facts, parts, refers),
                left={cut.ceiling: cut.refers for cut in one.cuts},
                is_masked=self._candidate(facts).is_masked,
                sources=linked.creators.get(one.key, frozenset()) | {identity},
            )
            later[record] = one.key
        return judge(nodes, (), self._bench.circle())

    def _linked_forms(
        self, connection: Connection, facts: Facts, parts: Parts, refers: frozenset[StixId]
    ) -> Mapping[View, Justification]:
        clauses = self._altering if facts.about is None else self._law.clauses()
        found = {view: {own} for view, own in self._in_other_forms(facts, parts, clauses)}
        if facts.about is not None and found:
            told = renditions.audience(connection, self._bench.origin, refers, facts.submitted_at)
            found = {view: own | {told} for view, own in found.items()}
        return {view: frozenset(own) for view, own in found.items()}

    def lowest(self, forms: Iterable[Justification]) -> Clearance | None:
        """Return the lowest clearance that sees a version in one of these forms; None: nobody does."""
        return min(filter(None, map(self._lowest, forms)), default=None)

    def _lowest(self, justification: Justification) -> Clearance | None:
        if justification not in self._seen:
            readers = (Reader(_NOBODY, self._bench.origin, clearance) for clearance in Clearance)
            seen = (r.clearance for r in readers if stands(justification, r, self._in_force))
            self._seen[justification] = next(seen, None)
        return self._seen[justification]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What one nation submitted, judged by what binds now and by what would."""

    bench: Bench
    before: _Law
    after: _Law
    released: _Tally
    withdrawn: _Tally

    def tell(self, connection: Connection, starts: Collection[datetime]) -> None:
        """Count what would change; `starts` are when any clause begins to cover what is submitted."""
        origin = self.bench.origin
        for group in populations.alike(connection, origin, sorted(starts)):
            for recipient in self.bench.recipients:
                pair = self.before.alone(group.facts, recipient), self.after.alone(group.facts, recipient)
                self._compare(recipient, group.facts, pair, group.count, group.example)
        linked = populations.population(connection, origin)
        were, will_be = (law.judge(connection, linked) for law in (self.before, self.after))
        for one in linked.versions:
            if one.is_deleted or one.is_alone:
                continue
            for recipient in self.bench.recipients:
                pair = _in_forms(were[one.key], recipient), _in_forms(will_be[one.key], recipient)
                self._compare(recipient, one.facts, pair, 1, one.id)

    def _compare(
        self,
        recipient: NationCode,
        facts: Facts,
        pair: tuple[Sequence[Justification], Sequence[Justification]],
        count: int,
        id: StixId,
    ) -> None:
        was, will = self.before.lowest(pair[0]), self.after.lowest(pair[1])
        if recipient == self.bench.origin or was == will:
            return
        place = (self.bench.origin, recipient, facts.type, facts.tlp)
        if will is not None and (was is None or will < was):
            self.released.add(Line(*place, will), count, id)
        elif was is not None:
            self.withdrawn.add(Line(*place, was), count, id)


def _in_forms(judgement: Judgement, recipient: NationCode) -> list[Justification]:
    return [value for view, value in judgement.items() if view.recipient == recipient]
