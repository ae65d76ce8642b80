"""The ledgers: the rows of each nation, in the order of their release.

Positions are gapless, and dates strictly increase with them. Both are taken under the recipient's row lock.
So commit order is position order, and a poller that returns later misses nothing (I4).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)

from hub.model import (
    NAME_TYPES,
    SUBMITTED,
    Form,
    Justification,
    LiveRow,
    MemberId,
    NationCode,
    ObjectVersion,
    RowChanges,
    ServedObject,
    Shown,
    SourceHiding,
    StixId,
    Tlp,
    View,
    from_microseconds,
    to_microseconds,
)
from hub.store.database.batches import among, batches, insert_all
from hub.store.ledger.justifications import decode, intern, note_own
from hub.store.schema.columns import decode_nations, decode_source_hiding, encode_nations
from hub.store.schema.tables import (
    justification,
    ledger,
    object_version,
    rejustification,
    release,
)

_C = release.c
_J = justification.c
SHOWN: Final = (_C.shown_tlp, _C.is_bound, _C.shown_rel_to, _C.shown_closed)


# --- live rows ----------------------------------------------------------------------------


# Not withdrawn, or withdrawn by a deletion. Rows of deleted versions keep their justification, because a
# deleted version goes on restricting earlier versions and references (policy 2.7 and 4).
_IS_LIVE: Final = or_(_C.withdrawn_at.is_(None), _C.deleted_at.is_not(None))


def live_rows(
    connection: Connection, versions: Collection[int], recipients: Collection[NationCode] | None = None
) -> list[LiveRow]:
    """Return the rows by which these versions are visible to these recipients; None: to every recipient.

    Includes the rows of deleted versions, as they were before the deletion.
    """
    if not versions:
        return []
    is_asked = true() if recipients is None else _C.recipient.in_(recipients)
    found: list[LiveRow] = []
    query = (
        select(
            *(_C.recipient, _C.position, _C.version_id, _J.classes, _C.is_newest),
            *(_C.deleted_at.is_(None), _C.rendition, *SHOWN),
        )
        .join(justification, _J.id == _C.justification_id)
        .where(among(connection, _C.version_id, versions), is_asked, _IS_LIVE)
    )
    for row in connection.execute(query):
        recipient, position, version, classes, is_newest, is_served, form, *values = row
        place = (NationCode(recipient), position, version, decode(classes))
        shown = None if values[0] is None else decode_shown(*values)
        found.append(LiveRow(*place, is_newest, is_served, Form.of(form), shown))
    return found


@dataclass(frozen=True, slots=True)
class Record:
    """A record's newest version for judging references: its source hiding and its justifications."""

    version: int
    source_hiding: SourceHiding
    is_copy: bool
    is_unmarked_name: bool
    justifications: dict[View, Justification] = field(default_factory=dict)


def settled_records(
    connection: Connection, member: MemberId, ids: Collection[StixId]
) -> dict[StixId, Record]:
    """Return the newest version of each of the member's records with these ids, with its justifications."""
    found: dict[StixId, Record] = {}
    if not ids:
        return found
    v = object_version.c
    # Outer joins: a record without rows is visible to nobody, and what refers to it is withheld (policy 2.7).
    live = and_(_C.version_id == v.id, _IS_LIVE)
    query = (
        select(
            *(v.id, v.stix_id, v.guise, v.is_copy, v.type, v.own_tlp),
            *(_C.recipient, _C.rendition, _J.classes),
        )
        .select_from(
            object_version.outerjoin(release, live).outerjoin(justification, _J.id == _C.justification_id)
        )
        .where(v.member == member, among(connection, v.stix_id, ids), v.is_newest.is_(True))
    )
    for key, id, source_hiding, is_copy, kind, tlp, recipient, form, classes in connection.execute(query):
        is_unmarked_name = kind in NAME_TYPES and tlp is None
        new = Record(key, decode_source_hiding(source_hiding), is_copy, is_unmarked_name)
        record = found.setdefault(StixId(id), new)
        if recipient is not None:
            record.justifications[View(NationCode(recipient), Form.of(form))] = decode(classes)
    return found


# --- writing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to append: the stored version, the justification, and the derived object, if any."""

    version: ObjectVersion
    justification: Justification
    form: Form = SUBMITTED
    made: ServedObject | None = None

    @property
    def served(self) -> ServedObject:
        version = self.version
        return self.made or ServedObject(version.id, version.type, version.content_id, version.size)


