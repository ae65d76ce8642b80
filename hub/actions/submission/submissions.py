"""Lists submissions with their outcomes: a member its own, a cert all of its nation.

A TAXII status is for the submitter alone, for 30 days. These lists come from the evidence, without end. No
list has the content of an object.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from hub.actions.service.service import Service
from hub.errors import BadCursor, Forbidden, NotFound
from hub.model import (
    Caller,
    JsonObject,
    Kind,
    Outcome,
    Scope,
    format_instant,
    from_microseconds,
    to_microseconds,
)
from hub.proofs import cursors
from hub.store.records import submissions
from hub.store.records.submissions import Listed, Window

MOST: Final = 100  # in one answer: each may have had 10,000 items, which are counted

_KIND: Final = "submissions"
_MISMATCH: Final = "next: this cursor was given for another question; start again without it."
_UNKNOWN: Final = "There is no such submission for this member to ask about."


@dataclass(frozen=True, slots=True)
class SubmissionsRequest:
    """Asks for at most `limit` submissions, received at or after `since`, from the cursor `next` on."""

    limit: int = MOST
    since: datetime | None = None
    next: str | None = None


def listing(service: Service, caller: Caller, wish: SubmissionsRequest) -> JsonObject:
    """Return submissions, the newest first, each with the numbers of its succeeded and failed objects.

    A member gets its own; a cert with the read scope all of its nation; an auditor all. If `more` is true,
    `next` continues the list. Raises Forbidden for operators, BadCursor for a cursor of another reader or
    window.
    """
    window = _window(service, caller, wish)
    # One more than the page holds: the extra row says whether `more` is true.
    with service.store.read() as connection:
        found = submissions.newest(connection, window, min(wish.limit, MOST) + 1)
    page = found[: min(wish.limit, MOST)]
    answer: JsonObject = {"submissions": [_entry(one) for one in page], "more": len(found) > len(page)}
    if answer["more"]:
        answer["next"] = _seal(service, caller, window.since, page[-1])
    return answer


def show(service: Service, caller: Caller, id: str) -> JsonObject:
    """Return one submission with the outcome of each object, to its submitter and its nation's cert.

    The cert's token needs the read scope. Raises Forbidden for auditors and operators, for any id; NotFound
    alike for another member's submission and an unknown id.
    """
    nation = caller.member.nation
    # Before the id is looked up: auditors and operators must not learn whether the id exists. A message may
    # quote an object, and neither reads objects (policy 4).
    if nation is None:
        raise Forbidden("What became of each object is told to the submitter and its nation's cert.")
    # The query itself has the limits of the caller, so that an id of others costs the same as an unknown id.
    member = None if _sees_nation(caller) else caller.member.id
    with service.store.read() as connection:
        found = submissions.find(connection, id, nation, member)
        outcomes = () if found is None else submissions.outcomes(connection, id)
    if found is None:
        raise NotFound(_UNKNOWN)
    counts = {True: 0, False: 0}
    for outcome in outcomes:
        counts[outcome.succeeded] += outcome.count
    counted = found._replace(succeeded=counts[True], failed=counts[False])
    return _entry(counted) | {"outcomes": [_outcome(one) for one in outcomes]}


def _sees_nation(caller: Caller) -> bool:  # (hub/README: submissions-told)
    return caller.member.kind is Kind.CERT and Scope.READ in caller.scopes


def _window(service: Service, caller: Caller, wish: SubmissionsRequest) -> Window:
    if caller.member.kind is Kind.OPERATOR:
        raise Forbidden("Operators read health and metadata only.")
    # An auditor has no nation, so `nation` None of the window below means every nation.
    is_all = caller.member.kind is Kind.AUDITOR or _sees_nation(caller)
    since, before = wish.since, None
    if wish.next is not None:
        began, before = _opened(service, caller, wish.next)
        if since not in (None, began):
            raise BadCursor(_MISMATCH)
        since = began
    return Window(caller.member.nation, None if is_all else caller.member.id, since, before)


def _seal(service: Service, caller: Caller, since: datetime | None, last: Listed) -> str:
    window = [] if since is None else [to_microseconds(since)]
    fields: dict[str, Any] = {"at": to_microseconds(last.requested_at), "id": last.id, "since": window}
    named = {"kind": _KIND, "reader": caller.member.id}
    return cursors.seal(service.secrets.cursor_key, fields | named, secrets.token_bytes(cursors.NONCE_BYTES))


def _opened(service: Service, caller: Caller, text: str) -> tuple[datetime | None, tuple[datetime, str]]:
    fields = cursors.unseal(service.secrets.cursor_key, text)
    if fields.get("kind") != _KIND or fields.get("reader") != caller.member.id:
        raise BadCursor(_MISMATCH)
    since = from_microseconds(fields["since"][0]) if fields["since"] else None
    return since, (from_microseconds(fields["at"]), fields["id"])


def _entry(one: Listed) -> JsonObject:
    return {
        "id": one.id,
        "member": one.member,
        "nation": one.origin,
        "at": format_instant(one.requested_at),
        "succeeded": one.succeeded,
        "failed": one.failed,
    }


def _outcome(one: Outcome) -> JsonObject:
    """Return an outcome as JSON, with `count` if several unreadable items share the outcome."""
    said = {"id": one.id, "version": one.version, "succeeded": one.succeeded}
    message = {"message": one.message} if one.message else {}
    return said | message | ({"count": one.count} if one.count > 1 else {})
