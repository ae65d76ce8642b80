"""The marks of a deletion on versions, and the erasure of contents."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, and_, exists, select, update

from hub.model import to_microseconds
from hub.store.database.batches import batches
from hub.store.schema.rendition_tables import rendition
from hub.store.schema.tables import content, object_version

_V = object_version.c


def mark_deleted(connection: Connection, keys: Collection[int], deletion_id: int, at: datetime) -> None:
    """Mark versions deleted, with the request and the instant."""
    # The row stays: a deleted version goes on restricting earlier versions and references (policy 2.7 and 4).
    for batch in batches(sorted(keys)):
        values = {"deletion_id": deletion_id, "deleted_at": to_microseconds(at)}
        connection.execute(update(object_version).where(_V.id.in_(batch)).values(**values))


def erase_contents(connection: Connection, ids: Collection[int], at: datetime) -> None:
    """Erase the contents that no undeleted version or derived object uses any more.

    Digests and sizes stay.
    """
    made = rendition.c
    for batch in batches(sorted(ids)):
        # Versions of several members share a content within one origin: one deletion must not erase it for
        # all.
        is_held = exists().where(_V.content_id == content.c.id, _V.deleted_at.is_(None))
        is_made = exists().where(
            made.content_id == content.c.id, made.version_id == _V.id, _V.deleted_at.is_(None)
        )
        condition = and_(content.c.id.in_(batch), ~is_held, ~is_made)
        values = {"body": b"", "erased_at": to_microseconds(at)}  # the digest is evidence (policy 8)
        connection.execute(update(content).where(condition).values(**values))


def submissions_of(connection: Connection, keys: Collection[int]) -> set[str]:
    """Return the ids of the submissions with these versions."""
    found: set[str] = set()
    for batch in batches(sorted(keys)):
        found.update(connection.execute(select(_V.submission_id).where(_V.id.in_(batch))).scalars())
    return found
