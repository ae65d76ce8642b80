"""The stored data, read in bulk for `hub check`, without correction. Nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, exists, func, or_, select

from hub.model import NAME_TYPES, Form, MemberId, NationCode, Shown, StixId, Tlp
from hub.store.database.batches import batches
from hub.store.ledger.releases import SHOWN, decode_shown
from hub.store.records.objects import CONTAINS, REFERS
from hub.store.schema.disclosure_tables import disclosure
from hub.store.schema.own_tables import own_justification
from hub.store.schema.rendition_tables import rendition
from hub.store.schema.tables import (
    agreement,
    content,
    creator_level,
    deletion,
    justification,
    ledger,
    metadata,
    object_version,
    reference,
    release,
    submission,
)

_ROWS_AT_ONCE: Final = 1_000  # bounds the memory of a check
_V = object_version.c
_R = reference.c
_C = release.c


# --- the database itself ------------------------------------------------------------------------


def structural_faults(connection: Connection) -> list[str]:
    """Return SQLite's findings on the file. PostgreSQL checks pages without being asked."""
    if connection.dialect.name != "sqlite":
        return []
    found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    return [str(line) for line in found if line != "ok"]


def orphans(connection: Connection) -> Iterator[tuple[str, str]]:
    """Give, for each declared foreign key, the values that name a missing row."""
    for table in metadata.sorted_tables:
        for constraint in table.foreign_key_constraints:
            parent = constraint.referred_table.alias()
            pairs = [(e.parent, parent.c[e.column.name]) for e in constraint.elements]
            columns = [column for column, _ in pairs]
            # SQLite enforces foreign keys only on connections that ask for it: another program may have
            # broken them.
            missing = ~exists().where(*(ours == theirs for ours, theirs in pairs))
            given = and_(*(column.is_not(None) for column in columns))
            place = f"{table.name}.{', '.join(column.name for column in columns)}"
            for row in connection.execute(select(*columns).where(given, missing).distinct()):
                yield place, f"{', '.join(map(str, row))} of {constraint.referred_table.name}"


def counts(connection: Connection) -> dict[str, int]:
    """Return the numbers of rows to verify."""
    tables = {
        "objects": object_version,
        "releases": release,
        "submissions": submission,
        "deletions": deletion,
        "agreements": agreement,
        "disclosures": disclosure,
    }
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for name, table in tables.items()
    }


# --- ledgers ------------------------------------------------------------------------------------


class LedgerState(NamedTuple):
    """The state of a ledger by the ledger row, and by the last release row; 0: no row."""

    recipient: NationCode
    position: int
    last_date: int
    last_row: int
    last_row_date: int


def ledger_states(connection: Connection) -> list[LedgerState]:
    """Return every ledger with the position and date of the last release row."""
    query = (
        select(
            *(ledger.c.recipient, ledger.c.position, ledger.c.last_date),
            func.coalesce(func.max(_C.position), 0),
            func.coalesce(func.max(_C.date_added), 0),
        )
        # A new ledger has no rows: 0 on both sides is no fault.
        .outerjoin(release, _C.recipient == ledger.c.recipient)
        .group_by(*ledger.c)
        .order_by(ledger.c.recipient)
    )
    return [LedgerState(NationCode(nation), *rest) for nation, *rest in connection.execute(query)]


def ledger_breaks(connection: Connection) -> Iterator[tuple[NationCode, int, bool]]:
    """Give every row that breaks the order: True for the position, False for the date alone."""
    # INVARIANT verified here: positions are gapless from 1, and dates strictly increase with them (I4).
    window: dict[str, Any] = {"partition_by": _C.recipient, "order_by": _C.position}
    rows = select(
        *(_C.recipient, _C.position, _C.date_added),
        func.coalesce(func.lag(_C.position).over(**window), 0).label("position_before"),
        func.coalesce(func.lag(_C.date_added).over(**window), 0).label("date_before"),
    ).subquery()
    is_gap = rows.c.position != rows.c.position_before + 1
    query = select(rows.c.recipient, rows.c.position, is_gap).where(
        or_(is_gap, rows.c.date_added <= rows.c.date_before)
    )
    for recipient, position, gap in connection.execute(query.order_by(rows.c.recipient, rows.c.position)):
        yield NationCode(recipient), position, bool(gap)


