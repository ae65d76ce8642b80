"""Records and versions, with references and submitted bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, select, update

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
    batches_by_size,
    insert_all,
    insert_numbered,
    update_all,
)
from hub.store.database.prepared import (
    Prepared,
    carried,
    carried_digests,
    is_among,
    is_among_digests,
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
    if not ids:
        return []
    found = _of_member.rows(connection, member=member, ids=carried(connection, ids))
    return _versions(connection, found)


def count_versions(connection: Connection, member: MemberId, ids: Collection[StixId]) -> int:
    """Return the number of versions that `member` has of these records."""
    # Counted before loading: it bounds the work of a POST (hub/README: post-limits).
    if not ids:
        return 0
    (number,) = _count_of_member.scalars(connection, member=member, ids=carried(connection, ids))
    return int(number)


_count_of_member: Final = Prepared(
    lambda is_postgresql: select(func.count()).where(
        _V.member == bindparam("member"), is_among(is_postgresql, _V.stix_id, "ids")
    )
)


def versions_by_id(
    connection: Connection, origin: NationCode, ids: Collection[StixId]
) -> list[ObjectVersion]:
    """Return every version of a nation's records with one of these ids, of every member."""
    if not ids:
        return []
    return _versions(connection, _of_nation.rows(connection, origin=origin, ids=carried(connection, ids)))


def accepted_versions(connection: Connection, origin: NationCode) -> list[ObjectVersion]:
    """Return the accepted definitions of the members of this nation, in no particular order."""
    return _load(connection, and_(_V.origin == origin, _V.is_accepted_definition.is_(True)))


def versions_by_key(connection: Connection, keys: Collection[int]) -> list[ObjectVersion]:
    """Return the versions with these keys, in no particular order."""
    if not keys:
        return []
    return _versions(connection, _of_keys.rows(connection, keys=carried(connection, keys)))


def movable(connection: Connection, member: MemberId, ids: Collection[StixId]) -> set[StixId]:
    """Return the `ids` with a version of `member` without TLP: containers may move these."""
    # TLP of its own keeps a version as it is, whatever contains it (policy 2.3).
    return _found(connection, _movable, member, ids)


_movable: Final = Prepared(lambda is_postgresql: _ids_where(is_postgresql, _V.own_tlp.is_(None)))


def undeleted_own(connection: Connection, member: MemberId, ids: Collection[StixId]) -> set[StixId]:
    """Return the `ids` with an undeleted record of `member`, no copy: `Known.is_own` (policy 2.7)."""
    return _found(connection, _undeleted_own, member, ids)


_undeleted_own: Final = Prepared(
    lambda is_postgresql: _ids_where(
        *(is_postgresql, _V.is_newest.is_(True), _V.deleted_at.is_(None)),
        # A copy is no licence for later text of the original (hub/README: copy-stays-copy).
        _V.is_copy.is_(False),
    )
)


def _ids_where(is_postgresql: bool, *conditions: ColumnElement[bool]) -> Select[str]:
    """Return the query for those of `ids` with a version of `member` that fulfils the conditions."""
    is_asked = _V.member == bindparam("member"), is_among(is_postgresql, _V.stix_id, "ids")
    return select(_V.stix_id).distinct().where(*is_asked, *conditions)


def _found(connection: Connection, query: Prepared, member: MemberId, ids: Collection[StixId]) -> set[StixId]:
    if not ids:
        return set()
    return set(map(StixId, query.scalars(connection, member=member, ids=carried(connection, ids))))


# --- writing ----------------------------------------------------------------------------------


