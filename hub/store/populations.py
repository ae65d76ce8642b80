"""What a nation has submitted: versions that are judged alike, counted; those that hang together, singly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, select

from hub.model import MemberId, NationCode, StixId, Tlp, from_microseconds, to_microseconds
from hub.store.objects import REFERS, decode_nations
from hub.store.tables import object_version, reference

_V = object_version.c
_R = reference.c


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides over a version, references aside."""

    member: MemberId
    type: str
    tlp: Tlp
    is_closed: bool
    submitted_at: datetime
    rel_to: frozenset[NationCode] | None


@dataclass(frozen=True, slots=True)
class Alike:
    """How many versions are judged alike, and one of them: alone in their records, referring to nothing."""

    facts: Facts
    count: int
    example: StixId


@dataclass(frozen=True, slots=True)
class Linked:
    """A version that refers to something, has siblings or is referred to; `is_alone` if Alike counts it."""

    key: int
    id: StixId
    version_key: str
    is_newest: bool
    is_deleted: bool
    is_alone: bool
    facts: Facts


def alike(connection: Connection, origin: NationCode, starts: Sequence[datetime]) -> Iterator[Alike]:
    """Give the nation's undeleted versions that are alone, grouped; `starts` part those submitted earlier."""
    ages = [case((_V.submitted_at < to_microseconds(at), 0), else_=1) for at in starts]
    group = (_V.member, _V.type, _V.effective_tlp, _V.is_closed, _V.rel_to)
    query = (
        select(*group, func.max(_V.submitted_at).label("submitted_at"), func.count(), func.min(_V.stix_id))
        .where(_V.origin == origin, _V.deleted_at.is_(None), _is_alone())
        .group_by(*group, *ages)
    )
    for *row, count, example in connection.execute(query):
        yield Alike(_facts(*row), count, StixId(example))


def linked(connection: Connection, origin: NationCode) -> list[Linked]:
    """Return the nation's versions that are not alone, and those that these refer to."""
    is_target = exists().where(_R.origin == origin, _R.kind == REFERS, _R.target == _V.stix_id)
    is_alone = and_(_V.deleted_at.is_(None), _is_alone())
    columns = (_V.id, _V.stix_id, _V.version_key, _V.is_newest, _V.deleted_at.is_not(None), is_alone)
    facts = (_V.member, _V.type, _V.effective_tlp, _V.is_closed, _V.rel_to, _V.submitted_at)
    query = select(*columns, *facts).where(_V.origin == origin, ~is_alone | is_target)
    return [_linked(row) for row in connection.execute(query)]


def references(connection: Connection, origin: NationCode) -> Mapping[int, frozenset[StixId]]:
    """Return what the nation's versions refer to, by key (policy 2.7)."""
    found: dict[int, set[StixId]] = defaultdict(set)
    query = select(_R.version_id, _R.target).where(_R.origin == origin, _R.kind == REFERS)
    for key, target in connection.execute(query):
        found[key].add(StixId(target))
    return {key: frozenset(targets) for key, targets in found.items()}


def _is_alone() -> ColumnElement[bool]:
    sibling = object_version.alias("sibling")
    has_sibling = exists().where(
        sibling.c.member == _V.member, sibling.c.stix_id == _V.stix_id, sibling.c.id != _V.id
    )
    refers = exists().where(_R.version_id == _V.id, _R.kind == REFERS)
    return and_(~has_sibling, ~refers)


def _linked(row: Any) -> Linked:
    key, id, version_key, is_newest, is_deleted, is_alone, *facts = row
    flags = (is_newest, bool(is_deleted), bool(is_alone))
    return Linked(key, StixId(id), version_key, *flags, _facts(*facts))


def _facts(member: str, stix_type: str, tlp: int, *rest: Any) -> Facts:
    is_closed, rel_to, submitted_at = rest
    return Facts(
        MemberId(member),
        stix_type,
        Tlp(tlp),
        is_closed,
        from_microseconds(submitted_at),
        decode_nations(rel_to),
    )
