"""What a decision hangs on, and the locks under which it is looked at again and written."""

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
    """While it is the same, deciding again gives the same, what follows from others' objects aside."""

    generation: Generation
    submissions: int  # of the nation
    moment: Moment


def basis_of(service: Service, connection: Connection, origin: NationCode) -> tuple[Basis, datetime]:
    """Return what a decision in this transaction hangs on, and the present by which it is taken."""
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
    """Take the locks under which what `origin` submitted is decided, in their order.

    First agreements and identities stay as they are, then the nation's submissions; ledgers come after these
    (`releases.lock`). Raises what `admit` does if the sender may not act any more.
    """
    agreements.generation(connection, hold=True)
    if sender is not None:
        admit(service, connection, *sender)
    submissions.count(connection, origin, hold=True)
