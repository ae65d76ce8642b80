"""Records and versions, with references and submitted bytes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, update

from hub.model import (
    EffectiveMarking,
    Markings,
    MemberId,
    NationCode,
    ObjectVersion,
    StixId,
    Taken,
    Tlp,
    from_microseconds,
    to_microseconds,
)
from hub.store.database.batches import (
    among,
    batches,
    insert_all,
    insert_numbered,
    listed,
)
from hub.store.schema.columns import (
    decode_closed_by,
    decode_nations,
    decode_reach,
    decode_redactions,
    decode_source_hiding,
    encode_closed_by,
    encode_nations,
    encode_reach,
    encode_redactions,
)
from hub.store.schema.tables import content, object_version, reference

REFERS: Final = "refers"
CONTAINS: Final = "contains"
CREATOR: Final = "creator"
MARKING: Final = "marking"
LISTED: Final = "listed"

_V = object_version.c
_R = reference.c
_COLUMNS = (*object_version.c, content.c.digest, content.c.size)


def versions_of(connection: Connection, member: MemberId, ids: Collection[StixId]) -> list[ObjectVersion]:
    """Return every version of these records of `member`, in no particular order."""
    return _load(connection, and_(_V.member == member, among(connection, _V.stix_id, ids))) if ids else []


def count_versions(connection: Connection, member: MemberId, ids: Collection[StixId]) -> int:
    """Return the number of versions that `member` has of these records."""
    # Counted before loading: it bounds the work of a POST (hub/README: post-limits).
    query = select(func.count()).where(_V.member == member, among(connection, _V.stix_id, ids))
    return connection.execute(query).scalar_one() if ids else 0


def versions_by_id(
    connection: Connection, origin: NationCode, ids: Collection[StixId]
) -> list[ObjectVersion]:
    """Return every version of a nation's records with one of these ids, of every member."""
    return _load(connection, and_(_V.origin == origin, among(connection, _V.stix_id, ids))) if ids else []


def accepted_versions(connection: Connection, origin: NationCode) -> list[ObjectVersion]:
    """Return the accepted definitions of the members of this nation, in no particular order."""
    return _load(connection, and_(_V.origin == origin, _V.is_accepted_definition.is_(True)))


def versions_by_key(connection: Connection, keys: Collection[int]) -> list[ObjectVersion]:
    """Return the versions with these keys, in no particular order."""
    return _load(connection, among(connection, _V.id, keys)) if keys else []


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
    # UNION without ALL: each id is reached once, so that circular references end.
    reached = listed(connection, ids).cte("reached", recursive=True)
    further = (
        select(_V.stix_id)
        .select_from(reached.join(reference, _R.target == reached.c.value))
        .join(object_version, _R.version_id == _V.id)
        .where(_R.kind == REFERS, _R.origin == origin, _R.member == member)
    )
    query = select(reached.union(further).c.value)
    return {StixId(id) for (id,) in connection.execute(query)}


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
    # `given_*`, not the effective marking: what a container took over binds it alone (policy 2.3).
    values = (_V.given_tlp, _V.given_rel_to, _V.given_closed)
    query = (
        select(_R.target, *values, func.count())
        .select_from(reference.join(object_version, _R.version_id == _V.id))
        .where(_is_container_of(member, origin, among(connection, _R.target, ids)))
        .group_by(_R.target, *values)
    )
    for target, tlp, rel_to, is_closed, count in connection.execute(query):
        found[StixId(target)][EffectiveMarking(Tlp(tlp), decode_nations(rel_to), is_closed)] += count
    return found


def movable(connection: Connection, member: MemberId, ids: Collection[StixId]) -> set[StixId]:
    """Return the `ids` with a version of `member` without TLP: containers may move these."""
    # TLP of its own keeps a version as it is, whatever contains it (policy 2.3).
    return _ids_where(connection, member, ids, _V.own_tlp.is_(None))


def undeleted_own(connection: Connection, member: MemberId, ids: Collection[StixId]) -> set[StixId]:
    """Return the `ids` with an undeleted record of `member`, no copy: `Known.is_own` (policy 2.7)."""
    # A copy is no licence for later text of the original (hub/README: copy-stays-copy).
    is_own = (_V.is_newest.is_(True), _V.deleted_at.is_(None), _V.is_copy.is_(False))
    return _ids_where(connection, member, ids, *is_own)


