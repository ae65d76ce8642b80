"""A poll: admission, validity and one range of a ledger, read and recorded in one statement."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import accumulate, repeat
from operator import ge
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Connection

from hub.model import (
    Disclosed,
    Form,
    Kind,
    NationCode,
    Query,
    RowNames,
    StixId,
    to_microseconds,
)
from hub.store.database.moments import Clock, of_machine
from hub.store.database.statements import Ask, Statement, carried
from hub.store.ledger import disclosures, page_statements
from hub.store.ledger.page_statements import KEYS, Shape

_FETCHED_BYTES: Final = 1_048_576  # drivers copy what they fetch
_NO_ID: Final = -1  # the justification of no row
_KINDS: Final = {kind.clearance: kind.value for kind in Kind}


class Valid(NamedTuple):
    """The visible justifications of a query, and of its reader's own rows those that do not hold."""

    ids: Sequence[int]
    own: Sequence[int] = ()


class PageRequest(NamedTuple):
    """The request for a page: query, kind, size, and the process's memory of valid justifications.

    `valid` holds for the reader. It is right for the `generation` of this `epoch` and this `configuration`,
    until a justification above `last`, or an own one above `last_own`, comes, from `since` until before
    `until`. None as `max_bytes`: bodies do not leave.
    """

    query: Query
    kind: Disclosed
    max_bytes: int | None
    valid: Valid
    epoch: str
    configuration: int
    generation: int
    last: int
    last_own: int
    since: datetime
    until: datetime


class Columns(NamedTuple):
    """The keys of a page's rows by columns, in order of position. Dates are in microseconds since 1970."""

    # Columns, not rows: a page has a thousand rows, and its reader asks for a few of the columns.
    positions: Sequence[int] = ()
    dates: Sequence[int] = ()
    contents: Sequence[int] = ()
    sizes: Sequence[int] = ()

    @classmethod
    def of(cls, lists: Sequence[Any]) -> Columns:
        """Return the columns of the lists of a driver: JSON texts, arrays, or None for no rows."""
        columns = _read_lists(lists)
        positions = columns[0]
        # INVARIANT: a page is in order, and its last row is the place of its cursor (I4). Databases promise
        # no order of the values in an aggregate, so the order is examined.
        if any(map(ge, positions, positions[1:])):
            columns = [*zip(*sorted(zip(*columns, strict=True)), strict=True)]
        return cls(*columns)

    def first(self, count: int) -> Columns:
        """Return the first `count` rows."""
        return self if count >= len(self.positions) else Columns(*(column[:count] for column in self))


class PageEntries(NamedTuple):
    """The recorded rows of a page. Without `is_admitted` or `is_current` the page has no rows."""

    is_admitted: bool  # the token and its member are valid
    is_current: bool  # the memory of the process is right (`PageRequest`)
    columns: Columns = Columns()
    more: bool = False
    epoch: str = ""  # positions and content ids mean something only within it


def read_and_record(
    ask: Ask, request: PageRequest, clock: Clock | None = None, *, is_postgresql: bool
) -> PageEntries:
    """Return the reader's next rows, and record their disclosure, in one statement.

    The statement decides admission, validity and rows at one moment, and takes no lock. `ask` runs a
    statement in a transaction that writes. An empty page is not recorded. A page ends after `query.limit`
    rows or `max_bytes` bytes, whichever comes first, and has one row at least.
    """
    # INVARIANT: nothing of a page leaves before this transaction's COMMIT. The caller waits for it
    # (storage.md, Read and recorded in one statement). Disclosures are evidence: no page leaves unrecorded.
    if not is_postgresql:
        return _read_and_record_on_sqlite(ask, request, clock)
    shape, given = _given(request, is_postgresql=True)
    given["clock"] = None if clock is None else to_microseconds(clock())
    is_cut, is_timed = request.max_bytes is not None, clock is not None
    (row,) = ask(page_statements.recorded_page(shape, is_cut=is_cut, is_timed=is_timed), given)
    is_admitted, is_current, found, *lists = row
    rows = Columns.of(lists[: len(KEYS)])
    return PageEntries(is_admitted, is_current, rows, found > len(rows.positions), request.epoch)


def _read_and_record_on_sqlite(ask: Ask, request: PageRequest, clock: Clock | None) -> PageEntries:
    # SQLite has no INSERT inside a SELECT. The transaction is `BEGIN IMMEDIATE`: nobody writes between these
    # statements, so they are one moment.
    shape, given = _given(request, is_postgresql=False)
    given["clock"] = to_microseconds(of_machine(clock))
    moment = page_statements.moment(is_postgresql=False, is_timed=True)
    ((is_admitted, is_current, at, revision),) = ask(moment, given)
    if not (is_admitted and is_current):
        return PageEntries(bool(is_admitted), bool(is_current))
    (lists,) = ask(page_statements.rows(shape), given)
    found = Columns.of(lists)
    rows = found.first(_count(found.sizes, request.query.limit, request.max_bytes))
    if rows.positions:
        given |= {"at": at, "revision": revision, "runs": disclosures.encode(rows.positions)}
        given |= {"first_position": rows.positions[0], "last_position": rows.positions[-1]}
        ask(page_statements.recorded(), given)
    more = len(found.positions) > len(rows.positions)
    return PageEntries(is_admitted=True, is_current=True, columns=rows, more=more, epoch=request.epoch)


def _read_lists(lists: Sequence[Any]) -> list[Sequence[Any]]:
    return [orjson.loads(one) if isinstance(one, str) else one or () for one in lists]


def _count(sizes: Sequence[int], limit: int, max_bytes: int | None) -> int:
    """Return the number of rows of a page: at most so many rows and bytes, but one row at least."""
    sizes = sizes[:limit]
    if max_bytes is None or sum(sizes) <= max_bytes:
        return len(sizes)
    return max(sum(total <= max_bytes for total in accumulate(sizes)), 1)


