"""Simulates an agreement in force now: counts the releases and withdrawals, and writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from hub.actions.access.authenticate import may_know
from hub.actions.agreement.agree import parties_amended, read_proposal
from hub.actions.agreement.change_counts import ChangeCounts
from hub.actions.agreement.comparison import ClauseComparison, RecentCase, SimulatedCounts, UnderPeriods
from hub.actions.agreement.lifecycles import lifecycle_of
from hub.actions.release.judging import context_of
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.errors import Forbidden
from hub.model import (
    Agreement,
    AgreementState,
    Caller,
    JsonObject,
    Period,
    format_instant,
)
from hub.rules.agreement.agreements import (
    Lifecycle,
    covered_since,
    periods_from,
    status_of,
)
from hub.rules.release.deciding import binding
from hub.rules.release.judgement import DecisionContext
from hub.rules.release.justifications import lowest_clearance
from hub.store.agreement import agreements
from hub.store.database.connection import Connection
from hub.store.ledger import justifications
from hub.store.records import populations
from hub.store.records.counted_facts import Counted

_RECENT_DAYS: Final = 30


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
    released, withdrawn, recent = ChangeCounts(), ChangeCounts(), ChangeCounts()
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
            # For all other nations nothing changes: their clauses are the same before and after.
            reached = {r for p in changed if p.clause.origin == origin for r in p.clause.recipients}
            context = replace(context, recipients=[r for r in context.recipients if r in reached])
            counted = Counted(origin)
            if not sees_all and nation is not None:
                context = replace(context, recipients=[nation])
                counted = _losable(connection, context, before, changed)
            clauses = UnderPeriods(context, before), UnderPeriods(context, after)
            counts = (
                SimulatedCounts(released, withdrawn)
                if sees_all
                else SimulatedCounts(ChangeCounts(), withdrawn)
            )
            past = RecentCase(UnderPeriods(context, had_been), since, recent) if sees_all else None
            ClauseComparison(context, counted, *clauses, counts, past, sees_all).count(connection)
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
) -> Counted:
    """Return the versions that a nation sees, and perhaps no longer without the changed periods.

    INVARIANT: only rows of its ledger that the nation sees decide (policy 9): neither the answer nor its time
    may depend on other objects of another nation. A further period hides nothing (I2).
    """
    (nation,) = context.recipients
    left = [p for p in before if all(p.id != one.id for one in changed)]
    then, now = binding(before, context.now), binding(left, context.now)
    known = justifications.of_recipient(connection, nation)
    lost = [id for id, one in known.items() if lowest_clearance(one, then) != lowest_clearance(one, now)]
    return Counted(context.origin, nation, lost)


def _covering(period: Period, since: datetime) -> Period:
    """Return the period as if each direction were covered from `since` on, or from an earlier start."""
    return replace(period, since={recipient: min(at, since) for recipient, at in period.since.items()})
