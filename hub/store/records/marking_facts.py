"""A member's accepted definitions (policy 2.6), and the creator levels of its identities (policy 2.4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, select

from hub.model import MemberId, NationCode, ObjectVersion, StixId, Tlp
from hub.store.database.batches import (
    among,
    insert_all,
)
from hub.store.database.prepared import Prepared, carried, insertion, is_among
from hub.store.records.objects import LISTED
from hub.store.schema.tables import creator_level, object_version, reference

_V: Final = object_version.c
_R: Final = reference.c


def accepted(
    connection: Connection, member: MemberId, ids: Collection[StixId]
) -> list[tuple[StixId, frozenset[StixId]]]:
    """Return each version of `ids` that `member` submitted as an accepted definition.

    The second part are the ids of its listing (`ObjectVersion.listed`).
    """
    if not ids:
        return []
    # An outer join: a `statement` definition is accepted without being listed.
    is_listed = and_(_R.version_id == _V.id, _R.kind == LISTED)
    query = select(_V.stix_id, _V.id, _R.target).outerjoin(reference, is_listed)
    query = query.where(_V.member == member, among(connection, _V.stix_id, ids))
    found: dict[tuple[StixId, int], set[StixId]] = defaultdict(set)
    for id, key, target in connection.execute(query.where(_V.is_accepted_definition.is_(True))):
        found[StixId(id), key] |= set() if target is None else {StixId(target)}
    return [(id, frozenset(listed)) for (id, _), listed in found.items()]


def note_listed(connection: Connection, versions: Collection[ObjectVersion], origin: NationCode) -> None:
    """Record the listed ids of these stored versions. None of the versions has a record yet."""
    # A second record for one version would break the primary key: the caller passes each version once.
    rows: list[dict[str, Any]] = [
        {"version_id": v.key, "kind": LISTED, "target": id, "origin": origin, "member": v.member}
        for v in versions
        for id in v.listed
    ]
    insert_all(connection, reference, rows)


# --- creator levels ---------------------------------------------------------------


def creator_levels(
    connection: Connection, member: MemberId, identities: Collection[StixId]
) -> dict[StixId, dict[Tlp, int]]:
    """Return, for each identity and level, the number of newest versions of `member` with this creator."""
    found: dict[StixId, dict[Tlp, int]] = defaultdict(dict)
    # Kept as counts, and the cost does not grow with the collection (hub/README: namers).
    if not identities:
        return found
    values = {"member": member, "ids": carried(connection, identities)}
    for identity, tlp, count in _levels_of.rows(connection, **values):
        found[StixId(identity)][Tlp(tlp)] = count
    return found


_C: Final = creator_level.c
_levels_of: Final = Prepared(
    lambda is_postgresql: select(_C.identity, _C.tlp, _C.count).where(
        _C.member == bindparam("member"), is_among(is_postgresql, _C.identity, "ids")
    )
)


def add_creators(connection: Connection, member: MemberId, deltas: Mapping[tuple[StixId, Tlp], int]) -> None:
    """Add to the creator levels. The caller holds the origin's lock."""
    rows = [
        {"member": member, "identity": identity, "tlp": int(tlp), "count": delta}
        for (identity, tlp), delta in sorted(deltas.items())
        if delta
    ]
    _adding.run_many(connection, rows)


def _added(is_postgresql: bool) -> Any:
    # Added in the database, under the origin's lock: no count is lost.
    statement = insertion(is_postgresql, creator_level)
    total = _C.count + statement.excluded.count
    key = ["member", "identity", "tlp"]
    return statement.on_conflict_do_update(index_elements=key, set_={"count": total}).inline()


_adding: Final = Prepared(_added)
