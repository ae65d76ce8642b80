"""Reads and records pages, one statement for each; a page leaves only after COMMIT."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hub.errors import Unavailable
from hub.store.database.connection import Connection, Store
from hub.store.database.statements import Ask
from hub.store.ledger import pages
from hub.store.ledger.pages import PageEntries, PageRequest

_TURN_SECONDS: Final = 9.0  # longer than a COMMIT waits for a standby


@dataclass(slots=True, eq=False)  # by identity: two requests for an equal page are two disclosures
class _Entry:
    ask: PageRequest
    page: PageEntries | None = None
    failure: BaseException | None = None


class Disclosures:
    """The waiting pages of this process. Safe for threads.

    The first free thread reads and records all waiting pages in one transaction, so that concurrent requests
    share a COMMIT.
    """

    # INVARIANT: each page is a statement of its own, begun after its request was received: no response
    # contains what an ending before the request hides (I3).

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: list[_Entry] = []

    def disclose(self, store: Store, ask: PageRequest) -> PageEntries:
        """Return the page, after COMMIT of its disclosure; on Unavailable nothing may leave."""
        # An empty page discloses nothing: it is told without a transaction, a record and a COMMIT.
        if (told := _empty(store, ask)) is not None:
            return told
        entry = _Entry(ask)
        with self._guard:
            self._waiting.append(entry)
        if not self._turn.acquire(timeout=_TURN_SECONDS):
            self._leave(entry)
        try:
            # The thread before may have taken this entry along.
            if entry.page is None and entry.failure is None:
                self._disclose_waiting(store)
        finally:
            self._turn.release()
        return _outcome(entry)

    def _leave(self, entry: _Entry) -> None:
        """Wait no longer, and raise Unavailable.

        If the page is recorded all the same, the record has a page that never left: never the reverse.
        """
        with self._guard:
            if entry in self._waiting:
                self._waiting.remove(entry)
        raise Unavailable("The hub's database takes too long to record this page; try again.")

    def _disclose_waiting(self, store: Store) -> None:
        with self._guard:
            batch, self._waiting = self._waiting, []
        failure = _failure(store, batch)
        if failure is None:
            return
        for entry in batch:
            # A page with an error of its own must not fail the others: each is tried alone. Without the
            # database all fail at once.
            is_its_own = len(batch) > 1 and not isinstance(failure, Unavailable)
            entry.failure = _failure(store, [entry]) if is_its_own else failure


def _failure(store: Store, batch: Sequence[_Entry]) -> BaseException | None:
    """Read and record these pages; return the failure, for every requesting thread to raise."""
    # Every exception, an interrupt too: a waiting thread must never be left without an outcome.
    try:
        _record(store, batch)
    except BaseException as failure:  # noqa: BLE001
        return failure
    return None


def _record(store: Store, batch: Sequence[_Entry]) -> None:
    if len(batch) == 1 and (page := _recorded_alone(store, batch[0].ask)) is not None:
        batch[0].page = page
        return
    with store.record() as connection:
        told = [_recorded(store, _within(connection), entry.ask) for entry in batch]
    # INVARIANT: behind the `with`: the pages are given out only after COMMIT.
    for entry, one in zip(batch, told, strict=True):
        entry.page = one


def _recorded_alone(store: Store, ask: PageRequest) -> PageEntries | None:
    """Return the page, recorded by one statement and COMMIT; None: it has to be done in a transaction."""
    # INVARIANT: as in `_empty`.
    if ask.epoch != store.memory.epoch:
        return None
    return store.record_alone(lambda run: _recorded(store, run, ask))


def _within(connection: Connection) -> Ask:
    return lambda statement, given: statement.rows(connection, given)


def _recorded(store: Store, run: Ask, ask: PageRequest) -> PageEntries:
    return pages.read_and_record(run, ask, store.clock, is_postgresql=not store.is_sqlite)


def _empty(store: Store, ask: PageRequest) -> PageEntries | None:
    """Return a page without rows; None: the page needs a record, or the state of the server is to be read."""
    # INVARIANT: a process that knows of another epoch asks in a transaction, which closes the sessions to a
    # server that was left behind (storage.md, One primary).
    if ask.epoch != store.memory.epoch:
        return None
    statement, given = pages.emptiness(ask, store.clock, is_postgresql=not store.is_sqlite)
    found = store.ask(statement, given)
    if not found:  # no ledger
        return None
    ((is_admitted, is_current, has_rows),) = found
    if is_admitted and is_current and has_rows:
        return None
    return PageEntries(bool(is_admitted), bool(is_current), epoch=ask.epoch)


def _outcome(entry: _Entry) -> PageEntries:
    if entry.failure is not None:
        raise entry.failure
    if entry.page is None:
        raise RuntimeError("a page was neither read nor refused")
    return entry.page
