"""A poll: admission, validity and one range of a ledger, read and recorded in one statement."""

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
_FETCHED_BYTES: Final = 1_048_576  # drivers copy what they fetch


class PageRequest(NamedTuple):
    """The request for a page: query, kind, size, and the process's memory of valid justifications.

    `valid` are the ids of the justifications that hold for the reader. The set is right for the `generation`
    of this `epoch`, until a justification above `last` comes, from `since` until before `until`.
    """

    query: Query
    kind: Disclosed
    max_bytes: int | None  # of bodies; None: bodies do not leave
    valid: Collection[int]
    epoch: str
    generation: int
    last: int
    since: datetime
    until: datetime


class Entry(NamedTuple):
    """A row of a page with the place of its body. `date_added` is in microseconds since 1970."""

    position: int
    date_added: int
    stix_id: str
    version: str
    content_id: int
    size: int

    def row(self, body: bytes = b"") -> Row:
        """Return the row as it leaves."""
        date = from_microseconds(self.date_added)
        return Row(self.position, date, StixId(self.stix_id), self.version, body)


class PageEntries(NamedTuple):
    """The recorded rows of a page. Without `is_admitted` or `is_current` the page has no rows."""

    is_admitted: bool  # the token and its member are valid
    is_current: bool  # the memory of the process is right (`PageRequest`)
    entries: Sequence[Entry] = ()
    more: bool = False
    epoch: str = ""  # positions and content ids mean something only within it


def read_and_record(connection: Connection, ask: PageRequest, clock: Clock | None = None) -> PageEntries:
    """Return the reader's next rows, and record their disclosure, in one statement.

    The statement decides admission, validity and rows at one moment, and takes no lock. `connection` is in a
    transaction that writes. An empty page is not recorded. A page ends after `query.limit` rows or
    `max_bytes` bytes, whichever comes first, and has one row at least.
    """
    # INVARIANT: nothing of a page leaves before this transaction's COMMIT. The caller waits for it
    # (storage.md, Read and recorded in one statement). Disclosures are evidence: no page leaves unrecorded.
    given = _values(connection, ask, clock)
    is_timed, is_cut = given["clock"] is not None, ask.max_bytes is not None
    text = page_statements.page(connection, ask.query, is_cut=is_cut, is_timed=is_timed)
    rows = text.rows(connection, given)
    is_admitted, is_current, now, revision, found, *first = rows[0]
    if first[0] is None:
        return PageEntries(bool(is_admitted), bool(is_current))
    entries = [Entry(*row[5:]) for row in rows]
    if connection.dialect.name == "sqlite":  # SQLite has no INSERT inside a SELECT
        # The transaction is `BEGIN IMMEDIATE`: nobody writes between the SELECT and this INSERT.
        reader = ask.query.reader
        positions = tuple(entry.position for entry in entries)
        place = (reader.member, reader.nation, from_microseconds(now), ask.kind)
        disclosures.add(connection, Disclosure(*place, positions, revision, ask.generation, ask.epoch))
    more = found > len(entries)
    return PageEntries(is_admitted=True, is_current=True, entries=entries, more=more, epoch=ask.epoch)


def is_empty(connection: Connection, ask: PageRequest, clock: Clock | None = None) -> bool | None:
    """Return whether a page would have no rows; None: not admitted, or the memory is not valid."""
    # An empty page discloses nothing, so this needs no record and no COMMIT.
    given = _values(connection, ask, clock)
    text = page_statements.emptiness(connection, ask.query, is_timed=given["clock"] is not None)
    ((is_admitted, is_current, is_there),) = text.rows(connection, given)
    return not is_there if is_admitted and is_current else None


def _values(connection: Connection, ask: PageRequest, clock: Clock | None) -> dict[str, Any]:
    """Return the values of the statement. On SQLite, and in tests, the clock is one of the values."""
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


def bodies(connection: Connection, page: PageEntries) -> tuple[Row, ...] | None:
    """Return the rows with their bodies; None: a body was erased, or another epoch has begun.

    Bodies never change. At most 1 MB is fetched at once, because drivers copy the bytes.
    """
    entries = page.entries
    # INVARIANT: a content id means something only within its epoch. In another epoch the same number may be
    # another nation's body.
    if epochs.state_of(connection).epoch != page.epoch:
        return None
    sizes = {entry.content_id: entry.size for entry in entries}
    text, is_postgresql = page_statements.bodies(connection), connection.dialect.name == "postgresql"
    found: dict[int, bytes] = {}
    for part in _parts(list(sizes), sizes):
        rows = text.rows(connection, {"ids": listed(is_postgresql, part)})
        found.update((id, bytes(body)) for id, body in rows)
    # A deletion may erase a body after the page was read. The caller reads the page again.
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


# --- read without disclosure -----------------------------------------------------------------


def manifest(connection: Connection, query: Query, valid: Collection[int]) -> Page:
    """Return the rows that `query` selects, without bodies. The result must not leave: it is not recorded."""
    shape = Shape.of(connection, query)
    statement = page_statements.rows(shape, *(_C[name] for name in page_statements.ROW))
    statement = statement.order_by(_C.position).limit(query.limit + 1)
    found = connection.execute(statement, values(connection, query, valid)).all()
    entries = [Entry(*row).row() for row in found[: query.limit]]
    return Page(tuple(entries), more=len(found) > query.limit)


class ServedRow(NamedTuple):
    """A row that a reader is served: made or original id, version key, origin and form."""

    id: StixId
    version: int
    origin: NationCode
    form: Form


def served(connection: Connection, query: Query, valid: Collection[int]) -> list[ServedRow]:
    """Return every row that `query` selects, without a limit."""
    columns = (_C.stix_id, _C.version_id, _C.origin, _C.rendition)
    statement = page_statements.rows(Shape.of(connection, query), *columns)
    found = connection.execute(statement, values(connection, query, valid))
    return [ServedRow(StixId(id), key, NationCode(origin), Form.of(form)) for id, key, origin, form in found]
