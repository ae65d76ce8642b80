"""Judges a nation's earlier versions for an agreement, in short steps with short locks.

Each step judges the next versions with all referred objects, and commits its rows with its progress: after a
crash no version is judged twice or left out. One walk through the versions writes the rows of one clearance,
the widest first. With another order, the dates of visible rows would say how many rows lie between (policy
9).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from hub.actions.release.basis import Basis, hold, observe
from hub.actions.release.judging import context_of, write_rows
from hub.actions.release.likeness import DecidedGroups, judge_next, likenesses_in
from hub.actions.release.turn import in_turn
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.model import Clearance, Tlp
from hub.rules.release.deciding import clearance_for
from hub.rules.release.row_changes import LedgerChanges, up_to
from hub.store.database.connection import Connection
from hub.store.ledger import ends, histories
from hub.store.ledger.histories import History, HistoryKind
from hub.store.records import likenesses, submissions
from hub.store.records.populations import read_by_indexes

_VERSIONS_PER_STEP: Final = 300  # at first, and at least: even a slow step is short
_GROWTH: Final = 10  # times as many at most
_STEP_SECONDS: Final = 0.04  # so that no submission waits long for its origin


def go_through(service: Service, history: History, deadline: float, steps: _Steps | None = None) -> bool:
    """Take steps until the end of the history or `deadline` (of `time.monotonic`); return whether at the
    end."""
    steps = steps or _Steps()
    while (began := time.monotonic()) < deadline:
        if _step(service, history, steps):
            return True
        steps.pace(time.monotonic() - began)
    return False


def append_due(service: Service, deadline: float) -> int:
    """Append rows for earlier submissions, for each due history, until `deadline`.

    Return the number of finished histories.
    """
    with service.store.read() as connection:
        unfinished = histories.unfinished(connection, HistoryKind.APPEND)
        now = present(service, connection)
    steps = _Steps()
    return sum(go_through(service, one, deadline, steps) for one in unfinished if one.due_at <= now)


@dataclass(slots=True)
class _Steps:
    """What the steps of histories share: the number of versions of a step, and the groups decided."""

    versions: int = field(default_factory=lambda: _VERSIONS_PER_STEP)
    groups: DecidedGroups = field(default_factory=DecidedGroups)

    def pace(self, seconds: float) -> None:
        """Choose the versions of the next step, after a step of this duration."""
        # A step with few versions costs about as much as one with many: it has statements and a COMMIT.
        factor = min(max(_STEP_SECONDS / max(seconds, 0.001), 0.5), 2)
        most = _GROWTH * _VERSIONS_PER_STEP
        self.versions = min(max(round(self.versions * factor), _VERSIONS_PER_STEP), most)


@dataclass(frozen=True, slots=True)
class _Decision:
    """The row changes of one step with the basis; `then` is the history afterwards, None at the end."""

    basis: Basis
    now: datetime
    then: History | None
    ledger_changes: LedgerChanges


def _step(service: Service, known: History, steps: _Steps | None = None) -> bool:
    """Judge the next versions and write the rows; return whether the history is at the end.

    The step is decided in the nation's turn, and decided again under the locks if its basis or the history
    has changed since. The ledgers are locked for the writing alone.
    """
    steps = steps or _Steps()

    def decide(connection: Connection) -> tuple[History | None, _Decision | None]:
        before = histories.find(connection, known)
        return before, None if before is None else _decide(service, connection, before, steps)

    with in_turn(service, known.origin, decide) as decided, service.store.write() as connection:
        # Judging takes most of the time, so it comes before the locks: other nations submit meanwhile.
        before, decision = decided(connection)
        # INVARIANT: turn, generation, origin, ledgers: the order of locks, as in a submission without a
        # nonce.
        hold(service, connection, known.origin)
        history = histories.find(connection, known)
        if history is None:
            return True
        basis, now, *_ = observe(service, connection, history.origin)
        # INVARIANT: a step decided on another basis, or of a history moved on by another worker, is decided
        # again under the locks.
        if decision is None or (history, basis) != (before, decision.basis):
            decision = _decide(service, connection, history, steps)
        now = max(decision.now, now)
        # INVARIANT: every step counts the origin's submissions on: a submission decided before the agreement
        # began, and not yet written, is decided again, and so gets its rows.
        submissions.advance(connection, history.origin)
        if decision.ledger_changes.changes:
            ends.lock(connection, decision.ledger_changes.changes)
            write_rows(service, connection, history.origin, decision.ledger_changes, {}, now)
        # INVARIANT: progress and rows are one commit: a crash repeats no row and leaves none out.
        if decision.then is None:
            histories.finish(connection, history.id)
        else:
            histories.move_on(connection, decision.then)
        return decision.then is None


def _decide(service: Service, connection: Connection, history: History, steps: _Steps) -> _Decision:
    """Return the decision on the next versions, for the recipients of the agreement."""
    origin = history.origin
    basis, now, *_ = observe(service, connection, origin)
    # A step reads a small part of the tables, however many versions there are.
    read_by_indexes(connection)
    context = context_of(service, connection, origin, now, basis.generation)
    own = [p.clause for p in context.periods if p.agreement_id == history.agreement_id]
    if not own:  # the agreement was ended meanwhile: its history is at its end
        return _Decision(basis, now, None, LedgerChanges({}, {}))
    # The agreement adds no row below the audience of its clauses, so no walk begins below. A preparation
    # writes no new row, so has one walk.
    widest = min(clause.audience for clause in own)
    is_ahead = history.kind is HistoryKind.PREPARE
    widest = max(Clearance) if is_ahead else widest
    history = replace(history, clearance=max(history.clearance, widest))
    # Earlier walks have settled the wider levels: these need no other walk.
    levels = [level for level in Tlp if history.settled < clearance_for(level) <= history.clearance]
    place, alike = (origin, history.last_version, levels, steps.versions), likenesses_in(context)
    found = likenesses.next_versions(connection, *place, alike)
    if found.last is None:
        return _Decision(basis, now, _next_walk(history), LedgerChanges({}, {}))
    reached = {origin, *(r for clause in own if clause.origin == origin for r in clause.recipients)}
    context = replace(context, recipients=sorted(reached))
    known = steps.groups.of(context, basis.generation, is_ahead=is_ahead)
    ledger_changes = judge_next(connection, context, found, known, is_ahead=is_ahead)
    limited = {nation: up_to(change, history.clearance) for nation, change in ledger_changes.changes.items()}
    changes = {nation: change for nation, (change, _) in limited.items()}
    leaves_out = history.leaves_out or any(later for _, later in limited.values())
    then: History | None = replace(history, last_version=found.last, leaves_out=leaves_out)
    if found.is_end:
        # Later versions are submitted under the agreement. So a walk follows no submissions for ever.
        then = _next_walk(replace(history, leaves_out=leaves_out))
    return _Decision(basis, now, then, replace(ledger_changes, changes=changes))


def _next_walk(history: History) -> History | None:
    """Return the history at the beginning of the next clearance's walk; None after the last."""
    if history.clearance is max(Clearance):
        return None
    # A walk that left out a narrower row has settled nothing: the next walk must find that row.
    settled = history.settled if history.leaves_out else history.clearance
    return replace(
        history,
        last_version=0,
        clearance=Clearance(history.clearance + 1),
        leaves_out=False,
        settled=settled,
    )
