"""Submissions: the evidence, the outcome of each item, and the raw body apart."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from datetime import datetime
from itertools import accumulate
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from hub.model import (
    Evidence,
    MemberId,
    NationCode,
    Outcome,
    Receipt,
    StixId,
    from_microseconds,
    to_microseconds,
)
from hub.store.database.batches import among, batches, insert_all
from hub.store.database.prepared import Prepared
from hub.store.schema.tables import (
    deletion,
    object_version,
    submission,
    submission_body,
    submission_item,
)
from hub.store.schema.tables import origin as origin_table


def hold(connection: Connection, origin: NationCode) -> None:
    """Lock the origin until the transaction ends."""
    # INVARIANT: a decision is valid while the number of decided submissions is unchanged. It is compared
    # under this lock (storage.md, Ordering): else a relationship could race the RED object that it names.
    if connection.dialect.name == "postgresql":  # SQLite's write lock holds every row
        (_,) = _held.scalars(connection, code=origin)


_held: Final = Prepared(
    lambda _: (
        select(origin_table.c.submissions).where(origin_table.c.code == bindparam("code")).with_for_update()
    )
)


def advance(connection: Connection, origin: NationCode) -> None:
    """Count one more submission. The caller holds the origin."""
    _advance.run(connection, code=origin)


_advance: Final = Prepared(
    lambda _: (
        update(origin_table)
        .where(origin_table.c.code == bindparam("code"))
        .values(submissions=origin_table.c.submissions + literal_column("1"))
    )
)


def open_submission(
    connection: Connection,
    id: str,
    member: MemberId,
    origin: NationCode,
    at: datetime,
    evidence: Evidence | None,
) -> None:
    """Store a submission with the proof of its sender; `evidence` None: unsigned (development)."""
    values = {"member": member, "origin": origin, "requested_at": to_microseconds(at), **_proof(evidence)}
    insert_all(connection, submission, [{"id": id, **values}])


def add_deletion(
    connection: Connection,
    member: MemberId,
    origin: NationCode,
    stix_id: StixId,
    at: datetime,
    evidence: Evidence | None,
) -> int:
    """Store a request to delete, with the proof of its sender. Return the id."""
    # INVARIANT: append-only evidence. No later statement changes a request or its proof.
    values = {"member": member, "origin": origin, "requested_at": to_microseconds(at), **_proof(evidence)}
    statement = insert(deletion).values(stix_id=stix_id, **values).returning(deletion.c.id)
    id: int = connection.execute(statement).scalar_one()
    return id


def _proof(evidence: Evidence | None) -> dict[str, Any]:
    # No column of the proof, or all: `hub check` reports a proof that is torn.
    if evidence is None:
        return {}
    return {
        "thumbprint": evidence.thumbprint,
        "nonce": evidence.nonce,
        "signed_at": to_microseconds(evidence.created),
        "expires_at": to_microseconds(evidence.expires),
        "signature_base": evidence.signature_base,
        "signature": evidence.signature,
    }


def keep_body(connection: Connection, id: str, body: bytes) -> None:
    """Store the body as received."""
    # In a table of its own: a body may be erased, while the evidence stays (policy 8).
    insert_all(connection, submission_body, [{"submission_id": id, "deflated": zlib.compress(body, 1)}])


def erase_bodies(connection: Connection, ids: Collection[str]) -> None:
    """Erase the raw bodies of those of these submissions without an undeleted version."""
    v = object_version.c
    for batch in batches(sorted(ids)):
        # A body holds several objects: it goes with the last of them (policy 8).
        is_left = exists().where(v.submission_id == submission_body.c.submission_id, v.deleted_at.is_(None))
        condition = and_(submission_body.c.submission_id.in_(batch), ~is_left)
        connection.execute(delete(submission_body).where(condition))


def erase_repeats(connection: Connection, member: MemberId, id: StixId) -> None:
    """Erase the raw bodies in which the member repeated this object without a new version."""
    # An equal repetition stores no version, but its raw body holds the text (policy 8).
    repeats = repeated().where(submission_item.c.id == id, submission.c.member == member)
    # The submission and its items stay: they are evidence.
    connection.execute(delete(submission_body).where(submission_body.c.submission_id.in_(repeats)))


def repeated() -> Select[str]:
    """Return the query for submissions with an item, joined here, that brought no version."""
    v, item = object_version.c, submission_item.c
    same = (v.submission_id == item.submission_id, v.stix_id == item.id, v.version == item.version)
    # The caller adds its conditions on item and submission.
    items = submission_item.join(submission, submission.c.id == item.submission_id)
    return select(item.submission_id).select_from(items).where(~exists().where(*same))


def close_submission(connection: Connection, receipt: Receipt) -> None:
    """Store the outcome of each item, in the order of the submission.

    The index of an outcome is the number of items before it.
    """
    # Equal outcomes are one row with a count, so the index is a sum, not a row number.
    before = accumulate((outcome.count for outcome in receipt.outcomes), initial=0)
    rows = (
        {
            "submission_id": receipt.id,
            "index": n,
            "id": outcome.id,
            "version": outcome.version,
            "succeeded": outcome.succeeded,
            "message": outcome.message,
            "count": outcome.count,
        }
        for n, outcome in zip(before, receipt.outcomes, strict=False)
    )
    insert_all(connection, submission_item, rows)


class Listed(NamedTuple):
    """A submission in a list, with the numbers of its succeeded and failed items."""

    id: str
    member: MemberId
    origin: NationCode
    requested_at: datetime
    succeeded: int = 0
    failed: int = 0


class Window(NamedTuple):
    """The selection of a list: origin and member (None: all), since when, and before which entry."""

    origin: NationCode | None
    member: MemberId | None
    since: datetime | None
    before: tuple[datetime, str] | None


def newest(connection: Connection, window: Window, limit: int) -> list[Listed]:
    """Return at most `limit` submissions, the newest first. Reads no others, by an index."""
    rows = connection.execute(_newest(window, limit)).all()
    counts = _counts(connection, [row.id for row in rows])
    return [
        Listed(
            row.id,
            MemberId(row.member),
            NationCode(row.origin),
            from_microseconds(row.requested_at),
            counts.get((row.id, True), 0),
            counts.get((row.id, False), 0),
        )
        for row in rows
    ]


def _newest(window: Window, limit: int) -> Select[Any]:
    c = submission.c
    query = select(c.id, c.member, c.origin, c.requested_at)
    if window.origin is not None:
        query = query.where(c.origin == window.origin)
    if window.member is not None:
        query = query.where(c.member == window.member)
    if window.since is not None:
        query = query.where(c.requested_at >= to_microseconds(window.since))
    if window.before is not None:
        at, id = to_microseconds(window.before[0]), window.before[1]
        # The first condition alone uses the index; the second decides among equal instants, by id.
        query = query.where(c.requested_at <= at, or_(c.requested_at < at, c.id < id))
    return query.order_by(c.requested_at.desc(), c.id.desc()).limit(limit)


def _counts(connection: Connection, ids: Collection[str]) -> dict[tuple[str, bool], int]:
    item = submission_item.c
    if not ids:
        return {}
    # Summed, not counted: equal outcomes share a row.
    query = select(item.submission_id, item.succeeded, func.sum(item.count))
    query = query.where(among(connection, item.submission_id, ids)).group_by(
        item.submission_id, item.succeeded
    )
    return {(id, bool(succeeded)): int(n) for id, succeeded, n in connection.execute(query)}


def find(connection: Connection, id: str, origin: NationCode, member: MemberId | None) -> Listed | None:
    """Return the submission of a nation or of one member, without counts; None: no such submission."""
    c = submission.c
    # The query leaves out the submissions of others: the answer is that for an unknown id (policy 9).
    query = select(c.id, c.member, c.origin, c.requested_at).where(c.id == id, c.origin == origin)
    row = connection.execute(query if member is None else query.where(c.member == member)).one_or_none()
    return row and Listed(row.id, MemberId(row.member), NationCode(row.origin), from_microseconds(row[3]))


def outcomes(connection: Connection, id: str) -> tuple[Outcome, ...]:
    """Return the outcome of each item of a submission, in order."""
    item = submission_item.c
    columns = (item.id, item.version, item.succeeded, item.message, item.count)
    rows = connection.execute(select(*columns).where(item.submission_id == id).order_by(item.index))
    return tuple(Outcome(*row) for row in rows)


def find_receipt(connection: Connection, id: str, member: MemberId) -> Receipt | None:
    """Return the receipt of the member's own submission; None for any other submission."""
    query = select(submission.c.requested_at).where(submission.c.id == id, submission.c.member == member)
    requested_at = connection.execute(query).scalar_one_or_none()
    if requested_at is None:
        return None
    found = outcomes(connection, id)
    return Receipt(id, from_microseconds(requested_at), found) if found else None
