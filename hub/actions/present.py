"""What time it is for the hub: the clock's, and never earlier than what it has committed to."""

from __future__ import annotations

from datetime import datetime

from hub.actions.house import House
from hub.store import agreements, releases
from hub.store.connection import Connection


def present(house: House, connection: Connection) -> datetime:
    """Return the present as this transaction must take it, should the clock have stepped back.

    Never before agreements last came to bind or ended, nor before the last date that any ledger has given.
    """
    changed_at = agreements.generation(connection).changed_at
    return max(house.clock(), changed_at, releases.last_date(connection))
