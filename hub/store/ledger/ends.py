"""The last position and date of each ledger, its revision, and its lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    bindparam,
    func,
    literal_column,
    select,
    true,
    update,
)

from hub.model import NationCode, from_microseconds, to_microseconds
from hub.store.database.prepared import Prepared, carried, is_among
from hub.store.schema.tables import ledger


def lock(connection: Connection, recipients: Iterable[NationCode]) -> None:
    """Hold these ledgers until the transaction ends."""
    # INVARIANT: by code, and before any row of a ledger: the order of all locks (storage.md). No deadlock.
    if connection.dialect.name == "postgresql":  # SQLite's write lock holds every row
        _ends.rows(connection, recipients=carried(connection, sorted(recipients)))


_ends: Final = Prepared(
    lambda is_postgresql: (
        select(ledger.c.recipient, ledger.c.position, ledger.c.last_date)
        .where(is_among(is_postgresql, ledger.c.recipient, "recipients"))
        .order_by(ledger.c.recipient)
        .with_for_update()
    )
)


def take(
    connection: Connection, counts: Mapping[NationCode, int], now: datetime
) -> dict[NationCode, tuple[int, int]]:
    """Reserve positions of these ledgers, with dates. Return each first position and its date."""
    # INVARIANT: the row lock is held until commit, so commit order is position order (I4). A transaction that
    # takes an earlier date and commits later would be lost to a poller for ever.
    found: dict[NationCode, tuple[int, int]] = {}
    ends = []
    for code, position, last_date in _ends.rows(connection, recipients=carried(connection, [*counts])):
        recipient, at = NationCode(code), to_microseconds(now)
        count = counts[recipient]
        # INVARIANT: dates strictly increase, even if the clock stands still or steps back.
        date = max(at, last_date + 1)
        found[recipient] = position + 1, date
        end = {"new_position": position + count, "new_last_date": date + count - 1, "now": at}
        ends.append({"recipient_1": recipient, **end})
    if len(found) != len(counts):
        raise LookupError("a ledger is missing")
    _moved.run_many(connection, ends)
    return found


_moved: Final = Prepared(
    lambda is_postgresql: (
        update(ledger)
        .where(ledger.c.recipient == bindparam("recipient_1"))
        .values(
            position=bindparam("new_position"),
            last_date=bindparam("new_last_date"),
            decided_at=_latest(is_postgresql, bindparam("now", type_=BigInteger)),
        )
    )
)


def revise(connection: Connection, recipient: NationCode, now: datetime) -> int:
    """Make the ledger's next revision and return it. Other writers wait until the transaction ends."""
    # A page records its revision: pages and changes are ordered without clocks (policy 8, recall).
    values = {"recipient_1": recipient, "now": to_microseconds(now)}
    (revision,) = _revised.scalars(connection, **values)
    return int(revision)


_revised: Final = Prepared(
    lambda is_postgresql: (
        update(ledger)
        .where(ledger.c.recipient == bindparam("recipient_1"))
        .values(
            revision=ledger.c.revision + literal_column("1"),
            decided_at=_latest(is_postgresql, bindparam("now", type_=BigInteger)),
        )
        .returning(ledger.c.revision)
    )
)


def _latest(is_postgresql: bool, now: ColumnElement[int]) -> ColumnElement[int]:
    """Return the instant of a ledger's last decision, after a decision at `now`."""
    # INVARIANT: `decided_at` never decreases. Later decisions and pages are judged at it or after it (I3).
    latest = func.greatest if is_postgresql else func.max
    return latest(ledger.c.decided_at, now)


def revision(connection: Connection, recipient: NationCode) -> int:
    """Return the revision of the recipient's ledger in this snapshot; 0: no ledger."""
    query = select(ledger.c.revision).where(ledger.c.recipient == recipient)
    return connection.execute(query).scalar_one_or_none() or 0


def decided_at(connection: Connection, recipient: NationCode | None = None) -> datetime:
    """Return the instant of the last decision of this ledger, or of any. Dates may be later."""
    # Dates run ahead of the clock in a burst of rows, decisions do not: hence a column of its own.
    is_asked = true() if recipient is None else ledger.c.recipient == recipient
    query = select(func.max(ledger.c.decided_at)).where(is_asked)
    return from_microseconds(connection.execute(query).scalar() or 0)
