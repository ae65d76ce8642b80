"""The basis of a decision, and the locks for checking the basis again and for writing."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from hub.actions.access.authenticate import admit
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.model import Caller, Evidence, NationCode
from hub.rules.release.row_changes import Moment
from hub.store.agreement import agreements
from hub.store.agreement.agreements import Generation
from hub.store.database.connection import Connection
from hub.store.records import submissions


class Basis(NamedTuple):
    """With an equal basis a new decision would be equal, apart from the effects of other members' objects.

    `submit.renewed` compares other members' objects.
    """

    generation: Generation
    submissions: int  # of the nation
    moment: Moment


def basis_of(service: Service, connection: Connection, origin: NationCode) -> tuple[Basis, datetime]:
    """Return the basis of a decision in this transaction, and the decision's present."""
    # The clock alone can begin and end periods: `moment` has the periods in force at this instant.
    generation = agreements.generation(connection)
    now = present(service, connection, generation=generation)
    moment = Moment.of(service.in_force.periods(connection), now)
    return Basis(generation, submissions.count(connection, origin), moment), now


def hold(
    service: Service,
    connection: Connection,
    origin: NationCode,
    sender: tuple[Caller, Evidence | None] | None = None,
) -> None:
    """Lock the generation, then the submissions of `origin`; `releases.lock` locks ledgers afterwards.

    Agreements and identities stay unchanged under the first lock. Raises as `admit` for an invalid sender.
    """
    # INVARIANT: this order, in every transaction: two transactions in another order would deadlock.
    agreements.generation(connection, hold=True)
    # INVARIANT: `admit` after the lock on the generation, which suspensions and revocations take too.
    if sender is not None:
        admit(service, connection, *sender)
    submissions.count(connection, origin, hold=True)
