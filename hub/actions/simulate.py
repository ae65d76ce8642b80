"""What an agreement would release and withdraw if it came into force now: told, and nothing written.

Most objects refer to nothing and have one version: the database counts them by what decides over them. The
others are judged jointly, before and after, by the rules that decide in earnest; those that hang together in
the same way are judged once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NamedTuple

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
)
from hub.rules.agreements import Life, covered_since, periods_from, standing
from hub.rules.references import Judgement, Node, judge
from hub.rules.release import NEVER, Candidate, binding, decide, stands
from hub.store import agreements, populations
from hub.store.connection import Connection
from hub.store.populations import Facts, Linked

_EXAMPLES: Final = 5  # of each direction, of what is released and of what is withdrawn
_NOBODY: Final = MemberId("")  # a reader of whom no ground speaks


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
        self._own: dict[Facts, dict[NationCode, Class]] = {}
        self._seen: dict[Justification, Clearance | None] = {}

    def own(self, facts: Facts) -> Mapping[NationCode, Class]:
        """Return the class of such versions for each recipient, references aside."""
        if facts not in self._own:
            candidate = Candidate(
                self._bench.origin,
                facts.member,
                self._bench.clearance(facts.member),
                *(facts.type, facts.tlp, facts.submitted_at),
                closed="closed" if facts.is_closed else None,
                rel_to=facts.rel_to,
            )
            self._own[facts] = {
                r: self._class(candidate, r) for r in (self._bench.origin, *self._bench.recipients)
            }
        return self._own[facts]

    def _class(self, candidate: Candidate, recipient: NationCode) -> Class:
        decision = decide(candidate, recipient, self._periods, self._bench.now)
        return decision.grounds if isinstance(decision, Release) else NEVER

    def judge(self, groups: Sequence[Linked]) -> Mapping[int, Judgement]:
        """Return the joint judgement of versions that hang together, for each group by its key."""
        nodes = {
            one.key: Node(
                one.facts.member,
                _named(one.key),
                self.own(one.facts),
                frozenset(map(_named, one.refers)),
                one.later,
                is_newest=True,
            )
            for one in groups
        }
        return judge(nodes, (), self._bench.circle())

    def lowest(self, justification: Justification) -> Clearance | None:
        """Return the lowest clearance that sees what stands by this; None: nobody does."""
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
        ages = sorted(starts)
        for group in populations.alike(connection, origin, ages):
            was, will = self.before.own(group.facts), self.after.own(group.facts)
            for recipient in self.bench.recipients:
                pair = frozenset({was[recipient]}), frozenset({will[recipient]})
                self._compare(recipient, group.facts, pair, group.count, group.example)
        linked = populations.linked(connection, origin, ages, self._decisive)
        were, will_be = (law.judge(linked) for law in (self.before, self.after))
        for one in linked:
            for recipient in self.bench.recipients:
                judged = were[one.key][recipient], will_be[one.key][recipient]
                for facts, (count, example) in one.counts.items():
                    self._compare(recipient, facts, judged, count, example)

    def _decisive(self, facts: Facts) -> Hashable:
        """Return what facts come to in a judgement, references aside."""
        laws = (self.before, self.after)
        return facts.member, *(tuple(sorted(law.own(facts).items())) for law in laws)

    def _compare(
        self,
        recipient: NationCode,
        facts: Facts,
        pair: tuple[Justification, Justification],
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


def _named(key: int) -> StixId:
    """Return a name for the versions of a group, which are referred to alike whatever their ids."""
    return StixId(str(key))
