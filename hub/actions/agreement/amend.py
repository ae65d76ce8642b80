"""The effect of signed steps on the periods of clauses (policy 5).

An amendment takes over in one instant. Before that, rows covered by both agreements get the amendment's
periods as a further ground: such rows stay visible at their positions. Versions covered by the amendment
alone get new rows afterwards.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Final, assert_never

from hub.actions.agreement.lifecycles import lifecycle_of
from hub.actions.release import history
from hub.actions.service.service import Service
from hub.errors import Unavailable
from hub.model import Period
from hub.rules.agreement.agreements import (
    Lifecycle,
    Step,
    covered_since,
    periods_from,
    reaches_back,
    waiting,
)
from hub.rules.agreement.amendments import amended_from, continues
from hub.store.agreement import agreements
from hub.store.agreement.agreements import StoredAgreement
from hub.store.database.connection import Connection
from hub.store.ledger import histories
from hub.store.ledger.histories import HistoryKind

# (hub/README: amendment-one-step)
_PATIENCE_SECONDS: Final = 20.0  # for the preparation, within one request; clients wait longer


def prepare(service: Service, amendment: StoredAgreement, lifecycle: Lifecycle, at: datetime) -> None:
    """Give the rows covered by both agreements the amendment's periods, before the last signature is stored.

    Works in short steps with short locks. Raises Unavailable after 20 s: the next try of the signature
    continues the preparation.
    """
    with service.store.write() as connection:
        # INVARIANT: the generation is locked: no other step changes these periods meanwhile.
        agreements.hold_for_change(connection)
        former = _superseded(connection, lifecycle)
        if not continues(agreements.periods_of(connection, former.id), lifecycle, at):
            return
        if not _awaiting(agreements.periods_of(connection, amendment.id), at):
            # An earlier preparation for another state of the agreements is of no use.
            _discard_preparation(connection, amendment, at)
            before = covered_since(agreements.periods_of(connection, former.id))
            agreements.add_periods(connection, waiting(periods_from(lifecycle, at, before, former.id)))
            agreements.advance(connection, at)
            origins = {clause.origin for clause in lifecycle.agreement.clauses}
            histories.add(connection, amendment.id, HistoryKind.PREPARE, origins, at)
        # Read in this transaction: a replica may lack the new history, and nothing would be prepared.
        unfinished = histories.unfinished(connection, HistoryKind.PREPARE, amendment.id)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for one in unfinished:
        if not history.go_through(service, one, deadline):
            raise Unavailable("The amendment is being prepared to take over; sign again in a moment.")


def follow(
    service: Service, connection: Connection, stored: StoredAgreement, step: Step, at: datetime
) -> None:
    """Write the periods that follow from the last event of `stored`; the caller holds the generation."""
    lifecycle = lifecycle_of(service.registry, stored)
    match step:
        case Step.SIGN:
            if lifecycle.starts_at is None:
                return
            _come_into_force(service, connection, stored, lifecycle, at)
        case Step.SUSPEND:
            agreements.end_periods(connection, stored.id, at)
            _plan_amendments(service, connection, stored, at, continues_it=False)
        case Step.RESUME:
            if lifecycle.suspended_by:
                return
            _resume(service, connection, stored, lifecycle, at)
        case Step.TERMINATE:
            agreements.end_periods(connection, stored.id, at)
            _plan_amendments(service, connection, stored, at, continues_it=False)
            _restore_superseded(service, connection, lifecycle, at)
        case _:
            assert_never(step)
    # INVARIANT: each change of periods is a new generation: cached periods and pending decisions are refused.
    agreements.advance(connection, at)


def _come_into_force(
    service: Service, connection: Connection, stored: StoredAgreement, lifecycle: Lifecycle, at: datetime
) -> None:
    """Begin the agreement's periods, and end the superseded agreement's periods at the same instant."""
    new = periods_from(lifecycle, at, {}, None)
    prepared = _awaiting(agreements.periods_of(connection, stored.id), at)
    if lifecycle.agreement.supersedes is not None:
        former = _superseded(connection, lifecycle)
        own, periods = lifecycle_of(service.registry, former), agreements.periods_of(connection, former.id)
        continued = former.id if prepared and continues(periods, lifecycle, at) else None
        new = amended_from(lifecycle, at, (own, periods), continued)
        agreements.limit_periods(connection, former.id, min(own.agreement.valid_until, new[0].start))
        if continued is not None:
            # The prepared periods begin, with their ids: rows prepared with these ids stay visible.
            for one in prepared:
                agreements.begin_period(connection, replace(new[one.clause_index], id=one.id))
    # Without a usable preparation the periods are new, and so are the rows.
    if not prepared or new[0].continues is None:
        _discard_preparation(connection, stored, at)
        agreements.add_periods(connection, new)
    _append(connection, stored.id, new)


def _resume(
    service: Service, connection: Connection, stored: StoredAgreement, lifecycle: Lifecycle, at: datetime
) -> None:
    """Begin new periods, with the versions submitted during the suspension (policy 5)."""
    # A suspension does not move the start of a direction (policy 4).
    before = covered_since(agreements.periods_of(connection, stored.id))
    new = periods_from(lifecycle, at, before, None)
    agreements.add_periods(connection, new)
    _append(connection, stored.id, new)
    _plan_amendments(service, connection, stored, at, continues_it=True)


def _plan_amendments(
    service: Service, connection: Connection, former: StoredAgreement, at: datetime, *, continues_it: bool
) -> None:
    """Give the pending amendments of `former` periods without a gap, or else other periods with new rows.

    After a gap, a row with the old periods would be visible again behind the cursors of pollers (I4).
    """
    for shallow in former.amendments:
        periods = agreements.periods_of(connection, shallow.id)
        if not any(p.ended_at is None and p.start > at for p in periods):
            continue
        amendment = _stored(connection, shallow.id)
        lifecycle = lifecycle_of(service.registry, amendment)
        agreements.end_periods(connection, amendment.id, at, begun=False)
        if lifecycle.starts_at is not None:
            before = lifecycle_of(service.registry, former), agreements.periods_of(connection, former.id)
            new = amended_from(lifecycle, at, before, former.id if continues_it else None)
            agreements.add_periods(connection, new)
            # A pending amendment may have a pending amendment of its own.
            _plan_amendments(service, connection, amendment, at, continues_it=True)


def _restore_superseded(service: Service, connection: Connection, lifecycle: Lifecycle, at: datetime) -> None:
    """Restore the full validity of the agreement that a terminated amendment would have superseded."""
    # Only before the amendment began: an agreement once superseded stays ended.
    if (
        lifecycle.agreement.supersedes is not None
        and lifecycle.starts_at is not None
        and at < lifecycle.starts_at
    ):
        former = _superseded(connection, lifecycle)
        valid_until = lifecycle_of(service.registry, former).agreement.valid_until
        agreements.limit_periods(connection, former.id, valid_until)


def _append(connection: Connection, agreement_id: str, periods: list[Period]) -> None:
    # New positions and dates, so that a poll with yesterday's `added_after` gets the releases (policy 5).
    # `hub work` writes the rows: a signature does not wait for a whole history.
    origins = {p.clause.origin for p in periods if reaches_back(p)}
    histories.add(connection, agreement_id, HistoryKind.APPEND, origins, periods[0].start)


def _discard_preparation(connection: Connection, amendment: StoredAgreement, at: datetime) -> None:
    """End the periods and the history of a useless preparation."""
    agreements.end_periods(connection, amendment.id, at, begun=False)
    for one in histories.unfinished(connection, HistoryKind.PREPARE, amendment.id):
        histories.finish(connection, one.id)


def _superseded(connection: Connection, lifecycle: Lifecycle) -> StoredAgreement:
    return _stored(connection, lifecycle.agreement.supersedes or "")


def _stored(connection: Connection, id: str) -> StoredAgreement:
    found = agreements.find(connection, None, id)
    if found is None:
        raise RuntimeError("what an agreement supersedes was there when it was proposed")
    return found


def _awaiting(periods: tuple[Period, ...], at: datetime) -> list[Period]:
    return [p for p in periods if p.takes_over(at)]
