"""A poll: one range of a ledger, filtered by what stands for the reader, then cut to a page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, exists, false, or_, select

from hub.model import (
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
from hub.store.batches import among, batches
from hub.store.tables import content, release

_C = release.c
_FETCHED_BYTES: Final = 1_048_576


def page(connection: Connection, query: Query, standing: Collection[int], max_bytes: int) -> Page:
    """Return the next rows that `query` selects, with bodies, in order of position.

    `standing` are the ids of the justifications that hold for the reader. A page ends after
    `query.limit` rows or `max_bytes` bytes of bodies, whichever comes first, but never empty.
    """
    found = _select(connection, query, standing)
    fitting = _fitting(found[: query.limit], max_bytes)
    bodies = _bodies(connection, {row.content_id: row.size for row in fitting})
    rows = tuple(_row(row, bodies[row.content_id]) for row in fitting)
    return Page(rows, more=len(found) > len(rows))


def manifest(connection: Connection, query: Query, standing: Collection[int]) -> Page:
    """Return the same rows as `page`, without bodies and bounded in number alone."""
    found = _select(connection, query, standing)
    return Page(tuple(_row(row, b"") for row in found[: query.limit]), more=len(found) > query.limit)


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


def _row(row: Any, body: bytes) -> Row:
    return Row(row.position, from_microseconds(row.date_added), StixId(row.stix_id), row.version, body)


def _fitting(rows: Sequence[Any], max_bytes: int) -> Sequence[Any]:
    total = 0
    for n, row in enumerate(rows):
        total += row.size
        if total > max_bytes and n > 0:
            return rows[:n]
    return rows


def _bodies(connection: Connection, sizes: Mapping[int, int]) -> dict[int, bytes]:
    """Return the bodies by the ids of `sizes`; no more than 1 MB is fetched at once: drivers copy it."""
    found: dict[int, bytes] = {}
    for batch in batches(sizes):
        for part in _parts(batch, sizes):
            query = select(content.c.id, content.c.body).where(content.c.id.in_(part))
            found.update((id, bytes(body)) for id, body in connection.execute(query))
    return found


def _parts(ids: Sequence[int], sizes: Mapping[int, int]) -> Iterator[Sequence[int]]:
    start = total = 0
    for n, id in enumerate(ids):
        total += sizes[id]
        if total > _FETCHED_BYTES and n > start:
            yield ids[start:n]
            start, total = n, sizes[id]
    yield ids[start:]


def _select(connection: Connection, query: Query, standing: Collection[int]) -> Sequence[Any]:
    columns = (_C.position, _C.date_added, _C.stix_id, _C.version, _C.content_id, _C.size)
    conditions = [
        *_visible(connection, release, query, standing),
        *_window(connection, query),
        *_filters(connection, query, standing),
    ]
    statement = select(*columns).where(*conditions).order_by(_C.position).limit(query.limit + 1)
    return connection.execute(statement).all()


def _visible(
    connection: Connection, table: Any, query: Query, standing: Collection[int]
) -> Iterable[ColumnElement[bool]]:
    """The rows of the reader's ledger that stand for it; its own submissions always do (policy 2.7)."""
    yield table.c.recipient == query.reader.nation
    yield table.c.withdrawn_at.is_(None)
    stands = among(connection, table.c.justification_id, standing)
    yield or_(stands, table.c.member == query.reader.member)


def _window(connection: Connection, query: Query) -> Iterable[ColumnElement[bool]]:
    if query.added_after is not None:
        yield _C.position > _last_position(connection, query.reader.nation, query.added_after)


def _last_position(connection: Connection, recipient: NationCode, instant: datetime) -> int:
    """Return the position of the last row that is not after `instant`; dates grow with positions."""
    is_before = and_(_C.recipient == recipient, _C.date_added <= to_microseconds(instant))
    last = select(_C.position).where(is_before).order_by(_C.date_added.desc()).limit(1)
    return connection.execute(last).scalar() or 0


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
