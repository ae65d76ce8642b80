"""A member reads: one range of its nation's ledger, as what binds at this moment lets it see."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from hub.actions.access import authenticate
from hub.actions.service.in_force import VisibleJustifications
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.errors import BadCursor, Unauthenticated, Unavailable
from hub.model import (
    Disclosed,
    Page,
    Query,
    Reader,
    Row,
    VersionFilter,
    from_microseconds,
    to_microseconds,
)
from hub.proofs import cursors
from hub.proofs.canonical import canonical
from hub.store.database.connection import Connection
from hub.store.ledger import pages
from hub.store.ledger.pages import PageEntries, PageRequest

_NONCE_BYTES: Final = 12
_TRIES: Final = 20  # while agreements begin and end, each of some milliseconds
_MOVES: Final = "Agreements or objects change faster than this page can be read; try again."
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_MAX_FILTERS_BYTES: Final = 1_200  # the cursor stays below 2,048 characters
_MISMATCH: Final = "next: this cursor was given for another query; start again without it."
_TOO_LONG: Final = "next: the filters are too long for the cursor to hold: repeat them beside it."


def objects(service: Service, query: Query, kind: Disclosed = Disclosed.OBJECTS) -> Page:
    """Return a page of objects with their bodies (TAXII 2.1 section 5.4), on record as disclosed.

    One statement says who asks, what stands for the reader and which rows, and records them; bodies never
    change, and are read afterwards. Raises Unauthenticated for a reader whose token is not good any more.
    """
    for _ in range(_TRIES):
        told = _tell(service, query, kind, service.limits.page_bytes)
        rows = _bodies(service, told) if told.entries else ()
        if rows is not None:
            return Page(rows, told.more)
    raise Unavailable(_MOVES)


def manifest(service: Service, query: Query, kind: Disclosed = Disclosed.MANIFEST) -> Page:
    """Return a page of rows without bodies (TAXII 2.1 sections 5.3 and 5.8), on record as disclosed."""
    told = _tell(service, query, kind, None)
    return Page(tuple(entry.row() for entry in told.entries), told.more)


def exists(service: Service, query: Query) -> bool:
    """Tell whether `query` selects anything. Nothing of it is disclosed."""
    with service.store.read() as connection:
        visible = _visible(service, connection, query.reader)
        return bool(pages.manifest(connection, replace(query, limit=1), visible.ids).rows)


def _bodies(service: Service, told: PageEntries) -> tuple[Row, ...] | None:
    with service.store.read() as connection:
        return pages.bodies(connection, told)


def _tell(service: Service, query: Query, kind: Disclosed, max_bytes: int | None) -> PageEntries:
    """Return the rows of a page, on record; asked again where what the process took to stand did not."""
    visible = service.in_force.latest(query.reader)
    for _ in range(_TRIES):
        if visible is None:
            with service.store.read() as connection:
                visible = _visible(service, connection, query.reader)
        ask = PageRequest(query, kind, max_bytes, *visible)
        told = service.disclosures.tell(service.store, ask)
        if not told.is_admitted:
            raise Unauthenticated(authenticate.REFUSAL)
        if told.is_current:
            if told.entries:
                last = told.entries[-1]
                date = from_microseconds(last.date_added)
                service.store.memory.note_page(query.reader.nation, last.position, date, told.epoch)
            return told
        visible = None
    raise Unavailable(_MOVES)


def _visible(service: Service, connection: Connection, reader: Reader) -> VisibleJustifications:
    """Return what stands at the moment by which the statement that reads a page would judge now."""
    return service.in_force.visible(connection, reader, present(service, connection, reader.nation))


def seal_cursor(service: Service, query: Query, page: Page, resource: Disclosed = Disclosed.OBJECTS) -> str:
    """Return the `next` that continues `query` behind the last row of `page`, opaque to its holder.

    It continues the `resource` that the page belongs to, and no other.
    """
    fields = {
        "after": to_microseconds(page.rows[-1].date_added),
        **_place(query, resource),
        "filters": _filters(query),
    }
    return cursors.seal(service.secrets.cursor_key, fields, secrets.token_bytes(_NONCE_BYTES))


def open_cursor(  # (hub/README: cursor-goes-on)
    service: Service,
    query: Query,
    text: str,
    resource: Disclosed = Disclosed.OBJECTS,
    *,
    is_filtered: bool = True,
) -> Query:
    """Return `query` continued where `text` says.

    A query that is not filtered, but for ids that its path names, has the filters of the cursor. Raises
    BadCursor for a cursor of another reader, collection, resource or filter, and for an altered one. The
    limit may change from page to page; `added_after` may be left out, repeated or later: a page lies behind
    both.
    The cursor holds a date, as unique as a position: a database that was restored gives positions again,
    dates never.
    """
    fields = cursors.unseal(service.secrets.cursor_key, text)
    after, filters = fields.pop("after", None), fields.pop("filters", None)
    if fields != _place(query, resource) or not isinstance(after, int):
        raise BadCursor(_MISMATCH)
    if not is_filtered:
        query = _filtered(query, filters)
    if filters not in (_filters(query), _digest(query)):
        raise BadCursor(_MISMATCH)
    return replace(query, added_after=max(from_microseconds(after), query.added_after or _LONG_AGO))


def _place(query: Query, resource: Disclosed) -> dict[str, str]:
    place = {"reader": query.reader.member, "origin": query.origin or "*"}
    return place if resource is Disclosed.OBJECTS else place | {"resource": resource.value}


def _filters(query: Query) -> list[list[str]] | str:
    """Return the filters as a cursor holds them: themselves, or their digest where they are long."""
    filters = _lists(query)
    return filters if len(canonical(filters)) <= _MAX_FILTERS_BYTES else _digest(query)


def _digest(query: Query) -> str:
    return hashlib.sha256(canonical(_lists(query))).hexdigest()


def _lists(query: Query) -> list[list[str]]:
    filters = (query.ids, query.types, query.versions, query.selections, query.spec_versions)
    return [sorted(values) for values in filters]


def _filtered(query: Query, filters: Any) -> Query:
    """Return `query` with the filters that a cursor holds, within the ids that it has already."""
    if not isinstance(filters, list):
        raise BadCursor(_TOO_LONG)
    ids, types, versions, selections, spec_versions = map(frozenset, filters)
    return replace(
        query,
        ids=query.ids or ids,
        types=types,
        versions=versions,
        selections=frozenset(map(VersionFilter, selections)),
        spec_versions=spec_versions,
    )
