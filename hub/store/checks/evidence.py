"""Signed requests and disclosures as stored, read in bulk for `hub check`. Nothing is written."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, Table, and_, exists, func, null, or_, select

from hub.model import HUB, Evidence, MemberId, NationCode, StixId, from_microseconds, to_microseconds
from hub.store.records.submissions import repeated
from hub.store.schema.disclosure_tables import disclosure
from hub.store.schema.tables import (
    agreement_event,
    content,
    deletion,
    object_version,
    release,
    submission,
    submission_body,
    submission_item,
)

_V = object_version.c


class Request(NamedTuple):
    """A stored signed request. `evidence` is None for an unsigned request. `is_torn`: a part is missing.

    `object` is the object of a DELETE.
    """

    id: Any
    member: MemberId
    origin: NationCode
    requested_at: datetime
    object: StixId | None
    evidence: Evidence | None
    is_torn: bool


_AT_ONCE: Final = 100  # bounds the memory of a check
_PROOF: Final = ("signature_base", "signature", "thumbprint", "nonce", "signed_at", "expires_at")


def submissions(connection: Connection) -> Iterator[list[Request]]:
    """Give every submission with proof, a hundred at a time."""
    return _requests(connection, submission)


def deletions(connection: Connection) -> Iterator[list[Request]]:
    """Give every request to delete, as `submissions` does."""
    return _requests(connection, deletion)


def _requests(connection: Connection, table: Table) -> Iterator[list[Request]]:
    # Ids of submissions are random: an order of keys, not of time. It is all that paging needs.
    last: Any = None
    while True:
        named = table.c.stix_id if table is deletion else null()
        plain = (table.c.id, table.c.member, table.c.origin, table.c.requested_at, named)
        query = select(*plain, *(table.c[name] for name in _PROOF))
        if last is not None:
            query = query.where(table.c.id > last)
        rows = connection.execute(query.order_by(table.c.id).limit(_AT_ONCE))
        found = [_request(*row) for row in rows]
        if not found:
            return
        yield found
        last = found[-1].id


def _request(id: Any, member: str, origin: str, at: int, named: str | None, *proof: Any) -> Request:
    # All parts or none: a proof with a missing part proves nothing, and is a fault of its own.
    given = [part is not None for part in proof]
    evidence = None
    if all(given):
        base, signature, thumbprint, nonce, signed, expires = proof
        times = from_microseconds(signed), from_microseconds(expires)
        evidence = Evidence(base, bytes(signature), thumbprint, nonce, *times)
    plain = MemberId(member), NationCode(origin), from_microseconds(at), StixId(named) if named else None
    return Request(id, *plain, evidence, any(given) and not all(given))


class Items(NamedTuple):
    """The number of items of a submission, and the index of the last item, from 0."""

    number: int
    last: int


def items(connection: Connection, ids: Sequence[str]) -> dict[str, Items]:
    """Return the items of these submissions. A submission without items is missing."""
    c = submission_item.c
    query = (
        # Equal outcomes share a row: `count` items from `index` on.
        select(c.submission_id, func.sum(c.count), func.max(c.index + c.count - 1))
        .where(c.submission_id.in_(ids))
        .group_by(c.submission_id)
    )
    return {id: Items(number, last) for id, number, last in connection.execute(query)}


# --- consistency ----------------------------------------------------------------------


class Named(NamedTuple):
    """A version by id, member and version text."""

    id: StixId
    member: MemberId
    version: str


_CALLED: Final = (_V.stix_id, _V.member, _V.version)


def without_submission(connection: Connection) -> list[Named]:
    """Return the members' versions without a submission of the same member, origin and instant."""
    s = submission.c
    # `submitted_at` is the `now` of the decision, for all versions of a submission.
    same = and_(s.member == _V.member, s.origin == _V.origin, s.requested_at == _V.submitted_at)
    came = exists().where(s.id == _V.submission_id, same)
    return _versions(connection, select(*_CALLED).where(_V.member != HUB, ~came))


def deleted_without_request(connection: Connection) -> list[Named]:
    """Return the deleted versions without a request to delete at the same instant."""
    d = deletion.c
    # The member may differ: the cert of the nation may delete too (policy 8).
    same = and_(d.stix_id == _V.stix_id, d.origin == _V.origin, d.requested_at == _V.deleted_at)
    asked = exists().where(d.id == _V.deletion_id, same)
    is_marked = or_(_V.deletion_id.is_not(None), _V.deleted_at.is_not(None))
    return _versions(connection, select(*_CALLED).where(is_marked, ~asked))


