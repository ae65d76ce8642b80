"""A member reads: one range of its nation's ledger, as what binds at this moment lets it see."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from typing import Any, Final

from hub.actions.house import House
from hub.errors import BadCursor
from hub.model import Page, Query, format_instant
from hub.proofs import cursors
from hub.proofs.canonical import canonical
from hub.store import pages, releases
from hub.store.connection import Connection

_NONCE_BYTES: Final = 12
_MISMATCH: Final = "next: this cursor was given for another query; start again without it."


def objects(house: House, query: Query) -> Page:
    """Return a page of objects with their bodies (TAXII 2.1 section 5.4).

    One snapshot: the agreements in force by the clock, the justifications that stand for the reader,
    the rows. Every row of the page was visible to the reader at that moment.
    """
    with house.store.read() as connection:
        standing = _standing(house, connection, query)
        return pages.page(connection, query, standing, house.limits.page_bytes)


def manifest(house: House, query: Query) -> Page:
    """Return a page of rows without bodies (TAXII 2.1 section 5.3); also what `versions` is made of."""
    with house.store.read() as connection:
        standing = _standing(house, connection, query)
        return pages.manifest(connection, query, standing)


def _standing(house: House, connection: Connection, query: Query) -> tuple[int, ...]:
    """Return the justifications that hold for the reader now.

    Never earlier than the last row of its ledger: were the clock to step back, a row whose period had
    begun would be passed over now and stand, behind the poller's cursor, when the clock caught up.
    """
    now = max(house.clock(), releases.last_date(connection, query.reader.nation))
    return house.bindings.standing(connection, query.reader, now)


def seal_cursor(house: House, query: Query, page: Page) -> str:
    """Return the `next` that continues `query` behind the last row of `page`, opaque to its holder."""
    fields = {"position": page.rows[-1].position, **_binding(query)}
    return cursors.seal(house.secrets.cursor_key, fields, secrets.token_bytes(_NONCE_BYTES))


def open_cursor(house: House, query: Query, text: str) -> Query:
    """Return `query` continued where `text` says.

    Raises BadCursor for a cursor of another reader, collection or filter, and for an altered one.
    The limit may change from page to page; `added_after` may be left out or repeated.
    """
    fields = cursors.unseal(house.secrets.cursor_key, text)
    expected = _binding(query)
    if query.added_after is None:
        expected["added_after"] = fields.get("added_after")
    position = fields.pop("position", None)
    if fields != expected or not isinstance(position, int):
        raise BadCursor(_MISMATCH)
    return replace(query, after_position=position)


def _binding(query: Query) -> dict[str, Any]:
    """Return what a cursor is bound to; the filters as a digest, so that it stays short."""
    filters = [
        sorted(query.ids),
        sorted(query.types),
        sorted(query.versions),
        sorted(query.selections),
        sorted(query.spec_versions),
    ]
    return {
        "reader": query.reader.member,
        "origin": query.origin or "*",
        "added_after": "" if query.added_after is None else format_instant(query.added_after),
        "filters": hashlib.sha256(canonical(filters)).hexdigest(),
    }
