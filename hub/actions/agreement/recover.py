"""Replaces a lost agreement key of a cert, by the operator and another nation's cert together.

    1. The operator names the new key (`request`).
    2. Another nation's cert confirms (`confirm`): the cert signs the new key's thumbprint with its own
       agreement key. The key's owner has told the thumbprint to that cert directly.

One commit makes the new key valid and revokes the lost key. Before that the new key signs nothing. Neither
side can replace a key alone, nor can the cert itself or its nation. Both acts stay as evidence.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from hub.actions.access import accept
from hub.actions.access.authenticate import admit, may_know
from hub.actions.access.signatures import verify_request
from hub.actions.agreement.lifecycles import lifecycle_of
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.errors import Conflict, Forbidden, NotFound, Unprocessable
from hub.model import (
    AgreementState,
    Caller,
    HttpRequest,
    JsonObject,
    Kind,
    Member,
    NationCode,
    Purpose,
    RegisteredKey,
    format_instant,
)
from hub.proofs import documents, keys
from hub.rules.agreement.agreements import status_of
from hub.stix import bodies
from hub.store.agreement import agreements
from hub.store.database.connection import Connection
from hub.store.members import members, recoveries
from hub.store.members.recoveries import KeyRecovery

_LAPSE: Final = timedelta(days=30)
_MAX_REASON: Final = 500
_UNKNOWN: Final = "There is no such key that waits for your nation's confirmation."


def request(service: Service, member_id: str, data: bytes, reason: str) -> KeyRecovery:
    """Store the request to replace a cert's lost agreement key by the public key in `data`.

    Withdraws an earlier unconfirmed request for the cert. Raises NotFound; Unprocessable for a member without
    an agreement key and for an unusable key; Conflict for a known key.
    """
    if not reason.strip() or len(reason) > _MAX_REASON:
        raise Unprocessable(f"Give a reason of 1 to {_MAX_REASON} characters; who confirms reads it.")
    public = keys.read_public(data)
    # Also while the hub is closed: the operator repeats acts that a restored backup lacks.
    with service.store.write(when_closed=True) as connection:
        # INVARIANT: keys change only under the lock on the generation, as `admit` needs.
        agreements.hold_for_change(connection)
        now = service.store.now(connection)
        member = members.find_member(connection, member_id)
        if member is None:
            raise NotFound(f"There is no member {member_id!r}; `hub member list` shows them.")
        lost = _last_key(connection, member)
        if lost is None:
            raise Unprocessable(
                f"{member.id} has had no agreement key; the first is registered: `hub key register`."
            )
        if members.find_key(connection, public.thumbprint) or recoveries.find(connection, public.thumbprint):
            raise Conflict(f"The key {public.thumbprint} is known already; let the cert make another.")
        recoveries.withdraw_of(connection, member.id, now)
        new = KeyRecovery(public.thumbprint, member.id, lost.thumbprint, public.alg, public.jwk, reason, now)
        recoveries.add(connection, new)
    return new


def listing(service: Service, caller: Caller) -> list[JsonObject]:
    """Return the recoveries of interest to the caller, the earliest first; all to an auditor.

    A governing cert gets its own nation's recoveries, and the recoveries it may confirm or has confirmed.
    Raises Forbidden for other callers.
    """
    if not may_know(caller):
        raise Forbidden(
            "Key recoveries are read by a nation's cert, with a token of scope govern, and auditors."
        )
    with service.store.read() as connection:
        now = present(service, connection)
        found = ((one, _owner(connection, one)) for one in recoveries.every(connection))
        return [
            _view(service, one, owner, now)
            for one, owner in found
            if _concerns(service, connection, caller, one, owner, now)
        ]


def confirm(service: Service, caller: Caller, sent: HttpRequest, thumbprint: str) -> JsonObject:
    """Make the new key valid and revoke the lost key, by the signature of another nation's cert.

    1. The caller governs for a nation, and signed the request with its agreement key.
    2. The recovery is open, and the caller may confirm: as a party of an agreement with the key's nation that
       has not ended, or as any other nation's cert if the key's nation has no such agreement.
    3. The body's `jws` is the caller's own signature over exactly `statement`.
    4. One commit registers the new key, revokes the lost key and stores the statement.

    Raises Forbidden, Unauthenticated, BadSignature, BadJson and Unprocessable; Conflict if the cert has
    another key since; NotFound alike for a recovery unknown, closed or of no concern to the caller's nation.
    """
    if caller.member.kind is not Kind.CERT or not may_know(caller):  # 1
        raise Forbidden("A key is confirmed by a nation's cert, with a token of scope govern.")
    evidence = verify_request(service, caller, sent, Purpose.AGREEMENT)
    body = bodies.loads(sent.body)
    jws = body.get("jws") if isinstance(body, dict) else None
    if not isinstance(jws, str):
        raise Unprocessable('jws: send {"jws": "…"}, the compact JWS by your agreement key.')

    def act(connection: Connection) -> JsonObject:
        # INVARIANT: nonce (`accept.once`), then the generation: the order of locks. `admit` comes after.
        agreements.hold_for_change(connection)
        admit(service, connection, caller, evidence)
        now = present(service, connection)
        is_one = keys.is_thumbprint(thumbprint)
        found = recoveries.find(connection, thumbprint) if is_one else None  # 2
        owner = None if found is None else _owner(connection, found)
        if found is None or owner is None or not _may_confirm(service, connection, caller, found, owner, now):
            raise NotFound(_UNKNOWN)
        _check_statement(service, connection, caller, found, owner, jws)  # 3
        _replace(connection, found, owner, caller, now)  # 4
        recoveries.confirm(connection, thumbprint, caller.member.id, jws, now)
        confirmed = recoveries.find(connection, thumbprint)
        return _view(service, confirmed or found, owner, now)

    sentence = f"the confirmation of the key {thumbprint} by {caller.member.id}"
    return accept.once(service, evidence, act, receipt=accept.new_receipt(), sentence=sentence)


def statement(hub_id: str, owner: Member, recovery: KeyRecovery) -> JsonObject:
    """Return the statement for a confirming cert to sign: the new key, its owner, and the replaced key."""
    # The hub's identity is in it: a statement for another hub is worth nothing here.
    return {
        "typ": "recover",
        "hub": hub_id,
        "member": owner.id,
        "nation": owner.nation,
        "thumbprint": recovery.thumbprint,
        "previous": recovery.previous,
    }


# --- permission and lapse ---------------------------------------------------------------------


def _is_open(recovery: KeyRecovery, now: datetime) -> bool:
    is_decided = recovery.confirmed_at is not None or recovery.withdrawn_at is not None
    return not is_decided and now < recovery.requested_at + _LAPSE


def _may_confirm(  # (hub/README: lost-agreement-key)
    service: Service, connection: Connection, caller: Caller, one: KeyRecovery, owner: Member, now: datetime
) -> bool:
    nation, own = caller.member.nation, owner.nation
    if nation is None or own is None or nation == own or not _is_open(one, now):
        return False
    # Without any agreement nobody would be permitted: then any other nation's cert may confirm.
    partners = _partners(service, connection, own, now)
    return nation in partners or not partners


def _partners(
    service: Service, connection: Connection, nation: NationCode, now: datetime
) -> frozenset[NationCode]:
    """Return the other parties of a nation's fully signed agreements that have not ended."""
    found: set[NationCode] = set()
    for stored in agreements.all_of(connection, nation):
        lifecycle = lifecycle_of(service.registry, stored)
        # A proposal is not enough: anybody can make one that names the nation.
        is_made = (
            lifecycle.starts_at is not None and status_of(lifecycle, now).state is not AgreementState.ENDED
        )
        if is_made and nation in lifecycle.agreement.parties:
            found |= lifecycle.agreement.parties
    return frozenset(found - {nation})


