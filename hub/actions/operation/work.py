"""The background work: recall notices, due histories, withdrawal of rows past their end, deletion of old
rows, statistics of the planner.

No release decision depends on this work: a poll never serves a row that is not visible. Withdrawn rows make
polls from the start faster. Erased content also leaves the `-wal` file of SQLite.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hub.actions.operation.prune import Pruned, prune
from hub.actions.oversight import recall
from hub.actions.release import fact_sets
from hub.actions.release.history import append_due
from hub.actions.service.service import Service
from hub.model import Justification, NationCode
from hub.rules.release.justifications import NEVER, in_force_part
from hub.store.agreement import agreements
from hub.store.database import statistics
from hub.store.ledger import justifications, ledgers, releases

_LEASE: Final = "work"
_LEASE_SECONDS: Final = 120
_HISTORY_SECONDS: Final = 30.0  # well within the lease; what is left is taken up by the next pass
_RECALL_SECONDS: Final = 20.0
_FACTS_SECONDS: Final = 20.0
_CLOCK_JUMP: Final = timedelta(days=1)
_ROWS_PER_STEP: Final = 5_000  # so that no submission waits long for a ledger
_NOTHING: Final = Pruned()


@dataclass(frozen=True, slots=True)
class WorkReport:
    """The numbers of one pass. `is_done` is False if another process held the lease."""

    is_done: bool
    histories: int = 0
    withdrawn: int = 0
    pruned: Pruned = _NOTHING
    told: int = 0  # members, of recalls


def work(service: Service) -> WorkReport:
    """Do one pass, unless another process holds the lease."""
    # The lease saves work only: two passes at once are slower, and right all the same.
    with service.store.write() as connection:
        now = service.store.now(connection)
        until = now + timedelta(seconds=_LEASE_SECONDS)
        if not ledgers.take_lease(connection, _LEASE, now, until):
            return WorkReport(is_done=False)
    try:
        told = recall.notify(service, time.monotonic() + _RECALL_SECONDS)  # first: it is due in the next poll
        with service.store.write() as connection:
            statistics.keep(connection)  # before histories: these read much, by plans that need statistics
        histories = append_due(service, time.monotonic() + _HISTORY_SECONDS)
        withdrawn = sum(_withdraw_ended(service, recipient) for recipient in sorted(service.registry.nations))
        fact_sets.determine(service, time.monotonic() + _FACTS_SECONDS)
        pruned = prune(service)
        service.store.forget_erased()
        return WorkReport(True, histories, withdrawn, pruned, told)
    finally:
        with service.store.write(when_closed=True) as connection:
            ledgers.give_lease_back(connection, _LEASE, until)


def _withdraw_ended(service: Service, recipient: NationCode) -> int:
    """Withdraw the rows of a ledger with a justification past its end; return the number of rows.

    A period is past its end after an early end by an event, or a day after its expiry.
    """
    with service.store.read() as connection:
        # A withdrawal is final. A clock may jump ahead and be corrected within a day: nothing is withdrawn
        # then.
        yesterday = service.store.now(connection) - _CLOCK_JUMP
        not_over = frozenset(p.id for p in agreements.periods(connection) if yesterday < p.until)
        known = justifications.of_recipient(connection, recipient)
    over = [id for id, value in known.items() if _is_over(value, not_over)]
    total = 0
    while over:
        # Short steps, each with a lock on the ledger of its own: submissions wait for one step at most.
        with service.store.write() as connection:
            now = service.store.now(connection)
            marked = releases.withdraw_justified(connection, recipient, over, _ROWS_PER_STEP, now)
        total += marked
        if marked < _ROWS_PER_STEP:
            break
    return total


def _is_over(value: Justification, not_over: frozenset[int]) -> bool:
    return NEVER in in_force_part(value, not_over)
