"""The counters of a decision's basis, in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, null, select, true

from hub.model import NationCode, from_microseconds
from hub.store.agreement.agreements import Generation
from hub.store.database import epochs
from hub.store.database.prepared import Prepared
from hub.store.schema.tables import hub_state, ledger, origin

_MISSING: Final = "hub_state, or the row of this nation in `origin`, is missing"


class Counters(NamedTuple):
    """The counters as one statement read them. Every one only grows, so equal counters: nothing has changed.

    `ledgers` has position and revision of each ledger, `decided_at` the last decision on any ledger, `at` the
    primary's clock (None on SQLite).
    """

    generation: Generation
    submissions: int  # of the nation
    ledgers: Mapping[NationCode, tuple[int, int]]
    decided_at: datetime
    at: datetime | None


def counters(connection: Connection, nation: NationCode) -> Counters:
    """Return the counters for a decision on this nation's objects.

    Raises LookupError for a missing row, and Reconfigured when another configuration is in force: a wait for
    a lock before may have been a wait for another configuration.
    """
    rows = _counters.rows(connection, code=nation)
    if not rows or rows[0][4] is None:
        raise LookupError(_MISSING)
    number, changed_at, epoch, configuration, submissions, at, *_ = rows[0]
    epochs.refuse_another(connection, configuration)
    known = [row[6:] for row in rows if row[6] is not None]
    return Counters(
        Generation(number, from_microseconds(changed_at), epoch),
        submissions,
        {NationCode(code): (position, revision) for code, position, revision, _ in known},
        from_microseconds(max((decided_at for *_, decided_at in known), default=0)),
        None if at is None else at.astimezone(UTC),
    )


def _reading(is_postgresql: bool) -> Select[Any]:
    s, n = hub_state.c, ledger.c
    return select(
        *(s.generation, s.changed_at, s.epoch, s.configuration, origin.c.submissions),
        func.clock_timestamp() if is_postgresql else null(),
        *(n.recipient, n.position, n.revision, n.decided_at),
    ).select_from(hub_state.outerjoin(origin, origin.c.code == bindparam("code")).outerjoin(ledger, true()))


_counters: Final = Prepared(_reading)