def insert_contents(
    connection: Connection, origin: NationCode, bodies: Mapping[bytes, bytes]
) -> dict[bytes, int]:
    """Store each body under its digest, unless the origin has the body. Return content ids by digest.

    An erased body is stored again, because another version now has this digest.
    """
    # INVARIANT: contents are shared within one origin alone (storage.md, Shape).
    known: dict[bytes, int] = {}
    if not bodies:
        return known
    digests = carried_digests(connection, bodies.keys())
    for digest, id, erased_at in _stored_contents.rows(connection, origin=origin, digests=digests):
        known[bytes(digest)] = id
        if erased_at is not None:
            values = {"body": bodies[bytes(digest)], "erased_at": None}
            connection.execute(update(content).where(content.c.id == id).values(**values))
    missing = [digest for digest in bodies if digest not in known]
    for batch in batches_by_size(missing, lambda digest: len(bodies[digest])):
        rows = (
            {"origin": origin, "digest": digest, "size": len(bodies[digest]), "body": bodies[digest]}
            for digest in batch
        )
        known.update(zip(batch, insert_numbered(connection, content, rows), strict=True))
    return known


_stored_contents: Final = Prepared(
    lambda is_postgresql: select(content.c.digest, content.c.id, content.c.erased_at).where(
        content.c.origin == bindparam("origin"),
        is_among_digests(is_postgresql, content.c.digest, "digests"),
    )
)


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
    # One statement: a container may move thousands of versions. Under the lock on the origin: two submissions
    # never overwrite the marking of each other.
    rows = [{"id": v.key, **_handled(v)} for v in versions]
    update_all(connection, object_version, ["id"], rows)


# --- reading rows -----------------------------------------------------------------------------


def _load(connection: Connection, condition: ColumnElement[bool]) -> list[ObjectVersion]:
    # Digest and size come along, the body does not: decisions never need it.
    return _versions(connection, connection.execute(_loading(condition)).all())


def _loading(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(*_COLUMNS).join(content, content.c.id == _V.content_id).where(*conditions)


_of_member: Final = Prepared(
    lambda is_postgresql: _loading(
        _V.member == bindparam("member"), is_among(is_postgresql, _V.stix_id, "ids")
    )
)


_of_nation: Final = Prepared(
    lambda is_postgresql: _loading(
        _V.origin == bindparam("origin"), is_among(is_postgresql, _V.stix_id, "ids")
    )
)
_of_keys: Final = Prepared(lambda is_postgresql: _loading(is_among(is_postgresql, _V.id, "keys")))


def _versions(connection: Connection, found: Sequence[Row[Any]]) -> list[ObjectVersion]:
    # A second query, not a join: a join would repeat each version for each of its references.
    references = _references(connection, [row.id for row in found])
    return [_version(row, references[row.id]) for row in found]


def _references(connection: Connection, keys: Collection[int]) -> Mapping[int, Mapping[str, set[StixId]]]:
    found: dict[int, dict[str, set[StixId]]] = defaultdict(lambda: defaultdict(set))
    if not keys:
        return found
    for key, kind, target in _references_of.rows(connection, keys=carried(connection, keys)):
        found[key][kind].add(StixId(target))
    return found


_references_of: Final = Prepared(
    lambda is_postgresql: select(_R.version_id, _R.kind, _R.target).where(
        is_among(is_postgresql, _R.version_id, "keys")
    )
)


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
        has_spec_version=bool(row.has_spec_version),
        is_newest=bool(row.is_newest),
        digest=bytes(row.digest),
        markings=markings,
        refers=frozenset(references[REFERS]),
        contains=frozenset(references[CONTAINS]),
        creator=next(iter(references[CREATOR]), None),
        is_accepted_definition=bool(row.is_accepted_definition),
        tlp=Tlp(row.effective_tlp),
        is_closed=bool(row.is_closed),
        is_contained=bool(row.is_contained),
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
        revoked=bool(row.revoked),
        is_home=bool(row.is_home),
        is_copy=bool(row.is_copy),
        base_rel_to=decode_nations(row.base_rel_to),
        given=_handling(row.given_tlp, row.given_rel_to, is_closed=bool(row.given_closed)),
        taken=Taken(
            _handling(row.taken_tlp, row.taken_rel_to, is_closed=bool(row.taken_closed)),
            decode_reach(row.limits),
        ),
        closed_by=decode_closed_by(row.closed_by),
        listed=frozenset(references[LISTED]),
    )


def _handling(tlp: int | None, rel_to: str | None, *, is_closed: bool) -> EffectiveMarking | None:
    return None if tlp is None else EffectiveMarking(Tlp(tlp), decode_nations(rel_to), is_closed)
