"""The bodies and the names of the rows of a recorded page: kept ones, and the rest from the database.

INVARIANT: the disclosure is committed before. A row's body and names never change, so no lock and no common
snapshot is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import TypeVar, cast

from hub.actions.service.kept import KeptValues
from hub.actions.service.service import Service
from hub.model import NationCode, RowNames
from hub.store.database.statements import Ask
from hub.store.ledger import pages
from hub.store.ledger.pages import PageEntries, RowKey

Key = TypeVar("Key")
Value = TypeVar("Value")


def bodies(service: Service, page: PageEntries) -> list[bytes] | None:
    """Return the bodies of the rows, in order; None: a body was erased, or another epoch has begun."""
    rows, is_postgresql = page.columns, not service.store.is_sqlite
    sizes = dict(zip(rows.contents, rows.sizes, strict=True))

    def read(ask: Ask, ids: Sequence[int]) -> Mapping[int, bytes] | None:
        return pages.bodies(ask, page.epoch, {id: sizes[id] for id in ids}, is_postgresql=is_postgresql)

    return _found(service, service.kept.of(page.epoch).bodies, rows.contents, read)


def names(service: Service, nation: NationCode, page: PageEntries) -> list[RowNames] | None:
    """Return the names of the rows of the nation's ledger, in order; None: another epoch has begun."""
    is_postgresql = not service.store.is_sqlite
    keys = [*map(RowKey, repeat(nation), page.columns.positions)]

    def read(ask: Ask, rows: Sequence[RowKey]) -> Mapping[RowKey, RowNames] | None:
        return pages.names(ask, page.epoch, rows, is_postgresql=is_postgresql)

    return _found(service, service.kept.of(page.epoch).names, keys, read)


def _found(
    service: Service,
    kept: KeptValues[Key, Value],
    keys: Sequence[Key],
    read: Callable[[Ask, Sequence[Key]], Mapping[Key, Value] | None],
) -> list[Value] | None:
    """Return the value of each key. `read` reads values that are not kept; None: a value is not there."""
    found = kept.find(keys)
    if all(found):
        return cast(list[Value], found)
    missing = [key for key, one in zip(keys, found, strict=True) if one is None]
    others = read(service.store.ask, missing)
    if others is None:
        # Once more in a transaction: it closes a session to a server that was left behind.
        with service.store.read() as connection:
            others = read(lambda statement, given: statement.rows(connection, given), missing)
    if others is None:
        return None
    kept.keep(others)
    return [others[key] if one is None else one for key, one in zip(keys, found, strict=True)]
