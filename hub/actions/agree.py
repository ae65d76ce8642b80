"""Nations agree to share: proposed by one, signed by all, ended by any; each step signed and kept."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Any, Final

from hub.actions.house import House
from hub.actions.submit import use_nonce, verify_request
from hub.errors import Conflict, Forbidden, NotFound, Unprocessable
from hub.model import (
    Agreement,
    AgreementState,
    Caller,
    HttpRequest,
    JsonObject,
    Kind,
    NationCode,
    Purpose,
    RegisteredKey,
    Scope,
    format_instant,
)
from hub.proofs import documents
from hub.rules.agreements import Standing, read_agreement, standing
from hub.stix import strict
from hub.store import agreements, members, releases
from hub.store.agreements import AgreementEvent, StoredAgreement
from hub.store.connection import Connection

SIGN: Final = "sign"
TERMINATE: Final = "terminate"

_UNKNOWN: Final = "There is no such agreement, or your nation is not party to it."


def propose(house: House, caller: Caller, request: HttpRequest) -> JsonObject:
    """Keep the agreement that the body states, with a new id, and return it as its parties see it.

    1. The caller governs for a nation, and signed the request with its agreement key.
    2. The document is well formed, and the caller's nation is party to it.
    3. It is stored. Nothing is in force before every party has signed.

    Raises Forbidden, BadSignature, BadJson or Unprocessable.
    """
    nation = _governing(caller)  # 1
    evidence = verify_request(house, caller, request, Purpose.AGREEMENT)
    body = _table(strict.loads(request.body))  # 2
    if "id" in body or "hub" in body:
        raise Unprocessable("id, hub: are given by the hub; leave them out.")
    document = {"id": f"agreement--{uuid.uuid4()}", "hub": house.registry.hub_identity_id, **body}
    agreement = read_agreement(document, house.registry.nations.keys())
    if nation not in agreement.parties:
        raise Unprocessable(f"parties: {nation} proposes and must be one of them.")
    with house.store.write() as connection:  # 3
        use_nonce(connection, evidence)
        now = house.clock()
        agreements.add(connection, agreement.id, document, agreement.parties, caller.member.id, now)
        return _view(house, StoredAgreement(agreement.id, document, ()), now)


def sign(house: House, caller: Caller, request: HttpRequest, agreement_id: str) -> JsonObject:
    """Add the caller's nation to those who signed; with the last one the agreement binds.

    The body's `jws` must be the nation's own signature, by its agreement key, over
    `{"typ": "sign", "agreement": <the document>, "previous": null}`. Raises Conflict when the nation
    has signed already or the agreement has ended, else as `propose`.
    """
    return _step(house, caller, request, agreement_id, SIGN)


def terminate(house: House, caller: Caller, request: HttpRequest, agreement_id: str) -> JsonObject:
    """End the agreement with this commit, for all that it covers (policy 5).

    The body's `jws` must cover `{"typ": "terminate", "agreement": <the document>, "previous":
    <digest of the last event>}`. Raises as `sign`.
    """
    return _step(house, caller, request, agreement_id, TERMINATE)


def listing(house: House, caller: Caller) -> list[JsonObject]:
    """Return the agreements that the caller may know of: its nation's for a cert, all for an auditor."""
    if not _may_know(caller):
        return []
    now = house.clock()
    with house.store.read() as connection:
        return [_view(house, stored, now) for stored in agreements.all_of(connection, caller.member.nation)]


def show(house: House, caller: Caller, agreement_id: str) -> JsonObject:
    """Return one agreement; NotFound for whoever may not know of it, as for an unknown one."""
    with house.store.read() as connection:
        return _view(house, _find(connection, caller, agreement_id), house.clock())


def participants(house: House, caller: Caller) -> list[JsonObject]:
    """Return every nation's cert with its agreement key's thumbprint, and the caller's own nation whole."""
    with house.store.read() as connection:
        known = members.members(connection)
        keys = members.keys(connection)
    current = {
        key.member: key.thumbprint
        for key in keys
        if key.purpose is Purpose.AGREEMENT and key.revoked_at is None
    }
    return [
        {
            "id": member.id,
            "nation": member.nation,
            "kind": member.kind.value,
            "name": member.name,
            "identity": member.identity,
            "agreement_key": current.get(member.id),
        }
        for member in known
        if member.nation is not None and (member.kind is Kind.CERT or member.nation == caller.member.nation)
    ]


# --- a signed step ----------------------------------------------------------------------------


def _step(house: House, caller: Caller, request: HttpRequest, agreement_id: str, typ: str) -> JsonObject:
    nation = _governing(caller)
    evidence = verify_request(house, caller, request, Purpose.AGREEMENT)
    jws = _table(strict.loads(request.body)).get("jws")
    if not isinstance(jws, str):
        raise Unprocessable('jws: send {"jws": "…"}, the compact JWS by your agreement key.')
    with house.store.write() as connection:
        use_nonce(connection, evidence)
        agreements.hold_for_change(connection)
        stored = _find(connection, caller, agreement_id)
        # Later than every submission that was decided without it, even if the clock stepped back.
        now = max(house.clock(), releases.last_date(connection) + timedelta(microseconds=1))
        _check_state(house, stored, nation, typ, now)
        key = _check_signature(connection, caller, stored, jws, typ)
        event = AgreementEvent(typ, nation, caller.member.id, now, key.thumbprint, _digest(jws), jws)
        agreements.add_event(connection, stored.id, event)
        stored = StoredAgreement(stored.id, stored.document, (*stored.events, event))
        _take_effect(house, connection, stored, event)
        return _view(house, stored, now)


def _check_state(house: House, stored: StoredAgreement, nation: NationCode, typ: str, now: datetime) -> None:
    state = _standing(house, stored, now)
    if state.state is AgreementState.ENDED:
        raise Conflict(f"The agreement has ended ({state.ended}); propose a new one.")
    if typ == SIGN and nation in _signed_by(stored):
        raise Conflict(f"{nation} has signed this agreement already.")


def _check_signature(
    connection: Connection, caller: Caller, stored: StoredAgreement, jws: str, typ: str
) -> RegisteredKey:
    payload, key = documents.verify_document(jws, lambda thumbprint: members.find_key(connection, thumbprint))
    if key.member != caller.member.id or key.purpose is not Purpose.AGREEMENT:
        raise Forbidden("jws: must be signed with the agreement key of the token's own member.")
    previous = None if typ == SIGN else _last_event(stored)
    expected: JsonObject = {"typ": typ, "agreement": stored.document, "previous": previous}
    if payload != expected:
        raise Unprocessable(
            f"jws: must cover typ {typ!r}, the whole agreement as the hub shows it, and its last event; "
            "fetch the agreement again and sign that."
        )
    return key


def _take_effect(
    house: House, connection: Connection, stored: StoredAgreement, event: AgreementEvent
) -> None:
    agreement = _read(house, stored)
    if event.typ == TERMINATE:
        if house.store.has_replica:
            house.store.wait_for_replicas(connection)
        agreements.end_periods(connection, stored.id, event.at)
    elif agreement.parties <= _signed_by(stored):
        start = max(event.at, agreement.valid_from)
        agreements.add_periods(connection, stored.id, agreement.clauses, start, agreement.valid_until)
    else:
        return
    agreements.advance(connection, event.at)


# --- who may ----------------------------------------------------------------------------------


def _governing(caller: Caller) -> NationCode:
    nation = caller.member.nation
    if nation is None or caller.member.kind is not Kind.CERT or Scope.GOVERN not in caller.scopes:
        raise Forbidden("Agreements are made by a nation's cert, with a token of scope govern.")
    return nation


def _may_know(caller: Caller) -> bool:
    return caller.member.kind in (Kind.CERT, Kind.AUDITOR)


def _find(connection: Connection, caller: Caller, agreement_id: str) -> StoredAgreement:
    nation = caller.member.nation
    stored = agreements.find(connection, nation, agreement_id) if _may_know(caller) else None
    if stored is None:
        raise NotFound(_UNKNOWN)
    return stored


# --- what it looks like -----------------------------------------------------------------------


def _table(value: Any) -> JsonObject:
    if not isinstance(value, dict):
        raise Unprocessable("The body must be a JSON object.")
    return value


def _read(house: House, stored: StoredAgreement) -> Agreement:
    return read_agreement(stored.document, house.registry.nations.keys())


def _signed_by(stored: StoredAgreement) -> set[NationCode]:
    return {event.nation for event in stored.events if event.typ == SIGN}


def _last_event(stored: StoredAgreement) -> str | None:
    return stored.events[-1].digest if stored.events else None


def _digest(jws: str) -> str:
    return hashlib.sha256(jws.encode()).hexdigest()


def _standing(house: House, stored: StoredAgreement, now: datetime) -> Standing:
    terminated_by = next((event.nation for event in stored.events if event.typ == TERMINATE), None)
    return standing(_read(house, stored), _signed_by(stored), terminated_by, now)


def _view(house: House, stored: StoredAgreement, now: datetime) -> JsonObject:
    state, document = _standing(house, stored, now), stored.document
    return {
        "id": stored.id,
        "title": document["title"],
        "state": state.state.value,
        "parties": sorted(document["parties"]),
        "signed_by": sorted(_signed_by(stored)),
        "valid_from": document["valid_from"],
        "valid_until": document["valid_until"],
        "clauses": document["clauses"],
        "ended": state.ended,
        "events": [
            {
                "typ": event.typ,
                "nation": event.nation,
                "member": event.member,
                "at": format_instant(event.at),
                "thumbprint": event.thumbprint,
                "digest": event.digest,
                "jws": event.jws,
            }
            for event in stored.events
        ],
        "document": document,
        "last_event": _last_event(stored),
    }
