"""The basis of a decision, and the locks for checking the basis again and for writing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from hub.actions.access.authenticate import admit
from hub.actions.service.service import Service
from hub.model import Caller, Evidence, NationCode
from hub.rules.release.row_changes import Moment
from hub.store.agreement import agreements
from hub.store.agreement.agreements import Generation
from hub.store.agreement.basis import counters
from hub.store.database.connection import Connection
from hub.store.records import submissions


class Basis(NamedTuple):
    """With an equal basis a new decision would be equal, apart from the effects of other members' objects.

    `submit.renewed` compares other members' objects.
    """

    generation: Generation
    submissions: int  # of the nation
    moment: Moment


class Observed(NamedTuple):
    """The basis as one statement of a transaction read it, with the clock and the ends of the ledgers.

    `now` is the instant of decisions: never before a committed decision. `ledgers` has position and revision
    of each ledger: both unchanged, no row has changed.
    """

    basis: Basis
    now: datetime
    clock: datetime
    ledgers: Mapping[NationCode, tuple[int, int]]


def observe(service: Service, connection: Connection, origin: NationCode) -> Observed:
    """Return the basis of a decision in this transaction, and the decision's present."""
    found = counters(connection, origin)
    clock = service.store.clock_at(connection, found.at)
    # INVARIANT: as `present` says: a clock that steps back revives nothing (I3).
    now = max(clock, found.generation.changed_at, found.decided_at)
    # The clock alone can begin and end periods: `moment` has the periods in force at this instant.
    moment = Moment.of(service.in_force.periods(connection, found.generation), now)
    return Observed(Basis(found.generation, found.submissions, moment), now, clock, found.ledgers)


def hold(
    service: Service,
    connection: Connection,
    origin: NationCode,
    sender: tuple[Caller, Evidence | None] | None = None,
) -> None:
    """Lock the generation, then the submissions of `origin`; `ends.lock` locks ledgers afterwards.

    Agreements and identities stay unchanged under the first lock. Raises as `admit` for an invalid sender.
    The caller observes the basis afterwards, and so refuses another configuration (`basis.counters`).
    """
    # INVARIANT: this order, in every transaction: two transactions in another order would deadlock.
    agreements.hold_generation(connection)
    # INVARIANT: `admit` after the lock on the generation, which suspensions and revocations take too.
    if sender is not None:
        admit(service, connection, *sender)
    submissions.hold(connection, origin)
