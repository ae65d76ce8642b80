"""Rows that transactions lock to get one order (origin and ledger of each nation), and leases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from hub.model import NationCode, to_microseconds
from hub.store.database import epochs
from hub.store.database.batches import upsert
from hub.store.database.epochs import new_epoch
from hub.store.ledger import ends
from hub.store.schema.tables import (
    hub_state,
    lease,
    ledger,
    origin,
)


def open_ledgers(connection: Connection, nations: Sequence[NationCode]) -> list[NationCode]:
    """Make the missing ordering rows. Return the nations with a new ledger.

    The transaction then holds every ledger, also of nations outside `nations`.
    """
    state = {"id": 1, "generation": 0, "changed_at": 0, "epoch": new_epoch()}
    connection.execute(upsert(connection, hub_state).values(**state).on_conflict_do_nothing())
    # Order of locks: `hub_state`, origins by code, ledgers by code (storage.md, All locks in one order).
    hold_nations(connection)
    known = set(map(NationCode, connection.execute(select(ledger.c.recipient)).scalars()))
    new = [nation for nation in nations if nation not in known]
    for nation in sorted(new):
        connection.execute(insert(origin).values(code=nation, submissions=0))
    for nation in sorted({*nations, *known}):
        if nation in known:
            ends.lock(connection, [nation])
        else:
            # INVARIANT: a ledger begins at position 0. The first row gets 1: positions are gapless (I4).
            connection.execute(insert(ledger).values(recipient=nation, position=0, last_date=0, revision=0))
    return new


def hold_nations(connection: Connection) -> None:
    """Keep others from opening ledgers and adding members until the transaction ends."""
    epochs.hold(connection)


def take_lease(connection: Connection, name: str, now: datetime, until: datetime) -> bool:
    """Take the lease if it is free at `now`. Return True on success."""
    row = {"name": name, "until": 0}
    connection.execute(upsert(connection, lease).values(**row).on_conflict_do_nothing())
    # The condition is in the UPDATE: of two workers one alone changes the row.
    condition = (lease.c.name == name, lease.c.until <= to_microseconds(now))
    return (
        connection.execute(update(lease).where(*condition).values(until=to_microseconds(until))).rowcount == 1
    )


def give_lease_back(connection: Connection, name: str, until: datetime) -> None:
    """Free the lease that was taken `until` this instant. A lease of another worker stays."""
    # The instant names the holder: a late pass must not free the lease of the next worker.
    condition = (lease.c.name == name, lease.c.until == to_microseconds(until))
    connection.execute(update(lease).where(*condition).values(until=0))
