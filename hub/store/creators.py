"""How many newest versions of a member name an identity as creator, by level (policy 2.4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from hub.model import MemberId, StixId, Tlp
from hub.store.batches import batches, upsert
from hub.store.tables import creator_level


def levels(
    connection: Connection, member: MemberId, identities: Collection[StixId]
) -> dict[StixId, dict[Tlp, int]]:
    """Return for each identity how many newest versions of `member` name it as creator, by level."""
    found: dict[StixId, dict[Tlp, int]] = defaultdict(dict)
    c = creator_level.c
    for batch in batches(identities):
        query = select(c.identity, c.tlp, c.count).where(c.member == member, c.identity.in_(batch))
        for identity, tlp, count in connection.execute(query):
            found[StixId(identity)][Tlp(tlp)] = count
    return found


def add(connection: Connection, member: MemberId, deltas: Mapping[tuple[StixId, Tlp], int]) -> None:
    """Add to the counts of `levels`; the caller holds the origin's lock."""
    rows = [
        {"member": member, "identity": identity, "tlp": int(tlp), "count": delta}
        for (identity, tlp), delta in sorted(deltas.items())
        if delta
    ]
    if rows:
        statement = upsert(connection, creator_level)
        total = creator_level.c.count + statement.excluded.count
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["member", "identity", "tlp"], set_={"count": total}
            ),
            rows,
        )
