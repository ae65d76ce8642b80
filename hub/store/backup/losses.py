"""The loss of a restore: the data of the present database that the backup does not have.

Both are schemas in one session, compared by keys and further columns. A key alone says too little: after an
earlier restore the same number was given again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    column,
    exists,
    func,
    or_,
    select,
    table,
)

from hub.model import from_microseconds, say_instant, to_microseconds
from hub.store.schema import tables
from hub.store.schema.disclosure_tables import disclosure
from hub.store.schema.registration_tables import member_identity

_LISTED: Final = 200  # sentences of one kind; the rest is counted
_STEPS: Final = {"sign": "signed", "suspend": "suspended", "resume": "resumed", "terminate": "terminated"}


class Places(NamedTuple):
    """The names of the two schemas in the session."""

    present: str
    backup: str


def sentences(connection: Connection, places: Places, now: datetime) -> list[str]:
    """Return the loss as sentences, first the acts to repeat."""
    # Endings first: until they are repeated, an opened hub would serve what they ended (storage.md).
    parts = (_known, _steps, _deletions, _suspensions, _revocations, _forgotten, _identities, _names)
    listed = [sentence for part in parts for sentence in _bounded(part(connection, places, now))]
    return [*listed, *_registered(connection, places), *_counted(connection, places)]


def is_initialised(connection: Connection, schema: str) -> bool:
    """Return whether this schema has an initialised hub, not only tables."""
    state = _in(schema, tables.hub_state)
    return bool(connection.execute(select(func.count()).select_from(state)).scalar_one())


def last_given(connection: Connection, schema: str) -> datetime:
    """Return the last date of any ledger of this schema."""
    ledger = _in(schema, tables.ledger)
    return from_microseconds(connection.execute(select(func.max(ledger.c.last_date))).scalar_one() or 0)


def _known(connection: Connection, places: Places, _now: datetime) -> Sequence[str]:
    """Return the loss that was known before, if the hub is closed: a later loss does not undo it."""
    text = connection.execute(select(_in(places.present, tables.hub_state).c.loss)).scalar_one_or_none()
    return [] if text is None else list(orjson.loads(text))


# --- acts to repeat --------------------------------------------------------------


def _steps(connection: Connection, places: Places, _now: datetime) -> Iterator[str]:
    # By id and digest: after an earlier restore other events may have the same ids.
    agreements = _lost(places, tables.agreement, "id")
    for row in connection.execute(agreements.rows.order_by(agreements.there.proposed_at)):
        yield f"{row.proposed_by} proposed agreement {row.id}, {_at(row.proposed_at)}"
    events = _lost(places, tables.agreement_event, "id", "agreement_id", "digest")
    for row in connection.execute(events.rows.order_by(events.there.id)):
        yield f"{row.nation} {_STEPS.get(row.typ, row.typ)} agreement {row.agreement_id}, {_at(row.at)}"


def _deletions(connection: Connection, places: Places, _now: datetime) -> Iterator[str]:
    lost = _lost(places, tables.deletion, "id", "member", "stix_id", "requested_at")
    for row in connection.execute(lost.rows.order_by(lost.there.id)):
        yield f"{row.member} deleted {row.stix_id} of {row.origin}, {_at(row.requested_at)}"


def _suspensions(connection: Connection, places: Places, _now: datetime) -> Iterator[str]:
    there, here = _both(places, tables.member)
    is_suspended = here.c.id.is_(None) | here.c.suspended_at.is_(None)
    query = select(there.c.id, there.c.suspended_at).select_from(
        there.outerjoin(here, there.c.id == here.c.id)
    )
    for row in connection.execute(query.where(there.c.suspended_at.is_not(None), is_suspended)):
        yield f"member {row.id} was suspended, {_at(row.suspended_at)}"


def _revocations(connection: Connection, places: Places, _now: datetime) -> Iterator[str]:
    for name, what, key in (("token", tables.token, "public_id"), ("key", tables.key, "thumbprint")):
        there, here = _both(places, what)
        joined = there.join(here, there.c[key] == here.c[key])
        query = select(there).select_from(joined).where(there.c.revoked_at.is_not(None))
        for row in connection.execute(query.where(here.c.revoked_at.is_(None))):
            yield f"{name} {row._mapping[key]} of {row.member} was revoked, {_at(row.revoked_at)}"


def _forgotten(connection: Connection, places: Places, now: datetime) -> Iterator[str]:
    """Give the tokens that become valid again, and were deleted since: revoked, or expired by then."""
    there, here = _both(places, tables.token)
    # Without a row in the present database nobody can say when it was revoked.
    is_good = or_(here.c.expires_at.is_(None), here.c.expires_at > to_microseconds(now))
    is_gone = ~exists().where(there.c.public_id == here.c.public_id)
    for row in connection.execute(select(here).where(here.c.revoked_at.is_(None), is_good, is_gone)):
        yield f"token {row.public_id} of {row.member} was revoked, and then forgotten"


def _identities(connection: Connection, places: Places, _now: datetime) -> Iterator[str]:
    keys = ("member", "identity")  # both ways: a removed identity comes back, too
    for row in connection.execute(_lost(places, member_identity, *keys).rows):
        yield f"{row.identity} was registered to {row.member}, {_at(row.registered_at)}"
    for row in connection.execute(_lost(Places(*reversed(places)), member_identity, *keys).rows):
        yield f"{row.identity} was taken from {row.member}"


def _names(connection: Connection, places: Places, _now: datetime) -> Iterator[str]:
    there, here = _both(places, tables.member)
    others = (there.c[name].is_distinct_from(here.c[name]) for name in ("name", "short_names", "domains"))
    query = select(there.c.id).select_from(there.join(here, there.c.id == here.c.id)).where(or_(*others))
    for id in connection.execute(query).scalars():
        yield f"the names of {id} were changed"


# --- counts ----------------------------------------------------------------------------


def _registered(connection: Connection, places: Places) -> Iterator[str]:
    kinds = (("members", tables.member, "id"), ("tokens", tables.token, "public_id"))
    for name, what, key in (*kinds, ("keys", tables.key, "thumbprint")):
        count = connection.execute(_count(_lost(places, what, key).rows)).scalar_one()
        if count:
            yield f"{name} registered since: {count}"


def _counted(connection: Connection, places: Places) -> Iterator[str]:
    lost = _lost(places, tables.submission, "id")
    count, since = connection.execute(_count(lost.rows, lost.there.requested_at)).one()
    if count:
        yield f"submissions since {_at(since)}: {count}; their members have to push again"
    lost = _lost(places, disclosure, "id", "member", "at")
    count, since = connection.execute(_count(lost.rows, lost.there.at)).one()
    if count:
        yield (
            f"answers with objects since {_at(since)}: {count}; by these nobody is known to have fetched "
            "anything, and no deletion recalls it from them"
        )


# --- helpers --------------------------------------------------------------------------------------


class _Lost(NamedTuple):
    rows: Select[Any]
    there: Any  # the columns of the present table


def _lost(places: Places, what: Table, *keys: str) -> _Lost:
    """Return the present rows without a row of these values in the backup."""
    there, here = _both(places, what)
    same = exists().where(*(there.c[key] == here.c[key] for key in keys))
    return _Lost(select(there).select_from(there).where(~same), there.c)


def _both(places: Places, what: Table) -> tuple[FromClause, FromClause]:
    return _in(places.present, what).alias("there"), _in(places.backup, what).alias("here")


def _in(schema: str, what: Table) -> FromClause:
    # Not the mapped table: its schema is fixed, and both databases must be in one query.
    return table(what.name, *(column(c.name, c.type) for c in what.columns), schema=schema)


def _count(query: Select[Any], instant: ColumnElement[Any] | None = None) -> Select[Any]:
    columns = [func.count()] if instant is None else [func.count(), func.min(instant)]
    return query.with_only_columns(*columns)


def _at(microseconds: int) -> str:
    return say_instant(from_microseconds(microseconds))


def _bounded(found: Iterable[str]) -> Sequence[str]:
    listed = list(found)
    rest = len(listed) - _LISTED
    return listed if rest <= 0 else [*listed[:_LISTED], f"and {rest} more like the last"]
