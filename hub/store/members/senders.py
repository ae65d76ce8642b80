"""Token, member and key of a request: one statement each, before and within its transaction."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, bindparam, func, null, select, true

from hub.model import Member, RegisteredKey
from hub.store.database import epochs
from hub.store.database.connection import Store
from hub.store.database.prepared import Prepared
from hub.store.database.statements import Statement
from hub.store.members.members import StoredToken, key_of, member_of, token_of
from hub.store.schema import tables

_KINDS: Final = {"asked": str}
_TokenRow = namedtuple("_TokenRow", [column.name for column in tables.token.c])  # type: ignore[misc] # by the table
_SenderRow = namedtuple("_SenderRow", [column.name for column in tables.member.c])  # type: ignore[misc] # by the table
_KeyRow = namedtuple("_KeyRow", [column.name for column in tables.key.c])  # type: ignore[misc] # by the table
_KEY_BEGINS: Final = len(_TokenRow._fields) + len(_SenderRow._fields)

Found = tuple[StoredToken, Member]


def token(store: Store, public_id: str) -> tuple[Found | None, datetime]:
    """Return the token with this public id and its member, valid or not, and the present.

    None: no such token. The member has no further identities. Raises as `Store.read`.
    """
    now, (row,) = store.look(_token(is_postgresql=not store.is_sqlite), {"asked": public_id})
    return _token_in(row[epochs.WIDTH :]), now


def key(store: Store, thumbprint: str) -> tuple[RegisteredKey | None, datetime]:
    """Return the key with this RFC 7638 thumbprint, revoked or not, and the present.

    Raises as `Store.read`.
    """
    now, (row,) = store.look(_key(is_postgresql=not store.is_sqlite), {"asked": thumbprint})
    return _key_in(row[epochs.WIDTH :]), now


def sender(
    connection: Connection, public_id: str, thumbprint: str
) -> tuple[Found | None, RegisteredKey | None, datetime | None]:
    """Return token with member, key, and the primary's clock (None on SQLite), by this statement."""
    row = _sender.row(connection, public_id=public_id, thumbprint=thumbprint)
    return _token_in(row), _key_in(row[_KEY_BEGINS:]), row[-1]


@lru_cache(maxsize=2)
def _token(*, is_postgresql: bool) -> Statement:
    joined = "LEFT JOIN token t ON t.public_id = $asked LEFT JOIN member m ON m.id = t.member"
    columns = f"{_columns('t', tables.token)}, {_columns('m', tables.member)}"
    text = epochs.with_state(columns, joined, is_postgresql=is_postgresql)
    return Statement(text, _KINDS, is_postgresql=is_postgresql)


@lru_cache(maxsize=2)
def _key(*, is_postgresql: bool) -> Statement:
    joined = 'LEFT JOIN "key" k ON k.thumbprint = $asked'
    text = epochs.with_state(_columns("k", tables.key), joined, is_postgresql=is_postgresql)
    return Statement(text, _KINDS, is_postgresql=is_postgresql)


def _columns(alias: str, table: Table) -> str:
    return ", ".join(f"{alias}.{column.name}" for column in table.c)


def _of_sender(is_postgresql: bool) -> Select[Any]:
    one, t, m, k = select(true()).subquery(), tables.token, tables.member, tables.key
    return select(
        *(*t.c, *m.c, *k.c, func.clock_timestamp() if is_postgresql else null()),
    ).select_from(
        one.outerjoin(t, t.c.public_id == bindparam("public_id"))
        .outerjoin(m, m.c.id == t.c.member)
        .outerjoin(k, k.c.thumbprint == bindparam("thumbprint"))
    )


_sender: Final = Prepared(_of_sender)


def _token_in(row: Sequence[Any]) -> Found | None:
    width = len(_TokenRow._fields)
    if row[0] is None:
        return None
    return token_of(_TokenRow._make(row[:width])), member_of(
        _SenderRow._make(row[width:_KEY_BEGINS]), frozenset()
    )


def _key_in(row: Sequence[Any]) -> RegisteredKey | None:
    return None if row[0] is None else key_of(_KeyRow._make(row[: len(_KeyRow._fields)]))
