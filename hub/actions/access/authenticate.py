"""Who is asking: from the secret in a request to a caller, or one answer for every way to fail."""

from __future__ import annotations

from datetime import datetime

from hub.actions.service.service import Service
from hub.errors import BadSignature, Forbidden, Unauthenticated
from hub.model import Caller, Evidence, Kind, Member, Reader, Scope, say_instant
from hub.proofs import keys, requests, tokens
from hub.store.database.connection import Connection
from hub.store.members import members
from hub.store.members.members import StoredToken

REFUSAL = "The token is missing or not valid; send `Authorization: Bearer TOKEN` or `Basic member-id:TOKEN`."
_NO_DIGEST = bytes(32)


def authenticate(service: Service, member_id: str | None, token: str | None) -> Caller:
    """Return the caller that `token` names, at the moment of this statement.

    `member_id` is given by Basic authentication and must then be the token's own member. Unknown,
    wrong, expired, revoked and suspended cost the same work and get the same answer: Unauthenticated.
    """
    text = token or ""
    presented = tokens.digest(service.secrets.pepper, text)
    public_id = tokens.parse(text)
    with service.store.read(when_closed=True) as connection:
        found = members.find_token(connection, public_id or "")
        now = service.store.began_at(connection)
    is_known = tokens.matches(presented, found[0].digest if found else _NO_DIGEST)
    if found is None or not is_known:
        raise Unauthenticated(REFUSAL, cause=_unknown(token, public_id, is_there=found is not None))
    stored, member = found
    if member.is_suspended or not _is_valid(stored, now):
        raise Unauthenticated(REFUSAL, cause=_over(stored, member))
    if member_id not in (None, member.id):
        raise Unauthenticated(REFUSAL, cause=f"token {stored.public_id} is not of the member that is named")
    service.uses.note(stored.public_id, now)
    return Caller(member, stored.scopes, stored.public_id, now)


def _unknown(token: str | None, public_id: str | None, *, is_there: bool) -> str:
    """Return, for the operator, why nobody is known by what was presented."""
    if token is None:
        return "no token was presented"
    if public_id is None:
        return "what was presented has not the form of a token"
    return f"the secret is not that of token {public_id}" if is_there else f"there is no token {public_id}"


def _over(stored: StoredToken, member: Member) -> str:
    """Return, for the operator, why a token is not good any more."""
    if member.is_suspended:
        return f"member {member.id} is suspended"
    if stored.revoked_at is not None:
        return f"token {stored.public_id} of {member.id} was revoked, {say_instant(stored.revoked_at)}"
    expired = "" if stored.expires_at is None else f", {say_instant(stored.expires_at)}"
    return f"token {stored.public_id} of {member.id} has expired{expired}"


# (hub/README: admit-under-generation)
def admit(service: Service, connection: Connection, caller: Caller, evidence: Evidence | None) -> None:
    """Hold that the caller may still act, in the transaction that accepts its request.

    A request is on its way for up to five minutes: what let it in is looked at again, in statements of their
    own, after the transaction has taken the lock on the generation. Whoever suspends or revokes takes that
    lock too (`agreements.hold_for_change`): what they have committed is seen, and nothing is accepted once
    they have. What expires by the clock meanwhile counts as well.

    Raises Unauthenticated for a member or token that is not good any more, and BadSignature for a key that
    is not and for a signature that has expired.
    """
    now = service.store.now(connection)
    found = members.find_token(connection, caller.token)
    if found is None or found[1].is_suspended or not _is_valid(found[0], now):
        cause = f"token {caller.token} is gone" if found is None else _over(*found)
        raise Unauthenticated(REFUSAL, cause=cause)
    if evidence is None:
        return
    if keys.usable(members.find_key(connection, evidence.thumbprint), evidence.thumbprint) is None:
        raise BadSignature(requests.NO_SUCH_KEY)
    if now >= evidence.expires + requests.SKEW:
        raise BadSignature(requests.EXPIRED)


def _is_valid(token: StoredToken, now: datetime) -> bool:
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def reader(caller: Caller) -> Reader:
    """Return the caller as a reader of objects.

    Raises Forbidden for auditors and operators, who never read them, and for a token without the read scope.
    """
    clearance, nation = caller.member.kind.clearance, caller.member.nation
    if clearance is None or nation is None:
        raise Forbidden("Auditors and operators do not read objects.")
    if Scope.READ not in caller.scopes:
        raise Forbidden("This token lacks the read scope.")
    return Reader(caller.member.id, nation, clearance, caller.token)


def may_know(caller: Caller) -> bool:
    """Tell whether the caller is told of agreements: a cert that governs of its nation's, an auditor of all.

    An auditor's tokens have no scope but read, which is enough for it (policy 5).
    """
    governs = caller.member.kind is Kind.CERT and Scope.GOVERN in caller.scopes
    return governs or caller.member.kind is Kind.AUDITOR


def check_may_know(caller: Caller) -> None:  # (hub/README: agreements-403)
    """Return for who may know of agreements; Forbidden, whatever is asked about, for all others."""
    if not may_know(caller):
        raise Forbidden(
            "Agreements are read by a nation's cert, with a token of scope govern, and by auditors."
        )
