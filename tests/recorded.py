"""Disclosures as they are recorded."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from hub.model import Disclosed, Disclosure, MemberId, NationCode, from_microseconds, to_microseconds
from hub.store.ledger.disclosures import decode, encode
from hub.store.schema.disclosure_tables import disclosure


def add(connection: Connection, one: Disclosure) -> None:
    """Record a disclosure, as the statement of a page does."""
    connection.execute(
        insert(disclosure).values(
            member=one.member,
            recipient=one.recipient,
            at=to_microseconds(one.at),
            kind=one.kind,
            revision=one.revision,
            generation=one.generation,
            epoch=one.epoch,
            first_position=one.positions[0],
            last_position=one.positions[-1],
            runs=encode(one.positions),
        )
    )


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
