"""Who signed a request: the evidence (RFC 9421), by a key of the caller's own for the purpose at hand."""

from __future__ import annotations

from hub.actions.service.service import Service
from hub.errors import Forbidden
from hub.model import Caller, Evidence, HttpRequest, NationCode, Purpose, Scope
from hub.proofs import requests
from hub.store.members import members


def verify_writer(
    service: Service, caller: Caller, origin: NationCode, request: HttpRequest
) -> Evidence | None:
    """Return the evidence that a member of the nation, who may write to its collection, sent this.

    None only for an unsigned request where the configuration accepts those. Raises Forbidden or BadSignature.
    """
    if caller.member.nation != origin or Scope.SUBMIT not in caller.scopes:
        raise Forbidden("Only members of the nation write to its collection, with a token of scope submit.")
    if service.require_signature or _is_signed(request):
        return verify_request(service, caller, request, Purpose.SUBMIT)
    return None


def _is_signed(request: HttpRequest) -> bool:
    return any(name.lower() == "signature-input" for name in request.headers)


def verify_request(service: Service, caller: Caller, request: HttpRequest, purpose: Purpose) -> Evidence:
    """Return the evidence of a signature that holds, by a key of the caller's for this purpose.

    Raises BadSignature when it does not hold, Forbidden when the key is another's or for something else.
    """
    with service.store.read(when_closed=True) as connection:
        key, evidence = requests.verify(
            *(request, lambda thumbprint: members.find_key(connection, thumbprint)),
            service.store.began_at(connection),
        )
    if key.member != caller.member.id or key.purpose is not purpose:
        raise Forbidden(
            f"The request must be signed with a key of purpose {purpose.value} of the token's own member."
        )
    return evidence
