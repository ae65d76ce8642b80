"""Histories: the work that agreements have yet to do on rows of earlier versions, and its progress."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from hub.model import Clearance, NationCode, from_microseconds, to_microseconds
from hub.store.schema.tables import history

_H = history.c


class HistoryKind(StrEnum):
    PREPARE = "prepare"  # justify rows by an amendment too, before the amendment takes over
    APPEND = "append"  # append rows for readers to whom a version became visible


@dataclass(frozen=True, slots=True)
class History:
    """The progress of one agreement through the versions of one nation, in order of key.

    Rows are appended by clearance, the widest first, in one walk for each clearance (policy 9). This walk
    appends rows up to `clearance`. `last_version` is the key of the last version that the walk has reached.
    `leaves_out`: the walk has left out a narrower row. A version needs no other walk if its level is visible
    to `settled` or a wider clearance.
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
        """The identity of the work: agreement, kind, origin and due instant, without the progress."""
        return self.agreement_id, self.kind, self.origin, self.due_at


def add(
    connection: Connection,
    agreement_id: str,
    kind: HistoryKind,
    origins: Collection[NationCode],
    due_at: datetime,
) -> None:
    """Add a history for each of these nations, due at `due_at`."""
    rows = [
        {
            "agreement_id": agreement_id,
            "kind": kind.value,
            "origin": origin,
            "due_at": to_microseconds(due_at),
            # From the first version. The caller commits this with the period, so no crash loses it (I4).
            "last_version": 0,
        }
        for origin in sorted(origins)
    ]
    if rows:
        connection.execute(insert(history), rows)


def unfinished(connection: Connection, kind: HistoryKind, agreement_id: str | None = None) -> list[History]:
    """Return the unfinished histories of this kind, due or not, oldest first."""
    query = select(history).where(_H.kind == kind.value).order_by(_H.due_at, _H.id)
    if agreement_id is not None:
        query = query.where(_H.agreement_id == agreement_id)
    return [_history(row) for row in connection.execute(query)]


def find(connection: Connection, known: History) -> History | None:
    """Return the current state of a history; None: it is finished.

    SQLite may give the id of a finished history to a new one. So agreement, kind, origin and due instant are
    compared too.
    """
    row = connection.execute(select(history).where(_H.id == known.id)).one_or_none()
    found = None if row is None else _history(row)
    # The progress may differ: another worker may have gone further.
    return found if found is not None and found.what == known.what else None


def move_on(connection: Connection, to: History) -> None:
    """Record the progress of a history."""
    values = {
        # INVARIANT: rows and progress of a step share a commit. A crash repeats nothing and loses nothing.
        "last_version": to.last_version,
        "clearance": int(to.clearance),
        "leaves_out": to.leaves_out,
        "settled": to.settled,
    }
    connection.execute(update(history).where(_H.id == to.id).values(**values))


def finish(connection: Connection, id: int) -> None:
    """Delete a finished history."""
    connection.execute(delete(history).where(_H.id == id))


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
