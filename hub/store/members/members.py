"""Members, tokens and keys, and the nonces of signed requests."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import orjson
from sqlalchemy import Connection, bindparam, case, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from hub.model import (
    Kind,
    Member,
    MemberId,
    NationCode,
    Purpose,
    RegisteredKey,
    Scope,
    StixId,
    from_microseconds,
    to_microseconds,
)
from hub.store.database.batches import batches, upsert
from hub.store.database.prepared import Prepared, insertion
from hub.store.schema.registration_tables import member_identity
from hub.store.schema.tables import (
    key,
    member,
    nonce,
    token,
)

_RECEIPT_LENGTH: Final = 36


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token as stored, without the secret."""

    public_id: str
    member: MemberId
    digest: bytes
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = None


# --- members ------------------------------------------------------------------------------------


def add_member(connection: Connection, new: Member, now: datetime) -> bool:
    """Store a member. Return False when the id is taken."""
    row = {
        "id": new.id,
        "nation": new.nation,
        "kind": new.kind.value,
        "name": new.name,
        "identity": new.identity,
        "created_at": to_microseconds(now),
        **_entry(new.short_names, new.domains),
    }
    return _inserted(connection, member, row)


def members(connection: Connection) -> list[Member]:
    """Return every member, by id."""
    return list(_of_rows(tuple(_members.rows(connection))))


_members: Final = Prepared(
    lambda _: (
        select(member, member_identity.c.identity.label("further"))
        .select_from(member.outerjoin(member_identity, member_identity.c.member == member.c.id))
        .order_by(member.c.id, member_identity.c.identity)
    )
)


_MemberRow = namedtuple("_MemberRow", [column.name for column in member.c])  # type: ignore[misc] # by the table


@lru_cache(maxsize=4)
def _of_rows(rows: tuple[tuple[Any, ...], ...]) -> tuple[Member, ...]:
    """Return the members of these rows: every submission reads all rows, and seldom has one changed."""
    found: dict[str, tuple[Any, set[StixId]]] = {}
    for *values, further in rows:
        _, identities = found.setdefault(values[0], (_MemberRow(*values), set()))
        if further is not None:
            identities.add(StixId(further))
    return tuple(member_of(row, frozenset(identities)) for row, identities in found.values())


def find_member(connection: Connection, id: str) -> Member | None:
    """Return the member with this id, or None."""
    row = connection.execute(select(member).where(member.c.id == id)).one_or_none()
    return None if row is None else member_of(row, _identities(connection, id).get(row.id, frozenset()))


def set_suspended(connection: Connection, id: MemberId, suspended_at: datetime | None) -> None:
    """Suspend a member from this instant; with None end the suspension."""
    # The caller holds the generation for change, so nothing is accepted after the commit.
    at = None if suspended_at is None else to_microseconds(suspended_at)
    connection.execute(update(member).where(member.c.id == id).values(suspended_at=at))


def add_identity(connection: Connection, id: MemberId, identity: StixId, now: datetime) -> bool:
    """Register a further identity of the member. Return False for a registered identity."""
    # Several members may share an identity (policy 1), so the key is the pair.
    row = {"member": id, "identity": identity, "registered_at": to_microseconds(now)}
    return _inserted(connection, member_identity, row)


def remove_identity(connection: Connection, id: MemberId, identity: StixId) -> bool:
    """Remove a further identity of the member. Return False for an unregistered identity."""
    c = member_identity.c
    done = connection.execute(delete(member_identity).where(c.member == id, c.identity == identity))
    return done.rowcount > 0


def _identities(connection: Connection, id: str | None = None) -> dict[str, frozenset[StixId]]:
    """Return the further identities of each member, or of one member."""
    c = member_identity.c
    query = select(c.member, c.identity)
    found: dict[str, set[StixId]] = {}
    for named, identity in connection.execute(query if id is None else query.where(c.member == id)):
        found.setdefault(named, set()).add(StixId(identity))
    return {named: frozenset(identities) for named, identities in found.items()}


def set_names(
    connection: Connection, id: MemberId, short_names: Sequence[str], domains: Sequence[str]
) -> None:
    """Replace the short names and domains in the member's entry."""
    connection.execute(update(member).where(member.c.id == id).values(**_entry(short_names, domains)))


def _entry(short_names: Sequence[str], domains: Sequence[str]) -> dict[str, str | None]:
    lists = {"short_names": list(short_names), "domains": list(domains)}
    return {column: orjson.dumps(names).decode() if names else None for column, names in lists.items()}


