"""The originals of copies, with the rows of these originals. `rules.release.judgement` decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, and_, literal, select

from hub.model import EqualVersion, MemberId, NationCode, ObjectVersion, OriginalRow
from hub.store.database.batches import batches
from hub.store.ledger.justifications import decode
from hub.store.schema.tables import (
    content,
    justification,
    object_version,
    rejustification,
    release,
)

_C = release.c
_J = justification.c


def equal_before(connection: Connection, copies: Collection[int]) -> list[EqualVersion]:
    """Return the equal versions of other members that are earlier than these stored copies."""
    found: list[EqualVersion] = []
    copy, v = object_version.alias(), object_version.c
    theirs, ours = content.alias(), content.alias()
    for batch in batches(sorted(copies)):
        query = (
            select(copy.c.id, copy.c.member, v.id, v.deleted_at)
            .select_from(
                copy.join(ours, ours.c.id == copy.c.content_id)
                .join(theirs, theirs.c.digest == ours.c.digest)
                # Keys grow with submissions: a later version is no original of this copy.
                .join(object_version, and_(v.content_id == theirs.c.id, v.id < copy.c.id))
            )
            .where(copy.c.id.in_(batch), v.member != copy.c.member)
            .order_by(v.id)
        )
        for key, submitter, original, deleted_at in connection.execute(query):
            found.append(EqualVersion(key, MemberId(submitter), original, deleted_at is not None))
    return _with_rows(connection, found)


def equal_to_new(
    connection: Connection, copies: Collection[ObjectVersion], nations: Collection[NationCode]
) -> list[EqualVersion]:
    """Return the equal versions of other members of these nations, for new copies."""
    found: list[EqualVersion] = []
    by_digest: dict[bytes, list[ObjectVersion]] = defaultdict(list)
    for copy in copies:
        # Equality is equality of the RFC 8785 form, hence of its digest (policy 8).
        by_digest[copy.digest].append(copy)
    v, held = object_version.c, content.c
    for batch in batches(sorted(by_digest)):
        query = (
            select(held.digest, v.id, v.deleted_at, v.member)
            .select_from(content.join(object_version, v.content_id == held.id))
            .where(held.origin.in_(sorted(nations)), held.digest.in_(batch))
            .order_by(v.id)
        )
        for digest, original, deleted_at, submitter in connection.execute(query):
            found.extend(
                EqualVersion(copy.key, copy.member, original, deleted_at is not None)
                for copy in by_digest[bytes(digest)]
                if copy.member != submitter
            )
    return _with_rows(connection, found)


def _with_rows(connection: Connection, found: Sequence[EqualVersion]) -> list[EqualVersion]:
    # One look-up for all originals: many copies may have one.
    rows = _rows_of(connection, {one.original for one in found})
    return [one._replace(rows=rows.get(one.original, ())) for one in found]


def _rows_of(connection: Connection, versions: Collection[int]) -> Mapping[int, Sequence[OriginalRow]]:
    """Return present and former justifications of the rows of these versions, as submitted."""
    found: dict[int, list[OriginalRow]] = defaultdict(list)
    for batch in batches(sorted(versions)):
        # Other forms are left out: a copy equals the object as submitted.
        is_asked = and_(_C.version_id.in_(batch), _C.rendition.is_(None))
        columns = _C.version_id, _C.recipient, _J.classes
        now = select(*columns, _C.withdrawn_at.is_(None)).join(justification, _J.id == _C.justification_id)
        former = rejustification.c
        same = and_(former.recipient == _C.recipient, former.position == _C.position)
        # Former justifications count as not served: they say for whom the original was visible once.
        before = select(*columns, literal(value=False)).join(rejustification, same)
        before = before.join(justification, _J.id == former.justification_id)
        for query in (now, before):
            for version, recipient, classes, is_served in connection.execute(query.where(is_asked)):
                found[version].append(OriginalRow(NationCode(recipient), bool(is_served), decode(classes)))
    return found
