"""What leaves is on record first: an answer that holds anything waits for its disclosure to be committed."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from hub.model import Disclosure
from hub.store import disclosures
from hub.store.connection import Store


@dataclass(slots=True)
class _Entry:
    disclosure: Disclosure
    is_written: bool = False
    failure: BaseException | None = None


class Disclosures:
    """The disclosures of this process that wait to be committed. Safe for threads.

    Whoever finds nobody committing takes all that wait into one transaction, so that pages which are
    answered at one time share its cost.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: list[_Entry] = []

    def record(self, store: Store, disclosure: Disclosure) -> None:
        """Return when the disclosure is durable on the primary; Unavailable: nothing may leave."""
        entry = _Entry(disclosure)
        with self._guard:
            self._waiting.append(entry)
        with self._turn:
            if not entry.is_written and entry.failure is None:
                self._write(store)
        if entry.failure is not None:
            raise entry.failure

    def _write(self, store: Store) -> None:
        with self._guard:
            batch, self._waiting = self._waiting, []
        try:
            with store.write() as connection:
                disclosures.add(connection, [entry.disclosure for entry in batch])
        except BaseException as failure:  # nobody may be left to believe that it was written
            for entry in batch:
                entry.failure = failure
            raise
        for entry in batch:
            entry.is_written = True
