"""What is loaded of others' records for a submission: what its submitter knows of them, `rules` decides."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from hub.actions.house import House
from hub.model import Kind, Member, Reader, StixId
from hub.rules.neighbours import Around, Neighbourhood, neighbourhood
from hub.store import agreements, members, neighbours
from hub.store.connection import Connection


def look_around(
    house: House,
    connection: Connection,
    member: Member,
    ids: Collection[StixId],
    referred: Collection[StixId],
    now: datetime,
) -> Neighbourhood:
    """Return what `member` knows of these ids, that it submits, and of those that it refers to."""
    if member.nation is None or member.kind.clearance is None:
        raise RuntimeError(f"{member.id} belongs to no nation and can submit nothing")
    reader, rel_to = Reader(member.id, member.nation, member.kind.clearance), house.registry.rel_to.keys()
    rows = neighbours.of_others(connection, member.nation, member.id, {*ids, *referred}, rel_to)
    of_the_hub = neighbours.of_the_hub(connection, set(ids))
    if not rows:
        return neighbourhood(Around(of_the_hub=of_the_hub), reader, ids, now)
    foreign = [row for row in rows if row.origin != member.nation]
    around = Around(
        neighbours=rows,
        showings=neighbours.everywhere(connection, {row.version for row in foreign}),
        mentions=neighbours.naming(
            *(connection, member.nation, member.id), {row.id for row in foreign}.intersection(ids)
        ),
        periods=agreements.every_period(connection),
        own_agreements=frozenset(agreements.of_party(connection, member.nation)),
        certs={m.nation: m for m in members.members(connection) if m.kind is Kind.CERT and m.nation},
        of_the_hub=of_the_hub,
    )
    return neighbourhood(around, reader, ids, now)
