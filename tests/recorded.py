"""Disclosures as they are recorded."""

from __future__ import annotations

from sqlalchemy import Connection, select

from hub.model import Disclosed, Disclosure, MemberId, NationCode, from_microseconds
from hub.store.ledger.disclosures import decode
from hub.store.schema.disclosure_tables import disclosure


def disclosures_to(connection: Connection, recipient: NationCode) -> list[Disclosure]:
    """Return every disclosure of rows of the recipient's ledger, the earliest first."""
    query = select(disclosure).where(disclosure.c.recipient == recipient).order_by(disclosure.c.id)
    return [
        Disclosure(
            MemberId(row.member),
            NationCode(row.recipient),
            from_microseconds(row.at),
            Disclosed(row.kind),
            decode(row.runs),
            row.revision,
            row.generation,
            row.epoch,
        )
        for row in connection.execute(query)
    ]