class EncodedJustification(NamedTuple):
    """A justification as stored, with the text not decoded."""

    id: int
    recipient: NationCode
    origin: NationCode
    digest: bytes
    classes: str


def justifications(connection: Connection) -> Iterator[EncodedJustification]:
    """Give every justification of every ledger."""
    # The text stays a text: a damaged one must be named, and not end the check.
    query = select(*(justification.c[name] for name in EncodedJustification._fields)).order_by(
        justification.c.id
    )
    for row in connection.execute(query):
        yield EncodedJustification(*row)


def borrowed_justifications(connection: Connection) -> Iterator[tuple[NationCode, int]]:
    """Give every row with a justification of another ledger."""
    # No foreign key forbids it. A poll reads the justifications of its own ledger alone.
    query = select(_C.recipient, _C.position).join(justification, justification.c.id == _C.justification_id)
    for recipient, position in connection.execute(query.where(justification.c.recipient != _C.recipient)):
        yield NationCode(recipient), position


def unnoted_own_justifications(connection: Connection) -> Iterator[tuple[NationCode, MemberId, int]]:
    """Give ledger, submitter and justification of rows at home without a note of the two (policy 2.7)."""
    own = own_justification.c
    is_noted = exists().where(
        own.recipient == _C.recipient, own.member == _C.member, own.justification_id == _C.justification_id
    )
    query = select(_C.recipient, _C.member, _C.justification_id).distinct()
    for recipient, member, id in connection.execute(query.where(_C.origin == _C.recipient, ~is_noted)):
        yield NationCode(recipient), MemberId(member), id


# --- records ------------------------------------------------------------------------------------


def origins(connection: Connection) -> list[NationCode]:
    """Return every origin with a stored version."""
    return [NationCode(code) for code in connection.execute(select(_V.origin).distinct()).scalars()]


def ids(connection: Connection, origin: NationCode) -> Iterator[StixId]:
    """Give the id of every record of an origin once, a thousand at a time."""
    # By id, not by offset: the cost of a step does not grow with its distance.
    last = ""
    while True:
        query = select(_V.stix_id).distinct().where(_V.origin == origin, _V.stix_id > last)
        found = connection.execute(query.order_by(_V.stix_id).limit(_ROWS_AT_ONCE)).scalars().all()
        yield from map(StixId, found)
        if not found:
            return
        last = found[-1]


