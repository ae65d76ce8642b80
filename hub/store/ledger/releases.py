"""The ledgers: which versions each nation may see, in the order in which it was told.

Positions are gapless and dates strictly increasing with them, both taken under the recipient's row
lock, so that commit order is position order and a poller that comes back misses nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import orjson
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
    Class,
    Clearance,
    Form,
    Ground,
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


# --- justifications -----------------------------------------------------------------------------


def encode(value: Justification) -> str:
    """Return the one text that stands for this justification."""
    # By repr: a period or member that is None has no order among those that are not.
    classes = [
        sorted(([g.period, int(g.clearance), g.member] for g in grounds), key=repr) for grounds in value
    ]
    return orjson.dumps(sorted(classes, key=repr)).decode()


@lru_cache(maxsize=4_096)
def decode(text: str) -> Justification:
    """Return the justification that `encode` gave this text for."""
    return frozenset(_class(grounds) for grounds in orjson.loads(text))


def _class(grounds: list[tuple[int | None, int, str | None]]) -> Class:
    return frozenset(
        Ground(period, Clearance(clearance), None if member is None else MemberId(member))
        for period, clearance, member in grounds
    )


def justifications(connection: Connection, recipient: NationCode, after: int = 0) -> dict[int, Justification]:
    """Return the recipient's justifications with an id above `after`. They never change once made."""
    query = select(_J.id, _J.classes).where(_J.recipient == recipient, _J.id > after).order_by(_J.id)
    return {id: decode(classes) for id, classes in connection.execute(query)}


def intern(
    connection: Connection, recipient: NationCode, values: Collection[Justification]
) -> dict[Justification, int]:
    """Return the id of each justification, making the new ones; the caller holds the recipient's lock."""
    texts = {value: encode(value) for value in values}
    digests = {value: hashlib.sha256(text.encode()).digest() for value, text in texts.items()}
    known: dict[bytes, int] = {}
    for batch in batches(digests.values()):
        query = select(_J.digest, _J.id).where(_J.recipient == recipient, _J.digest.in_(batch))
        known.update((bytes(digest), id) for digest, id in connection.execute(query))
    missing = [value for value, digest in digests.items() if digest not in known]
    if missing:
        rows = [{"recipient": recipient, "digest": digests[v], "classes": texts[v]} for v in missing]
        statement = insert(justification).returning(_J.id, sort_by_parameter_order=True)
        ids = connection.execute(statement, rows).scalars()
        known.update(zip((digests[v] for v in missing), ids, strict=True))
    return {value: known[digest] for value, digest in digests.items()}


# --- what stands now ----------------------------------------------------------------------------


# Rows that are not withdrawn, or only because their version was deleted: these tell for whom it stood.
_IS_LIVE: Final = or_(_C.withdrawn_at.is_(None), _C.deleted_at.is_not(None))


def live_rows(
    connection: Connection, versions: Collection[int], recipients: Collection[NationCode] | None = None
) -> list[LiveRow]:
    """Return the rows by which these versions stand, or stood when they were deleted, for these recipients.

    None: for every one.
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
    """A record's newest version as references to it are judged: its source hiding, and for whom it stands."""

    version: int
    source_hiding: SourceHiding
    is_copy: bool
    is_unmarked_name: bool
    justifications: dict[View, Justification] = field(default_factory=dict)


def settled_records(
    connection: Connection, member: MemberId, ids: Collection[StixId]
) -> dict[StixId, Record]:
    """Return, for each record of the member with one of these ids, for whom its newest version stands."""
    found: dict[StixId, Record] = {}
    if not ids:
        return found
    v = object_version.c
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
    """A row to append: the version as stored, why it stands, and what is served of it if not itself."""

    version: ObjectVersion
    justification: Justification
    form: Form = SUBMITTED
    made: ServedObject | None = None

    @property
    def served(self) -> ServedObject:
        version = self.version
        return self.made or ServedObject(version.id, version.type, version.content_id, version.size)


def change(connection: Connection, recipient: NationCode, changes: RowChanges, now: datetime) -> None:
    """Alter rows of a ledger where they are, under its lock; what is to be appended is not (`append`)."""
    if changes.revises:
        revision = revise(connection, recipient, now)
        _withdraw(connection, recipient, changes.withdraw, now)
        _delete(connection, recipient, changes.delete, now)
        _mark(connection, recipient, changes.forget, {"deleted_at": None})
        _justify(connection, recipient, changes.justify, now, revision)
        for shown, positions in changes.show.items():
            _mark(connection, recipient, positions, _encode_shown(shown))
    if changes.supersede:
        _mark(connection, recipient, changes.supersede, {"is_newest": False})


def append(
    connection: Connection, recipient: NationCode, origin: NationCode, rows: Sequence[NewRow], now: datetime
) -> None:
    """Append rows to a ledger in the order given, under its lock, with new positions and dates.

    Recipients must be taken in one fixed order by everybody, after the origin's row.
    """
    if not rows:
        return
    position, date = _take(connection, recipient, len(rows), to_microseconds(now))
    ids = intern(connection, recipient, {row.justification for row in rows})
    insert_all(
        connection,
        release,
        (
            {
                "recipient": recipient,
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
                **_encode_shown(row.version.shown(row.form)),
                # A deleted version is served to nobody; its row tells for whom it stands (policy 2.7).
                "withdrawn_at": None if row.version.deleted_at is None else date + n,
                "deleted_at": None if row.version.deleted_at is None else date + n,
            }
            for n, row in enumerate(rows)
        ),
    )


