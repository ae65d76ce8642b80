"""A poll: who asks, what stands, and one range of a ledger, read and recorded in one statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import CTE, ColumnElement, Connection, Select, and_, exists, false, func, or_, select, true

from hub.model import (
    Disclosed,
    Disclosure,
    NationCode,
    Page,
    Query,
    Rendition,
    Row,
    StixId,
    VersionFilter,
    from_microseconds,
    to_microseconds,
)
from hub.store import disclosures, moments
from hub.store.batches import among, batches
from hub.store.moments import Clock
from hub.store.tables import content, hub_state, justification, ledger, member, release, token

_C = release.c
_FETCHED_BYTES: Final = 1_048_576
_ROW: Final = ("position", "date_added", "stix_id", "version", "content_id", "size")


class Ask(NamedTuple):
    """What a page is asked with: who asks, for what, and what the process takes to stand.

    `standing` are the ids of the justifications that hold for the reader; it is right for the `generation` of
    this `epoch`, while no justification above `last` has come, from `since` until before `until`.
    """

    query: Query
    kind: Disclosed
    max_bytes: int | None  # of bodies; None: they do not leave
    standing: Collection[int]
    epoch: str
    generation: int
    last: int
    since: datetime
    until: datetime


class Entry(NamedTuple):
    """A row of a page, and where its body is."""

    row: Row
    content_id: int
    size: int


class Told(NamedTuple):
    """What a page holds, on record. Without `is_admitted` or `is_current` it holds nothing."""

    is_admitted: bool  # the token and its member are good
    is_current: bool  # what the process took to stand does
    entries: Sequence[Entry] = ()
    more: bool = False


def tell(connection: Connection, ask: Ask, clock: Clock | None = None) -> Told:
    """Return the next rows that a reader asks for, and record their disclosure, in one statement.

    It says who asks, what stands and which rows, of one moment, and takes no lock. The transaction is one
    that writes, and nothing of the page may leave before it is committed; an empty page records nothing. A
    page ends after `query.limit` rows or `max_bytes` bytes, whichever comes first; not empty for that.
    """
    moment = _moment(connection, ask, clock)
    found = _found(connection, ask, moment).cte("found")
    page = _cut(found, ask).cte("page")
    count = select(func.count()).select_from(found).scalar_subquery()
    columns = [
        moment.c.is_admitted,
        moment.c.is_current,
        moment.c.now,
        moment.c.revision,
        count.label("found"),
    ]
    columns += [page.c[name] for name in _ROW]
    statement = select(*columns).select_from(moment.outerjoin(page, true())).order_by(page.c.position)
    is_postgresql = connection.dialect.name == "postgresql"
    if is_postgresql:
        statement = statement.add_cte(disclosures.insertion(page, moment, ask.query.reader, ask.kind))
    rows = connection.execute(statement).all()
    first = rows[0]
    if first.position is None:
        return Told(bool(first.is_admitted), bool(first.is_current))
    entries = [Entry(_row(row), row.content_id, row.size) for row in rows]
    if not is_postgresql:  # SQLite's INSERT takes no rows from a SELECT that returns them
        positions = [entry.row.position for entry in entries]
        snapshot = (first.revision, ask.generation, ask.epoch)
        reader = ask.query.reader
        disclosures.add(
            connection,
            Disclosure(
                *(reader.member, reader.nation, from_microseconds(first.now), ask.kind),
                tuple(positions),
                *snapshot,
            ),
        )
    return Told(True, True, entries, more=first.found > len(entries))


def is_empty(connection: Connection, ask: Ask, clock: Clock | None = None) -> bool | None:
    """Tell whether a page would hold nothing; None where the reader, or what stands, is another."""
    moment = _moment(connection, ask, clock)
    found = _found(connection, ask._replace(query=replace(ask.query, limit=1)), moment).cte("found")
    count = select(func.count()).select_from(found).scalar_subquery()
    row = connection.execute(select(moment.c.is_admitted, moment.c.is_current, count.label("found"))).one()
    return not row.found if row.is_admitted and row.is_current else None


def manifest(connection: Connection, query: Query, standing: Collection[int]) -> Page:
    """Return the rows that `query` selects, without bodies and unrecorded: they are not to leave."""
    found = connection.execute(_select(connection, query, standing)).all()
    return Page(tuple(_row(row) for row in found[: query.limit]), more=len(found) > query.limit)


def _moment(connection: Connection, ask: Ask, clock: Clock | None) -> CTE:
    """Return the question who asks, and whether what the process takes to stand does, at one moment.

    Tokens are judged by the clock alone, what stands at the later of it and of what was decided last.
    """
    reader = ask.query.reader
    read = select(moments.expression(connection, clock).label("clock")).cte("clock")
    clock_now = read.c.clock
    is_admitted = exists().where(
        token.c.public_id == reader.token,
        token.c.member == member.c.id,
        token.c.revoked_at.is_(None),
        or_(token.c.expires_at.is_(None), token.c.expires_at > clock_now),
        member.c.id == reader.member,
        member.c.suspended_at.is_(None),
    )
    latest = func.greatest if connection.dialect.name == "postgresql" else func.max
    now = latest(clock_now, ledger.c.decided_at, hub_state.c.changed_at)
    newer = exists().where(justification.c.recipient == reader.nation, justification.c.id > ask.last)
    is_current = and_(
        hub_state.c.epoch == ask.epoch,
        hub_state.c.generation == ask.generation,
        hub_state.c.closed_at.is_(None),
        now >= to_microseconds(ask.since),
        now < to_microseconds(ask.until),
        ~newer,
    )
    columns = (
        now.label("now"),
        is_admitted.label("is_admitted"),
        is_current.label("is_current"),
        ledger.c.revision,
        hub_state.c.generation,
        hub_state.c.epoch,
    )
    is_readers = ledger.c.recipient == reader.nation
    return select(*columns).select_from(read.join(hub_state, true()).join(ledger, is_readers)).cte("moment")


def _found(connection: Connection, ask: Ask, moment: CTE) -> Select[Any]:
    may_read = select(and_(moment.c.is_admitted, moment.c.is_current)).scalar_subquery()
    return _select(connection, ask.query, ask.standing).where(may_read)


def _cut(found: CTE, ask: Ask) -> Select[Any]:
    """Return the rows of a page: so many, and so many bytes, but one at least."""
    number = func.row_number().over(order_by=found.c.position).label("number")
    size = func.sum(found.c.size).over(order_by=found.c.position).label("total")
    counted = select(found, number, size).subquery("counted")
    fits = [counted.c.number <= ask.query.limit]
    if ask.max_bytes is not None:
        fits.append(or_(counted.c.number == 1, counted.c.total <= ask.max_bytes))
    return select(*(counted.c[name] for name in _ROW)).where(*fits)


class ServedRow(NamedTuple):
    """A row that a reader is served: of which version, by its key, from where, and in which form."""

    version: int
    origin: NationCode
    rendition: Rendition


def served(connection: Connection, query: Query, standing: Collection[int]) -> list[ServedRow]:
    """Return every row that `query` selects; no limit counts."""
    visible = _visible(connection, release, query, standing)
    conditions = [*visible, *_filters(connection, query, standing)]
    rows = connection.execute(select(_C.version_id, _C.origin, _C.rendition).where(*conditions))
    return [ServedRow(key, NationCode(origin), Rendition.of(form)) for key, origin, form in rows]


def _row(row: Any) -> Row:
    return Row(row.position, from_microseconds(row.date_added), StixId(row.stix_id), row.version)


def bodies(connection: Connection, entries: Sequence[Entry]) -> tuple[Row, ...] | None:
    """Return the rows with their bodies, which never change; None where one has been erased meanwhile.

    No more than 1 MB is fetched at once: drivers copy it.
    """
    sizes = {entry.content_id: entry.size for entry in entries}
    found: dict[int, bytes] = {}
    for batch in batches(sizes):
        for part in _parts(batch, sizes):
            query = select(content.c.id, content.c.body).where(content.c.id.in_(part))
            found.update((id, bytes(body)) for id, body in connection.execute(query))
    if not all(found.get(id) for id in sizes):
        return None
    return tuple(replace(entry.row, body=found[entry.content_id]) for entry in entries)


def _parts(ids: Sequence[int], sizes: Mapping[int, int]) -> Iterator[Sequence[int]]:
    start = total = 0
    for n, id in enumerate(ids):
        total += sizes[id]
        if total > _FETCHED_BYTES and n > start:
            yield ids[start:n]
            start, total = n, sizes[id]
    yield ids[start:]


def _select(connection: Connection, query: Query, standing: Collection[int]) -> Select[Any]:
    conditions = [
        *_visible(connection, release, query, standing),
        *_window(query),
        *_filters(connection, query, standing),
    ]
    columns = (_C[name] for name in _ROW)
    return select(*columns).where(*conditions).order_by(_C.position).limit(query.limit + 1)


def _visible(
    connection: Connection, table: Any, query: Query, standing: Collection[int]
) -> Iterable[ColumnElement[bool]]:
    """The rows of the reader's ledger that stand for it; its own submissions always do (policy 2.7)."""
    yield table.c.recipient == query.reader.nation
    yield table.c.withdrawn_at.is_(None)
    stands = among(connection, table.c.justification_id, standing)
    yield or_(stands, table.c.member == query.reader.member)