def emptiness(ask: PageRequest, clock: Clock | None, *, is_postgresql: bool) -> tuple[Statement, Any]:
    """Return the statement that says whether a page would have rows, and its values.

    Its one row: admitted, current, has rows. An empty page discloses nothing, so this needs no record, no
    transaction and no COMMIT.
    """
    shape, given = _given(ask, is_postgresql=is_postgresql)
    is_timed = clock is not None or not is_postgresql
    given["clock"] = to_microseconds(of_machine(clock)) if is_timed else None
    return page_statements.emptiness(shape, is_timed=is_timed), given


def _given(ask: PageRequest, *, is_postgresql: bool) -> tuple[Shape, dict[str, Any]]:
    """Return the shape of a page's statement, and the values but for `clock`."""
    shape, given = _selected(ask.query, ask.valid, is_postgresql=is_postgresql)
    reader = ask.query.reader
    return shape, given | {
        "token": reader.token,
        "member_kind": _KINDS[reader.clearance],
        "kind": ask.kind.value,
        "size_limit": ask.max_bytes,
        "epoch": ask.epoch,
        "configuration": ask.configuration,
        "generation": ask.generation,
        "last": ask.last,
        "last_own": ask.last_own,
        "since": to_microseconds(ask.since),
        "until": to_microseconds(ask.until),
    }


def _selected(query: Query, valid: Valid, *, is_postgresql: bool) -> tuple[Shape, dict[str, Any]]:
    """Return the shape and the values that select the rows of a query."""
    shape = Shape.of(query, len(valid.ids), is_postgresql=is_postgresql, has_own=bool(valid.own))
    ids = [*valid.ids, *[_NO_ID] * (shape.ranges - len(valid.ids))]
    given: dict[str, Any] = {
        "nation": query.reader.nation,
        "member": query.reader.member,
        "after": 0 if query.added_after is None else to_microseconds(query.added_after),
        "page_limit": query.limit,
        # One row more than the limit: its presence says that more rows follow (`more` of TAXII 2.1, 3.7).
        # The hub holds STIX 2.1 alone.
        "wanted": query.limit + 1 if "2.1" in query.spec_versions else 0,
    }
    if shape.ranges and not is_postgresql:
        given |= {f"one{n}": id for n, id in enumerate(ids)}
    lists: dict[str, Collection[Any]] = {
        "valid": ids,
        "own": valid.own,
        "ids": sorted(query.ids),
        "types": sorted(query.types),
        "versions": sorted(query.versions),
    }
    return shape, given | {name: carried(one, is_postgresql=is_postgresql) for name, one in lists.items()}


def bodies(ask: Ask, epoch: str, sizes: Mapping[int, int], *, is_postgresql: bool) -> dict[int, bytes] | None:
    """Return the bodies of these contents, given with their sizes, by content id.

    None: a body was erased, or another epoch has begun. Bodies never change, so no transaction is needed. At
    most 1 MB is fetched at once, because drivers copy the bytes. `ask` runs a statement.
    """
    statement = page_statements.bodies(is_postgresql=is_postgresql)
    found: dict[int, bytes] = {}
    for part in _parts(list(sizes), sizes):
        given = {"contents": carried(part, is_postgresql=is_postgresql), "epoch": epoch}
        found.update(ask(statement, given))
    # A deletion may erase a body after the page was read. The caller reads the page again.
    return found if all(map(found.get, sizes)) else None


class RowKey(NamedTuple):
    """The place of a row. In one epoch a position never changes its version, nor its form."""

    nation: NationCode
    position: int


def names(
    ask: Ask, epoch: str, rows: Sequence[RowKey], *, is_postgresql: bool
) -> dict[RowKey, RowNames] | None:
    """Return the names of these rows of one nation's ledger; None: another epoch has begun.

    `ask` runs a statement.
    """
    statement, nation = page_statements.names(is_postgresql=is_postgresql), rows[0].nation
    positions = carried([row.position for row in rows], is_postgresql=is_postgresql)
    (lists,) = ask(statement, {"nation": nation, "epoch": epoch, "positions": positions})
    places, *columns = _read_lists(lists)
    found = dict(zip(map(RowKey, repeat(nation), places), map(RowNames, *columns), strict=True))
    return found if all(map(found.get, rows)) else None


def _parts(ids: Sequence[int], sizes: Mapping[int, int]) -> Iterator[Sequence[int]]:
    start = total = 0
    for n, id in enumerate(ids):
        total += sizes[id]
        if total > _FETCHED_BYTES and n > start:
            yield ids[start:n]
            start, total = n, sizes[id]
    yield ids[start:]


# --- read without disclosure -----------------------------------------------------------------


def is_there(connection: Connection, query: Query, valid: Valid) -> bool:
    """Return whether `query` selects a row."""
    shape, given = _selected(
        replace(query, limit=0), valid, is_postgresql=connection.dialect.name == "postgresql"
    )
    ((positions, *_),) = page_statements.rows(shape).rows(connection, given)
    return bool(_read_lists([positions])[0])


class ServedRow(NamedTuple):
    """A row that a reader is served: made or original id, version key, origin and form."""

    id: StixId
    version: int
    origin: NationCode
    form: Form


def served(connection: Connection, query: Query, valid: Valid) -> list[ServedRow]:
    """Return every row that `query` selects, without a limit."""
    shape, given = _selected(query, valid, is_postgresql=connection.dialect.name == "postgresql")
    found = page_statements.served(shape).rows(connection, given)
    return [ServedRow(StixId(id), key, NationCode(origin), Form.of(form)) for id, key, origin, form in found]
