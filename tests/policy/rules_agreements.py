"""The lives of a case's agreements in memory, and the periods in which their clauses bind."""

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
from tests.policy.rules_memory import Memory
from tests.policy.stories import Json

Prepare = Callable[[str, NationCode, datetime], None]


@dataclass
class Treaty:
    """An agreement as proposed, what was signed on it, and the amendments that would supersede it."""

    agreement: Agreement
    needed: frozenset[NationCode]
    proposed_at: datetime
    former: Treaty | None = None
    events: list[tuple[Step, NationCode, datetime]] = field(default_factory=list)
    amendments: list[Treaty] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.agreement.id

    @property
    def lifecycle(self) -> Lifecycle:
        lifecycle = Lifecycle(self.agreement, self.needed, self.proposed_at)
        for step, nation, at in self.events:
            lifecycle = lifecycle.after(step, nation, at)
        return superseded_by(lifecycle, [amendment.lifecycle for amendment in self.amendments])


@dataclass(frozen=True)
class History:
    """What an agreement has yet to bring of what a nation submitted before, from when on."""

    agreement: str
    origin: NationCode
    due_at: datetime


@dataclass
class Treaties:
    """Every agreement, and what each signed step does to the periods.

    `prepare` lets rows stand by an amendment, too, before it takes over from what they stand by.
    """

    memory: Memory
    prepare: Prepare
    due: list[History] = field(default_factory=list)

    def taken_due(self, until: datetime) -> list[History]:
        """Take out what has to be brought until then, in its order."""
        due = sorted((one for one in self.due if one.due_at <= until), key=lambda one: one.due_at)
        self.due = [one for one in self.due if one not in due]
        return due

    def propose(self, document: Json, former: Treaty | None, now: datetime) -> Treaty | None:
        """Return the agreement that a document states; None: its parties may not supersede what it does."""
        agreement = read_agreement(document, self.memory.nations)
        if former is not None:
            is_stranger = agreement.parties.isdisjoint(former.agreement.parties)  # who would propose it?
            if is_stranger or forbids_superseding(former.lifecycle, now) is not None:
                return None
        needed = agreement.parties | (former.agreement.parties if former else frozenset())
        treaty = Treaty(agreement, needed, now, former)
        if former is not None:
            former.amendments.append(treaty)
        self.memory.parties[treaty.id] = agreement.parties
        return treaty

    def take(self, treaty: Treaty, step: Step, nation: NationCode, now: datetime) -> bool:
        """Let a nation sign a step, and the periods follow; tell whether it can."""
        former = treaty.former
        if obstacle(treaty.lifecycle, step, nation, now) is not None:
            return False
        if (
            step is Step.SIGN
            and former is not None
            and forbids_superseding(former.lifecycle, now) is not None
        ):
            return False
        treaty.events.append((step, nation, now))
        match step:
            case Step.SIGN if treaty.lifecycle.starts_at is not None:
                self._come_into_force(treaty, now)
            case Step.RESUME if not treaty.lifecycle.suspended_by:
                self._resume(treaty, now)
            case Step.SUSPEND | Step.TERMINATE:
                self._end(treaty.id, now)
                self._rearrange(treaty, now, continued=None)
        if step is Step.TERMINATE and former is not None:
            self._give_back(treaty, former, now)
        return True

    def _come_into_force(self, treaty: Treaty, now: datetime) -> None:
        lifecycle, former = treaty.lifecycle, treaty.former
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
            self.prepare(treaty.id, origin, now)
        self._limit(former, new[0].start)
        begun = [replace(one, id=kept.id) for kept, one in zip(prepared, new, strict=True)]
        self._replace(begun)
        self._bring(begun)

    def _resume(self, treaty: Treaty, now: datetime) -> None:
        """Begin new periods, which also cover what was submitted during the suspension."""
        self._begin(periods_from(treaty.lifecycle, now, covered_since(self._of(treaty.id)), None))
        self._rearrange(treaty, now, continued=treaty.id)

    def _rearrange(self, former: Treaty, now: datetime, continued: str | None) -> None:
        """Let the amendments that have yet to take over from `former` do so without a gap, or as they can."""
        for amendment in former.amendments:
            if any(p.ended_at is None and p.start > now for p in self._of(amendment.id)):
                self._end(amendment.id, now, begun=False)
                new = amended_from(
                    amendment.lifecycle, now, (former.lifecycle, self._of(former.id)), continued
                )
                self._add(new)
                self._rearrange(amendment, now, continued=amendment.id)

    def _give_back(self, amendment: Treaty, former: Treaty, now: datetime) -> None:
        """Let what a terminated agreement would have superseded go on as if it had never been signed."""
        starts_at = amendment.lifecycle.starts_at
        if starts_at is not None and now < starts_at:
            self._limit(former, former.agreement.valid_until)

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
        self.due += [History(periods[0].agreement_id, origin, periods[0].start) for origin in origins]

    def _end(self, agreement: str, now: datetime, *, begun: bool = True) -> None:
        own = [p for p in self._of(agreement) if p.ended_at is None and (begun or p.start > now)]
        self._replace(replace(p, ended_at=now) for p in own)

    def _limit(self, treaty: Treaty, until: datetime) -> None:
        """Let what still binds end by the clock."""
        last = min(until, treaty.agreement.valid_until)
        self._replace(replace(p, until=last) for p in self._of(treaty.id) if p.ended_at is None)

    def _replace(self, periods: Iterable[Period]) -> None:
        for period in [*periods]:
            self.memory.periods[period.id - 1] = period
