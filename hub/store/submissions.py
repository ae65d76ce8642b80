"""Submissions: their evidence, what became of each item, and the raw body apart."""

from __future__ import annotations

import zlib
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from hub.model import (
    Evidence,
    MemberId,
    NationCode,
    Outcome,
    Receipt,
    from_microseconds,
    to_microseconds,
)
from hub.store.tables import origin as origin_table
from hub.store.tables import submission, submission_body, submission_item


def count(connection: Connection, origin: NationCode, *, hold: bool = False) -> int:
    """Return how many submissions of the nation have been decided; `hold` keeps others from deciding."""
    query = select(origin_table.c.submissions).where(origin_table.c.code == origin)
    number: int = connection.execute(query.with_for_update() if hold else query).scalar_one()
    return number


def advance(connection: Connection, origin: NationCode) -> None:
    """Count one more submission; the caller holds the origin."""
    values = {"submissions": origin_table.c.submissions + 1}
    connection.execute(update(origin_table).where(origin_table.c.code == origin).values(**values))


def open_submission(
    connection: Connection,
    id: str,
    member: MemberId,
    origin: NationCode,
    at: datetime,
    evidence: Evidence | None,
) -> None:
    """Store a submission with what proves who sent it; `evidence` None is an unsigned one (development)."""
    proof = {}
    if evidence is not None:
        proof = {
            "thumbprint": evidence.thumbprint,
            "nonce": evidence.nonce,
            "signed_at": to_microseconds(evidence.created),
            "expires_at": to_microseconds(evidence.expires),
            "signature_base": evidence.signature_base,
            "signature": evidence.signature,
        }
    connection.execute(
        insert(submission).values(
            id=id, member=member, origin=origin, requested_at=to_microseconds(at), **proof
        )
    )


def keep_body(connection: Connection, id: str, body: bytes) -> None:
    """Keep the body as received."""
    connection.execute(insert(submission_body).values(submission_id=id, deflated=zlib.compress(body, 1)))


def close_submission(connection: Connection, receipt: Receipt) -> None:
    """Store what became of each item, in the order of the submission."""
    rows = [
        {
            "submission_id": receipt.id,
            "index": n,
            "id": outcome.id,
            "version": outcome.version,
            "succeeded": outcome.succeeded,
            "message": outcome.message,
        }
        for n, outcome in enumerate(receipt.outcomes)
    ]
    connection.execute(insert(submission_item), rows)


def find_receipt(connection: Connection, id: str, member: MemberId) -> Receipt | None:
    """Return the receipt of the member's own submission; None for any other."""
    query = select(submission.c.requested_at).where(submission.c.id == id, submission.c.member == member)
    requested_at = connection.execute(query).scalar_one_or_none()
    if requested_at is None:
        return None
    item = submission_item.c
    rows = connection.execute(select(submission_item).where(item.submission_id == id).order_by(item.index))
    outcomes = tuple(Outcome(row.id, row.version, row.succeeded, row.message) for row in rows)
    return Receipt(id, from_microseconds(requested_at), outcomes) if outcomes else None
