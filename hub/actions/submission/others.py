"""Loads other members' records for a submission; `rules.submission.others` decides on the loaded data."""

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
    """Return the knowledge of `member` about other members' records of submitted and referred ids.

    `ids` are submitted, `referred` are ids within the submitted objects, `rel_to` the REL TO definitions.
    """
    reader, stored = member.reader, StoredOthers()
    of_the_hub = others.ids_of_the_hub(connection, set(ids))
    # Policy 2.7 and 8: only versions that the submitter sees, or was once shown, count. So the query asks for
    # rows of its nation's ledger, never for the records of others as such.
    rows = others.of_others(connection, reader.nation, member.id, {*ids, *referred}, rel_to)
    if rows:
        # Limits of a foreign record (policy 8) depend on its releases to every nation, not to this one alone.
        foreign = {row.version for row in rows if row.origin != reader.nation}
        stored = StoredOthers(
            others=rows,
            showings=others.served_rows(connection, foreign),
            periods=agreements.every_period(connection),
            own_agreements=agreements.of_party(connection, reader.nation),
            certs={m.nation: m for m in context.members.values() if m.kind is Kind.CERT and m.nation},
        )
    knowledge = KnowledgeOfOthers(stored, reader, context.now)
    # Policy 8, "named before": an id may be used if its own nation named the id before the ally's record
    # came.
    mentions = others.mentions(connection, reader.nation, member.id, knowledge.bound(ids))
    return KnownOthers(knowledge.by_id, knowledge.naming(mentions), of_the_hub)
