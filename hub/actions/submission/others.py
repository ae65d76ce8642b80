"""What is loaded of others' records for a submission: what its submitter knows of them, `rules` decides."""

from __future__ import annotations

from collections.abc import Collection

from hub.model import Kind, Member, StixId
from hub.rules.release.judgement import DecisionContext
from hub.rules.submission.others import KnowledgeOfOthers, KnownOthers, StoredOthers
from hub.store.agreement import agreements
from hub.store.database.connection import Connection
from hub.store.records import others


def load_others(
    connection: Connection,
    context: DecisionContext,
    member: Member,
    ids: Collection[StixId],
    referred: Collection[StixId],
    rel_to: Collection[StixId],
) -> KnownOthers:
    """Return what `member` knows of these ids, that it submits, and of those that it refers to.

    `rel_to` are the ids of the REL TO definitions.
    """
    reader, stored = member.reader, StoredOthers()
    of_the_hub = others.ids_of_the_hub(connection, set(ids))
    rows = others.of_others(connection, reader.nation, member.id, {*ids, *referred}, rel_to)
    if rows:
        foreign = {row.version for row in rows if row.origin != reader.nation}
        stored = StoredOthers(
            others=rows,
            showings=others.served_rows(connection, foreign),
            periods=agreements.every_period(connection),
            own_agreements=agreements.of_party(connection, reader.nation),
            certs={m.nation: m for m in context.members.values() if m.kind is Kind.CERT and m.nation},
        )
    knowledge = KnowledgeOfOthers(stored, reader, context.now)
    mentions = others.mentions(connection, reader.nation, member.id, knowledge.bound(ids))
    return KnownOthers(knowledge.by_id, knowledge.naming(mentions), of_the_hub)
