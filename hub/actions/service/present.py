"""The present: the instant of a transaction's decisions."""

from __future__ import annotations

from datetime import datetime

from hub.actions.service.service import Service
from hub.model import NationCode
from hub.store.agreement import agreements
from hub.store.agreement.agreements import Generation
from hub.store.database.connection import Connection
from hub.store.ledger import ends


def present(
    service: Service,
    connection: Connection,
    recipient: NationCode | None = None,
    generation: Generation | None = None,
) -> datetime:
    """Return the present of this transaction: the clock, or a later committed instant.

    The present is never before the last change of agreements, nor before the last decision on the ledger of
    `recipient`; without `recipient`, on any ledger, for a decision may write to all.
    """
    # INVARIANT: a clock that steps back revives nothing: an expired period stays over for each ledger (I3).
    # `decided_at` counts, not the last date: dates may run ahead of the clock, decisions do not.
    changed_at = (generation or agreements.generation(connection)).changed_at
    return max(service.store.now(connection), changed_at, ends.decided_at(connection, recipient))
