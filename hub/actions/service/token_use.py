"""The last use of each token: kept in memory, and written from time to time, without delay of a request."""

from __future__ import annotations

import threading
from datetime import datetime

from hub.store.database.connection import Store
from hub.store.members import members


class Uses:
    """The last uses of tokens in this process that are not written yet. Safe for threads.

    With the process the unwritten uses are lost: a shown last use may be some seconds too early.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: dict[str, datetime] = {}

    def note(self, public_id: str, at: datetime) -> None:
        """Keep the instant of a token's use."""
        with self._lock:
            self._noted[public_id] = at

    def write(self, store: Store) -> None:
        """Write the uses since the last call, if any, without waiting for a standby.

        Raises Unavailable without the database, and keeps the uses for the next call.
        """
        with self._lock:
            noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            with store.count() as connection:
                members.note_uses(connection, noted)
        except BaseException:
            with self._lock:
                # Uses since then are later, so have precedence.
                self._noted = noted | self._noted
            raise
