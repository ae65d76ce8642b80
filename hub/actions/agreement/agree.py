"""Agreements of nations: proposed by one party, signed by all, suspended or ended by any; all events stay."""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from hub.actions.access import accept
from hub.actions.access.authenticate import admit, check_may_know
from hub.actions.access.signatures import verify_request
from hub.actions.agreement import amend
from hub.actions.agreement.lifecycles import (
    UNKNOWN,
    find,
    last_event,
    lifecycle_of,
    view,
)
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.errors import Conflict, Forbidden, NotFound, TooLarge, Unprocessable
from hub.model import (
    MAX_AGREEMENT_BYTES,
    Agreement,
    Caller,
    HttpRequest,
    JsonObject,
    Kind,
    MemberId,
    NationCode,
    Purpose,
    RegisteredKey,
    Scope,
    format_instant,
)
from hub.proofs import canonical, documents
from hub.rules.agreement.agreements import (
    MAX_WAITING_PROPOSALS,
    Step,
    obstacle,
    read_agreement,
)
from hub.rules.agreement.amendments import forbids_superseding
from hub.stix import bodies
from hub.store.agreement import agreements
from hub.store.agreement.agreements import AgreementEvent, StoredAgreement
from hub.store.database.connection import Connection
from hub.store.members import members

# Also while the hub is closed: certs repeat endings that a restored backup lacks. Endings only withhold.
_ENDINGS: Final = (Step.SUSPEND, Step.TERMINATE)


def propose(service: Service, caller: Caller, request: HttpRequest) -> JsonObject:
    """Store the agreement of the body under a new id, and return the agreement as shown to its parties.

    1. The caller governs for a nation, and signed the request with its agreement key.
    2. The document is well formed, and the caller's nation is a party.
    3. The superseded agreement, if any, is of the caller's nation and has not ended.
    4. Fewer than 100 proposals of the nation wait for other parties' signatures.
    5. The proposal is stored. The agreement is in force only after all parties have signed, of the superseded
       agreement too. Without these signatures the proposal lapses after 90 days.

    Raises Forbidden, BadSignature, BadJson, TooLarge, Unprocessable, Conflict and Unauthenticated; NotFound
    alike for a superseded agreement of other nations and an unknown agreement.
    """
    nation = _governing(caller)  # 1
    evidence = verify_request(service, caller, request, Purpose.AGREEMENT)
    agreement = read_proposal(service, nation, request.body)  # 2

    def act(connection: Connection) -> JsonObject:
        # INVARIANT: nonce (`accept.once`), then the generation: the order of locks. `admit` comes after.
        agreements.hold_for_change(connection)
        admit(service, connection, caller, evidence)
        now = present(service, connection)
        told = agreement.parties | parties_amended(service, connection, caller, agreement, now)  # 3
        _check_waiting(service, connection, caller, now)  # 4
        stored = StoredAgreement(agreement.id, agreement.document, told, now)
        agreements.add(connection, stored, caller.member.id)  # 5
        return view(service, stored, now)

    sentence = f"the proposal of {agreement.id}, by {caller.member.id}"
    return accept.once(service, evidence, act, receipt=accept.new_receipt(), sentence=sentence)


def read_proposal(service: Service, nation: NationCode | None, body: bytes) -> Agreement:
    """Return the agreement of a body, with a new id; checks that `nation`, unless None, is a party.

    Raises TooLarge above 64 KB, as sent or in canonical form, BadJson or Unprocessable.
    """
    # Before parsing: a huge body costs no CPU time.
    _check_size(len(body))
    table = _table(bodies.loads(body))
    # Random id and the hub's own identity (policy 5): a signature for another hub is worth nothing here.
    if "id" in table or "hub" in table:
        raise Unprocessable("id, hub: are given by the hub; leave them out.")
    document = {"id": f"agreement--{uuid.uuid4()}", "hub": service.registry.hub_identity_id, **table}
    agreement = read_agreement(document, service.registry.nations.keys())
    _check_size(len(_canonical(document)))
    if nation is not None and nation not in agreement.parties:
        raise Unprocessable(f"parties: {nation} proposes and must be one of them.")
    return agreement


def _check_size(count: int) -> None:
    if count > MAX_AGREEMENT_BYTES:
        raise TooLarge(
            f"An agreement has at most {MAX_AGREEMENT_BYTES} bytes, and this one {count}: shorten its "
            "clauses and iep, or make two of it."
        )


def _canonical(document: JsonObject) -> bytes:
    try:
        return canonical.canonical(document)
    except ValueError as error:
        raise Unprocessable(
            f"The agreement has no canonical JSON form and cannot be signed: {error}."
        ) from None


def _check_waiting(service: Service, connection: Connection, caller: Caller, now: datetime) -> None:
    nation = _governing(caller)
    lifecycles = (
        lifecycle_of(service.registry, one) for one in agreements.proposed_by(connection, caller.member.id)
    )
    if sum(lifecycle.waits_for_others(nation, now) for lifecycle in lifecycles) >= MAX_WAITING_PROPOSALS:
        raise Conflict(
            f"{MAX_WAITING_PROPOSALS} proposals of {nation} wait for others' signatures, and no more may: "
            "terminate one of them, or wait until it is signed or lapses."
        )


