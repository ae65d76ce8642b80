"""Checks that stored versions follow from signed requests: by member, collection and time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from urllib.parse import unquote, urlsplit

from hub.actions.checks import RESTORE, Fault, Inspection
from hub.proofs import requests
from hub.store.checks import evidence
from hub.store.checks.evidence import Request

# From the check of the signature to the decision: a request waits for its locks one after the other.
_DECIDING: Final = timedelta(minutes=5)


def provenance_faults(inspection: Inspection) -> Iterator[Fault]:
    """Yield the versions and outcomes without a submission, and the deleted versions without a DELETE."""
    connection = inspection.connection
    parts = (
        (evidence.without_submission(connection), "is not of the member, origin and time of its submission"),
        (evidence.deleted_without_request(connection), "is deleted otherwise than a request to delete says"),
        (evidence.without_item(connection), "is not among what its submission succeeded with"),
        (evidence.shown_too_early(connection), "was shown before it was submitted"),
    )
    for versions, what in parts:
        yield from (
            Fault(f"{v.id} of {v.member}, version {v.version}", f"{what}; {RESTORE}") for v in versions
        )
    for submission, id in evidence.items_without_version(connection):
        yield Fault(f"submission {submission}", f"succeeded with {id}, which is not stored; {RESTORE}")


def place_faults(inspection: Inspection, request: Request) -> Iterator[str]:
    """Yield the differences between a stored request and its signature, in collection and time.

    `signatures` verifies the signature itself.
    """
    member = inspection.members.get(request.member)
    if member is None or member.nation != request.origin:
        yield f"is of {request.origin}, where {request.member} does not write"
    if request.evidence is None:
        return
    nation = inspection.registry.nations.get(request.origin)
    names = set() if nation is None else {nation.collection_id, nation.code.lower()}
    # The path alone: a proxy or another name of the hub changes host and root path, not the last parts.
    wanted = ["objects"] if request.object is None else ["objects", request.object]
    path = unquote(urlsplit(requests.target_of(request.evidence)).path).rstrip("/").split("/")
    if path[-len(wanted) :] != wanted or path[-len(wanted) - 1] not in names:
        yield f"was signed for {'/'.join(path)}, which is another place"
    if not _is_in_time(inspection, request):
        yield "is dated outside the time of its signature"


def _is_in_time(inspection: Inspection, request: Request) -> bool:
    """Return whether the request was received while its signature was valid.

    A later date is right if a ledger or an agreement had given that instant before: after a clock has stepped
    back, the hub dates no request before committed decisions.
    """
    if request.evidence is None:
        return True
    begin = request.evidence.created - requests.SKEW
    end = request.evidence.expires + requests.SKEW + _DECIDING
    if request.requested_at <= end:
        return begin <= request.requested_at
    return evidence.is_instant_used(inspection.connection, request.requested_at)
