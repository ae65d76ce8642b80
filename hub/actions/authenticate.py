"""Who is asking: from the secret in a request to a caller, or one answer for every way to fail."""

from __future__ import annotations

from datetime import datetime

from hub.actions.house import House
from hub.errors import Forbidden, Unauthenticated
from hub.model import Caller, Reader, Scope
from hub.proofs import tokens
from hub.store import members
from hub.store.members import StoredToken

_REFUSAL = "The token is missing or not valid; send `Authorization: Bearer TOKEN` or `Basic member-id:TOKEN`."
_NO_DIGEST = bytes(32)


def authenticate(house: House, member_id: str | None, token: str | None, now: datetime) -> Caller:
    """Return the caller that `token` names.

    `member_id` is given by Basic authentication and must then be the token's own member. Unknown,
    wrong, expired, revoked and suspended cost the same work and get the same answer: Unauthenticated.
    """
    text = token or ""
    presented = tokens.digest(house.secrets.pepper, text)
    public_id = tokens.parse(text)
    with house.store.read() as connection:
        found = members.find_token(connection, public_id or "")
    is_known = tokens.matches(presented, found[0].digest if found else _NO_DIGEST)
    if found is None or not is_known:
        raise Unauthenticated(_REFUSAL)
    stored, member = found
    if member.is_suspended or not _is_valid(stored, now) or member_id not in (None, member.id):
        raise Unauthenticated(_REFUSAL)
    return Caller(member, stored.scopes)


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
    return Reader(caller.member.id, nation, clearance)
