"""For whom that stands of which a record is an equal copy, as its submitter knew of it (policy 2.7 and 8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, select

from hub.model import Clearance, Justification, Kind, MemberId, NationCode
from hub.store.batches import batches
from hub.store.releases import decode
from hub.store.tables import (
    content,
    justification,
    member,
    object_version,
    rejustification,
    release,
)

_C = release.c
_J = justification.c

Originals = Mapping[int, Mapping[NationCode, Sequence[Justification]]]


class _Stood(NamedTuple):
    """By what a row of an original stands, or stood before it was narrowed where it is."""

    recipient: NationCode
    is_served: bool
    justification: Justification


# (hub/README: copy-as-judged)
def originals(connection: Connection, copies: Collection[int], *, ever: bool = False) -> Originals:
    """Return, for each of these copies, for whom the equal objects stand that its submitter had been shown.

    What it was never shown is none of them: else what is hidden from it would decide where its objects go.
    `ever`: for whom they stood at any time, too. What others do later moves nothing (policy 2.7): what was
    decided by them stays, and lies between that and nothing.
    """
    return _found(connection, _equal_before(connection, copies), ever=ever)


def originals_of_new(
    connection: Connection, origin: NationCode, copies: Collection[NewCopy], nations: Collection[NationCode]
) -> Originals:
    """Return what `originals` does for copies that come to `origin` now, by their keys.

    `nations` are those whose objects may be equal.
    """
    pairs: list[_Pair] = []
    by_digest: dict[bytes, list[NewCopy]] = defaultdict(list)
    for copy in copies:
        by_digest[copy.digest].append(copy)
    v, held = object_version.c, content.c
    for batch in batches(sorted(by_digest)):
        query = (
            select(held.digest, v.id, v.deleted_at, v.member)
            .select_from(content.join(object_version, v.content_id == held.id))
            .where(held.origin.in_(sorted(nations)), held.digest.in_(batch))
            .order_by(v.id)
        )
        for digest, original, deleted_at, submitter in connection.execute(query):
            for copy in by_digest[bytes(digest)]:
                if copy.member != submitter:
                    place = origin, copy.member, copy.clearance
                    pairs.append(_Pair(copy.key, original, deleted_at is not None, *place))
    return _found(connection, pairs, ever=False)


class NewCopy(NamedTuple):
    """A copy that is not stored yet, with who submits it."""

    key: int
    digest: bytes
    member: MemberId
    clearance: Clearance


def _found(connection: Connection, pairs: Sequence[_Pair], *, ever: bool) -> Originals:
    stood = _stood(connection, {pair.original for pair in pairs})
    found: dict[int, dict[NationCode, list[Justification]]] = defaultdict(lambda: defaultdict(list))
    for pair in pairs:
        rows = stood.get(pair.original, ())
        if any(row.recipient == pair.origin and _reaches(row.justification, pair) for row in rows):
            for row in rows:
                if ever or (row.is_served and not pair.is_deleted):
                    found[pair.copy][row.recipient].append(row.justification)
    return found


class _Pair(NamedTuple):
    """A copy, with who submitted it where, and an equal object that came before it."""

    copy: int
    original: int
    is_deleted: bool
    origin: NationCode
    member: MemberId
    clearance: Clearance


def _equal_before(connection: Connection, copies: Collection[int]) -> list[_Pair]:
    found: list[_Pair] = []
    copy, v = object_version.alias(), object_version.c
    theirs, ours = content.alias(), content.alias()
    for batch in batches(sorted(copies)):
        query = (
            select(copy.c.id, v.id, v.deleted_at, copy.c.origin, copy.c.member, member.c.kind)
            .select_from(
                copy.join(ours, ours.c.id == copy.c.content_id)
                .join(member, member.c.id == copy.c.member)
                .join(theirs, theirs.c.digest == ours.c.digest)
                .join(object_version, and_(v.content_id == theirs.c.id, v.id < copy.c.id))
            )
            .where(copy.c.id.in_(batch), v.member != copy.c.member)
            .order_by(v.id)
        )
        for key, original, deleted_at, origin, submitter, kind in connection.execute(query):
            clearance = Kind(kind).clearance
            if clearance is not None:
                place = NationCode(origin), MemberId(submitter), clearance
                found.append(_Pair(key, original, deleted_at is not None, *place))
    return found


def _stood(connection: Connection, versions: Collection[int]) -> Mapping[int, Sequence[_Stood]]:
    """Return by what the rows of these versions, as submitted, stand and stood."""
    found: dict[int, list[_Stood]] = defaultdict(list)
    for batch in batches(sorted(versions)):
        is_asked = and_(_C.version_id.in_(batch), _C.rendition.is_(None))
        columns = _C.version_id, _C.recipient, _J.classes
        now = select(*columns, _C.withdrawn_at).join(justification, _J.id == _C.justification_id)
        for version, recipient, classes, withdrawn_at in connection.execute(now.where(is_asked)):
            place = NationCode(recipient), withdrawn_at is None
            found[version].append(_Stood(*place, decode(classes)))
        former = rejustification.c
        same = and_(former.recipient == _C.recipient, former.position == _C.position)
        before = select(*columns).join(rejustification, same)
        before = before.join(justification, _J.id == former.justification_id)
        for version, recipient, classes in connection.execute(before.where(is_asked)):
            found[version].append(
                _Stood(NationCode(recipient), is_served=False, justification=decode(classes))
            )
    return found


def _reaches(value: Justification, pair: _Pair) -> bool:
    """Tell whether a row that stood so could be shown to the submitter of the copy, whatever is in force."""
    return all(
        any(
            ground.member == pair.member if ground.member is not None else ground.clearance <= pair.clearance
            for ground in alternatives
        )
        for alternatives in value
    )