def without_item(connection: Connection) -> list[Named]:
    """Return the versions without a succeeded item in their submission."""
    i = submission_item.c
    named = exists().where(
        i.submission_id == _V.submission_id,
        i.id == _V.stix_id,
        i.version == _V.version,
        i.succeeded.is_(True),
    )
    return _versions(connection, select(*_CALLED).where(_V.submission_id.is_not(None), ~named))


def shown_too_early(connection: Connection) -> list[Named]:
    """Return the versions with a release row that is earlier than the submission."""
    r = release.c
    # Dates begin at the clock of the decision (policy 9), so no row is earlier than its version.
    earlier = exists().where(r.version_id == _V.id, r.date_added < _V.submitted_at)
    return _versions(connection, select(*_CALLED).where(_V.member != HUB, earlier))


def _versions(connection: Connection, query: Select[Any]) -> list[Named]:
    found = connection.execute(query.order_by(_V.id))
    return [Named(StixId(id), MemberId(member), version) for id, member, version in found]


def items_without_version(connection: Connection) -> list[tuple[str, StixId]]:
    """Return the succeeded items without a version of the member, the hub's own objects aside."""
    i = submission_item.c
    # A submitted TLP definition succeeds without being stored: the hub serves its own (policy 2.2).
    mine = and_(_V.member == submission.c.member, _V.version == i.version)
    kept = exists().where(_V.stix_id == i.id, or_(mine, _V.member == HUB))
    joined = submission_item.join(submission, submission.c.id == i.submission_id)
    query = select(i.submission_id, i.id).select_from(joined).where(i.succeeded.is_(True), ~kept)
    return [(id, StixId(named)) for id, named in connection.execute(query.order_by(i.submission_id, i.index))]


def is_instant_used(connection: Connection, at: datetime) -> bool:
    """Return whether a row, an event of an agreement or another request has this instant.

    Dates of rows may be later than the decision, and so later than every request.
    """
    instant = to_microseconds(at)
    columns = (release.c.date_added, agreement_event.c.at)
    if any(
        connection.execute(select(column).where(column == instant).limit(1)).first() for column in columns
    ):
        return True
    requested = (submission.c.requested_at, deletion.c.requested_at)
    queries = (select(func.count()).where(column == instant) for column in requested)
    return sum(connection.execute(query).scalar_one() for query in queries) > 1


class Brought(NamedTuple):
    """A version of a submission."""

    submission: str
    id: StixId
    version: str
    digest: bytes
    is_deleted: bool


def brought(connection: Connection, ids: Sequence[str]) -> Iterator[Brought]:
    """Give the versions of these submissions."""
    columns = (_V.submission_id, _V.stix_id, _V.version, content.c.digest, _V.deleted_at.is_not(None))
    query = select(*columns).join(content, content.c.id == _V.content_id)
    for id, stix_id, version, digest, is_deleted in connection.execute(
        query.where(_V.submission_id.in_(ids))
    ):
        yield Brought(id, StixId(stix_id), version, bytes(digest), bool(is_deleted))


def repeating_deleted(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return the submissions that repeat a deleted object. Such bodies are erased."""
    # A repetition of an object that was deleted since holds the erased text (policy 8).
    is_same = (_V.member == submission.c.member, _V.stix_id == submission_item.c.id)
    is_deleted = exists().where(*is_same, _V.deleted_at.is_not(None))
    query = repeated().where(submission_item.c.submission_id.in_(ids), is_deleted)
    return set(connection.execute(query).scalars())


def raw_body(connection: Connection, submission: str) -> bytes | None:
    """Return the body of a submission as received; None: erased; empty: damaged."""
    query = select(submission_body.c.deflated).where(submission_body.c.submission_id == submission)
    deflated = connection.execute(query).scalar_one_or_none()
    try:
        return None if deflated is None else zlib.decompress(deflated)
    # Damage is a finding of the check, not its end.
    except zlib.error:
        return b""


class StoredDisclosure(NamedTuple):
    """A disclosure as stored. `runs` is not decoded, because the check must report a damaged text."""

    id: int
    member: MemberId
    recipient: NationCode
    kind: str
    first_position: int
    last_position: int
    runs: str


def disclosures(connection: Connection) -> Iterator[StoredDisclosure]:
    """Give every disclosure, a hundred at a time."""
    # Not decoded here: the check must name a damaged text, and go on.
    columns = [disclosure.c[name] for name in StoredDisclosure._fields]
    last = 0
    while True:
        query = select(*columns).where(disclosure.c.id > last).order_by(disclosure.c.id).limit(_AT_ONCE)
        found = connection.execute(query).all()
        for id, member, recipient, *rest in found:
            yield StoredDisclosure(id, MemberId(member), NationCode(recipient), *rest)
        if not found:
            return
        last = found[-1].id
