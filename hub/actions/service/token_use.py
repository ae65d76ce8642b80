"""When tokens were used last: noted in memory, written now and then, so that no request waits for it."""

from __future__ import annotations

import threading
from datetime import datetime

from hub.store.database.connection import Store
from hub.store.members import members


class Uses:
    """What this process knows of the use of tokens and has yet to write. Safe for threads.

    What a process notes between two writings is lost with it: a last use may be told some seconds too early.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: dict[str, datetime] = {}

    def note(self, public_id: str, at: datetime) -> None:
        """Note that a token was used."""
        with self._lock:
            self._noted[public_id] = at

    def write(self, store: Store) -> None:
        """Write what was noted, if anything was, waiting for no standby.

        Raises Unavailable when the database cannot be reached: what was noted is kept for the next time.
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
                self._noted = noted | self._noted
            raise
