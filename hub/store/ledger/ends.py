"""The last position and date of each ledger, its revision, and its lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import orjson
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
from hub.store.database.execution import fetched
from hub.store.database.prepared import Prepared, is_among
from hub.store.schema.tables import ledger


def lock(connection: Connection, recipients: Iterable[NationCode]) -> None:
    """Hold these ledgers until the transaction ends."""
    # INVARIANT: by code, and before any row of a ledger: the order of all locks (storage.md). No deadlock.
    if connection.dialect.name == "postgresql":  # SQLite's write lock holds every row
        _ends.rows(connection, recipients=sorted(recipients))


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
    # takes an earlier date and commits later would be lost to a poller for ever. And dates strictly increase,
    # even if the clock stands still or steps back: `last_date + 1` below.
    at = to_microseconds(now)
    if connection.dialect.name == "postgresql":
        recipients = sorted(counts)
        given = {"recipients": recipients, "counts": [counts[code] for code in recipients], "now": at}
        rows = fetched(connection, _TAKE_ON_POSTGRESQL, given)
    else:
        rows = fetched(connection, _TAKE_ON_SQLITE, (at, orjson.dumps(counts).decode()))
    if len(rows) != len(counts):
        raise LookupError("a ledger is missing")
    # The rows have the new ends. All positions between the ends are this transaction's.
    return {
        NationCode(code): (position - counts[code] + 1, last_date - counts[code] + 1)
        for code, position, last_date in sorted(rows)
    }


# Locked by code, as `lock` does, should the caller not hold a ledger yet.
_TAKE_ON_POSTGRESQL: Final = """
    WITH held AS MATERIALIZED (
        SELECT recipient FROM ledger WHERE recipient = ANY (%(recipients)s::VARCHAR[])
        ORDER BY recipient FOR UPDATE
    )
    UPDATE ledger SET position = ledger.position + given.count,
        last_date = greatest(%(now)s::BIGINT, ledger.last_date + 1) + given.count - 1,
        decided_at = greatest(ledger.decided_at, %(now)s::BIGINT)
    FROM held, unnest(%(recipients)s::VARCHAR[], %(counts)s::BIGINT[]) AS given(recipient, count)
    WHERE ledger.recipient = held.recipient AND given.recipient = held.recipient
    RETURNING ledger.recipient, ledger.position, ledger.last_date
"""
_TAKE_ON_SQLITE: Final = """
    UPDATE ledger SET position = ledger.position + given.value,
        last_date = max(?1, ledger.last_date + 1) + given.value - 1, decided_at = max(ledger.decided_at, ?1)
    FROM json_each(?2) AS given WHERE ledger.recipient = given.key
    RETURNING recipient, position, last_date
"""


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