def links(connection: Connection, origin: NationCode) -> Iterator[tuple[StixId, StixId]]:
    """Give the references between records, within an origin."""
    target = object_version.alias()
    # References to ids that the origin does not hold withhold nothing (policy 2.7: own records).
    is_there = exists().where(target.c.origin == origin, target.c.stix_id == _R.target)
    query = (
        select(_V.stix_id, _R.target)
        .distinct()
        .select_from(reference.join(object_version, _R.version_id == _V.id))
        .where(_R.kind == REFERS, _R.origin == origin, is_there)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    for source, named in connection.execute(query):
        yield StixId(source), StixId(named)


class Content(NamedTuple):
    """A stored body."""

    id: int
    origin: NationCode
    digest: bytes
    size: int
    body: bytes
    is_erased: bool


def contents(connection: Connection, keys: Collection[int]) -> Iterator[Content]:
    """Give these contents, as many at a time as one statement names."""
    c = content.c
    for batch in batches(sorted(keys)):
        query = select(c.id, c.origin, c.digest, c.size, c.body, c.erased_at.is_not(None))
        for id, origin, digest, size, body, is_erased in connection.execute(query.where(c.id.in_(batch))):
            yield Content(id, NationCode(origin), bytes(digest), size, bytes(body), bool(is_erased))


def unused_contents(connection: Connection) -> list[int]:
    """Return the contents without a version and without a derived object."""
    # Nothing leads to such a body, so no deletion would ever erase it (policy 8).
    used = exists().where(_V.content_id == content.c.id)
    made = exists().where(rendition.c.content_id == content.c.id)
    return list(connection.execute(select(content.c.id).where(~used, ~made)).scalars())


def unerased(connection: Connection) -> list[int]:
    """Return the unerased contents of derived objects without an undeleted version."""
    made = rendition.c
    is_made = exists().where(made.content_id == content.c.id)
    is_used = or_(
        exists().where(_V.content_id == content.c.id, _V.deleted_at.is_(None)),
        exists().where(made.content_id == content.c.id, made.version_id == _V.id, _V.deleted_at.is_(None)),
    )
    return list(
        connection.execute(
            select(content.c.id).where(is_made, ~is_used, content.c.size > 0, content.c.erased_at.is_(None))
        ).scalars()
    )


def foreign_references(connection: Connection) -> list[int]:
    """Return the versions whose references carry a wrong member or origin."""
    # The columns repeat the version for the sake of an index. Decisions trust them.
    differs = or_(_R.member != _V.member, _R.origin != _V.origin)
    query = select(_V.id).distinct().join(reference, _R.version_id == _V.id).where(differs)
    return list(connection.execute(query).scalars())


def looser_than_containers(connection: Connection) -> list[tuple[int, int]]:
    """Return undeleted unmarked versions laxer than a container, or open in a closed container.

    Each comes with the version of the container. Names and observables are left out: decided once (policy
    2.3).
    """
    inner = object_version.alias()
    # INVARIANT verified here: containers only tighten (policy 2.3).
    is_open = and_(inner.c.is_closed.is_(False), inner.c.is_home.is_(False))
    is_laxer = or_(inner.c.effective_tlp < _V.given_tlp, and_(_V.given_closed.is_(True), is_open))
    # Without `created` the object is an observable.
    is_laxer = and_(is_laxer, inner.c.type.not_in(NAME_TYPES), inner.c.created.is_not(None))
    # A revoking version keeps the level of its predecessor, whatever containers it comes with (policy 8).
    is_laxer = and_(is_laxer, inner.c.revoked.is_(False))
    same = and_(inner.c.origin == _R.origin, inner.c.stix_id == _R.target, inner.c.member == _R.member)
    unmarked = (inner.c.own_tlp.is_(None), inner.c.deleted_at.is_(None))
    query = (
        select(inner.c.id, _V.id)
        .select_from(reference.join(object_version, _R.version_id == _V.id).join(inner, same))
        .where(_R.kind == CONTAINS, *unmarked, is_laxer)
    )
    return [(version, container) for version, container in connection.execute(query)]


def creator_counts(connection: Connection) -> dict[tuple[MemberId, StixId, Tlp], int]:
    """Return the stored creator levels: number of newest versions by member, identity and level."""
    c = creator_level.c
    query = select(c.member, c.identity, c.tlp, c.count).where(c.count != 0)
    return {
        (MemberId(member), StixId(identity), Tlp(tlp)): count
        for member, identity, tlp, count in connection.execute(query)
    }


# --- release rows -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A release row as stored. `copied` are the columns that repeat the version."""

    recipient: NationCode
    position: int
    version: int
    copied: tuple[Any, ...]
    is_newest: bool
    justification: int
    is_withdrawn: bool
    is_deleted: bool
    form: Form
    shown: Shown | None  # None: from before these columns


_COPIED: Final = ("stix_id", "type", "version", "version_key", "member", "origin", "content_id", "size")
COPIED: Final = (*_COPIED, "origin of its justification")


def rows_of(connection: Connection, versions: Collection[int]) -> Iterator[StoredRow]:
    """Give every row of these versions in every ledger, withdrawn or not."""
    plain = (_C.recipient, _C.position, _C.version_id, _C.is_newest, _C.justification_id)
    marks = (_C.withdrawn_at.is_not(None), _C.deleted_at.is_not(None), _C.rendition)
    # A page reads these copies alone. A wrong copy would serve a wrong object.
    copied = [*(_C[name] for name in _COPIED), justification.c.origin]
    for batch in batches(sorted(versions)):
        query = select(*plain, *marks, *SHOWN, *copied).where(_C.version_id.in_(batch))
        query = query.join(justification, justification.c.id == _C.justification_id)
        rows = connection.execute(query.order_by(_C.recipient, _C.position))
        for recipient, position, version, newest, why, withdrawn, deleted, form, *rest in rows:
            shown, values = rest[: len(SHOWN)], rest[len(SHOWN) :]
            yield StoredRow(
                *(NationCode(recipient), position, version, tuple(values)),
                *(newest, why, bool(withdrawn), bool(deleted)),
                Form.of(form),
                None if shown[0] is None else decode_shown(*shown),
            )
