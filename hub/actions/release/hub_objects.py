"""Stores the hub's own objects as versions; the caller decides on their readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hub.model import HUB, Markings, MemberId, ObjectVersion, StixObject, Tlp
from hub.store.database.connection import Connection
from hub.store.records import objects


def publish(
    connection: Connection, items: Sequence[tuple[StixObject, Tlp]], now: datetime
) -> list[ObjectVersion]:
    """Store the hub's own objects with their levels, and return the stored versions in order.

    Writes no rows: without a row no reader sees the objects.
    """
    contents = objects.insert_contents(connection, HUB, {item.digest: item.body for item, _ in items})
    # Negative keys mark versions without a key of the database, as in a submission.
    drafts = [
        replace(_version(n - len(items), item, tlp, now), content_id=contents[item.digest])
        for n, (item, tlp) in enumerate(items)
    ]
    return list(objects.insert_versions(connection, HUB, None, drafts).values())


def _version(key: int, item: StixObject, tlp: Tlp, now: datetime) -> ObjectVersion:
    # The hub's objects are not judged: no references, no containers, and the level as given.
    return ObjectVersion(
        key=key,
        member=MemberId(HUB),
        id=item.id,
        type=item.type,
        version=item.version or "",
        version_key=item.version_key or "",
        submitted_at=now,
        has_spec_version=True,
        is_newest=True,
        digest=item.digest,
        markings=Markings(),
        refers=frozenset(),
        contains=frozenset(),
        creator=None,
        is_accepted_definition=False,
        tlp=tlp,
        base=tlp,
        is_closed=False,
        is_contained=False,
        size=len(item.body),
    )
