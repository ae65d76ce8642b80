"""Decides whether an agreement is well formed, and the state by signed events at an instant (policy 5)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, assert_never

from hub.errors import Unprocessable
from hub.model import (
    DOCUMENT_KEYS,
    MAX_CLAUSES,
    MAX_TITLE,
    Agreement,
    AgreementState,
    Clause,
    JsonObject,
    NationCode,
    Period,
    clause_terms,
)

_AGREEMENT_ID: Final = re.compile(r"agreement--[0-9a-f-]{36}")
_MIN_PARTIES = 2

MAX_WAITING_PROPOSALS: Final = 100  # of one nation
_PROPOSAL_LAPSES_AFTER: Final = timedelta(days=90)

Direction = tuple[NationCode, NationCode]  # origin, recipient
_END: Final = datetime.max.replace(tzinfo=UTC)
WAITING: Final = _END - timedelta(days=1)  # the start of a period with an unknown beginning


def read_agreement(document: JsonObject, nations: Collection[NationCode]) -> Agreement:
    """Return the agreement in `document`, with the hub's `id` inside (policy 5).

    Raises Unprocessable naming the key and the remedy: an unknown key, a missing or malformed value, a clause
    with a nation that is no party, or a term unknown to this version of the hub.
    """
    # Every doubt closes: an unknown key could be a restriction, so the hub never ignores one (policy 5).
    _refuse_unknown(document, DOCUMENT_KEYS, "the agreement")
    title = _text(document, "title", MAX_TITLE)
    try:
        parties = clause_terms.read_nations(document.get("parties"), nations)
    except ValueError as error:
        raise Unprocessable(f"parties: {error}") from error
    if len(parties) < _MIN_PARTIES:
        raise Unprocessable("parties: an agreement needs at least two nations.")
    supersedes = document.get("supersedes")
    is_id = isinstance(supersedes, str) and _AGREEMENT_ID.fullmatch(supersedes) is not None
    if "supersedes" in document and not is_id:
        raise Unprocessable("supersedes: give the id of the agreement that this one amends, or leave it out.")
    valid_from, valid_until = _instant(document, "valid_from"), _instant(document, "valid_until")
    if valid_until <= valid_from:
        raise Unprocessable("valid_until: must be later than valid_from.")
    # Not checked here: signatures (`hub.proofs`), and whether the proposer is a party (`actions.agreement`).
    clauses = document.get("clauses")
    if not isinstance(clauses, list) or not 1 <= len(clauses) <= MAX_CLAUSES:
        raise Unprocessable(f"clauses: give a list of 1 to {MAX_CLAUSES} clauses.")
    if not isinstance(document.get("iep", {}), dict):
        raise Unprocessable("iep: give a table of FIRST IEP 2.0 terms, or leave it out.")
    return Agreement(
        id=str(document.get("id", "")),
        title=title,
        parties=parties,
        valid_from=valid_from,
        valid_until=valid_until,
        clauses=tuple(_clause(clause, f"clause {n}", parties) for n, clause in enumerate(clauses, 1)),
        supersedes=supersedes,
        document=document,
    )


def _clause(given: Any, place: str, parties: frozenset[NationCode]) -> Clause:
    if not isinstance(given, dict):
        raise Unprocessable(f"{place}: give a table with from, to and max_tlp.")
    # Every doubt closes: a clause with an unknown term is refused, never read without the term.
    _refuse_unknown(given, {term.name for term in clause_terms.TERMS}, place)
    try:
        clause = clause_terms.read_clause(given, parties)
    except ValueError as error:
        raise Unprocessable(f"{place}, {error}") from error
    # At home no clause is needed (policy 3); such a clause would suggest a right that policy 3 does not give.
    if clause.origin in clause.recipients:
        raise Unprocessable(f"{place}, to: a nation does not share with itself; leave {clause.origin} out.")
    return clause


class Step(StrEnum):
    """A signed step of a nation's cert in the lifecycle of an agreement (policy 5)."""

    SIGN = "sign"
    SUSPEND = "suspend"
    RESUME = "resume"
    TERMINATE = "terminate"


