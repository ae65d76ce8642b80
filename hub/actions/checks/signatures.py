"""Verifies every signature again: submissions, deletions, members' keys, agreements with their periods."""

from __future__ import annotations

import base64
import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from hub.actions.agreement.lifecycles import lifecycle_of
from hub.actions.agreement.recover import statement
from hub.actions.checks import RESTORE, Fault, Inspection, provenance
from hub.errors import HubError
from hub.model import Clause, JsonObject, Kind, MemberId, Period, Purpose, RegisteredKey, Unreadable
from hub.proofs import canonical, documents, keys, requests
from hub.rules.agreement.agreements import WAITING, Step, TimeSpan
from hub.stix import bodies
from hub.store.agreement import agreements
from hub.store.agreement.agreements import AgreementEvent, StoredAgreement
from hub.store.checks import evidence
from hub.store.checks.evidence import Brought, Items, Request
from hub.store.members import members, recoveries
from hub.store.members.recoveries import KeyRecovery

# --- requests -----------------------------------------------------------------------------------


def submission_faults(inspection: Inspection) -> Iterator[Fault]:
    """Yield the submissions with invalid evidence, a missing item, or a version outside the signed body.

    Memory: one raw body at a time, with the digests of its objects.
    """
    connection = inspection.connection
    for batch in evidence.submissions(connection):
        ids = [submission.id for submission in batch]
        items = evidence.items(connection, ids)
        brought: dict[str, list[Brought]] = defaultdict(list)
        for version in evidence.brought(connection, ids):
            brought[version.submission].append(version)
        # The body of a submission that repeats a deleted object is erased: it would hold the object in clear.
        repeating = evidence.repeating_deleted(connection, ids)
        for submission in batch:
            place = f"submission {submission.id}"
            found = (
                *_request_faults(inspection, submission),
                *_item_faults(items.get(submission.id)),
                *_body_faults(
                    inspection, submission, brought[submission.id], may_lack=submission.id in repeating
                ),
            )
            yield from (Fault(place, f"{what}; {RESTORE}") for what in found)


def deletion_faults(inspection: Inspection) -> Iterator[Fault]:
    """Yield the deletions with invalid evidence."""
    for batch in evidence.deletions(inspection.connection):
        for deletion in batch:
            for what in _request_faults(inspection, deletion):
                yield Fault(f"deletion {deletion.id}", f"{what}; {RESTORE}")


def _request_faults(inspection: Inspection, request: Request) -> Iterator[str]:
    if request.is_torn:
        yield "lacks a part of its evidence"
    elif request.evidence is None:
        if inspection.require_signature:
            yield "is not signed, as the configuration requires"
    elif not _is_proved(request, inspection.keys.get(request.evidence.thumbprint)):
        yield f"is not proved by its evidence to come from {request.member}"
    else:
        yield from provenance.place_faults(inspection, request)


def _is_proved(request: Request, key: RegisteredKey | None) -> bool:
    if key is None or request.evidence is None or key.member != request.member:
        return False
    # A later revocation is not checked here: signatures before it stay valid. `authenticate.admit` refuses
    # requests by a revoked key.
    return key.purpose is Purpose.SUBMIT and requests.reverify(
        request.evidence, keys.public_from_jwk(key.jwk)
    )


def _item_faults(items: Items | None) -> Iterator[str]:
    if items is None or items.number != items.last + 1:
        yield "does not tell of each of its items what became of it"


def _body_faults(
    inspection: Inspection, submission: Request, brought: Sequence[Brought], *, may_lack: bool
) -> Iterator[str]:
    undeleted = [version for version in brought if not version.is_deleted]
    body = evidence.raw_body(inspection.connection, submission.id)
    if body is None:
        if undeleted and not may_lack:
            yield "has lost the body of what is not deleted"
        return
    if not undeleted:
        yield "keeps a body of which every object is deleted"
    elif submission.evidence and not _covers(submission.evidence.signature_base, body):
        yield "has another body than the one that was signed"
    else:
        # No limit on the objects here: limits of the configuration may have been wider at that time.
        digests = {_digest(item) for item in bodies.objects_of(body, sys.maxsize)}
        for version in undeleted:
            if version.digest not in digests:
                yield f"does not hold what is stored as its {version.id}, version {version.version}"


def _covers(signature_base: str, body: bytes) -> bool:
    """Return whether the signed text has a digest of `body` (RFC 9530)."""
    hashes = (hashlib.sha256(body), hashlib.sha512(body))
    return any(base64.b64encode(one.digest()).decode() in signature_base for one in hashes)


def _digest(item: object) -> bytes:
    if isinstance(item, Unreadable):
        return b""
    try:
        return canonical.digest(item)
    except ValueError:
        return b""  # without a canonical form the object was refused at submission


# --- keys ---------------------------------------------------------------------------------------


def key_faults(inspection: Inspection) -> Iterator[Fault]:
    """Yield the keys with a wrong thumbprint, and the later agreement keys without a valid endorsement."""
    previous: dict[MemberId, RegisteredKey] = {}
    endorsements = members.endorsements(inspection.connection)
    recovered = {one.thumbprint: one for one in recoveries.every(inspection.connection)}
    for key in inspection.keys.values():
        place = f"key {key.thumbprint} of {key.member}"
        try:
            public = keys.public_from_jwk(key.jwk)
            if (public.thumbprint, public.alg) != (key.thumbprint, key.alg):
                yield Fault(place, f"is registered under another name than its own; {RESTORE}")
                continue
            # The first key comes on the operator's word; a later one needs the key before (policy 5), or the
            # confirmation of another cert (hub/README: lost-agreement-key).
            before = previous.get(key.member) if key.purpose is Purpose.AGREEMENT else None
            if before is not None and (recovery := recovered.get(key.thumbprint)):
                if not _is_recovered(inspection, recovery, before):
                    yield Fault(place, f"was not confirmed by another nation's cert; {RESTORE}")
            elif before is not None:
                documents.verify_endorsement(endorsements[key.thumbprint] or "", public, _unrevoked(before))
        except HubError as error:
            yield Fault(place, f"does not hold: {error} Otherwise {RESTORE}.")
        if key.purpose is Purpose.AGREEMENT:
            previous[key.member] = key


