"""What signed steps do to the periods in which clauses bind (policy 5).

An amendment takes over in one instant. So that nothing is hidden in between and nothing appears at an old
position, rows that it goes on covering are let stand by it too before it begins; whatever it adds gets new
rows once it has.
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
_PATIENCE_SECONDS: Final = 20.0  # in which a signature waits for rows to be prepared; clients wait longer


def prepare(service: Service, amendment: StoredAgreement, lifecycle: Lifecycle, at: datetime) -> None:
    """Let the rows that an amendment goes on covering stand by it too, from when it takes over.

    To be called before the last signature is kept. Each step is short and holds nobody up. Raises Unavailable
    when it takes too long for one request: whoever signs again goes on where this one came to.
    """
    with service.store.write() as connection:
        agreements.hold_for_change(connection)
        former = _superseded(connection, lifecycle)
        if not continues(agreements.periods_of(connection, former.id), lifecycle, at):
            return
        if not _awaiting(agreements.periods_of(connection, amendment.id), at):
            _abandon(connection, amendment, at)
            before = covered_since(agreements.periods_of(connection, former.id))
            agreements.add_periods(connection, waiting(periods_from(lifecycle, at, before, former.id)))
            agreements.advance(connection, at)
            origins = {clause.origin for clause in lifecycle.agreement.clauses}
            histories.add(connection, amendment.id, HistoryKind.PREPARE, origins, at)
        # Asked here: a replica may not have heard of it yet, and nothing would be prepared.
        unfinished = histories.unfinished(connection, HistoryKind.PREPARE, amendment.id)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for one in unfinished:
        if not history.go_through(service, one, deadline):
            raise Unavailable("The amendment is being prepared to take over; sign again in a moment.")


def follow(
    service: Service, connection: Connection, stored: StoredAgreement, step: Step, at: datetime
) -> None:
    """Let the periods follow from the last event of `stored`; the caller holds the generation for change."""
    lifecycle = lifecycle_of(service.registry, stored)
    match step:
        case Step.SIGN:
            if lifecycle.starts_at is None:
                return
            _come_into_force(service, connection, stored, lifecycle, at)
        case Step.SUSPEND:
            agreements.end_periods(connection, stored.id, at)
            _rearrange(service, connection, stored, at, continues_it=False)
        case Step.RESUME:
            if lifecycle.suspended_by:
                return
            _resume(service, connection, stored, lifecycle, at)
        case Step.TERMINATE:
            agreements.end_periods(connection, stored.id, at)
            _rearrange(service, connection, stored, at, continues_it=False)
            _give_back(service, connection, lifecycle, at)
        case _:
            assert_never(step)
    agreements.advance(connection, at)


def _come_into_force(
    service: Service, connection: Connection, stored: StoredAgreement, lifecycle: Lifecycle, at: datetime
) -> None:
    """Begin the agreement's periods, and end in the same instant those of what it supersedes."""
    new = periods_from(lifecycle, at, {}, None)
    prepared = _awaiting(agreements.periods_of(connection, stored.id), at)
    if lifecycle.agreement.supersedes is not None:
        former = _superseded(connection, lifecycle)
        own, periods = lifecycle_of(service.registry, former), agreements.periods_of(connection, former.id)
        continued = former.id if prepared and continues(periods, lifecycle, at) else None
        new = amended_from(lifecycle, at, (own, periods), continued)
        agreements.limit_periods(connection, former.id, min(own.agreement.valid_until, new[0].start))
        if continued is not None:
            for one in prepared:
                agreements.begin_period(connection, replace(new[one.clause_index], id=one.id))
    if not prepared or new[0].continues is None:
        _abandon(connection, stored, at)
        agreements.add_periods(connection, new)
    _append(connection, stored.id, new)


def _resume(
    service: Service, connection: Connection, stored: StoredAgreement, lifecycle: Lifecycle, at: datetime
) -> None:
    """Begin new periods, which also cover what was submitted during the suspension."""
    before = covered_since(agreements.periods_of(connection, stored.id))
    new = periods_from(lifecycle, at, before, None)
    agreements.add_periods(connection, new)
    _append(connection, stored.id, new)
    _rearrange(service, connection, stored, at, continues_it=True)


def _rearrange(
    service: Service, connection: Connection, former: StoredAgreement, at: datetime, *, continues_it: bool
) -> None:
    """Let the amendments that have yet to take over from `former` do so without a gap, or as they can.

    Rows that stood by both would come back behind the pollers' cursors, were there a gap: then the
    amendment's periods are others, by which new rows stand.
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
            # Rows may stand by what is to follow, too, however far.
            _rearrange(service, connection, amendment, at, continues_it=True)


def _give_back(service: Service, connection: Connection, lifecycle: Lifecycle, at: datetime) -> None:
    """Let what a terminated agreement would have superseded go on as if it had never been signed."""
    if (
        lifecycle.agreement.supersedes is not None
        and lifecycle.starts_at is not None
        and at < lifecycle.starts_at
    ):
        former = _superseded(connection, lifecycle)
        valid_until = lifecycle_of(service.registry, former).agreement.valid_until
        agreements.limit_periods(connection, former.id, valid_until)


def _append(connection: Connection, agreement_id: str, periods: list[Period]) -> None:
    origins = {p.clause.origin for p in periods if reaches_back(p)}
    histories.add(connection, agreement_id, HistoryKind.APPEND, origins, periods[0].start)


def _abandon(connection: Connection, amendment: StoredAgreement, at: datetime) -> None:
    """Undo a preparation that cannot be used any more."""
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