def change(
    connection: Connection, recipient: NationCode, origin: NationCode, changes: RowChanges, now: datetime
) -> None:
    """Change rows of `origin` in place. The caller holds the ledger. New rows are the task of `append`."""
    # INVARIANT: no change in place makes a version visible to a new reader (hub/README: row-in-place). A new
    # reader gets a new row, because a poller may be past the old position (I4).
    if changes.revises:
        revision = revise(connection, recipient, now)
        _withdraw(connection, recipient, changes.withdraw, now)
        _delete(connection, recipient, changes.delete, now)
        _mark(connection, recipient, changes.forget, {"deleted_at": None})
        _justify(connection, (recipient, origin), changes.justify, now, revision)
        for shown, positions in changes.show.items():
            _mark(connection, recipient, positions, _encode_shown(shown))
    if changes.supersede:
        _mark(connection, recipient, changes.supersede, {"is_newest": False})


def append(
    connection: Connection, recipient: NationCode, origin: NationCode, rows: Sequence[NewRow], now: datetime
) -> None:
    """Append rows to a held ledger, in the order given, with new positions and dates."""
    if not rows:
        return
    # INVARIANT: origins by code, then ledgers by code, in every transaction (storage.md). Else deadlocks.
    position, date = _take(connection, recipient, len(rows), to_microseconds(now))
    ids = intern(connection, recipient, origin, {row.justification for row in rows})
    if recipient == origin:
        note_own(connection, recipient, {(row.version.member, ids[row.justification]) for row in rows})
    insert_all(
        connection,
        release,
        (
            {
                "recipient": recipient,
                # INVARIANT: positions gapless, dates strictly increasing: both grow by one a row (I4).
                "position": position + n,
                "date_added": date + n,
                "origin": origin,
                "member": row.version.member,
                "version_id": row.version.key,
                "stix_id": row.served.id,
                "type": row.served.type,
                "version": row.version.version,
                "version_key": row.version.version_key,
                "is_newest": row.version.is_newest,
                "justification_id": ids[row.justification],
                "content_id": row.served.content_id,
                "size": row.served.size,
                "rendition": row.form.label or None,
                **_encode_shown(row.version.shown(row.form)),  # (hub/README: shown-by-rows)
                # A deleted version is served to nobody. Its row keeps the justification (policy 2.7).
                "withdrawn_at": None if row.version.deleted_at is None else date + n,
                "deleted_at": None if row.version.deleted_at is None else date + n,
            }
            for n, row in enumerate(rows)
        ),
    )


def lock(connection: Connection, recipients: Iterable[NationCode]) -> None:
    """Hold these ledgers until the transaction ends."""
    # INVARIANT: by code, and before any row of a ledger: the order of all locks (storage.md). No deadlock.
    for recipient in sorted(recipients):
        held = select(ledger.c.position).where(ledger.c.recipient == recipient).with_for_update()
        connection.execute(held)


def _take(connection: Connection, recipient: NationCode, count: int, now: int) -> tuple[int, int]:
    """Reserve `count` positions of a ledger, with dates. Return the first position and its date."""
    # INVARIANT: the row lock is held until commit, so commit order is position order (I4). A transaction that
    # takes an earlier date and commits later would be lost to a poller for ever.
    query = (
        select(ledger.c.position, ledger.c.last_date).where(ledger.c.recipient == recipient).with_for_update()
    )
    position, last_date = connection.execute(query).one()
    # INVARIANT: dates strictly increase, even if the clock stands still or steps back.
    date = max(now, last_date + 1)
    values = {
        "position": position + count,
        "last_date": date + count - 1,
        "decided_at": _later(connection, now),
    }
    connection.execute(update(ledger).where(ledger.c.recipient == recipient).values(**values))
    return position + 1, date


def _later(connection: Connection, now: int) -> ColumnElement[int]:
    """Return the instant of a ledger's last decision, after a decision at `now`."""
    # INVARIANT: `decided_at` never decreases. Later decisions and pages are judged at it or after it (I3).
    latest = func.greatest if connection.dialect.name == "postgresql" else func.max
    return latest(ledger.c.decided_at, now)


def _withdraw(
    connection: Connection, recipient: NationCode, positions: Collection[int], now: datetime
) -> None:
    """Mark rows withdrawn. They are no longer served. They are never removed: positions stay gapless."""
    _mark(connection, recipient, positions, {"withdrawn_at": to_microseconds(now)})


def _delete(connection: Connection, recipient: NationCode, positions: Collection[int], now: datetime) -> None:
    """Withdraw the rows of deleted versions. Their justifications stay (policy 2.7)."""
    at = to_microseconds(now)
    _mark(connection, recipient, positions, {"withdrawn_at": at, "deleted_at": at})


