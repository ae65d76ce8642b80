"""What time it is, what a decision hangs on, and the locks under which it is looked at again and written."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from hub.actions.authenticate import admit
from hub.actions.service import Service
from hub.model import Caller, Evidence, NationCode
from hub.rules.row_changes import Moment
from hub.store import agreements, releases, submissions
from hub.store.agreements import Generation
from hub.store.connection import Connection


def present(
    service: Service,
    connection: Connection,
    recipient: NationCode | None = None,
    generation: Generation | None = None,
) -> datetime:
    """Return the present as this transaction must take it, should the clock have stepped back.

    Never before agreements last came to bind or ended, nor before what was last decided on the ledger of the
    `recipient` that reads, or on any: whoever decides may write to all. Dates may run ahead of the clock;
    what is decided by does not.
    """
    changed_at = (generation or agreements.generation(connection)).changed_at
    return max(service.store.now(connection), changed_at, releases.decided_at(connection, recipient))


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
