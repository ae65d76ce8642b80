"""Recoveries: agreement keys in place of lost keys, requested by the operator and confirmed by a cert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from hub.model import MemberId, from_microseconds, to_microseconds
from hub.store.schema.registration_tables import key_recovery

_R = key_recovery.c


@dataclass(frozen=True, slots=True)
class KeyRecovery:
    """A new key of `member` in place of `previous`. `statement` is the JWS of the confirmation."""

    thumbprint: str
    member: MemberId
    previous: str
    alg: str
    jwk: Mapping[str, str]
    reason: str
    requested_at: datetime
    withdrawn_at: datetime | None = None
    confirmed_by: MemberId | None = None
    confirmed_at: datetime | None = None
    statement: str | None = None


def add(connection: Connection, new: KeyRecovery) -> None:
    """Store an unconfirmed recovery."""
    # Not yet in `key`: without the confirmation the new key signs nothing (hub/README: lost-agreement-key).
    connection.execute(
        insert(key_recovery).values(
            thumbprint=new.thumbprint,
            member=new.member,
            previous=new.previous,
            alg=new.alg,
            jwk=orjson.dumps(dict(new.jwk)).decode(),
            reason=new.reason,
            requested_at=to_microseconds(new.requested_at),
        )
    )


def find(connection: Connection, thumbprint: str) -> KeyRecovery | None:
    """Return the recovery with this new key, in any state, or None."""
    row = connection.execute(select(key_recovery).where(_R.thumbprint == thumbprint)).one_or_none()
    return None if row is None else _recovery(row)


def every(connection: Connection) -> list[KeyRecovery]:
    """Return every recovery, the earliest first."""
    # Withdrawn and confirmed recoveries too: `hub check` and the operator see all of them.
    query = select(key_recovery).order_by(_R.requested_at, _R.thumbprint)
    return [_recovery(row) for row in connection.execute(query)]


def withdraw(connection: Connection, thumbprint: str, now: datetime) -> bool:
    """Withdraw an unconfirmed recovery. Return whether one was withdrawn."""
    return _withdraw(connection, _R.thumbprint == thumbprint, now) > 0


def withdraw_of(connection: Connection, member: MemberId, now: datetime) -> None:
    """Withdraw the unconfirmed recoveries of a member."""
    _withdraw(connection, _R.member == member, now)


def _withdraw(connection: Connection, is_meant: ColumnElement[bool], now: datetime) -> int:
    # INVARIANT: a confirmed recovery never changes: it is the evidence of two acts (policy 5).
    is_open = (_R.confirmed_at.is_(None), _R.withdrawn_at.is_(None))
    values = {"withdrawn_at": to_microseconds(now)}
    return connection.execute(update(key_recovery).where(is_meant, *is_open).values(**values)).rowcount


def confirm(connection: Connection, thumbprint: str, by: MemberId, statement: str, now: datetime) -> None:
    """Record the confirming cert of a recovery, with the signed statement."""
    # The statement is verified by the caller. `hub check` verifies it again.
    values = {"confirmed_by": by, "confirmed_at": to_microseconds(now), "statement": statement}
    connection.execute(update(key_recovery).where(_R.thumbprint == thumbprint).values(**values))


def _recovery(row: Row[Any]) -> KeyRecovery:
    return KeyRecovery(
        thumbprint=row.thumbprint,
        member=MemberId(row.member),
        previous=row.previous,
        alg=row.alg,
        jwk=orjson.loads(row.jwk),
        reason=row.reason,
        requested_at=from_microseconds(row.requested_at),
        withdrawn_at=_instant(row.withdrawn_at),
        confirmed_by=None if row.confirmed_by is None else MemberId(row.confirmed_by),
        confirmed_at=_instant(row.confirmed_at),
        statement=row.statement,
    )


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_microseconds(microseconds)