def revise(connection: Connection, recipient: NationCode, now: datetime) -> int:
    """Make the ledger's next revision and return it. Other writers wait until the transaction ends."""
    # A page records its revision: pages and changes are ordered without clocks (policy 8, recall).
    values = {"revision": ledger.c.revision + 1, "decided_at": _later(connection, to_microseconds(now))}
    statement = update(ledger).where(ledger.c.recipient == recipient).values(**values)
    revision: int = connection.execute(statement.returning(ledger.c.revision)).scalar_one()
    return revision


def withdraw_justified(
    connection: Connection, recipient: NationCode, ids: Collection[int], limit: int, now: datetime
) -> int:
    """Withdraw at most `limit` rows with one of these justifications. Return the number."""
    # The rows are invisible already, for their periods have ended. This only spares polls the scan (cost).
    lock(connection, [recipient])
    found: list[int] = []
    for batch in batches(ids):
        condition = (_C.recipient == recipient, _C.withdrawn_at.is_(None), _C.justification_id.in_(batch))
        found += connection.execute(select(_C.position).where(*condition).limit(limit - len(found))).scalars()
    if found:
        revise(connection, recipient, now)
        _withdraw(connection, recipient, found, now)
    return len(found)


def _justify(
    connection: Connection,
    place: tuple[NationCode, NationCode],
    changes: Mapping[Justification, Collection[int]],
    now: datetime,
    revision: int,
) -> None:
    """Give rows another justification in place. No new reader sees a row by it.

    The former justification is kept until `now` and `revision`: it says under which clause a page left (I1).
    """
    recipient, origin = place
    ids = intern(connection, recipient, origin, changes.keys())
    for value, positions in changes.items():
        if recipient == origin:
            members = _members(connection, recipient, positions)
            note_own(connection, recipient, {(member, ids[value]) for member in members})
        for batch in batches(sorted(positions)):
            # Append-only evidence: a former justification is inserted before the row changes.
            change = (literal(to_microseconds(now), BigInteger), literal(revision, BigInteger))
            condition = and_(_C.recipient == recipient, _C.position.in_(batch))
            former = select(_C.recipient, _C.position, *change, _C.justification_id, *SHOWN)
            former = former.where(condition)
            names = ["recipient", "position", "until", "revision", "justification_id"]
            names += [column.name for column in SHOWN]
            connection.execute(insert(rejustification).from_select(names, former))
        _mark(connection, recipient, positions, {"justification_id": ids[value]})


def _members(
    connection: Connection, recipient: NationCode, positions: Collection[int]
) -> frozenset[MemberId]:
    """Return the submitters of these rows."""
    is_asked = (_C.recipient == recipient, among(connection, _C.position, positions))
    found = connection.execute(select(_C.member).where(*is_asked).distinct()).scalars()
    return frozenset(map(MemberId, found))


def _encode_shown(shown: Shown) -> dict[str, Any]:
    return {
        "shown_tlp": shown.tlp,
        "is_bound": shown.is_bound,
        "shown_rel_to": encode_nations(shown.rel_to),
        "shown_closed": shown.is_closed,
    }


def decode_shown(tlp: int, is_bound: bool, rel_to: str | None, is_closed: bool | None) -> Shown:
    """Return how a row shows its version, from the columns. An unrecorded closure counts as closed."""
    # Rows from before the column have NULL. Every doubt closes.
    return Shown(Tlp(tlp), is_bound, decode_nations(rel_to), is_closed is not False)


def _mark(
    connection: Connection, recipient: NationCode, positions: Collection[int], values: dict[str, Any]
) -> None:
    for batch in batches(sorted(positions)):
        condition: ColumnElement[bool] = and_(_C.recipient == recipient, _C.position.in_(batch))
        connection.execute(update(release).where(condition).values(**values))


def revision(connection: Connection, recipient: NationCode) -> int:
    """Return the revision of the recipient's ledger in this snapshot; 0: no ledger."""
    query = select(ledger.c.revision).where(ledger.c.recipient == recipient)
    return connection.execute(query).scalar_one_or_none() or 0


def ledger_ends(connection: Connection) -> dict[NationCode, tuple[int, int]]:
    """Return position and revision of every ledger. Both unchanged: the rows are the same."""
    query = select(ledger.c.recipient, ledger.c.position, ledger.c.revision)
    return {NationCode(code): (position, revision) for code, position, revision in connection.execute(query)}


def decided_at(connection: Connection, recipient: NationCode | None = None) -> datetime:
    """Return the instant of the last decision of this ledger, or of any. Dates may be later."""
    # Dates run ahead of the clock in a burst of rows, decisions do not: hence a column of its own.
    is_asked = true() if recipient is None else ledger.c.recipient == recipient
    query = select(func.max(ledger.c.decided_at)).where(is_asked)
    return from_microseconds(connection.execute(query).scalar() or 0)
