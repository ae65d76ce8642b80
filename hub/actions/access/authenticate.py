"""Authenticates a caller by the token of a request; every failure has the same answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hub.actions.service.service import Service
from hub.errors import BadSignature, Forbidden, Unauthenticated
from hub.model import Caller, Evidence, Kind, Member, Reader, Scope, say_instant
from hub.proofs import keys, requests, tokens
from hub.store.database.connection import Connection
from hub.store.members import senders
from hub.store.members.members import StoredToken

REFUSAL = "The token is missing or not valid; send `Authorization: Bearer TOKEN` or `Basic member-id:TOKEN`."
_NO_DIGEST = bytes(32)


def authenticate(service: Service, member_id: str | None, token: str | None) -> Caller:
    """Return the caller of `token`, at the moment of this statement.

    With Basic authentication `member_id` must be the token's own member. Raises Unauthenticated alike, after
    the same work, for an unknown, wrong, expired or revoked token and for a suspended member.
    """
    text = token or ""
    # INVARIANT: digest, query and comparison run for every text, so that time says nothing about a token.
    presented = tokens.digest(service.secrets.pepper, text)
    public_id = tokens.parse(text)
    # Also while the hub is closed: operators and certs act then. Their later transactions refuse the rest.
    found, now = senders.token(service.store, public_id or "")
    is_known = tokens.matches(presented, found[0].digest if found else _NO_DIGEST)
    # `cause` goes to the operator's log alone; the answer is `REFUSAL` each time.
    if found is None or not is_known:
        raise Unauthenticated(REFUSAL, cause=_unknown(token, public_id, is_there=found is not None))
    stored, member = found
    if member.is_suspended or not _is_valid(stored, now):
        service.known_tokens.forget(stored.public_id)
        raise Unauthenticated(REFUSAL, cause=_invalid(stored, member))
    if member_id not in (None, member.id):
        raise Unauthenticated(REFUSAL, cause=f"token {stored.public_id} is not of the member that is named")
    service.uses.note(stored.public_id, now)
    caller = Caller(member, stored.scopes, stored.public_id, now)
    service.known_tokens.note(stored.digest, caller)
    return caller


def remembered(service: Service, member_id: str | None, token: str | None) -> Caller | None:
    """Return the caller of a token that was valid before; None: `authenticate` must tell.

    For a poll alone: the statement of a page checks token and member at its own moment, and gives no row
    without (`store.ledger.pages`). Whatever else leaves is for a caller of `authenticate`.
    """
    public_id = tokens.parse(token or "")
    if public_id is None or token is None:
        return None
    found = service.known_tokens.find(public_id, tokens.digest(service.secrets.pepper, token))
    if found is None or member_id not in (None, found.member.id):
        return None
    # The machine's clock: it counts for the rate limits and the last use alone.
    now = service.store.machine_time()
    service.uses.note(public_id, now)
    return replace(found, at=now)


def _unknown(token: str | None, public_id: str | None, *, is_there: bool) -> str:
    """Return, for the operator, why the presented token names no member."""
    if token is None:
        return "no token was presented"
    if public_id is None:
        return "what was presented has not the form of a token"
    return f"the secret is not that of token {public_id}" if is_there else f"there is no token {public_id}"


def _invalid(stored: StoredToken, member: Member) -> str:
    """Return, for the operator, why a known token is no longer valid."""
    if member.is_suspended:
        return f"member {member.id} is suspended"
    if stored.revoked_at is not None:
        return f"token {stored.public_id} of {member.id} was revoked, {say_instant(stored.revoked_at)}"
    expired = "" if stored.expires_at is None else f", {say_instant(stored.expires_at)}"
    return f"token {stored.public_id} of {member.id} has expired{expired}"


# (hub/README: admit-under-generation)
def admit(service: Service, connection: Connection, caller: Caller, evidence: Evidence | None) -> None:
    """Check, in the transaction of a request, that member, token, key and signature are still valid.

    A request may take five minutes to arrive. So token and key are checked again after the transaction has
    locked the generation. Suspensions and revocations take the same lock (`agreements.hold_for_change`):
    after their commit no request is accepted. An expiry by the clock counts as well.

    Raises Unauthenticated for an invalid token or suspended member, BadSignature for an invalid key and for
    an expired signature.
    """
    # INVARIANT: the caller holds the lock on the generation, and this is a new statement: READ COMMITTED
    # shows everything committed before the lock was given.
    thumbprint = "" if evidence is None else evidence.thumbprint
    found, key, at = senders.sender(connection, caller.token, thumbprint)
    now = service.store.clock_at(connection, at)
    if found is None or found[1].is_suspended or not _is_valid(found[0], now):
        cause = f"token {caller.token} is gone" if found is None else _invalid(*found)
        raise Unauthenticated(REFUSAL, cause=cause)
    if evidence is None:  # unsigned, as a development configuration accepts (`verify_writer`)
        return
    if keys.usable(key, evidence.thumbprint) is None:
        raise BadSignature(requests.NO_SUCH_KEY)
    if now >= evidence.expires + requests.SKEW:
        raise BadSignature(requests.EXPIRED)


def _is_valid(token: StoredToken, now: datetime) -> bool:
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def reader(caller: Caller) -> Reader:
    """Return the caller as a reader of objects.

    Raises Forbidden for auditors and operators (policy 4), and for a token without the read scope.
    """
    clearance, nation = caller.member.kind.clearance, caller.member.nation
    if clearance is None or nation is None:
        raise Forbidden("Auditors and operators do not read objects.")
    if Scope.READ not in caller.scopes:
        raise Forbidden("This token lacks the read scope.")
    return Reader(caller.member.id, nation, clearance, caller.token)


def may_know(caller: Caller) -> bool:
    """Return whether the caller may see agreements: a governing cert its nation's, an auditor all (policy 5).

    A cert needs the scope `govern`; an auditor needs no scope but `read`.
    """
    governs = caller.member.kind is Kind.CERT and Scope.GOVERN in caller.scopes
    return governs or caller.member.kind is Kind.AUDITOR


def check_may_know(caller: Caller) -> None:  # (hub/README: agreements-403)
    """Raise Forbidden unless the caller may see agreements (`may_know`), for known and unknown ids alike."""
    # Before any id is looked up: an empty list or a 404 would say that there is no agreement (policy 5).
    if not may_know(caller):
        raise Forbidden(
            "Agreements are read by a nation's cert, with a token of scope govern, and by auditors."
        )
