"""A poll: who asks, what stands, and one range of a ledger, read and recorded in one statement."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from hub.model import (
    Disclosed,
    Disclosure,
    Form,
    NationCode,
    Page,
    Query,
    Row,
    StixId,
    from_microseconds,
    to_microseconds,
)
from hub.store.database import epochs
from hub.store.database.moments import Clock, now
from hub.store.ledger import disclosures, page_statements
from hub.store.ledger.page_statements import Shape, listed, values
from hub.store.schema.tables import release

_C = release.c
_FETCHED_BYTES: Final = 1_048_576


class PageRequest(NamedTuple):
    """What a page is asked with: who asks, for what, and what the process takes to stand.

    `valid` are the ids of the justifications that hold for the reader; it is right for the `generation` of
    this `epoch`, while no justification above `last` has come, from `since` until before `until`.
    """

    query: Query
    kind: Disclosed
    max_bytes: int | None  # of bodies; None: they do not leave
    valid: Collection[int]
    epoch: str
    generation: int
    last: int
    since: datetime
    until: datetime


class Entry(NamedTuple):
    """A row of a page, and where its body is; `date_added` in microseconds since 1970."""

    position: int
    date_added: int
    stix_id: str
    version: str
    content_id: int
    size: int

    def row(self, body: bytes = b"") -> Row:
        """Return it as it leaves."""
        date = from_microseconds(self.date_added)
        return Row(self.position, date, StixId(self.stix_id), self.version, body)


class PageEntries(NamedTuple):
    """What a page holds, on record. Without `is_admitted` or `is_current` it holds nothing."""

    is_admitted: bool  # the token and its member are good
    is_current: bool  # what the process took to stand does
    entries: Sequence[Entry] = ()
    more: bool = False
    epoch: str = ""  # in which the numbers of the entries mean what they do


def tell(connection: Connection, ask: PageRequest, clock: Clock | None = None) -> PageEntries:
    """Return the next rows that a reader asks for, and record their disclosure, in one statement.

    It says who asks, what stands and which rows, of one moment, and takes no lock. The transaction is one
    that writes, and nothing of the page may leave before it is committed; an empty page records nothing. A
    page ends after `query.limit` rows or `max_bytes` bytes, whichever comes first, and holds one at least.
    """
    given = _values(connection, ask, clock)
    is_timed, is_cut = given["clock"] is not None, ask.max_bytes is not None
    text = page_statements.page(connection, ask.query, is_cut=is_cut, is_timed=is_timed)
    rows = text.rows(connection, given)
    is_admitted, is_current, now, revision, found, *first = rows[0]
    if first[0] is None:
        return PageEntries(bool(is_admitted), bool(is_current))
    entries = [Entry(*row[5:]) for row in rows]
    if connection.dialect.name == "sqlite":  # its INSERT takes no rows from a SELECT that returns them
        reader = ask.query.reader
        positions = tuple(entry.position for entry in entries)
        place = (reader.member, reader.nation, from_microseconds(now), ask.kind)
        disclosures.add(connection, Disclosure(*place, positions, revision, ask.generation, ask.epoch))
    more = found > len(entries)
    return PageEntries(is_admitted=True, is_current=True, entries=entries, more=more, epoch=ask.epoch)


def is_empty(connection: Connection, ask: PageRequest, clock: Clock | None = None) -> bool | None:
    """Tell whether a page would hold nothing; None where the reader, or what stands, is another."""
    given = _values(connection, ask, clock)
    text = page_statements.emptiness(connection, ask.query, is_timed=given["clock"] is not None)
    ((is_admitted, is_current, is_there),) = text.rows(connection, given)
    return not is_there if is_admitted and is_current else None


def _values(connection: Connection, ask: PageRequest, clock: Clock | None) -> dict[str, Any]:
    """Return what the statement is given; the present where its database has no clock of its own to ask."""
    is_timed = clock is not None or connection.dialect.name == "sqlite"
    return values(connection, ask.query, ask.valid) | {
        "clock": to_microseconds(now(connection, clock)) if is_timed else None,
        "token": ask.query.reader.token,
        "kind": ask.kind.value,
        "max_bytes": ask.max_bytes,
        "epoch": ask.epoch,
        "generation": ask.generation,
        "last": ask.last,
        "since": to_microseconds(ask.since),
        "until": to_microseconds(ask.until),
    }


def bodies(connection: Connection, told: PageEntries) -> tuple[Row, ...] | None:
    """Return the rows with their bodies, which never change; None where one has been erased meanwhile.

    None, too, where another epoch has begun, in which their numbers may be those of other objects. No more
    than 1 MB is fetched at once: drivers copy it.
    """
    entries = told.entries
    if epochs.state_of(connection).epoch != told.epoch:
        return None
    sizes = {entry.content_id: entry.size for entry in entries}
    text, is_postgresql = page_statements.bodies(connection), connection.dialect.name == "postgresql"
    found: dict[int, bytes] = {}
    for part in _parts(list(sizes), sizes):
        rows = text.rows(connection, {"ids": listed(is_postgresql, part)})
        found.update((id, bytes(body)) for id, body in rows)
    if not all(map(found.get, sizes)):
        return None
    return tuple(entry.row(found[entry.content_id]) for entry in entries)


def _parts(ids: Sequence[int], sizes: Mapping[int, int]) -> Iterator[Sequence[int]]:
    start = total = 0
    for n, id in enumerate(ids):
        total += sizes[id]
        if total > _FETCHED_BYTES and n > start:
            yield ids[start:n]
            start, total = n, sizes[id]
    yield ids[start:]


# --- looked at without being given -----------------------------------------------------------------


def manifest(connection: Connection, query: Query, valid: Collection[int]) -> Page:
    """Return the rows that `query` selects, without bodies and unrecorded: they are not to leave."""
    shape = Shape.of(connection, query)
    statement = page_statements.rows(shape, *(_C[name] for name in page_statements.ROW))
    statement = statement.order_by(_C.position).limit(query.limit + 1)
    found = connection.execute(statement, values(connection, query, valid)).all()
    entries = [Entry(*row).row() for row in found[: query.limit]]
    return Page(tuple(entries), more=len(found) > query.limit)


class ServedRow(NamedTuple):
    """A row that a reader is served: its id, of which version, by its key, from where, and in which form."""

    id: StixId
    version: int
    origin: NationCode
    form: Form


def served(connection: Connection, query: Query, valid: Collection[int]) -> list[ServedRow]:
    """Return every row that `query` selects; no limit counts."""
    columns = (_C.stix_id, _C.version_id, _C.origin, _C.rendition)
    statement = page_statements.rows(Shape.of(connection, query), *columns)
    found = connection.execute(statement, values(connection, query, valid))
    return [ServedRow(StixId(id), key, NationCode(origin), Form.of(form)) for id, key, origin, form in found]
