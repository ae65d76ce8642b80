"""What agreements have yet to do to the rows of what was submitted before, and how far that has come."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from hub.model import Clearance, NationCode, Tlp, from_microseconds, to_microseconds
from hub.store.schema.tables import history, object_version

_H = history.c
_V = object_version.c


class HistoryKind(StrEnum):
    PREPARE = "prepare"  # let rows stand by what takes over, too, before it does
    APPEND = "append"  # give rows to whom something became visible


@dataclass(frozen=True, slots=True)
class History:
    """One agreement's way through what one nation has submitted, in order of version.

    Rows are given by clearance, the widest first, in one walk for each (policy 9): in this one those up to
    `clearance`. `last_version` is the key of the last version that the walk has come to; `leaves_out`: it has
    left out a narrower row. What by its level is for `settled` or wider needs no other walk.
    """

    id: int
    agreement_id: str
    kind: HistoryKind
    origin: NationCode
    due_at: datetime
    last_version: int = 0
    clearance: Clearance = Clearance.PARTNER
    leaves_out: bool = False
    settled: int = 0

    @property
    def what(self) -> tuple[str, HistoryKind, NationCode, datetime]:
        """What it goes through for what, however far it has come."""
        return self.agreement_id, self.kind, self.origin, self.due_at


def add(
    connection: Connection,
    agreement_id: str,
    kind: HistoryKind,
    origins: Collection[NationCode],
    due_at: datetime,
) -> None:
    """Have what these nations submitted gone through from `due_at` on."""
    rows = [
        {
            "agreement_id": agreement_id,
            "kind": kind.value,
            "origin": origin,
            "due_at": to_microseconds(due_at),
            "last_version": 0,
        }
        for origin in sorted(origins)
    ]
    if rows:
        connection.execute(insert(history), rows)


def unfinished(connection: Connection, kind: HistoryKind, agreement_id: str | None = None) -> list[History]:
    """Return what is left to go through, whether it is due or not, oldest first."""
    query = select(history).where(_H.kind == kind.value).order_by(_H.due_at, _H.id)
    if agreement_id is not None:
        query = query.where(_H.agreement_id == agreement_id)
    return [_history(row) for row in connection.execute(query)]


def find(connection: Connection, known: History) -> History | None:
    """Return how far it has come; None: nothing of it is left to do.

    SQLite gives the id of one that is forgotten again, to another agreement, nation or time.
    """
    row = connection.execute(select(history).where(_H.id == known.id)).one_or_none()
    found = None if row is None else _history(row)
    return found if found is not None and found.what == known.what else None


def move_on(connection: Connection, to: History) -> None:
    """Note how far it has come."""
    values = {
        "last_version": to.last_version,
        "clearance": int(to.clearance),
        "leaves_out": to.leaves_out,
        "settled": to.settled,
    }
    connection.execute(update(history).where(_H.id == to.id).values(**values))


def finish(connection: Connection, id: int) -> None:
    """Forget it: nothing is left to do."""
    connection.execute(delete(history).where(_H.id == id))


def next_versions(
    connection: Connection, origin: NationCode, after: int, levels: Collection[Tlp], limit: int
) -> list[tuple[int, str]]:
    """Return key and STIX id of the nation's next versions, at most `limit`, in order of key.

    Those at one of these levels, and those that may be given in part, whose parts have levels of their own.
    """
    is_asked = or_(_V.effective_tlp.in_([int(level) for level in levels]), _V.cuts.is_not(None))
    query = select(_V.id, _V.stix_id).where(_V.origin == origin, _V.id > after, is_asked)
    return [(key, id) for key, id in connection.execute(query.order_by(_V.id).limit(limit))]


def _history(row: Row[Any]) -> History:
    return History(
        id=row.id,
        agreement_id=row.agreement_id,
        kind=HistoryKind(row.kind),
        origin=NationCode(row.origin),
        due_at=from_microseconds(row.due_at),
        last_version=row.last_version,
        clearance=Clearance(row.clearance),
        leaves_out=row.leaves_out,
        settled=row.settled,
    )
