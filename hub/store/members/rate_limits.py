"""The use of rate limits: one instant for each member and kind, shared by all processes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from hub.model import MemberId, from_microseconds, to_microseconds
from hub.store.database.batches import upsert
from hub.store.schema.allowance_tables import allowance


def hold_used_until(connection: Connection, member: MemberId, kind: str) -> datetime:
    """Return the end of the used part of a limit, and hold the row until the transaction ends.

    `kind` is `requests` or `objects`. An unused limit ends in 1970.
    """
    # GCRA: one instant is the whole state. The row lock gives all processes one burst between them.
    row = {"member": member, "kind": kind, "used_until": 0}
    connection.execute(upsert(connection, allowance).values(**row).on_conflict_do_nothing())
    query = select(allowance.c.used_until).where(allowance.c.member == member, allowance.c.kind == kind)
    return from_microseconds(connection.execute(query.with_for_update()).scalar_one())


def set_used_until(connection: Connection, member: MemberId, kind: str, until: datetime) -> None:
    """Set the end of the used part of a limit. The caller holds the row."""
    # May be lost in a crash: `Store.count` waits for no standby.
    condition = (allowance.c.member == member, allowance.c.kind == kind)
    connection.execute(update(allowance).where(*condition).values(used_until=to_microseconds(until)))
