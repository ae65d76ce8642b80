"""What time it is for the hub: the database's, and never earlier than what was decided by."""

from __future__ import annotations

from datetime import datetime

from hub.actions.house import House
from hub.model import NationCode
from hub.store import agreements, releases
from hub.store.connection import Connection


def present(house: House, connection: Connection, recipient: NationCode | None = None) -> datetime:
    """Return the present as this transaction must take it, should the clock have stepped back.

    Never before agreements last came to bind or ended, nor before what was last decided on the ledger of the
    `recipient` that reads, or on any: whoever decides may write to all. Dates may run ahead of the clock;
    what is decided by does not.
    """
    changed_at = agreements.generation(connection).changed_at
    return max(house.store.now(connection), changed_at, releases.decided_at(connection, recipient))
