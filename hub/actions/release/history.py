"""Going through what a nation submitted before, for an agreement: in short steps that hold nobody up.

Each step judges the next versions together with all that they refer to, and is committed with how far it has
come, so that a crash repeats nothing and leaves nothing out. New rows are given by clearance, the widest
first, in one walk for each: else the dates of what a reader sees would tell how much lies between (policy 9).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from hub.actions.release.basis import Basis, basis_of, hold
from hub.actions.release.judging import context_of, judge_for_history, write_rows
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.model import Clearance, StixId, Tlp
from hub.rules.release.deciding import clearance_for
from hub.rules.release.row_changes import LedgerChanges, up_to
from hub.store.database.connection import Connection
from hub.store.ledger import histories, releases
from hub.store.ledger.histories import History, HistoryKind
from hub.store.records import submissions

_VERSIONS_PER_STEP: Final = 300  # so that no submission waits long for its origin


def go_through(service: Service, history: History, deadline: float) -> bool:
    """Go on until nothing is left, or until `deadline` (of `time.monotonic`); tell whether it is done."""
    while time.monotonic() < deadline:
        if _step(service, history):
            return True
    return False


def append_due(service: Service, deadline: float) -> int:
    """Go on with the histories that are due; return how many have come to their end."""
    with service.store.read() as connection:
        unfinished = histories.unfinished(connection, HistoryKind.APPEND)
        now = present(service, connection)
    return sum(go_through(service, one, deadline) for one in unfinished if one.due_at <= now)


@dataclass(frozen=True, slots=True)
class _Decision:
    """What a step will write, what it was decided against, and how far the history is then, if it goes on."""

    basis: Basis
    now: datetime
    then: History | None
    ledger_changes: LedgerChanges


def _step(service: Service, known: History) -> bool:
    """Take the next versions; return whether there is nothing left.

    As a submission's, what follows is decided on a snapshot, and again under the locks if agreements, the
    nation's submissions, what the clock lets be in force or the history have moved since. Ledgers are held
    for the writing alone. At the end the nation's submissions are counted on once more: one that was decided
    before the agreement began, and not yet written, is decided again and so misses nothing.
    """
    with service.store.read() as connection:
        before = histories.find(connection, known)  # None too where a replica has yet to hear of it
        decision = None if before is None else _decide(service, connection, before)
    with service.store.write() as connection:
        hold(service, connection, known.origin)
        history = histories.find(connection, known)
        if history is None:
            return True
        basis, now = basis_of(service, connection, history.origin)
        if decision is None or (history, basis) != (before, decision.basis):
            decision = _decide(service, connection, history)
        now = max(decision.now, now)
        submissions.advance(connection, history.origin)
        if decision.then is None:
            histories.finish(connection, history.id)
            return True
        releases.lock(connection, decision.ledger_changes.changes)
        write_rows(service, connection, history.origin, decision.ledger_changes, {}, now)
        histories.move_on(connection, decision.then)
        return False


def _decide(service: Service, connection: Connection, history: History) -> _Decision:
    """Decide on the next versions, for those to whom the agreement lets the nation's objects go."""
    origin = history.origin
    basis, now = basis_of(service, connection, origin)
    context = context_of(service, connection, origin, now)
    own = [p.clause for p in context.periods if p.agreement_id == history.agreement_id]
    if not own:
        return _Decision(basis, now, None, LedgerChanges({}, {}))
    # Nothing that the agreement adds is seen below the audience of its clauses; what prepares adds nothing.
    widest = min(clause.audience for clause in own)
    is_ahead = history.kind is HistoryKind.PREPARE
    widest = max(Clearance) if is_ahead else widest
    history = replace(history, clearance=max(history.clearance, widest))
    levels = [level for level in Tlp if history.settled < clearance_for(level) <= history.clearance]
    found = histories.next_versions(connection, origin, history.last_version, levels, _VERSIONS_PER_STEP)
    if not found:
        return _Decision(basis, now, _next_walk(history), LedgerChanges({}, {}))
    reached = {origin, *(r for clause in own if clause.origin == origin for r in clause.recipients)}
    context = replace(context, recipients=sorted(reached))
    ids = {StixId(stix_id) for _, stix_id in found}
    ledger_changes = judge_for_history(connection, context, ids, is_ahead=is_ahead)
    limited = {nation: up_to(change, history.clearance) for nation, change in ledger_changes.changes.items()}
    changes = {nation: change for nation, (change, _) in limited.items()}
    leaves_out = history.leaves_out or any(later for _, later in limited.values())
    then = replace(history, last_version=found[-1][0], leaves_out=leaves_out)
    return _Decision(basis, now, then, replace(ledger_changes, changes=changes))


def _next_walk(history: History) -> History | None:
    """Return the history at the beginning of its walk for the next clearance; None: there is none."""
    if history.clearance is max(Clearance):
        return None
    settled = history.settled if history.leaves_out else history.clearance
    return replace(
        history,
        last_version=0,
        clearance=Clearance(history.clearance + 1),
        leaves_out=False,
        settled=settled,
    )