def member_of(row: Any, identities: frozenset[StixId], id: str | None = None) -> Member:
    """Return the member of a row. `id` is its id if the row has another name for the column."""
    return Member(
        id=MemberId(id or row.id),
        nation=None if row.nation is None else NationCode(row.nation),
        kind=Kind(row.kind),
        name=row.name,
        identity=StixId(row.identity),
        is_suspended=row.suspended_at is not None,
        short_names=_names(row.short_names),
        domains=_names(row.domains),
        identities=identities,
    )


def _names(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(orjson.loads(text))


# --- tokens -------------------------------------------------------------------------------------


def add_token(connection: Connection, new: StoredToken) -> None:
    """Store a token."""
    expires = None if new.expires_at is None else to_microseconds(new.expires_at)
    connection.execute(
        insert(token).values(
            public_id=new.public_id,
            member=new.member,
            digest=new.digest,
            scopes=",".join(sorted(new.scopes)),
            created_at=to_microseconds(new.created_at),
            expires_at=expires,
        )
    )


def find_token(connection: Connection, public_id: str) -> tuple[StoredToken, Member] | None:
    """Return the token with this public id and its member, valid or not; None: no such token.

    The member has no further identities here, because polls need none.
    """
    # Validity is not checked here, but in `actions.access.authenticate` and in the statement of a page.
    row = _found_token.row(connection, asked=public_id)
    return None if row is None else (token_of(row), member_of(row, frozenset(), row.member))


_TOKENS: Final = select(token, *(c for c in member.c if c.name != "created_at")).join(
    member, member.c.id == token.c.member
)
_found_token: Final = Prepared(lambda _: _TOKENS.where(token.c.public_id == bindparam("asked")))


def tokens(connection: Connection) -> list[StoredToken]:
    """Return every token, by member and age."""
    query = select(token).order_by(token.c.member, token.c.created_at)
    return [token_of(row) for row in connection.execute(query)]


def revoke_token(connection: Connection, public_id: str, now: datetime) -> bool:
    """Revoke a token. Return False for an unknown token. The first date stays."""
    if find_token(connection, public_id) is None:
        return False
    # The first date is evidence: a repetition must not move it.
    condition = (token.c.public_id == public_id, token.c.revoked_at.is_(None))
    connection.execute(update(token).where(*condition).values(revoked_at=to_microseconds(now)))
    return True


def note_uses(connection: Connection, uses: Mapping[str, datetime]) -> None:
    """Record the last use of each of these tokens, by public id, unless a later use is recorded."""
    c = token.c
    for batch in batches(sorted(uses)):
        # In one order, so that concurrent processes never wait for each other crosswise. Requests only read
        # tokens, so they do not wait; a revocation waits for this statement alone.
        query = select(c.public_id).where(c.public_id.in_(batch)).order_by(c.public_id)
        connection.execute(query.with_for_update(key_share=True)).all()
        used_at = case({id: to_microseconds(uses[id]) for id in batch}, value=c.public_id)
        is_later = or_(c.last_used_at.is_(None), c.last_used_at < used_at)
        connection.execute(update(token).where(c.public_id.in_(batch), is_later).values(last_used_at=used_at))


def token_of(row: Any) -> StoredToken:
    """Return the token of a row with the columns of `token`."""
    return StoredToken(
        public_id=row.public_id,
        member=MemberId(row.member),
        digest=bytes(row.digest),
        scopes=frozenset(Scope(scope) for scope in row.scopes.split(",")),
        created_at=from_microseconds(row.created_at),
        expires_at=_instant(row.expires_at),
        revoked_at=_instant(row.revoked_at),
        last_used_at=_instant(row.last_used_at),
    )


# --- keys ---------------------------------------------------------------------------------------


def add_key(connection: Connection, new: RegisteredKey, endorsement: str | None) -> bool:
    """Store a public key. Return False when the key is known already, for any member."""
    row = {
        "thumbprint": new.thumbprint,
        "member": new.member,
        "purpose": new.purpose.value,
        "alg": new.alg,
        "jwk": orjson.dumps(dict(new.jwk)).decode(),
        "registered_at": to_microseconds(new.registered_at),
        "endorsement": endorsement,
    }
    return _inserted(connection, key, row)


def find_key(connection: Connection, thumbprint: str) -> RegisteredKey | None:
    """Return the key with this RFC 7638 thumbprint, revoked or not, or None."""
    # Revoked keys too: evidence refers to them. The caller judges the validity.
    row = _found_key.row(connection, asked=thumbprint)
    return None if row is None else key_of(row)


_found_key: Final = Prepared(lambda _: select(key).where(key.c.thumbprint == bindparam("asked")))


def keys(connection: Connection, owner: MemberId | None = None) -> list[RegisteredKey]:
    """Return every key, or every key of one member, by member and age."""
    query = select(key).order_by(key.c.member, key.c.registered_at)
    if owner is not None:
        query = query.where(key.c.member == owner)
    return [key_of(row) for row in connection.execute(query)]


def endorsements(connection: Connection) -> dict[str, str | None]:
    """Return the endorsement of each key by the key before it, by thumbprint; None: no endorsement."""
    rows = connection.execute(select(key.c.thumbprint, key.c.endorsement))
    return {row.thumbprint: row.endorsement for row in rows}


def revoke_key(connection: Connection, thumbprint: str, reason: str, now: datetime) -> bool:
    """Revoke a key from this instant. Return False without such a key. First date and reason stay."""
    if find_key(connection, thumbprint) is None:
        return False
    condition = (key.c.thumbprint == thumbprint, key.c.revoked_at.is_(None))
    connection.execute(
        update(key).where(*condition).values(revoked_at=to_microseconds(now), revoke_reason=reason)
    )
    return True


def key_of(row: Any) -> RegisteredKey:
    """Return the key of a row with the columns of `key`."""
    return RegisteredKey(
        thumbprint=row.thumbprint,
        member=MemberId(row.member),
        purpose=Purpose(row.purpose),
        alg=row.alg,
        jwk=orjson.loads(row.jwk),
        registered_at=from_microseconds(row.registered_at),
        revoked_at=_instant(row.revoked_at),
    )


# --- nonces -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UsedNonce:
    """The use of a nonce by a key, remembered until `expires_at`, and the receipt."""

    thumbprint: str
    nonce: str
    expires_at: datetime
    receipt: str


def use_nonce(connection: Connection, used: UsedNonce) -> str:
    """Record the use of this nonce by this key. Return the receipt of the accepted request.

    A receipt that differs from `used` means an earlier use. The answer is committed with the transaction. A
    concurrent use is waited for, so that one of several parallel replays wins.
    """
    # INVARIANT: first in the order of locks, and in the transaction of the act: no request acts twice.
    # By the returned row: PostgreSQL's driver reports -1 rows for this INSERT.
    if _used.rows(connection, **_nonce(used)):
        return used.receipt
    condition = (nonce.c.thumbprint == used.thumbprint, nonce.c.nonce == used.nonce)
    return connection.execute(select(nonce.c.receipt).where(*condition)).scalar_one_or_none() or ""


_used: Final = Prepared(
    lambda is_postgresql: insertion(is_postgresql, nonce).on_conflict_do_nothing().returning(nonce.c.nonce)
)


def settle_nonce(connection: Connection, used: UsedNonce) -> str | None:
    """Return the receipt that a transaction in doubt has committed with this nonce; None: nothing.

    Waits for that transaction, if still under way. The row is written again: after a COMMIT on a standby, all
    earlier commits are there too. After None the caller rolls back, because this call made a row.
    """
    # A mark is no receipt of any request. A row with the mark is the one made by this call.
    mark = f"?{used.receipt}"[:_RECEIPT_LENGTH]
    statement = upsert(connection, nonce).values(**_nonce(replace(used, receipt=mark)))
    # INVARIANT: an UPDATE of the existing row, with the same receipt. A refused INSERT would prove a commit,
    # but no standby (storage.md).
    statement = statement.on_conflict_do_update(
        index_elements=[nonce.c.thumbprint, nonce.c.nonce],
        set_={"expires_at": statement.excluded.expires_at},
    )
    found: str | None = connection.execute(statement.returning(nonce.c.receipt)).scalar_one()
    return None if found == mark else found


def _nonce(used: UsedNonce) -> dict[str, Any]:
    expires = to_microseconds(used.expires_at)
    return {
        "thumbprint": used.thumbprint,
        "nonce": used.nonce,
        "expires_at": expires,
        "receipt": used.receipt,
    }


def prune_tokens(connection: Connection, before: datetime) -> int:
    """Delete the tokens that were expired or revoked before this instant. Return the number."""
    c, then = token.c, to_microseconds(before)
    return connection.execute(delete(token).where(or_(c.expires_at < then, c.revoked_at < then))).rowcount


def prune_nonces(connection: Connection, before: datetime) -> int:
    """Delete the nonces of signatures that expired before this instant. Return the number."""
    # INVARIANT: a nonce is remembered as long as its signature is valid. Earlier deletion would allow a
    # replay.
    return connection.execute(delete(nonce).where(nonce.c.expires_at < to_microseconds(before))).rowcount


def _inserted(connection: Connection, table: Any, row: dict[str, Any]) -> bool:
    try:
        # A savepoint: on PostgreSQL the error would otherwise end the whole transaction.
        with connection.begin_nested():
            connection.execute(insert(table).values(**row))
    except IntegrityError:
        return False
    return True


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_microseconds(microseconds)