def _is_recovered(inspection: Inspection, recovery: KeyRecovery, before: RegisteredKey) -> bool:
    """Return whether another nation's cert has signed that the key follows the key `before`."""

    def resolve(thumbprint: str) -> RegisteredKey | None:
        key = inspection.keys.get(thumbprint)
        return None if key is None else _unrevoked(key)

    owner = inspection.members[recovery.member]
    try:
        payload, key = documents.verify_recovery(recovery.statement or "", resolve)
    except HubError:
        return False
    signer = inspection.members.get(key.member)
    is_other = signer is not None and signer.kind is Kind.CERT and signer.nation != owner.nation
    is_theirs = (key.member, key.purpose) == (recovery.confirmed_by, Purpose.AGREEMENT)
    expected = statement(inspection.registry.hub_identity_id, owner, recovery)
    return is_other and is_theirs and payload == expected and recovery.previous == before.thumbprint


def _unrevoked(key: RegisteredKey) -> RegisteredKey:
    """Return the key as at the time of its signature, before a later revocation."""
    return replace(key, revoked_at=None)


# --- agreements ---------------------------------------------------------------------------------


def agreement_faults(inspection: Inspection) -> Iterator[Fault]:
    """Yield the agreements with an invalid signature, and the periods other than the signed events give."""
    periods: dict[str, list[Period]] = defaultdict(list)
    for period in inspection.periods:
        periods[period.agreement_id].append(period)
    every = agreements.all_of(inspection.connection, None)
    documents_ = {stored.id: stored.document for stored in every}
    for stored in every:
        found = (
            *_document_faults(inspection, stored),
            *_event_faults(inspection, stored),
            *_period_faults(inspection, stored, periods[stored.id]),
        )
        if stored.signers != _informed_parties(stored, documents_):
            found = (*found, "is listed for other parties than it names")
        yield from (Fault(stored.id, f"{what}; {RESTORE}") for what in found)


def _informed_parties(stored: StoredAgreement, documents_: Mapping[str, JsonObject]) -> set[str]:
    """Return the parties of an agreement, and of the agreement that it supersedes (policy 5)."""
    former = documents_.get(stored.document.get("supersedes", ""), {})
    return {*stored.document.get("parties", ()), *former.get("parties", ())}


def _document_faults(inspection: Inspection, stored: StoredAgreement) -> Iterator[str]:
    named = (stored.document.get("id"), stored.document.get("hub"))
    if named != (stored.id, inspection.registry.hub_identity_id):
        yield "is not the agreement of this hub that it says it is"


def _event_faults(inspection: Inspection, stored: StoredAgreement) -> Iterator[str]:
    previous: str | None = None
    for event in stored.events:
        if hashlib.sha256(event.jws.encode()).hexdigest() != event.digest:
            yield f"holds a digest that is not that of what {event.nation} signed ({event.typ})"
        # INVARIANT: each step after the signatures covers the digest of the event before (policy 5), so that
        # nobody can leave out or repeat a step.
        expected = {
            "typ": event.typ,
            "agreement": stored.document,
            "previous": None if event.typ == Step.SIGN else previous,
        }
        if not _is_signed(inspection, event, expected):
            yield f"was not signed by {event.nation} as it stands ({event.typ})"
        previous = event.digest


def _is_signed(inspection: Inspection, event: AgreementEvent, expected: JsonObject) -> bool:
    def resolve(thumbprint: str) -> RegisteredKey | None:
        key = inspection.keys.get(thumbprint)
        return None if key is None else _unrevoked(key)

    try:
        payload, key = documents.verify_document(event.jws, resolve)
    except HubError:
        return False
    member = inspection.members.get(key.member)
    signer = (key.member, key.thumbprint, key.purpose, None if member is None else member.nation)
    return payload == expected and signer == (
        *(event.member, event.thumbprint),
        *(Purpose.AGREEMENT, event.nation),
    )


def _period_faults(
    inspection: Inspection, stored: StoredAgreement, periods: Sequence[Period]
) -> Iterator[str]:
    """Compare the periods of each clause with the periods by the signed events (policy 5)."""
    try:
        lifecycle = lifecycle_of(inspection.registry, stored)
    except HubError as error:
        yield f"cannot be read by this configuration ({error})"
        return
    right = {(n, clause): lifecycle.stretches() for n, clause in enumerate(lifecycle.agreement.clauses)}
    found: dict[tuple[int, Clause], list[TimeSpan]] = defaultdict(list)
    for period in periods:
        end = min(period.until, period.ended_at or period.until)
        # Periods prepared for an amendment wait without a start; a period of no length never bound.
        if period.start < end and period.start != WAITING:
            found[period.clause_index, period.clause].append((period.start, end))
    if dict(found) != {key: stretches for key, stretches in right.items() if stretches}:
        yield "binds otherwise than its signatures say"
