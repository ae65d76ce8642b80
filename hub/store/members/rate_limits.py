"""What each member has used of its rate limits: an instant for each kind, shared by all processes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from hub.model import MemberId, from_microseconds, to_microseconds
from hub.store.database.batches import upsert
from hub.store.schema.allowance_tables import allowance


def hold_used_until(connection: Connection, member: MemberId, kind: str) -> datetime:
    """Return the instant until which an allowance is used, and hold it until the transaction ends.

    `kind` is `requests` or `objects`. An allowance that nobody has used yet is used until 1970.
    """
    row = {"member": member, "kind": kind, "used_until": 0}
    connection.execute(upsert(connection, allowance).values(**row).on_conflict_do_nothing())
    query = select(allowance.c.used_until).where(allowance.c.member == member, allowance.c.kind == kind)
    return from_microseconds(connection.execute(query.with_for_update()).scalar_one())


def set_used_until(connection: Connection, member: MemberId, kind: str, until: datetime) -> None:
    """Let an allowance that is held be used until this instant."""
    condition = (allowance.c.member == member, allowance.c.kind == kind)
    connection.execute(update(allowance).where(*condition).values(used_until=to_microseconds(until)))
