"""The lifecycle of a case's agreements in memory, and the periods in which their clauses bind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from hub.model import Agreement, NationCode, Period
from hub.rules.agreement.agreements import (
    Lifecycle,
    Step,
    covered_since,
    obstacle,
    periods_from,
    reaches_back,
    read_agreement,
    waiting,
)
from hub.rules.agreement.amendments import (
    amended_from,
    continues,
    forbids_superseding,
    superseded_by,
)
from tests.policy.cases import Json
from tests.policy.rules_memory import RulesMemory

Prepare = Callable[[str, NationCode, datetime], None]


@dataclass
class RulesAgreement:
    """An agreement as proposed, what was signed on it, and the amendments that would supersede it."""

    terms: Agreement
    needed: frozenset[NationCode]
    proposed_at: datetime
    former: RulesAgreement | None = None
    events: list[tuple[Step, NationCode, datetime]] = field(default_factory=list)
    amendments: list[RulesAgreement] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.terms.id

    @property
    def lifecycle(self) -> Lifecycle:
        lifecycle = Lifecycle(self.terms, self.needed, self.proposed_at)
        for step, nation, at in self.events:
            lifecycle = lifecycle.after(step, nation, at)
        return superseded_by(lifecycle, [amendment.lifecycle for amendment in self.amendments])


@dataclass(frozen=True)
class DueHistory:
    """What an agreement has yet to bring of what a nation submitted before, from when on."""

    agreement: str
    origin: NationCode
    due_at: datetime


@dataclass
class RulesAgreements:
    """Every agreement, and what each signed step does to the periods.

    `prepare` lets rows stand by an amendment, too, before it takes over from what they stand by.
    """

    memory: RulesMemory
    prepare: Prepare
    due: list[DueHistory] = field(default_factory=list)

    def taken_due(self, until: datetime) -> list[DueHistory]:
        """Take out what has to be brought until then, in its order."""
        due = sorted((one for one in self.due if one.due_at <= until), key=lambda one: one.due_at)
        self.due = [one for one in self.due if one not in due]
        return due

    def propose(self, document: Json, former: RulesAgreement | None, now: datetime) -> RulesAgreement | None:
        """Return the agreement that a document states; None: its parties may not supersede what it does."""
        terms = read_agreement(document, self.memory.nations)
        if former is not None:
            is_stranger = terms.parties.isdisjoint(former.terms.parties)  # who would propose it?
            if is_stranger or forbids_superseding(former.lifecycle, now) is not None:
                return None
        needed = terms.parties | (former.terms.parties if former else frozenset())
        agreement = RulesAgreement(terms, needed, now, former)
        if former is not None:
            former.amendments.append(agreement)
        self.memory.parties[agreement.id] = terms.parties
        return agreement

    def take(self, agreement: RulesAgreement, step: Step, nation: NationCode, now: datetime) -> bool:
        """Let a nation sign a step, and the periods follow; tell whether it can."""
        former = agreement.former
        if obstacle(agreement.lifecycle, step, nation, now) is not None:
            return False
        if (
            step is Step.SIGN
            and former is not None
            and forbids_superseding(former.lifecycle, now) is not None
        ):
            return False
        agreement.events.append((step, nation, now))
        match step:
            case Step.SIGN if agreement.lifecycle.starts_at is not None:
                self._come_into_force(agreement, now)
            case Step.RESUME if not agreement.lifecycle.suspended_by:
                self._resume(agreement, now)
            case Step.SUSPEND | Step.TERMINATE:
                self._end(agreement.id, now)
                self._rearrange(agreement, now, continued=None)
        if step is Step.TERMINATE and former is not None:
            self._give_back(agreement, former, now)
        return True

    def _come_into_force(self, agreement: RulesAgreement, now: datetime) -> None:
        lifecycle, former = agreement.lifecycle, agreement.former
        if former is None:
            self._begin(periods_from(lifecycle, now, {}, None))
            return
        before = former.lifecycle, self._of(former.id)
        if not continues(before[1], lifecycle, now):
            new = amended_from(lifecycle, now, before, None)
            self._limit(former, new[0].start)
            self._begin(new)
            return
        # It takes over in one instant: rows come to stand by its periods before these begin.
        new = amended_from(lifecycle, now, before, former.id)
        prepared = self._add(waiting(new))
        for origin in sorted({clause.origin for clause in lifecycle.agreement.clauses}):
            self.prepare(agreement.id, origin, now)
        self._limit(former, new[0].start)
        begun = [replace(one, id=kept.id) for kept, one in zip(prepared, new, strict=True)]
        self._replace(begun)
        self._bring(begun)

    def _resume(self, agreement: RulesAgreement, now: datetime) -> None:
        """Begin new periods, which also cover what was submitted during the suspension."""
        self._begin(periods_from(agreement.lifecycle, now, covered_since(self._of(agreement.id)), None))
        self._rearrange(agreement, now, continued=agreement.id)

    def _rearrange(self, former: RulesAgreement, now: datetime, continued: str | None) -> None:
        """Let the amendments that have yet to take over from `former` do so without a gap, or as they can."""
        for amendment in former.amendments:
            if any(p.ended_at is None and p.start > now for p in self._of(amendment.id)):
                self._end(amendment.id, now, begun=False)
                new = amended_from(
                    amendment.lifecycle, now, (former.lifecycle, self._of(former.id)), continued
                )
                self._add(new)
                self._rearrange(amendment, now, continued=amendment.id)

    def _give_back(self, amendment: RulesAgreement, former: RulesAgreement, now: datetime) -> None:
        """Let what a terminated agreement would have superseded go on as if it had never been signed."""
        starts_at = amendment.lifecycle.starts_at
        if starts_at is not None and now < starts_at:
            self._limit(former, former.terms.valid_until)

    # --- periods ---

    def _of(self, agreement: str) -> list[Period]:
        return [period for period in self.memory.periods if period.agreement_id == agreement]

    def _begin(self, periods: Iterable[Period]) -> None:
        self._bring(self._add(periods))

    def _add(self, periods: Iterable[Period]) -> list[Period]:
        numbered = [replace(p, id=n) for n, p in enumerate(periods, start=len(self.memory.periods) + 1)]
        self.memory.periods += numbered
        return numbered

    def _bring(self, periods: list[Period]) -> None:
        """Have what was submitted before gone through once the periods begin."""
        origins = sorted({p.clause.origin for p in periods if reaches_back(p)})
        self.due += [DueHistory(periods[0].agreement_id, origin, periods[0].start) for origin in origins]

    def _end(self, agreement: str, now: datetime, *, begun: bool = True) -> None:
        own = [p for p in self._of(agreement) if p.ended_at is None and (begun or p.start > now)]
        self._replace(replace(p, ended_at=now) for p in own)

    def _limit(self, agreement: RulesAgreement, until: datetime) -> None:
        """Let what still binds end by the clock."""
        last = min(until, agreement.terms.valid_until)
        self._replace(replace(p, until=last) for p in self._of(agreement.id) if p.ended_at is None)

    def _replace(self, periods: Iterable[Period]) -> None:
        for period in [*periods]:
            self.memory.periods[period.id - 1] = period
