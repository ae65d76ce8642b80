"""The ledgers: the rows of each nation, in the order of their release.

Positions are gapless, and dates strictly increase with them. Both are taken under the recipient's row lock.
So commit order is position order, and a poller that returns later misses nothing (I4).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    and_,
    bindparam,
    insert,
    literal,
    or_,
    select,
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
    to_microseconds,
)
from hub.store.database.batches import among, batches, insert_all
from hub.store.database.prepared import Prepared, carried, is_among
from hub.store.ledger import copied_rows, ends
from hub.store.ledger.copied_rows import CopiedRow
from hub.store.ledger.justifications import decode, intern, intern_all, note_own
from hub.store.schema.columns import decode_nations, decode_source_hiding, encode_nations
from hub.store.schema.tables import (
    justification,
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
IS_LIVE: Final = or_(_C.withdrawn_at.is_(None), _C.deleted_at.is_not(None))


def live_rows(
    connection: Connection, versions: Collection[int], recipients: Collection[NationCode] | None = None
) -> list[LiveRow]:
    """Return the rows by which these versions are visible to these recipients; None: to every recipient.

    Includes the rows of deleted versions, as they were before the deletion.
    """
    if not versions:
        return []
    found: list[LiveRow] = []
    for row in _live_rows.rows(connection, versions=carried(connection, versions)):
        recipient, position, version, classes, is_newest, deleted_at, form, *values = row
        if recipients is None or recipient in recipients:
            place = (NationCode(recipient), position, version, decode(classes))
            shown = None if values[0] is None else decode_shown(*values)
            found.append(LiveRow(*place, bool(is_newest), deleted_at is None, Form.of(form), shown))
    return found


_live_rows: Final = Prepared(
    lambda is_postgresql: (
        select(
            *(_C.recipient, _C.position, _C.version_id, _J.classes, _C.is_newest),
            *(_C.deleted_at, _C.rendition, *SHOWN),
        )
        .join(justification, _J.id == _C.justification_id)
        .where(is_among(is_postgresql, _C.version_id, "versions"), IS_LIVE)
    )
)


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
    for row in _settled.rows(connection, member=member, ids=carried(connection, ids)):
        is_unmarked_name = row.type in NAME_TYPES and row.own_tlp is None
        new = Record(row.id, decode_source_hiding(row.guise), bool(row.is_copy), is_unmarked_name)
        record = found.setdefault(StixId(row.stix_id), new)
        if row.recipient is not None:
            view = View(NationCode(row.recipient), Form.of(row.rendition))
            record.justifications[view] = decode(row.classes)
    return found


def _of_records(is_postgresql: bool) -> Select[Any]:
    v = object_version.c
    # Outer joins: a record without rows is visible to nobody, and what refers to it is withheld (policy 2.7).
    live = and_(_C.version_id == v.id, IS_LIVE)
    return (
        select(
            *(v.id, v.stix_id, v.guise, v.is_copy, v.type, v.own_tlp),
            *(_C.recipient, _C.rendition, _J.classes),
        )
        .select_from(
            object_version.outerjoin(release, live).outerjoin(justification, _J.id == _C.justification_id)
        )
        .where(v.member == bindparam("member"), v.is_newest.is_(True))
        .where(is_among(is_postgresql, v.stix_id, "ids"))
    )


_settled: Final = Prepared(_of_records)


# --- writing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to append: the stored version, the justification, and the derived object, if any."""

    version: ObjectVersion
    justification: Justification
    form: Form = SUBMITTED
    made: ServedObject | None = None

    @property
    def member(self) -> MemberId:
        return self.version.member

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
        revision = ends.revise(connection, recipient, now)
        _withdraw(connection, recipient, changes.withdraw, now)
        _delete(connection, recipient, changes.delete, now)
        _mark(connection, recipient, changes.forget, {"deleted_at": None})
        _justify(connection, (recipient, origin), changes.justify, now, revision)
        for shown, positions in changes.show.items():
            _mark(connection, recipient, positions, _encode_shown(shown))
    if changes.supersede:
        _mark(connection, recipient, changes.supersede, {"is_newest": False})


