"""Pages are read and recorded in one statement each, and leave only after its COMMIT."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hub.errors import Unavailable
from hub.store.database.connection import Store
from hub.store.ledger import pages
from hub.store.ledger.pages import PageEntries, PageRequest

_TURN_SECONDS: Final = 9.0  # a COMMIT that waits for a standby gives up sooner


@dataclass(slots=True, eq=False)  # who asks for the same at the same time is another
class _Entry:
    ask: PageRequest
    told: PageEntries | None = None
    failure: BaseException | None = None


class Disclosures:
    """The pages of this process that wait to be read and recorded. Safe for threads.

    Whoever finds nobody at it takes all that wait into one transaction, so that pages which are asked for at
    one time share its COMMIT. Each is a statement of its own, begun after its request was received (I3).
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: list[_Entry] = []

    def tell(self, store: Store, ask: PageRequest) -> PageEntries:
        """Return the page once its disclosure is durable; Unavailable: nothing may leave."""
        if store.is_sqlite and _is_empty(store, ask):
            return PageEntries(is_admitted=True, is_current=True)
        entry = _Entry(ask)
        with self._guard:
            self._waiting.append(entry)
        if not self._turn.acquire(timeout=_TURN_SECONDS):
            self._leave(entry)
        try:
            if entry.told is None and entry.failure is None:
                self._tell(store)
        finally:
            self._turn.release()
        return _outcome(entry)

    def _leave(self, entry: _Entry) -> None:
        """Wait no longer. Should the page be recorded all the same, more is on record than left."""
        with self._guard:
            if entry in self._waiting:
                self._waiting.remove(entry)
        raise Unavailable("The hub's database takes too long to record this page; try again.")

    def _tell(self, store: Store) -> None:
        with self._guard:
            batch, self._waiting = self._waiting, []
        failure = _failure(store, batch)
        if failure is None:
            return
        for entry in batch:
            # A page that cannot be read takes no other with it.
            is_its_own = len(batch) > 1 and not isinstance(failure, Unavailable)
            entry.failure = _failure(store, [entry]) if is_its_own else failure


def _failure(store: Store, batch: Sequence[_Entry]) -> BaseException | None:
    """Record these pages; return what went wrong, which whoever asked for them raises."""
    try:
        _record(store, batch)
    except BaseException as failure:  # noqa: BLE001
        return failure
    return None


def _record(store: Store, batch: Sequence[_Entry]) -> None:
    with store.record() as connection:
        told = [pages.read_and_record(connection, entry.ask, store.clock) for entry in batch]
    for entry, one in zip(batch, told, strict=True):
        entry.told = one


def _is_empty(store: Store, ask: PageRequest) -> bool:
    """Tell whether there is nothing to record: asked first on SQLite, where recording waits for writers."""
    with store.read() as connection:
        return pages.is_empty(connection, ask, store.clock) is True


def _outcome(entry: _Entry) -> PageEntries:
    if entry.failure is not None:
        raise entry.failure
    if entry.told is None:
        raise RuntimeError("a page was neither read nor refused")
    return entry.told
