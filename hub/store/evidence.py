"""Signed requests and disclosures as they are kept, read in bulk to be verified. Nothing is written."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, exists, func, select

from hub.model import Evidence, MemberId, NationCode, StixId, from_microseconds
from hub.store.submissions import repeated
from hub.store.tables import (
    content,
    deletion,
    disclosure,
    object_version,
    submission,
    submission_body,
    submission_item,
)

_V = object_version.c


class Request(NamedTuple):
    """A stored signed request. `evidence` is None for an unsigned one; `is_torn` when a part is missing."""

    id: Any
    member: MemberId
    evidence: Evidence | None
    is_torn: bool


_AT_ONCE: Final = 100
_PROOF: Final = ("signature_base", "signature", "thumbprint", "nonce", "signed_at", "expires_at")


def submissions(connection: Connection) -> Iterator[list[Request]]:
    """Give every submission, a hundred at a time, each with what proves who sent it."""
    return _requests(connection, submission)


def deletions(connection: Connection) -> Iterator[list[Request]]:
    """Give every request to delete, as `submissions` does."""
    return _requests(connection, deletion)


def _requests(connection: Connection, table: Table) -> Iterator[list[Request]]:
    last: Any = None
    while True:
        query = select(table.c.id, table.c.member, *(table.c[name] for name in _PROOF))
        if last is not None:
            query = query.where(table.c.id > last)
        rows = connection.execute(query.order_by(table.c.id).limit(_AT_ONCE))
        found = [_request(*row) for row in rows]
        if not found:
            return
        yield found
        last = found[-1].id


def _request(id: Any, member: str, *proof: Any) -> Request:
    given = [part is not None for part in proof]
    evidence = None
    if all(given):
        base, signature, thumbprint, nonce, signed, expires = proof
        times = from_microseconds(signed), from_microseconds(expires)
        evidence = Evidence(base, bytes(signature), thumbprint, nonce, *times)
    return Request(id, MemberId(member), evidence, any(given) and not all(given))


class Items(NamedTuple):
    """How many items a submission has, and the last of their numbers, which count from 0."""

    number: int
    last: int


def items(connection: Connection, ids: Sequence[str]) -> dict[str, Items]:
    """Return the items of these submissions; one that has none is missing."""
    c = submission_item.c
    query = (
        select(c.submission_id, func.count(), func.max(c.index))
        .where(c.submission_id.in_(ids))
        .group_by(c.submission_id)
    )
    return {id: Items(number, last) for id, number, last in connection.execute(query)}


class Brought(NamedTuple):
    """A version that a submission brought."""

    submission: str
    id: StixId
    version: str
    digest: bytes
    is_deleted: bool


def brought(connection: Connection, ids: Sequence[str]) -> Iterator[Brought]:
    """Give the versions that came with these submissions."""
    columns = (_V.submission_id, _V.stix_id, _V.version, content.c.digest, _V.deleted_at.is_not(None))
    query = select(*columns).join(content, content.c.id == _V.content_id)
    for id, stix_id, version, digest, is_deleted in connection.execute(
        query.where(_V.submission_id.in_(ids))
    ):
        yield Brought(id, StixId(stix_id), version, bytes(digest), bool(is_deleted))


def repeating_deleted(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return those of these submissions that say again what is deleted, so that their bodies are not kept."""
    is_same = (_V.member == submission.c.member, _V.stix_id == submission_item.c.id)
    is_deleted = exists().where(*is_same, _V.deleted_at.is_not(None))
    query = repeated().where(submission_item.c.submission_id.in_(ids), is_deleted)
    return set(connection.execute(query).scalars())


def raw_body(connection: Connection, submission: str) -> bytes | None:
    """Return the body of a submission as it was received; None when it is erased, empty when damaged."""
    query = select(submission_body.c.deflated).where(submission_body.c.submission_id == submission)
    deflated = connection.execute(query).scalar_one_or_none()
    try:
        return None if deflated is None else zlib.decompress(deflated)
    except zlib.error:
        return b""


class StoredDisclosure(NamedTuple):
    """An entry of what a member was given, with its positions as they are encoded."""

    id: int
    member: MemberId
    recipient: NationCode
    kind: str
    first_position: int
    last_position: int
    positions: bytes


def disclosures(connection: Connection) -> Iterator[StoredDisclosure]:
    """Give every disclosure, a hundred at a time."""
    columns = [disclosure.c[name] for name in StoredDisclosure._fields]
    last = 0
    while True:
        query = select(*columns).where(disclosure.c.id > last).order_by(disclosure.c.id).limit(_AT_ONCE)
        found = connection.execute(query).all()
        for id, member, recipient, kind, first, last_one, positions in found:
            place = MemberId(member), NationCode(recipient)
            yield StoredDisclosure(id, *place, kind, first, last_one, bytes(positions))
        if not found:
            return
        last = found[-1].id