def append(
    connection: Connection,
    origin: NationCode,
    rows: Mapping[NationCode, Sequence[NewRow | CopiedRow]],
    now: datetime,
) -> None:
    """Append rows to held ledgers, by recipient in the order given, with new positions and dates."""
    new = {recipient: given for recipient, given in sorted(rows.items()) if given}
    if not new:
        return
    # INVARIANT: origins by code, then ledgers by code, in every transaction (storage.md). Else deadlocks.
    begins = ends.take(connection, {recipient: len(given) for recipient, given in new.items()}, now)
    values = {recipient: {row.justification for row in given} for recipient, given in new.items()}
    ids = intern_all(connection, origin, values)
    own = {(row.member, ids[origin, row.justification]) for row in new.get(origin, ())}
    note_own(connection, origin, own)
    insert_all(
        connection,
        release,
        (
            _row((recipient, origin), row, ids[recipient, row.justification], position + n, date + n)
            for recipient, (position, date) in begins.items()
            for n, row in enumerate(new[recipient])
            if isinstance(row, NewRow)
        ),
    )
    for recipient, begin in begins.items():
        stored = [
            (row.version, ids[recipient, row.justification], n)
            for n, row in enumerate(new[recipient])
            if isinstance(row, CopiedRow)
        ]
        copied_rows.insert_rows(connection, recipient, begin, stored)


def _row(
    place: tuple[NationCode, NationCode], row: NewRow, justification_id: int, position: int, date: int
) -> dict[str, Any]:
    version, served = row.version, row.served
    # A deleted version is served to nobody. Its row keeps the justification (policy 2.7).
    withdrawn_at = None if version.deleted_at is None else date
    return {
        "recipient": place[0],
        # INVARIANT: positions gapless, dates strictly increasing: both grow by one a row (I4).
        "position": position,
        "date_added": date,
        "origin": place[1],
        "member": version.member,
        "version_id": version.key,
        "stix_id": served.id,
        "type": served.type,
        "version": version.version,
        "version_key": version.version_key,
        "is_newest": version.is_newest,
        "justification_id": justification_id,
        "content_id": served.content_id,
        "size": served.size,
        "rendition": row.form.label or None,
        **_encode_shown(version.shown(row.form)),  # (hub/README: shown-by-rows)
        "withdrawn_at": withdrawn_at,
        "deleted_at": withdrawn_at,
    }


def _withdraw(
    connection: Connection, recipient: NationCode, positions: Collection[int], now: datetime
) -> None:
    """Mark rows withdrawn. They are no longer served. They are never removed: positions stay gapless."""
    _mark(connection, recipient, positions, {"withdrawn_at": to_microseconds(now)})


def _delete(connection: Connection, recipient: NationCode, positions: Collection[int], now: datetime) -> None:
    """Withdraw the rows of deleted versions. Their justifications stay (policy 2.7)."""
    at = to_microseconds(now)
    _mark(connection, recipient, positions, {"withdrawn_at": at, "deleted_at": at})


def withdraw_justified(
    connection: Connection, recipient: NationCode, ids: Collection[int], limit: int, now: datetime
) -> int:
    """Withdraw at most `limit` rows with one of these justifications. Return the number."""
    # The rows are invisible already, for their periods have ended. This only spares polls the scan (cost).
    ends.lock(connection, [recipient])
    found: list[int] = []
    for batch in batches(ids):
        condition = (_C.recipient == recipient, _C.withdrawn_at.is_(None), _C.justification_id.in_(batch))
        found += connection.execute(select(_C.position).where(*condition).limit(limit - len(found))).scalars()
    if found:
        ends.revise(connection, recipient, now)
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
        # Append-only evidence: a former justification is inserted before the row changes.
        change = (literal(to_microseconds(now), BigInteger), literal(revision, BigInteger))
        condition = and_(_C.recipient == recipient, among(connection, _C.position, sorted(positions)))
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
    closed = is_closed is None or bool(is_closed)
    return Shown(Tlp(tlp), bool(is_bound), decode_nations(rel_to), closed)


def _mark(
    connection: Connection, recipient: NationCode, positions: Collection[int], values: dict[str, Any]
) -> None:
    if positions:
        condition = and_(_C.recipient == recipient, among(connection, _C.position, sorted(positions)))
        connection.execute(update(release).where(condition).values(**values))