def sign(service: Service, caller: Caller, request: HttpRequest, agreement_id: str) -> JsonObject:
    """Add the signature of the caller's nation; with the last signature the agreement comes into force.

    The body's `jws` must be the nation's own signature, by its agreement key, over
    `{"typ": "sign", "agreement": <the document>, "previous": null}`. Raises Conflict for a second signature
    and for an ended agreement, superseded or own; Unavailable during the preparation of an amendment; else
    as `propose`.
    """
    return _step(service, caller, request, agreement_id, Step.SIGN)


def suspend(service: Service, caller: Caller, request: HttpRequest, agreement_id: str) -> JsonObject:
    """Suspend the whole agreement with this commit, until the caller's nation resumes.

    The body's `jws` must cover `{"typ": "suspend", "agreement": <the document>, "previous": <digest of the
    last event>}`. Raises Conflict unless the agreement is in force, or suspended by other parties alone; else
    as `sign`.
    """
    return _step(service, caller, request, agreement_id, Step.SUSPEND)


def resume(service: Service, caller: Caller, request: HttpRequest, agreement_id: str) -> JsonObject:
    """Withdraw the caller's suspension; without another suspension the agreement is in force again.

    Versions submitted during the suspension are released with new positions (policy 5). The `jws` is as for
    `suspend`, with typ "resume". Raises Conflict without a suspension by the nation; else as `sign`.
    """
    return _step(service, caller, request, agreement_id, Step.RESUME)


def terminate(service: Service, caller: Caller, request: HttpRequest, agreement_id: str) -> JsonObject:
    """End the whole agreement with this commit (policy 5).

    The body's `jws` must cover `{"typ": "terminate", "agreement": <the document>, "previous":
    <digest of the last event>}`. Raises as `sign`.
    """
    return _step(service, caller, request, agreement_id, Step.TERMINATE)


def listing(service: Service, caller: Caller) -> list[JsonObject]:
    """Return the agreements of a governing cert's nation, or all to an auditor; Forbidden for other
    callers."""
    check_may_know(caller)
    with service.store.read(when_closed=True) as connection:
        now = present(service, connection)
        return [view(service, stored, now) for stored in agreements.all_of(connection, caller.member.nation)]


def show(service: Service, caller: Caller, agreement_id: str) -> JsonObject:
    """Return one agreement; NotFound alike for other nations' and unknown agreements. Forbidden as
    `listing`."""
    with service.store.read(when_closed=True) as connection:
        return view(service, find(connection, caller, agreement_id), present(service, connection))


def participants(service: Service, caller: Caller) -> list[JsonObject]:
    """Return every nation's cert with its agreement keys, and all members of the caller's own nation.

    `agreement_keys` are all keys of the cert, the earliest first, for readers to verify signatures: each with
    public JWK, dates, and the endorsement (JWS) by the key before.
    """
    # Also while the hub is closed: a client verifies keys before the ending that it sends.
    with service.store.read(when_closed=True) as connection:
        known = members.members(connection)
        endorsements = members.endorsements(connection)
        keys: dict[MemberId, list[RegisteredKey]] = defaultdict(list)
        for key in members.keys(connection):
            if key.purpose is Purpose.AGREEMENT:
                keys[key.member].append(key)
    return [
        {
            "id": member.id,
            "nation": member.nation,
            "kind": member.kind.value,
            "name": member.name,
            "identity": member.identity,
            "agreement_key": next((k.thumbprint for k in keys[member.id] if k.revoked_at is None), None),
            "agreement_keys": [_public(key, endorsements.get(key.thumbprint)) for key in keys[member.id]],
        }
        for member in known
        if member.nation is not None and (member.kind is Kind.CERT or member.nation == caller.member.nation)
    ]


def _public(key: RegisteredKey, endorsement: str | None) -> JsonObject:
    return {
        "thumbprint": key.thumbprint,
        "alg": key.alg,
        "jwk": dict(key.jwk),
        "registered_at": format_instant(key.registered_at),
        "revoked_at": None if key.revoked_at is None else format_instant(key.revoked_at),
        "endorsement": endorsement,
    }


# --- a signed step ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Signed:
    """A step requested by a nation's cert, with the cert's signature."""

    caller: Caller
    step: Step
    jws: str


def _step(
    service: Service, caller: Caller, request: HttpRequest, agreement_id: str, step: Step
) -> JsonObject:
    _governing(caller)
    evidence = verify_request(service, caller, request, Purpose.AGREEMENT)
    jws = _table(bodies.loads(request.body)).get("jws")
    if not isinstance(jws, str):
        raise Unprocessable('jws: send {"jws": "…"}, the compact JWS by your agreement key.')
    signed = _Signed(caller, step, jws)
    if step is Step.SIGN:
        _prepare(service, signed, agreement_id)

    def act(connection: Connection) -> JsonObject:
        # INVARIANT: the lock waits for running submissions, and new submissions wait for the lock: nothing
        # decided before the step is written after the step's commit (I3).
        agreements.hold_for_change(connection)
        admit(service, connection, caller, evidence)
        stored = find(connection, caller, agreement_id)
        now = _now(service, connection)
        event = _event(service, connection, signed, stored, now)
        agreements.add_event(connection, stored.id, event)
        stored = replace(stored, events=(*stored.events, event))
        # INVARIANT: event and periods are one commit: no period without its signed event.
        amend.follow(service, connection, stored, step, now)
        return view(service, stored, now)

    return accept.once(
        *(service, evidence, act),
        receipt=accept.new_receipt(),
        sentence=f"the step {step.value!r} on {agreement_id}, by {caller.member.id}",
        when_closed=step in _ENDINGS,
    )