def _concerns(
    service: Service, connection: Connection, caller: Caller, one: KeyRecovery, owner: Member, now: datetime
) -> bool:
    if caller.member.kind is Kind.AUDITOR or caller.member.nation == owner.nation:
        return True
    is_confirmed = one.confirmed_by == caller.member.id
    return is_confirmed or _may_confirm(service, connection, caller, one, owner, now)


# --- the transaction --------------------------------------------------------------------------


def _check_statement(
    service: Service, connection: Connection, caller: Caller, one: KeyRecovery, owner: Member, jws: str
) -> None:
    payload, key = documents.verify_recovery(jws, lambda thumbprint: members.find_key(connection, thumbprint))
    if key.member != caller.member.id or key.purpose is not Purpose.AGREEMENT:
        raise Forbidden("jws: must be signed with the agreement key of the token's own member.")
    if payload != statement(service.registry.hub_identity_id, owner, one):
        raise Unprocessable(
            "jws: must cover the statement as the hub shows it; fetch it again and sign that."
        )


def _replace(connection: Connection, one: KeyRecovery, owner: Member, caller: Caller, now: datetime) -> None:
    # INVARIANT: the key lost at the request is still the last: a cert that has a later key needs no recovery.
    lost = _last_key(connection, owner)
    if lost is None or lost.thumbprint != one.previous:
        raise Conflict(f"{owner.id} has another agreement key since; this one is needed no more.")
    reason = f"lost; followed by {one.thumbprint}, confirmed by {caller.member.id}"
    members.revoke_key(connection, one.previous, reason, now)
    new = RegisteredKey(one.thumbprint, owner.id, Purpose.AGREEMENT, one.alg, one.jwk, now)
    if not members.add_key(connection, new, None):
        raise Conflict(f"The key {one.thumbprint} is registered already; let the cert make another.")


def _last_key(connection: Connection, member: Member) -> RegisteredKey | None:
    own = [key for key in members.keys(connection, member.id) if key.purpose is Purpose.AGREEMENT]
    return own[-1] if own else None


def _owner(connection: Connection, recovery: KeyRecovery) -> Member:
    owner = members.find_member(connection, recovery.member)
    if owner is None:
        raise RuntimeError(f"the recovery of {recovery.thumbprint} is of no member")
    return owner


def _view(service: Service, one: KeyRecovery, owner: Member, now: datetime) -> JsonObject:
    return {
        "thumbprint": one.thumbprint,
        "state": _state(one, now),
        "member": owner.id,
        "nation": owner.nation,
        "name": owner.name,
        "alg": one.alg,
        "previous": one.previous,
        "reason": one.reason,
        "requested_at": format_instant(one.requested_at),
        "lapses_at": format_instant(one.requested_at + _LAPSE),
        "confirmed_by": one.confirmed_by,
        "confirmed_at": None if one.confirmed_at is None else format_instant(one.confirmed_at),
        "statement": statement(service.registry.hub_identity_id, owner, one),
        "jws": one.statement,
    }


def _state(one: KeyRecovery, now: datetime) -> str:
    if one.confirmed_at is not None:
        return "confirmed"
    if one.withdrawn_at is not None:
        return "withdrawn"
    return "waiting" if _is_open(one, now) else "lapsed"
