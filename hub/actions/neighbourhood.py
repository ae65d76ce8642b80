"""What is loaded of others' records for a submission: what its submitter knows of them, `rules` decides."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from hub.model import Kind, Member, StixId
from hub.rules.judgement import Bench
from hub.rules.neighbours import Around, Neighbourhood, neighbourhood
from hub.store import agreements, neighbours
from hub.store.connection import Connection


def look_around(
    connection: Connection,
    bench: Bench,
    member: Member,
    ids: Collection[StixId],
    referred: Collection[StixId],
    rel_to: Collection[StixId],
) -> Neighbourhood:
    """Return what `member` knows of these ids, that it submits, and of those that it refers to.

    `rel_to` are the ids of the REL TO definitions.
    """
    reader = member.reader
    around = Around(of_the_hub=neighbours.of_the_hub(connection, set(ids)))
    rows = neighbours.of_others(connection, reader.nation, member.id, {*ids, *referred}, rel_to)
    if rows:
        foreign = [row for row in rows if row.origin != reader.nation]
        submitted = {row.id for row in foreign}.intersection(ids)
        around = replace(
            around,
            neighbours=rows,
            showings=neighbours.everywhere(connection, {row.version for row in foreign}),
            mentions=neighbours.naming(connection, reader.nation, member.id, submitted),
            periods=agreements.every_period(connection),
            own_agreements=agreements.of_party(connection, reader.nation),
            certs={m.nation: m for m in bench.members.values() if m.kind is Kind.CERT and m.nation},
        )
    return neighbourhood(around, reader, ids, bench.now)