def lock(connection: Connection, recipients: Iterable[NationCode]) -> None:
    """Hold these ledgers until the transaction ends: by code, and before any row, as everybody does."""
    for recipient in sorted(recipients):
        held = select(ledger.c.position).where(ledger.c.recipient == recipient).with_for_update()
        connection.execute(held)


def _take(connection: Connection, recipient: NationCode, count: int, now: int) -> tuple[int, int]:
    query = (
        select(ledger.c.position, ledger.c.last_date).where(ledger.c.recipient == recipient).with_for_update()
    )
    position, last_date = connection.execute(query).one()
    date = max(now, last_date + 1)
    values = {
        "position": position + count,
        "last_date": date + count - 1,
        "decided_at": _later(connection, now),
    }
    connection.execute(update(ledger).where(ledger.c.recipient == recipient).values(**values))
    return position + 1, date


def _later(connection: Connection, now: int) -> ColumnElement[int]:
    """The moment of a ledger's last decision, once one was taken at `now`."""
    latest = func.greatest if connection.dialect.name == "postgresql" else func.max
    return latest(ledger.c.decided_at, now)


def _withdraw(
    connection: Connection, recipient: NationCode, positions: Collection[int], now: datetime
) -> None:
    """Mark rows withdrawn: they are no longer served, and stay."""
    _mark(connection, recipient, positions, {"withdrawn_at": to_microseconds(now)})


def _delete(connection: Connection, recipient: NationCode, positions: Collection[int], now: datetime) -> None:
    """Withdraw the rows of deleted versions; they go on telling for whom these stood."""
    at = to_microseconds(now)
    _mark(connection, recipient, positions, {"withdrawn_at": at, "deleted_at": at})


def revise(connection: Connection, recipient: NationCode, now: datetime) -> int:
    """Return the ledger's next revision, which the caller makes; others wait until it is committed."""
    values = {"revision": ledger.c.revision + 1, "decided_at": _later(connection, to_microseconds(now))}
    statement = update(ledger).where(ledger.c.recipient == recipient).values(**values)
    revision: int = connection.execute(statement.returning(ledger.c.revision)).scalar_one()
    return revision


def withdraw_justified(
    connection: Connection, recipient: NationCode, ids: Collection[int], limit: int, now: datetime
) -> int:
    """Mark at most `limit` rows that stand by one of these justifications; return how many."""
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
    recipient: NationCode,
    changes: Mapping[Justification, Collection[int]],
    now: datetime,
    revision: int,
) -> None:
    """Let rows stand, where they are, by another justification that shows them to nobody new.

    What they stood by until `now`, before `revision`, is kept: it tells under which clause they were fetched.
    """
    ids = intern(connection, recipient, changes.keys())
    for value, positions in changes.items():
        for batch in batches(sorted(positions)):
            change = (literal(to_microseconds(now), BigInteger), literal(revision, BigInteger))
            condition = and_(_C.recipient == recipient, _C.position.in_(batch))
            former = select(_C.recipient, _C.position, *change, _C.justification_id, *SHOWN)
            former = former.where(condition)
            names = ["recipient", "position", "until", "revision", "justification_id"]
            names += [column.name for column in SHOWN]
            connection.execute(insert(rejustification).from_select(names, former))
        _mark(connection, recipient, positions, {"justification_id": ids[value]})


def _encode_shown(shown: Shown) -> dict[str, Any]:
    return {
        "shown_tlp": shown.tlp,
        "is_bound": shown.is_bound,
        "shown_rel_to": encode_nations(shown.rel_to),
        "shown_closed": shown.is_closed,
    }


def decode_shown(tlp: int, is_bound: bool, rel_to: str | None, is_closed: bool | None) -> Shown:
    """Return how a row shows its version, as its columns tell; a closure that was not noted counts."""
    return Shown(Tlp(tlp), is_bound, decode_nations(rel_to), is_closed is not False)


def _mark(
    connection: Connection, recipient: NationCode, positions: Collection[int], values: dict[str, Any]
) -> None:
    for batch in batches(sorted(positions)):
        condition: ColumnElement[bool] = and_(_C.recipient == recipient, _C.position.in_(batch))
        connection.execute(update(release).where(condition).values(**values))


def revision(connection: Connection, recipient: NationCode) -> int:
    """Return the revision of the recipient's ledger in this snapshot."""
    query = select(ledger.c.revision).where(ledger.c.recipient == recipient)
    return connection.execute(query).scalar_one_or_none() or 0


def edges(connection: Connection) -> dict[NationCode, tuple[int, int]]:
    """Return the position and revision of every ledger; one that has either still holds the same."""
    query = select(ledger.c.recipient, ledger.c.position, ledger.c.revision)
    return {NationCode(code): (position, revision) for code, position, revision in connection.execute(query)}


def decided_at(connection: Connection, recipient: NationCode | None = None) -> datetime:
    """Return by which moment this ledger, or any, was decided on last. Dates may run ahead of it."""
    is_asked = true() if recipient is None else ledger.c.recipient == recipient
    query = select(func.max(ledger.c.decided_at)).where(is_asked)
    return from_microseconds(connection.execute(query).scalar() or 0)
