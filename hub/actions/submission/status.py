"""The status of a submission (TAXII 2.1 section 4.3), for its submitter."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from hub.actions.service.service import Service
from hub.errors import NotFound
from hub.model import Caller, Receipt
from hub.store.records import submissions

# (hub/README: submissions-told)
STATUS_DAYS: Final = 30  # how long a status is answered; TAXII 2.1 section 4.3 asks for a day


def find(service: Service, caller: Caller, status_id: str) -> Receipt:
    """Return the receipt of the caller's own submission.

    Raises NotFound alike for an unknown id, another member's submission and one older than `STATUS_DAYS`.
    """
    with service.store.read() as connection:
        receipt = submissions.find_receipt(connection, status_id, caller.member.id)
        now = service.store.began_at(connection)
    if receipt is None or receipt.requested_at < now - timedelta(days=STATUS_DAYS):
        raise NotFound(f"There is no such status of yours of the last {STATUS_DAYS} days.")
    return receipt
