"""A member reads a page: a range of its nation's ledger, as visible by the agreements now in force."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from hub.actions.access import authenticate
from hub.actions.reading import contents
from hub.actions.service.in_force import VisibleJustifications
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.errors import BadCursor, Unauthenticated, Unavailable
from hub.model import (
    Disclosed,
    Page,
    Query,
    Reader,
    VersionFilter,
    from_microseconds,
)
from hub.proofs import cursors
from hub.proofs.canonical import canonical
from hub.store.database.connection import Connection
from hub.store.ledger import pages
from hub.store.ledger.pages import PageEntries, PageRequest

_NONCE_BYTES: Final = 12
_TRIES: Final = 20  # each takes milliseconds, and fails only if agreements or justifications change meanwhile
_MOVES: Final = "Agreements or objects change faster than this page can be read; try again."
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_MAX_FILTERS_BYTES: Final = 1_200  # the cursor stays below 2,048 characters
_MISMATCH: Final = "next: this cursor was given for another query; start again without it."
_TOO_LONG: Final = "next: the filters are too long for the cursor to hold: repeat them beside it."


def objects(service: Service, query: Query, kind: Disclosed = Disclosed.OBJECTS) -> Page:
    """Return a page of objects (TAXII 2.1 section 5.4), recorded as disclosed: bodies without names.

    Raises Unauthenticated for a token no longer valid, and Unavailable without the database or while
    agreements change too fast.
    """
    for _ in range(_TRIES):
        entries = _disclosed(service, query, kind, service.limits.page_bytes)
        found = contents.bodies(service, entries)
        if found is not None:
            rows = entries.columns
            return Page(
                rows.positions, rows.dates, entries.more, entries.epoch, contents=rows.contents, bodies=found
            )
    raise Unavailable(_MOVES)


def manifest(service: Service, query: Query, kind: Disclosed = Disclosed.MANIFEST) -> Page:
    """Return a page of names (TAXII 2.1 sections 5.3 and 5.8), recorded as disclosed: no bodies.

    Raises as `objects`.
    """
    for _ in range(_TRIES):
        entries = _disclosed(service, query, kind, None)
        found = contents.names(service, query.reader.nation, entries)
        if found is not None:
            rows = entries.columns
            return Page(rows.positions, rows.dates, entries.more, entries.epoch, names=found)
    raise Unavailable(_MOVES)


def exists(service: Service, query: Query) -> bool:
    """Return whether `query` selects a row. No row is returned, so no disclosure is recorded."""
    with service.store.read() as connection:
        visible = _visible(service, connection, query.reader)
        return pages.is_there(connection, query, visible.valid(query))


def _disclosed(service: Service, query: Query, kind: Disclosed, max_bytes: int | None) -> PageEntries:
    """Return the rows of a page with at most so many bytes of bodies, recorded as disclosed.

    The statement refuses visible justifications that are out of date; then the page is asked for again.
    """
    # The cache of this process comes first: most pages need one statement in all.
    visible = service.in_force.latest(query.reader)
    for _ in range(_TRIES):
        if visible is None:
            with service.store.read() as connection:
                visible = _visible(service, connection, query.reader)
        ask = PageRequest(query, kind, max_bytes, visible.valid(query), *visible[2:])
        entries = service.disclosures.disclose(service.store, ask)
        if not entries.is_admitted:
            service.known_tokens.forget(query.reader.token)
            raise Unauthenticated(authenticate.REFUSAL)
        if entries.is_current:
            if (rows := entries.columns).positions:
                # After COMMIT: the process remembers the last served row, to name a loss of the database.
                at = from_microseconds(rows.dates[-1])
                service.store.memory.note_page(query.reader.nation, rows.positions[-1], at, entries.epoch)
            return entries
        visible = None
    raise Unavailable(_MOVES)


def _visible(service: Service, connection: Connection, reader: Reader) -> VisibleJustifications:
    """Return the visible justifications at the present that the statement of a page would use."""
    return service.in_force.visible(connection, reader, present(service, connection, reader.nation))


def seal_cursor(service: Service, query: Query, page: Page, resource: Disclosed = Disclosed.OBJECTS) -> str:
    """Return the `next` that continues `query` behind the last row of `page`, sealed for the hub alone.

    The cursor is valid for the `resource` of the page, and no other.
    """
    fields = {
        "after": page.dates[-1],
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
    """Return `query`, continued behind the row of the cursor `text`.

    A query without filters, apart from ids in its path, gets the filters of the cursor. The limit may change
    from page to page. `added_after` may be absent, equal or later: the page begins behind both. Raises
    BadCursor for a cursor of another reader, collection, resource or filter, and for an altered cursor.
    """
    # The cursor has a date, not a position: a restored database gives positions again, dates never.
    fields = cursors.unseal(service.secrets.cursor_key, text)
    after, filters = fields.pop("after", None), fields.pop("filters", None)
    # INVARIANT: a cursor serves its own reader alone: one member must not continue another's query.
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
    """Return the filters for a cursor: as lists, or as a digest of long filters."""
    filters = _lists(query)
    return filters if len(canonical(filters)) <= _MAX_FILTERS_BYTES else _digest(query)


def _digest(query: Query) -> str:
    return hashlib.sha256(canonical(_lists(query))).hexdigest()


def _lists(query: Query) -> list[list[str]]:
    filters = (query.ids, query.types, query.versions, query.selections, query.spec_versions)
    return [sorted(values) for values in filters]


def _filtered(query: Query, filters: Any) -> Query:
    """Return `query` with the filters of a cursor; ids of the query itself stay."""
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