def _now(service: Service, connection: Connection) -> datetime:
    """Return an instant later than every submission decided so far, even if the clock has stepped back."""
    return present(service, connection) + timedelta(microseconds=1)


def _prepare(service: Service, signed: _Signed, agreement_id: str) -> None:
    """Prepare the rows of an amendment before its last signature is stored (hub/README:
    amendment-one-step)."""
    # Checked on a snapshot only to know whether this is the last signature: `act` checks under the lock.
    with service.store.read() as connection:
        stored = find(connection, signed.caller, agreement_id)
        now = _now(service, connection)
        event = _event(service, connection, signed, stored, now)
    lifecycle = lifecycle_of(service.registry, replace(stored, events=(*stored.events, event)))
    if lifecycle.starts_at is not None and lifecycle.agreement.supersedes is not None:
        amend.prepare(service, stored, lifecycle, now)


def _event(
    service: Service, connection: Connection, signed: _Signed, stored: StoredAgreement, now: datetime
) -> AgreementEvent:
    """Return the event of the step, if the nation may take the step now and has signed exactly this step."""
    nation, step = _governing(signed.caller), signed.step
    lifecycle = lifecycle_of(service.registry, stored)
    reason = obstacle(lifecycle, step, nation, now)
    if reason is not None:
        raise Conflict(reason)
    if step is Step.SIGN and lifecycle.agreement.supersedes is not None:
        _check_amended(service, connection, lifecycle.agreement, now)
    key = _check_signature(connection, signed, stored)
    digest = hashlib.sha256(signed.jws.encode()).hexdigest()
    member = signed.caller.member.id
    return AgreementEvent(step.value, nation, member, now, key.thumbprint, digest, signed.jws)


def _check_signature(connection: Connection, signed: _Signed, stored: StoredAgreement) -> RegisteredKey:
    step = signed.step
    payload, key = documents.verify_document(
        signed.jws, lambda thumbprint: members.find_key(connection, thumbprint)
    )
    if key.member != signed.caller.member.id or key.purpose is not Purpose.AGREEMENT:
        raise Forbidden("jws: must be signed with the agreement key of the token's own member.")
    # Parties sign in any order, so a signature names no event. Every other step names the last event: a
    # replayed or overtaken step fails (policy 5).
    previous = None if step is Step.SIGN else last_event(stored)
    expected: JsonObject = {"typ": step.value, "agreement": stored.document, "previous": previous}
    if payload != expected:
        raise Unprocessable(
            f"jws: must cover typ {step.value!r}, the whole agreement as the hub shows it, and its last "
            "event; fetch the agreement again and sign that."
        )
    return key


# --- amendments -------------------------------------------------------------------------------


def parties_amended(
    service: Service, connection: Connection, caller: Caller, agreement: Agreement, now: datetime
) -> frozenset[NationCode]:
    """Return the parties of the superseded agreement: these must sign the proposal too (policy 5).

    Raises NotFound for an agreement withheld from the caller, Conflict for one that cannot be superseded now.
    """
    if agreement.supersedes is None:
        return frozenset()
    former = find(connection, caller, agreement.supersedes)
    if caller.member.kind is not Kind.AUDITOR and caller.member.nation not in former.document["parties"]:
        # A party of the agreement that `former` amends had to sign `former`, so may see it, and is no party.
        raise NotFound(UNKNOWN)
    return _check_amended(service, connection, agreement, now)


def _check_amended(
    service: Service, connection: Connection, agreement: Agreement, now: datetime
) -> frozenset[NationCode]:
    """Return the parties of the superseded agreement, if fully signed, not ended and not yet superseded."""
    former = agreements.find(connection, None, agreement.supersedes or "")
    if former is None:
        raise NotFound("supersedes: there is no such agreement, or your nation is not party to it.")
    lifecycle = lifecycle_of(service.registry, former)
    reason = forbids_superseding(lifecycle, now)
    if reason is not None:
        raise Conflict(f"supersedes: {reason}")
    return lifecycle.agreement.parties


# --- permission -------------------------------------------------------------------------------


def _governing(caller: Caller) -> NationCode:
    nation = caller.member.nation
    if nation is None or caller.member.kind is not Kind.CERT or Scope.GOVERN not in caller.scopes:
        raise Forbidden("Agreements are made by a nation's cert, with a token of scope govern.")
    return nation


def _table(value: Any) -> JsonObject:
    if not isinstance(value, dict):
        raise Unprocessable("The body must be a JSON object.")
    return value
