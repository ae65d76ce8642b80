"""The configurations, one row for each change, the last in force."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Column, Connection, delete, exists, func, insert, select, update

from hub.errors import SettingsError
from hub.model import HUB, JsonObject, NationCode, StixId, from_microseconds, to_microseconds
from hub.store.agreement import agreements
from hub.store.database import epochs
from hub.store.ledger import ends
from hub.store.schema.configuration_tables import configuration
from hub.store.schema.tables import (
    agreement,
    hub_state,
    lease,
    ledger,
    member,
    metadata,
    nonce,
    object_version,
    origin,
    submission,
)

ALWAYS: Final = from_microseconds(0)  # in force for every submission
_INSTANT: Final = timedelta(microseconds=1)
_DAMAGED: Final = "database_url: the configuration that the database keeps is damaged ({}); restore a backup"


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored configuration: in force for submissions from `at` until the `at` of the next."""

    number: int
    at: datetime
    document: JsonObject


def every(connection: Connection) -> list[Kept]:
    """Return all stored configurations, the one in force last; empty: the hub is not initialised.

    Raises SettingsError for unreadable rows, and if the last row is not in force.
    """
    c = configuration.c
    try:
        rows = connection.execute(select(c.id, c.at, c.document).order_by(c.id)).all()
        found = [Kept(id, from_microseconds(at), orjson.loads(text)) for id, at, text in rows]
    except (ValueError, OverflowError) as error:
        raise SettingsError(_DAMAGED.format("it cannot be read")) from error
    # The number in force is in another table: rows that were removed, or added by hand, are noticed.
    in_force = connection.execute(select(hub_state.c.configuration)).scalar() or 0
    if in_force != (found[-1].number if found else 0):
        raise SettingsError(_DAMAGED.format(f"number {in_force} is in force, and is not the last"))
    if [kept.at for kept in found] != sorted(kept.at for kept in found):
        raise SettingsError(_DAMAGED.format("its instants are not in order"))
    return found


# (hub/README: configuration-by-number)
def keep(connection: Connection, document: JsonObject, at: datetime, now: datetime) -> int:
    """Store a configuration, in force from `at` on, and return its number. The caller holds `hub_state`."""
    last = connection.execute(select(func.max(configuration.c.id))).scalar() or 0
    # INVARIANT: numbers strictly increase and are microseconds, so no other history has this number.
    number = max(to_microseconds(now), last + 1)
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode()
    connection.execute(insert(configuration).values(id=number, at=to_microseconds(at), document=text))
    connection.execute(update(hub_state).values(configuration=number))
    epochs.adopt_configuration(connection, number)
    return number


def next_moment(connection: Connection, now: datetime) -> datetime:
    """Return an instant after every decision. The caller holds the generation for change.

    The instant becomes that of the generation, so later decisions are later.
    """
    last = connection.execute(select(func.max(submission.c.requested_at))).scalar() or 0
    decided = ends.decided_at(connection)
    changed = agreements.generation(connection).changed_at
    return max(now, from_microseconds(last), decided, changed) + _INSTANT


def is_unused(connection: Connection) -> bool:
    """Return whether nothing can have been served: no member, no submission, no agreement."""
    is_there = [exists().select_from(table) for table in (member, submission, agreement)]
    return not any(connection.execute(select(*is_there)).one())


def remove_other_origins(connection: Connection, nations: Collection[NationCode]) -> None:
    """Remove the origins of nations outside `nations`, before ledgers are held (order of locks)."""
    _remove_others(connection, origin.c.code, nations)


def _remove_others(connection: Connection, code: Column[str], nations: Collection[NationCode]) -> None:
    for found in connection.execute(select(code).order_by(code)).scalars().all():
        if found not in nations:
            connection.execute(delete(code.table).where(code == found))


def forget_own(connection: Connection, nations: Collection[NationCode]) -> None:
    """Empty the ledgers of an unused hub, and remove the ledgers of nations outside `nations`.

    Such ledgers hold only the hub's own objects. The caller holds the ledgers.
    """
    # INVARIANT: positions begin anew only while nobody can have been served one (`is_unused`).
    kept = {hub_state, configuration, lease, ledger, nonce, origin}  # a nonce is of a member's key
    for table in reversed(metadata.sorted_tables):
        if table not in kept:
            connection.execute(delete(table))
    _remove_others(connection, ledger.c.recipient, nations)
    for nation in sorted(nations):
        values = {"position": 0, "last_date": 0, "decided_at": 0, "revision": 0}
        connection.execute(update(ledger).where(ledger.c.recipient == nation).values(**values))


def submitter_nation(connection: Connection, id: StixId) -> NationCode | None:
    """Return the nation whose member submitted an object with this id; None: no such object."""
    c: Any = object_version.c
    query = select(c.origin).where(c.stix_id == id, c.origin != HUB).limit(1)
    return connection.execute(query).scalar()