TimeSpan = tuple[datetime, datetime]  # half-open


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The history of an agreement by signed events, added with `after` in order.

    `needed` are the nations that must sign: the parties and, of an amendment, the parties of the amended
    agreement. `superseded_at` is the past or future instant of the take-over by a complete amendment.
    `pauses` are the ended suspensions, `suspended_at` is the start of the lasting suspension.
    """

    agreement: Agreement
    needed: frozenset[NationCode]
    proposed_at: datetime
    signed_by: frozenset[NationCode] = frozenset()
    completed_at: datetime | None = None
    suspended_by: frozenset[NationCode] = frozenset()
    suspended_at: datetime | None = None
    pauses: tuple[TimeSpan, ...] = ()
    terminated_by: NationCode | None = None
    terminated_at: datetime | None = None
    superseded_at: datetime | None = None

    @property
    def starts_at(self) -> datetime | None:
        """The instant of coming into force, past or future; None: some nation has not signed (policy 5)."""
        return None if self.completed_at is None else max(self.completed_at, self.agreement.valid_from)

    @property
    def lapses_at(self) -> datetime | None:
        """The end of a proposal without all signatures; None: all nations have signed (policy 5)."""
        return self.proposed_at + _PROPOSAL_LAPSES_AFTER if self.completed_at is None else None

    def waits_for_others(self, nation: NationCode, now: datetime) -> bool:
        """Tell whether this is a proposal at `now` that another nation has yet to sign (policy 5)."""
        is_proposed = self.completed_at is None and status_of(self, now).state is AgreementState.PROPOSED
        return is_proposed and not self.needed <= self.signed_by | {nation}

    def after(self, step: Step, nation: NationCode, at: datetime) -> Lifecycle:
        """Return the lifecycle with one more signed event (policy 5)."""
        match step:
            case Step.SIGN:
                signed_by = self.signed_by | {nation}
                # INVARIANT: no agreement, no crossing: in force only when every
                # needed nation has signed (policy 5; I1).
                completed_at = at if self.needed <= signed_by else None
                return replace(self, signed_by=signed_by, completed_at=completed_at)
            case Step.SUSPEND:
                return replace(
                    # The first suspension counts: a second one neither
                    # shortens nor extends the pause (policy 5).
                    self,
                    suspended_by=self.suspended_by | {nation},
                    suspended_at=self.suspended_at or at,
                )
            case Step.RESUME:
                return self._resumed(nation, at)
            case Step.TERMINATE:
                return replace(self, terminated_by=nation, terminated_at=at)
            case _:
                assert_never(step)

    def _resumed(self, nation: NationCode, at: datetime) -> Lifecycle:
        # Policy 5: suspended until the nation that suspended resumes;
        # another nation's resuming is not enough.
        still = self.suspended_by - {nation}
        if still or self.suspended_at is None:
            return replace(self, suspended_by=still)
        pauses = (*self.pauses, (self.suspended_at, at))
        return replace(self, suspended_by=still, suspended_at=None, pauses=pauses)

    def superseded(self, at: datetime | None) -> Lifecycle:
        """Return the lifecycle with the instant of the take-over by an amendment (policy 5)."""
        return replace(self, superseded_at=at)

    def stretches(self) -> list[TimeSpan]:
        """Return the times in force, by all events so far (policy 5)."""
        start = self.starts_at
        if start is None:
            return []
        # Policy 5: the earliest end counts. A suspension ends a period for ever; resuming begins another.
        ends = [self.agreement.valid_until, self.superseded_at, self.terminated_at, self.suspended_at]
        end = min(at for at in ends if at is not None)
        edges = [start, *(at for pause in self.pauses for at in pause), end]
        # Stretches after the end, or before the start, are empty and left out.
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return [(begins, min(ends, end)) for begins, ends in pairs if begins < min(ends, end)]


@dataclass(frozen=True, slots=True)
class AgreementStatus:
    """The state of an agreement at an instant; `ended` is the kind of ending, else None."""

    state: AgreementState
    ended: str | None = None


def status_of(lifecycle: Lifecycle, now: datetime) -> AgreementStatus:
    """Return the state of an agreement at `now` (policy 5).

    Termination is final whatever the clock says. Expiry and the take-over by an amendment follow the clock
    alone and need no event. An agreement signed by all before `valid_from` stays proposed until then. A
    proposal not signed by all within 90 days lapses, by the clock too.
    """
    # INVARIANT: termination first: an event counts although the clock may step back (policy 5; I3).
    if lifecycle.terminated_by is not None:
        return AgreementStatus(AgreementState.ENDED, f"terminated by {lifecycle.terminated_by}")
    if lifecycle.superseded_at is not None and now >= lifecycle.superseded_at:
        return AgreementStatus(AgreementState.ENDED, "superseded")
    if lifecycle.lapses_at is not None and lifecycle.lapses_at <= min(now, lifecycle.agreement.valid_until):
        return AgreementStatus(AgreementState.ENDED, "lapsed")
    # Half-open: in force while `valid_from <= now < valid_until` (policy 5).
    if now >= lifecycle.agreement.valid_until:
        return AgreementStatus(AgreementState.ENDED, "expired")
    if lifecycle.starts_at is None or now < lifecycle.starts_at:
        return AgreementStatus(AgreementState.PROPOSED)
    return AgreementStatus(AgreementState.SUSPENDED if lifecycle.suspended_by else AgreementState.IN_FORCE)


def obstacle(lifecycle: Lifecycle, step: Step, nation: NationCode, now: datetime) -> str | None:
    """Return why the nation cannot take this step, and the remedy (policy 5); None: the step is possible."""
    current = status_of(lifecycle, now)
    if current.state is AgreementState.ENDED:
        return f"The agreement has ended ({current.ended}); propose a new one."
    # Not checked here: the signature, and that the cert is a party (`actions.agreement.agree`).
    match step:
        case Step.SIGN if nation in lifecycle.signed_by:
            return f"{nation} has signed this agreement already."
        case Step.SUSPEND if current.state is AgreementState.PROPOSED:
            return "The agreement is not in force yet; terminate it instead."
        case Step.SUSPEND if nation in lifecycle.suspended_by:
            return f"{nation} has suspended this agreement already."
        case Step.RESUME if nation not in lifecycle.suspended_by:
            return f"{nation} has not suspended this agreement; only who suspended it resumes it."
        case _:
            return None


def periods_from(
    lifecycle: Lifecycle, at: datetime, before: Mapping[Direction, datetime], continues: str | None
) -> list[Period]:
    """Return the periods of the clauses, without ids, from `at` or `valid_from` on (policy 5).

    `before` is the start of coverage of each direction, by this agreement or the superseded one. `continues`
    is the agreement taken over from without a gap.
    """
    agreement = lifecycle.agreement
    start = max(at, agreement.valid_from)
    return [
        Period(
            id=0,
            agreement_id=agreement.id,
            clause_index=n,
            clause=clause,
            start=start,
            until=min(agreement.valid_until, lifecycle.superseded_at or agreement.valid_until),
            # Policy 4, "start": the first agreement of an unbroken chain counts, by direction and recipient.
            since={r: min(start, before.get((clause.origin, r), start)) for r in clause.recipients},
            continues=continues,
        )
        for n, clause in enumerate(agreement.clauses)
    ]


def waiting(periods: Iterable[Period]) -> list[Period]:
    """Return the same periods with an unknown beginning (policy 5)."""
    # Far in the future, so that no such period is in force by mistake: every doubt closes.
    return [
        replace(p, start=WAITING, until=_END, since={r: min(WAITING, at) for r, at in p.since.items()})
        for p in periods
    ]


def covered_since(periods: Iterable[Period]) -> dict[Direction, datetime]:  # (hub/README: unbroken-chain)
    """Return the start of coverage of each direction by these periods (policy 4, the start).

    Periods that never began do not count.
    """
    found: dict[Direction, datetime] = {}
    for period in periods:
        # An amendment ended before its beginning covered nothing (hub/README: unbroken-chain).
        if period.ended_at is not None and period.ended_at <= period.start:
            continue
        for recipient, at in period.since.items():
            direction = (period.clause.origin, recipient)
            found[direction] = min(at, found.get(direction, at))
    return found


def reaches_back(period: Period) -> bool:
    """Tell whether the period covers versions submitted before the beginning (policy 4)."""
    # A suspension or an amendment leaves `since` before `start`: resuming also releases the pause (policy 5).
    return period.clause.history or any(since < period.start for since in period.since.values())


# --- reading values ---------------------------------------------------------------------------


def _refuse_unknown(table: JsonObject, known: AbstractSet[str], place: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise Unprocessable(
            f"{place}: unknown key {unknown[0]!r}; known are {', '.join(sorted(known - {'id', 'hub'}))}."
        )


def _text(table: JsonObject, key: str, limit: int) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > limit:
        raise Unprocessable(f"{key}: give a text of 1 to {limit} characters.")
    return value


def _instant(table: JsonObject, key: str) -> datetime:
    value = table.get(key)
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else None
        if instant is not None and instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # no such day, or beyond the calendar once in UTC
    raise Unprocessable(f"{key}: give an RFC 3339 timestamp with its offset, as in 2026-01-01T00:00:00Z.")
