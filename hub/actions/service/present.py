"""The present, by which a transaction reads and decides."""

from __future__ import annotations

from datetime import datetime

from hub.actions.service.service import Service
from hub.model import NationCode
from hub.store.agreement import agreements
from hub.store.agreement.agreements import Generation
from hub.store.database.connection import Connection
from hub.store.ledger import releases


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
