"""Verifies signatures of requests (RFC 9421), each by the caller's own key for the purpose of the request."""

from __future__ import annotations

from hub.actions.service.service import Service
from hub.errors import Forbidden
from hub.model import Caller, Evidence, HttpRequest, NationCode, Purpose, Scope
from hub.proofs import requests
from hub.store.members import senders


def verify_writer(
    service: Service, caller: Caller, origin: NationCode, request: HttpRequest
) -> Evidence | None:
    """Return the evidence for a request to write to the collection of `origin`.

    None for an unsigned request, if the configuration accepts unsigned requests. Raises Forbidden unless the
    caller is a member of `origin` with the scope `submit`, and BadSignature.
    """
    # Before the signature: only members of the nation write to its collection, whoever signed.
    if caller.member.nation != origin or Scope.SUBMIT not in caller.scopes:
        raise Forbidden("Only members of the nation write to its collection, with a token of scope submit.")
    # A signature that is there is always verified: a wrong one must not pass as unsigned.
    if service.require_signature or _is_signed(request):
        return verify_request(service, caller, request, Purpose.SUBMIT)
    return None


def _is_signed(request: HttpRequest) -> bool:
    return any(name.lower() == "signature-input" for name in request.headers)


def verify_request(service: Service, caller: Caller, request: HttpRequest, purpose: Purpose) -> Evidence:
    """Return the evidence of a valid signature by the caller's own key of this purpose.

    Raises BadSignature for an invalid signature, Forbidden for another member's key or another purpose.
    """
    stated = requests.read_stated(request)
    registered, now = senders.key(service.store, stated.thumbprint)
    key, evidence = requests.verify_stated(stated, lambda _: registered, now)
    if key.member != caller.member.id or key.purpose is not purpose:
        raise Forbidden(
            f"The request must be signed with a key of purpose {purpose.value} of the token's own member."
        )
    return evidence
