"""What the database holds, read in bulk and as it stands, for whoever verifies it. Nothing is written."""

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

_ROWS_AT_ONCE: Final = 1_000
_V = object_version.c
_R = reference.c
_C = release.c


# --- the database itself ------------------------------------------------------------------------


def structural_faults(connection: Connection) -> list[str]:
    """Return what SQLite finds wrong with its own file. PostgreSQL looks after its pages by itself."""
    if connection.dialect.name != "sqlite":
        return []
    found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    return [str(line) for line in found if line != "ok"]


def orphans(connection: Connection) -> Iterator[tuple[str, str]]:
    """Give, for each declared foreign key, the values that name a row which is not there."""
    for table in metadata.sorted_tables:
        for constraint in table.foreign_key_constraints:
            parent = constraint.referred_table.alias()
            pairs = [(e.parent, parent.c[e.column.name]) for e in constraint.elements]
            columns = [column for column, _ in pairs]
            missing = ~exists().where(*(ours == theirs for ours, theirs in pairs))
            given = and_(*(column.is_not(None) for column in columns))
            place = f"{table.name}.{', '.join(column.name for column in columns)}"
            for row in connection.execute(select(*columns).where(given, missing).distinct()):
                yield place, f"{', '.join(map(str, row))} of {constraint.referred_table.name}"


def counts(connection: Connection) -> dict[str, int]:
    """Return how much there is to verify."""
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
    """What a ledger says of itself, and the last of its rows; 0 where there is none."""

    recipient: NationCode
    position: int
    last_date: int
    last_row: int
    last_row_date: int


def ledger_states(connection: Connection) -> list[LedgerState]:
    """Return every ledger with what its rows come to."""
    query = (
        select(
            *(ledger.c.recipient, ledger.c.position, ledger.c.last_date),
            func.coalesce(func.max(_C.position), 0),
            func.coalesce(func.max(_C.date_added), 0),
        )
        .outerjoin(release, _C.recipient == ledger.c.recipient)
        .group_by(*ledger.c)
        .order_by(ledger.c.recipient)
    )
    return [LedgerState(NationCode(nation), *rest) for nation, *rest in connection.execute(query)]


def ledger_breaks(connection: Connection) -> Iterator[tuple[NationCode, int, bool]]:
    """Give every row that does not follow on the one before it: by its position, else (False) by its date."""
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


class StoredJustification(NamedTuple):
    """A justification as it is stored, read by nobody yet."""

    id: int
    recipient: NationCode
    digest: bytes
    classes: str


def justifications(connection: Connection) -> Iterator[StoredJustification]:
    """Give every justification of every ledger."""
    query = select(*(justification.c[name] for name in StoredJustification._fields)).order_by(
        justification.c.id
    )
    for row in connection.execute(query):
        yield StoredJustification(*row)


def borrowed_justifications(connection: Connection) -> Iterator[tuple[NationCode, int]]:
    """Give every row that stands by a justification of another ledger."""
    query = select(_C.recipient, _C.position).join(justification, justification.c.id == _C.justification_id)
    for recipient, position in connection.execute(query.where(justification.c.recipient != _C.recipient)):
        yield NationCode(recipient), position


# --- records ------------------------------------------------------------------------------------


def origins(connection: Connection) -> list[NationCode]:
    """Return every origin of which a version is stored."""
    return [NationCode(code) for code in connection.execute(select(_V.origin).distinct()).scalars()]


def ids(connection: Connection, origin: NationCode) -> Iterator[StixId]:
    """Give the id of every record of an origin once, a thousand at a time."""
    last = ""
    while True:
        query = select(_V.stix_id).distinct().where(_V.origin == origin, _V.stix_id > last)
        found = connection.execute(query.order_by(_V.stix_id).limit(_ROWS_AT_ONCE)).scalars().all()
        yield from map(StixId, found)
        if not found:
            return
        last = found[-1]


def links(connection: Connection, origin: NationCode) -> Iterator[tuple[StixId, StixId]]:
    """Give which record refers to which, within an origin."""
    target = object_version.alias()
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
    """Return the contents that no version has, nor what was made of one."""
    used = exists().where(_V.content_id == content.c.id)
    made = exists().where(rendition.c.content_id == content.c.id)
    return list(connection.execute(select(content.c.id).where(~used, ~made)).scalars())


def unerased(connection: Connection) -> list[int]:
    """Return the contents that are there of what was made of versions of which all are deleted."""
    made = rendition.c
    is_made = exists().where(made.content_id == content.c.id)
    lives = or_(
        exists().where(_V.content_id == content.c.id, _V.deleted_at.is_(None)),
        exists().where(made.content_id == content.c.id, made.version_id == _V.id, _V.deleted_at.is_(None)),
    )
    return list(
        connection.execute(
            select(content.c.id).where(is_made, ~lives, content.c.size > 0, content.c.erased_at.is_(None))
        ).scalars()
    )


def foreign_references(connection: Connection) -> list[int]:
    """Return the versions whose references are noted for another member or origin than theirs."""
    differs = or_(_R.member != _V.member, _R.origin != _V.origin)
    query = select(_V.id).distinct().join(reference, _R.version_id == _V.id).where(differs)
    return list(connection.execute(query).scalars())


def looser_than_containers(connection: Connection) -> list[tuple[int, int]]:
    """Return the living unmarked versions laxer than what contains them, or open in what is closed.

    Each with the version of the container. Names and observables are left out: containers decide over them
    once (policy 2.3).
    """
    inner = object_version.alias()
    is_open = and_(inner.c.is_closed.is_(False), inner.c.is_home.is_(False))
    is_laxer = or_(inner.c.effective_tlp < _V.given_tlp, and_(_V.given_closed.is_(True), is_open))
    is_laxer = and_(is_laxer, inner.c.type.not_in(NAME_TYPES), inner.c.created.is_not(None))
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
    """Return how many newest versions of each member are noted to name each identity, by level."""
    c = creator_level.c
    query = select(c.member, c.identity, c.tlp, c.count).where(c.count != 0)
    return {
        (MemberId(member), StixId(identity), Tlp(tlp)): count
        for member, identity, tlp, count in connection.execute(query)
    }


# --- release rows -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A release row as it is stored. `copied` are the columns that repeat its version's."""

    recipient: NationCode
    position: int
    version: int
    copied: tuple[Any, ...]
    is_newest: bool
    justification: int
    is_withdrawn: bool
    is_deleted: bool
    form: Form
    shown: Shown | None  # None: it was written before levels were kept


COPIED: Final = ("stix_id", "type", "version", "version_key", "member", "origin", "content_id", "size")


def rows_of(connection: Connection, versions: Collection[int]) -> Iterator[StoredRow]:
    """Give every row of these versions in every ledger, withdrawn or not."""
    plain = (_C.recipient, _C.position, _C.version_id, _C.is_newest, _C.justification_id)
    marks = (_C.withdrawn_at.is_not(None), _C.deleted_at.is_not(None), _C.rendition)
    copied = [_C[name] for name in COPIED]
    for batch in batches(sorted(versions)):
        query = select(*plain, *marks, *SHOWN, *copied).where(_C.version_id.in_(batch))
        rows = connection.execute(query.order_by(_C.recipient, _C.position))
        for recipient, position, version, newest, why, withdrawn, deleted, form, *rest in rows:
            shown, values = rest[: len(SHOWN)], rest[len(SHOWN) :]
            yield StoredRow(
                *(NationCode(recipient), position, version, tuple(values)),
                *(newest, why, bool(withdrawn), bool(deleted)),
                Form.of(form),
                None if shown[0] is None else decode_shown(*shown),
            )