def _window(query: Query) -> Iterable[ColumnElement[bool]]:
    if query.added_after is not None:
        yield _C.position > _last_position(query.reader.nation, query.added_after)


def _last_position(recipient: NationCode, instant: datetime) -> ColumnElement[int]:
    """The position of the last row that is not after `instant`; dates grow with positions."""
    earlier = release.alias("earlier_row").c
    is_before = and_(earlier.recipient == recipient, earlier.date_added <= to_microseconds(instant))
    last = select(earlier.position).where(is_before).order_by(earlier.date_added.desc()).limit(1)
    return func.coalesce(last.scalar_subquery(), 0)


def _filters(
    connection: Connection, query: Query, standing: Collection[int]
) -> Iterable[ColumnElement[bool]]:
    if "2.1" not in query.spec_versions:
        yield false()
    if query.origin is not None:
        yield _C.origin == query.origin
    if query.ids:
        yield _C.stix_id.in_(sorted(query.ids))
    if query.types:
        yield _C.type.in_(sorted(query.types))
    if VersionFilter.ALL not in query.selections:
        yield or_(*_versions(connection, query, standing))


def _versions(
    connection: Connection, query: Query, standing: Collection[int]
) -> Iterable[ColumnElement[bool]]:
    if VersionFilter.LAST in query.selections:
        yield _C.is_newest.is_(True)
    if query.versions:
        yield _C.version_key.in_(sorted(query.versions))
    if VersionFilter.FIRST in query.selections:
        earlier = release.alias("earlier")
        same_record = (earlier.c.member == _C.member, earlier.c.stix_id == _C.stix_id)
        is_before = earlier.c.version_key < _C.version_key
        yield ~exists().where(*_visible(connection, earlier, query, standing), *same_record, is_before)
