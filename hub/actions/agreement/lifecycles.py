"""The state of agreements by documents and signed events, as shown to permitted callers."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hub.actions.access.authenticate import check_may_know
from hub.actions.service.service import Service
from hub.errors import NotFound
from hub.model import Caller, JsonObject, Registry, format_instant
from hub.rules.agreement.agreements import (
    Lifecycle,
    Step,
    read_agreement,
    status_of,
)
from hub.rules.agreement.amendments import superseded_by
from hub.store.agreement import agreements
from hub.store.agreement.agreements import StoredAgreement
from hub.store.database.connection import Connection

UNKNOWN: Final = "There is no such agreement, or your nation is not party to it."


def lifecycle_of(registry: Registry, stored: StoredAgreement) -> Lifecycle:
    """Return the lifecycle of an agreement, by its own signed events and the events of its amendments."""
    # The signed events alone decide, not stored states: `hub check` folds the same events again.
    lifecycle = Lifecycle(
        read_agreement(stored.document, registry.nations.keys()), stored.signers, stored.proposed_at
    )
    for event in stored.events:
        lifecycle = lifecycle.after(Step(event.typ), event.nation, event.at)
    return superseded_by(lifecycle, [lifecycle_of(registry, amendment) for amendment in stored.amendments])


def find(connection: Connection, caller: Caller, agreement_id: str) -> StoredAgreement:
    """Return the agreement; NotFound alike for other nations' and unknown agreements.

    Raises Forbidden as `check_may_know`.
    """
    # INVARIANT: the permission first: other members get 403 for every id (policy 5).
    check_may_know(caller)
    stored = agreements.find(connection, caller.member.nation, agreement_id)
    if stored is None:
        raise NotFound(UNKNOWN)
    return stored


def view(service: Service, stored: StoredAgreement, now: datetime) -> JsonObject:
    """Return an agreement as JSON for permitted callers."""
    lifecycle, document = lifecycle_of(service.registry, stored), stored.document
    current = status_of(lifecycle, now)
    return {
        "id": stored.id,
        "title": document["title"],
        "state": current.state.value,
        "parties": sorted(document["parties"]),
        "to_sign": sorted(lifecycle.needed),
        "signed_by": sorted(lifecycle.signed_by),
        "suspended_by": sorted(lifecycle.suspended_by),
        "valid_from": document["valid_from"],
        "valid_until": document["valid_until"],
        "supersedes": document.get("supersedes"),
        "superseded_at": None if lifecycle.superseded_at is None else format_instant(lifecycle.superseded_at),
        "lapses_at": None if lifecycle.lapses_at is None else format_instant(lifecycle.lapses_at),
        "clauses": document["clauses"],
        "ended": current.ended,
        # Every JWS, and the whole document: clients verify signatures themselves (policy 5).
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
        "last_event": last_event(stored),
    }


def last_event(stored: StoredAgreement) -> str | None:
    """Return the digest for the next event to name; None before the first event."""
    return stored.events[-1].digest if stored.events else None
