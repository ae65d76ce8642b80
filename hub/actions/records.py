"""The records of members: whose own they are, and what they hang together with."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hub.model import MemberId, NationCode, ObjectVersion, StixId
from hub.store import objects
from hub.store.connection import Connection


def own_versions(
    connection: Connection, member: MemberId, nation: NationCode | None, ids: Collection[StixId]
) -> list[ObjectVersion]:
    """Return every version with these ids of the member's own records; of all of `nation`, if it is given.

    What is not its own is not even looked at: it would cost time, which tells that it is there (policy 9).
    """
    if nation is None:
        return objects.versions_of(connection, member, ids)
    return objects.versions_by_id(connection, nation, ids)


def with_referred(connection: Connection, versions: Iterable[ObjectVersion]) -> dict[int, ObjectVersion]:
    """Return the versions, and those of all records of their members that they refer to, however far.

    They are all versions of their records.
    """
    every = {v.key: v for v in versions}
    for member in {v.member for v in every.values()}:
        own = {v.id for v in every.values() if v.member == member}
        missing = objects.all_referred(connection, member, own) - own
        every.update((v.key, v) for v in objects.versions_of(connection, member, missing))
    return every
