"""Going through what a nation submitted before, for an agreement: in short steps that hold nobody up.

Each step judges the next versions together with all that they refer to, and is committed with how far it has
come, so that a crash repeats nothing and leaves nothing out.
"""

from __future__ import annotations

import time
from typing import Final

from hub.actions.house import House
from hub.actions.judging import Bench, judge_for_append, judge_for_takeover, write_rows
from hub.actions.present import present
from hub.model import StixId
from hub.store import agreements, histories, submissions
from hub.store.histories import History, HistoryKind

_VERSIONS_PER_STEP: Final = 200  # so that no submission waits long for its origin
_STEPS: Final = {HistoryKind.PREPARE: judge_for_takeover, HistoryKind.APPEND: judge_for_append}


def go_through(house: House, history: History, deadline: float) -> bool:
    """Go on until nothing is left, or until `deadline` (of `time.monotonic`); tell whether it is done."""
    while time.monotonic() < deadline:
        if _step(house, history.id):
            return True
    return False


def append_due(house: House, deadline: float) -> int:
    """Go on with the histories that are due; return how many have come to their end."""
    with house.store.read() as connection:
        unfinished = histories.unfinished(connection, HistoryKind.APPEND)
        now = present(house, connection)
    return sum(go_through(house, one, deadline) for one in unfinished if one.due_at <= now)


def _step(house: House, id: int) -> bool:
    """Take the next versions; return whether there is nothing left.

    At the end the nation's submissions are counted on once more: one that was decided before the agreement
    began, and not yet written, is decided again and so misses nothing.
    """
    with house.store.write() as connection:
        agreements.generation(connection, hold=True)
        history = histories.find(connection, id)
        if history is None:
            return True
        submissions.count(connection, history.origin, hold=True)
        bench = Bench.of(house, connection, history.origin, present(house, connection))
        is_over = not any(p.agreement_id == history.agreement_id for p in bench.periods)
        found = histories.next_versions(connection, history.origin, history.last_version, _VERSIONS_PER_STEP)
        submissions.advance(connection, history.origin)
        if is_over or not found:
            histories.finish(connection, id, bench.now)
            return True
        ids = {StixId(stix_id) for _, stix_id in found}
        verdicts = _STEPS[history.kind](connection, bench, ids)
        write_rows(house, connection, history.origin, verdicts, {}, bench.now)
        histories.move_on(connection, id, found[-1][0])
        return False