def _ids_where(
    connection: Connection, member: MemberId, ids: Collection[StixId], *conditions: ColumnElement[bool]
) -> set[StixId]:
    """Return the `ids` with a version of `member` that fulfils the conditions."""
    if not ids:
        return set()
    query = select(_V.stix_id).distinct().where(_V.member == member, among(connection, _V.stix_id, ids))
    return {StixId(id) for (id,) in connection.execute(query.where(*conditions))}


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


def _is_container_of(
    member: MemberId, origin: NationCode, is_named: ColumnElement[bool]
) -> ColumnElement[bool]:
    # INVARIANT: only containers of the same member count (policy 2.3), so nobody marks the objects of others.
    is_naming = and_(is_named, _R.kind == CONTAINS, _R.origin == origin, _R.member == member)
    return and_(is_naming, _V.given_tlp.is_not(None))


# --- writing ----------------------------------------------------------------------------------


def insert_contents(
    connection: Connection, origin: NationCode, bodies: Mapping[bytes, bytes]
) -> dict[bytes, int]:
    """Store each body under its digest, unless the origin has the body. Return content ids by digest.

    An erased body is stored again, because another version now has this digest.
    """
    # INVARIANT: contents are shared within one origin alone (storage.md, Shape).
    known: dict[bytes, int] = {}
    for batch in batches(bodies):
        query = select(content.c.digest, content.c.id, content.c.erased_at).where(
            content.c.origin == origin, content.c.digest.in_(batch)
        )
        for digest, id, erased_at in connection.execute(query):
            known[bytes(digest)] = id
            if erased_at is not None:
                values = {"body": bodies[bytes(digest)], "erased_at": None}
                connection.execute(update(content).where(content.c.id == id).values(**values))
    missing = [digest for digest in bodies if digest not in known]
    if missing:
        rows = (
            {"origin": origin, "digest": digest, "size": len(bodies[digest]), "body": bodies[digest]}
            for digest in missing
        )
        known.update(zip(missing, insert_numbered(connection, content, rows), strict=True))
    return known


def insert_versions(
    connection: Connection, origin: NationCode, submission_id: str | None, versions: Sequence[ObjectVersion]
) -> dict[int, ObjectVersion]:
    """Store new versions and references. Return the stored versions by provisional key."""
    if not versions:
        return {}
    # The origin is held: within a nation keys follow the order of submission.
    rows = (_row(v, origin, submission_id) for v in versions)
    keys = insert_numbered(connection, object_version, rows)
    stored = {v.key: replace(v, key=key) for v, key in zip(versions, keys, strict=True)}
    insert_all(connection, reference, (row for v in stored.values() for row in _reference_rows(v, origin)))
    return stored


def _row(v: ObjectVersion, origin: NationCode, submission_id: str | None) -> dict[str, Any]:
    return {
        "origin": origin,
        "member": v.member,
        "stix_id": v.id,
        "type": v.type,
        "version": v.version,
        "version_key": v.version_key,
        "has_spec_version": v.has_spec_version,
        "submitted_at": to_microseconds(v.submitted_at),
        "submission_id": submission_id,
        "content_id": v.content_id,
        "own_tlp": v.markings.tlp,
        "raised_tlp": v.markings.raised,
        "fault": v.markings.fault,
        "is_accepted_definition": v.is_accepted_definition,
        "cuts": encode_redactions(v.redactions),
        "guise": v.source_hiding.value,
        "about": v.about,
        "created": v.created,
        "same": v.same,
        "revoked": v.revoked,
        "is_copy": v.is_copy,
        # INVARIANT: taken over once, and never updated: no act of others moves a stored version (policy 2.7).
        "taken_tlp": None if v.taken.effective is None else v.taken.effective.tlp,
        "taken_rel_to": None if v.taken.effective is None else encode_nations(v.taken.effective.rel_to),
        "taken_closed": v.taken.effective is not None and v.taken.effective.is_closed,
        **_handled(v),
    }


def _handled(v: ObjectVersion) -> dict[str, Any]:
    """Return the part of the handling of a version that later submissions may change."""
    return {
        "effective_tlp": v.tlp,
        "base_tlp": v.base,
        "is_closed": v.is_closed,
        "is_contained": v.is_contained,
        "is_newest": v.is_newest,
        "rel_to": encode_nations(v.rel_to),
        "is_home": v.is_home,
        "limits": encode_reach(v.taken.limits),
        "base_rel_to": encode_nations(v.base_rel_to),
        "given_tlp": None if v.given is None else v.given.tlp,
        "given_rel_to": None if v.given is None else encode_nations(v.given.rel_to),
        "given_closed": v.given is not None and v.given.is_closed,
        "closed_by": encode_closed_by(v.closed_by),
    }


