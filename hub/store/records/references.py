"""References between a member's objects, followed at any distance, and the containers of an object."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, select

from hub.model import EffectiveMarking, MemberId, NationCode, StixId, Tlp
from hub.store.database.batches import among, listed
from hub.store.database.prepared import Prepared, carried, is_among, values_of
from hub.store.records.objects import CONTAINS, MARKING, REFERS
from hub.store.schema.columns import decode_nations
from hub.store.schema.tables import object_version, reference

_V = object_version.c
_R = reference.c


def carrying(
    connection: Connection, member: MemberId, origin: NationCode, definitions: Collection[StixId]
) -> set[StixId]:
    """Return the ids of the member's objects with one of these marking references."""
    if not definitions:
        return set()
    query = (
        select(_V.stix_id)
        .distinct()
        .select_from(reference.join(object_version, _R.version_id == _V.id))
        .where(among(connection, _R.target, definitions), _R.kind == MARKING, _R.origin == origin)
        .where(_R.member == member)
    )
    return {StixId(id) for (id,) in connection.execute(query)}


def all_referring(
    connection: Connection, member: MemberId, origin: NationCode, ids: Collection[StixId]
) -> set[StixId]:
    """Return `ids` and the ids of the member's objects that lead to them, at any distance (policy 2.7)."""
    if not ids:
        return set()
    values = {"member": member, "origin": origin, "ids": carried(connection, ids)}
    return set(map(StixId, _all_referring.scalars(connection, **values)))


def referring(is_postgresql: bool) -> Select[Any]:
    """Return the query for `all_referring`, with the parameters `member`, `origin` and `ids`."""
    # UNION without ALL: each id is reached once, so that circular references end.
    reached = values_of(is_postgresql, _V.stix_id, "ids").cte("reached", recursive=True)
    further = (
        select(_V.stix_id)
        .select_from(reached.join(reference, _R.target == reached.c.value))
        .join(object_version, _R.version_id == _V.id)
        .where(_R.kind == REFERS, _R.origin == bindparam("origin"), _R.member == bindparam("member"))
    )
    return select(reached.union(further).c.value)


_all_referring: Final = Prepared(referring)


def all_referred(connection: Connection, member: MemberId, ids: Collection[StixId]) -> set[StixId]:
    """Return `ids` and the ids that the member's versions of them refer to, at any distance."""
    if not ids:
        return set()
    reached = listed(connection, ids).cte("reached", recursive=True)
    further = (
        select(_R.target)
        .select_from(reached.join(object_version, _V.stix_id == reached.c.value))
        .join(reference, _R.version_id == _V.id)
        .where(_V.member == member, _R.kind == REFERS)
    )
    query = select(reached.union(further).c.value)
    return {StixId(id) for (id,) in connection.execute(query)}


def containers_of(
    connection: Connection, member: MemberId, origin: NationCode, ids: Collection[StixId]
) -> dict[StixId, Counter[EffectiveMarking]]:
    """Return the markings that stored containers of `member` hand down to each id (policy 2.3).

    Each marking has its number of versions. Deleted versions count as before the deletion. Ids without a
    container are left out.
    """
    found: dict[StixId, Counter[EffectiveMarking]] = defaultdict(Counter)
    if not ids:
        return found
    values = {"member": member, "origin": origin, "ids": carried(connection, ids)}
    for target, tlp, rel_to, is_closed, count in _containers_of.rows(connection, **values):
        marking = EffectiveMarking(Tlp(tlp), decode_nations(rel_to), bool(is_closed))
        found[StixId(target)][marking] += count
    return found


def _handing_down(is_postgresql: bool) -> Select[Any]:
    # `given_*`, not the effective marking: what a container took over binds it alone (policy 2.3).
    values = (_V.given_tlp, _V.given_rel_to, _V.given_closed)
    return (
        select(_R.target, *values, func.count())
        .select_from(reference.join(object_version, _R.version_id == _V.id))
        .where(
            _is_container_of(
                *(bindparam("member"), bindparam("origin")), is_among(is_postgresql, _R.target, "ids")
            )
        )
        .group_by(_R.target, *values)
    )


_containers_of: Final = Prepared(_handing_down)


def closed_containers_of(
    connection: Connection, member: MemberId, origin: NationCode, id: StixId
) -> set[tuple[StixId, str]]:
    """Return the stored containers that hand closure down to `id`, by id and version key."""
    query = (
        select(_V.stix_id, _V.version_key)
        .select_from(reference.join(object_version, _R.version_id == _V.id))
        .where(_is_container_of(member, origin, _R.target == id), _V.given_closed.is_(True))
    )
    return {(StixId(container), key) for container, key in connection.execute(query)}


def _is_container_of(member: Any, origin: Any, is_named: ColumnElement[bool]) -> ColumnElement[bool]:
    # INVARIANT: only containers of the same member count (policy 2.3), so nobody marks the objects of others.
    is_naming = and_(is_named, _R.kind == CONTAINS, _R.origin == origin, _R.member == member)
    return and_(is_naming, _V.given_tlp.is_not(None))