def _reference_rows(v: ObjectVersion, origin: NationCode) -> Iterable[dict[str, Any]]:
    kinds: list[tuple[str, Iterable[StixId]]] = [
        (REFERS, v.refers),
        (CONTAINS, v.contains),
        (CREATOR, () if v.creator is None else (v.creator,)),
        (MARKING, v.markings.others),
        (LISTED, v.listed),
    ]
    for kind, targets in kinds:
        for target in targets:
            yield {"version_id": v.key, "kind": kind, "target": target, "origin": origin, "member": v.member}


def update_handling(connection: Connection, versions: Collection[ObjectVersion]) -> None:
    """Record the present handling of stored versions, and which version is the newest."""
    # One statement for each distinct value: a container may move thousands of versions alike.
    alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for v in versions:
        alike[tuple(_handled(v).items())].append(v.key)
    # Under the lock on the origin: two submissions never overwrite the marking of each other.
    for values, keys in alike.items():
        for batch in batches(sorted(keys)):
            statement = update(object_version).where(_V.id.in_(batch))
            connection.execute(statement.values(**dict(values)))


# --- reading rows -----------------------------------------------------------------------------


def _load(connection: Connection, condition: ColumnElement[bool]) -> list[ObjectVersion]:
    # Digest and size come along, the body does not: decisions never need it.
    query = select(*_COLUMNS).join(content, content.c.id == _V.content_id).where(condition)
    found = connection.execute(query).all()
    # A second query, not a join: a join would repeat each version for each of its references.
    references = _references(connection, [row.id for row in found])
    return [_version(row, references[row.id]) for row in found]


def _references(connection: Connection, keys: Collection[int]) -> Mapping[int, Mapping[str, set[StixId]]]:
    found: dict[int, dict[str, set[StixId]]] = defaultdict(lambda: defaultdict(set))
    if not keys:
        return found
    query = select(_R.version_id, _R.kind, _R.target).where(among(connection, _R.version_id, keys))
    for key, kind, target in connection.execute(query):
        found[key][kind].add(StixId(target))
    return found


def _version(row: Row[Any], references: Mapping[str, set[StixId]]) -> ObjectVersion:
    markings = Markings(
        tlp=None if row.own_tlp is None else Tlp(row.own_tlp),
        raised=None if row.raised_tlp is None else Tlp(row.raised_tlp),
        others=frozenset(references[MARKING]),
        fault=row.fault,
    )
    return ObjectVersion(
        key=row.id,
        member=MemberId(row.member),
        id=StixId(row.stix_id),
        type=row.type,
        version=row.version,
        version_key=row.version_key,
        submitted_at=from_microseconds(row.submitted_at),
        has_spec_version=row.has_spec_version,
        is_newest=row.is_newest,
        digest=bytes(row.digest),
        markings=markings,
        refers=frozenset(references[REFERS]),
        contains=frozenset(references[CONTAINS]),
        creator=next(iter(references[CREATOR]), None),
        is_accepted_definition=row.is_accepted_definition,
        tlp=Tlp(row.effective_tlp),
        is_closed=row.is_closed,
        is_contained=row.is_contained,
        rel_to=decode_nations(row.rel_to),
        content_id=row.content_id,
        size=row.size,
        deleted_at=None if row.deleted_at is None else from_microseconds(row.deleted_at),
        base=Tlp(row.effective_tlp if row.base_tlp is None else row.base_tlp),  # NULL: no other base
        redactions=() if row.cuts is None else decode_redactions(row.cuts),
        source_hiding=decode_source_hiding(row.guise),
        about=None if row.about is None else NationCode(row.about),
        created=row.created,
        same=None if row.same is None else bytes(row.same),
        revoked=row.revoked,
        is_home=row.is_home,
        is_copy=row.is_copy,
        base_rel_to=decode_nations(row.base_rel_to),
        given=_handling(row.given_tlp, row.given_rel_to, is_closed=row.given_closed),
        taken=Taken(
            _handling(row.taken_tlp, row.taken_rel_to, is_closed=row.taken_closed), decode_reach(row.limits)
        ),
        closed_by=decode_closed_by(row.closed_by),
        listed=frozenset(references[LISTED]),
    )


def _handling(tlp: int | None, rel_to: str | None, *, is_closed: bool) -> EffectiveMarking | None:
    return None if tlp is None else EffectiveMarking(Tlp(tlp), decode_nations(rel_to), is_closed)
