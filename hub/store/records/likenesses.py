"""The values by which versions are decided, read in bulk: versions with equal values have equal decisions.

A history goes through all versions of a nation. Most versions are the only version of the id, and refer to
nothing or to such versions. These are read as a few values, without the other columns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, exists, or_, select

from hub.model import NAME_TYPES, MemberId, NationCode, PlainVersion, StixId, Tlp
from hub.store.database.prepared import Prepared, carried, is_among
from hub.store.records.objects import CONTAINS, CREATOR, REFERS
from hub.store.schema.tables import object_version, reference

_V = object_version.c
_R = reference.c
# The columns that decide on a plain version, with its age, and on how a row shows the version.
DECISIVE: Final = (
    *("member", "type", "effective_tlp", "is_closed", "is_home", "rel_to", "limits", "guise"),
    *("base_tlp", "base_rel_to"),
)
_FACTS: Final = tuple(_V[name] for name in DECISIVE)
_MEMBER, _TYPE = 0, 1  # places in the facts
_HAS_TLP_AT, _FACTS_AT = 4, 6  # places in a row of `_next`


class _Links(NamedTuple):
    """The links of a version: the ids referred to, the keys of these versions, and the deciding values."""

    refers: frozenset[StixId] = frozenset()
    targets: frozenset[int] = frozenset()
    values: frozenset[Hashable] = frozenset()


_UNLINKED: Final = _Links()


class NextVersions(NamedTuple):
    """The next versions of a history: the plain ones, and the ids of all others. `last` is the last key.

    None: there is no next version. `is_end`: there is no version behind these.
    """

    last: int | None
    is_end: bool
    plain: Sequence[PlainVersion]
    others: frozenset[StixId]


class Likenesses(NamedTuple):
    """What the likeness of a version depends on beside its columns.

    `starts` separate the ages of versions, in microseconds and rising: a clause compares the submission with
    its start (policy 4). `identities` are the identities of the members.
    """

    starts: Sequence[int]
    identities: Mapping[MemberId, StixId]


def next_versions(
    connection: Connection,
    origin: NationCode,
    after: int,
    levels: Collection[Tlp],
    limit: int,
    likenesses: Likenesses,
) -> NextVersions:
    """Return the nation's next versions after the key `after`, at most `limit`, in order of key.

    Selects versions at these levels, and versions with redactions, because redactions have levels of their
    own.
    """
    # A nation's submissions hold its origin, so a later commit has later keys: none is missed.
    asked = {"origin": origin, "after": after, "most": limit}
    rows = _next.rows(connection, **asked, levels=carried(connection, [int(level) for level in levels]))
    if not rows:
        return NextVersions(None, True, (), frozenset())
    others = {StixId(id) for _, id, is_plain, *_ in rows if not is_plain}
    plain = [row for row in rows if row[2]]
    links = _links(connection, origin, plain, likenesses)
    found: list[PlainVersion] = []
    for row in plain:
        key, stix_id, _, has_spec_version, _, submitted_at = row[:_FACTS_AT]
        link = links.get(key, _UNLINKED)
        if link is None:
            others.add(StixId(stix_id))
            continue
        facts = row[_FACTS_AT:]
        place = key, StixId(stix_id), MemberId(facts[_MEMBER]), bool(has_spec_version)
        likeness = facts, bisect_right(likenesses.starts, submitted_at), link.values
        found.append(PlainVersion(*place, link.refers, link.targets, likeness))
    return NextVersions(rows[-1][0], len(rows) < limit, found, frozenset(others))


def _links(
    connection: Connection, origin: NationCode, plain: Sequence[Any], likenesses: Likenesses
) -> dict[int, _Links | None]:
    """Return the links of each version with references, by key; None: it is not judged by likeness."""
    references: dict[int, dict[str, set[StixId]]] = defaultdict(lambda: defaultdict(set))
    by_key = {row[0]: row for row in plain}
    for key, kind, target in _references.rows(connection, keys=carried(connection, by_key)):
        references[key][kind].add(StixId(target))
    ids = {id for kinds in references.values() for id in kinds[REFERS]}
    targets = _targets(connection, origin, ids, likenesses.starts)
    found: dict[int, _Links | None] = {}
    for key, kinds in references.items():
        if refers := kinds[REFERS]:
            row = by_key[key]
            member, has_tlp = MemberId(row[_FACTS_AT + _MEMBER]), row[_HAS_TLP_AT]
            # In anonymised form the national cert takes the place of these identities (policy 7).
            sources = {likenesses.identities.get(member), *kinds[CREATOR]}
            # Policy 2.7: a container with TLP of its own is not withheld for an unmarked name in it.
            unbound = kinds[CONTAINS] if has_tlp else ()
            found[key] = _link({id: targets.get((member, id)) for id in refers}, unbound, sources)
    return found


def _link(
    targets: Mapping[StixId, _Referred | None],
    unbound: Collection[StixId],
    sources: Collection[StixId | None],
) -> _Links | None:
    known = {id: one for id, one in targets.items() if one is not None}
    # A version with any other target is judged with all that this target leads to.
    if not all(one.is_plain for one in known.values()):
        return None
    values = {
        (one.likeness, id in sources)
        for id, one in known.items()
        if not (one.is_unmarked_name and id in unbound)
    }
    return _Links(frozenset(targets), frozenset(one.key for one in known.values()), frozenset(values))


class _Referred(NamedTuple):
    """A record referred to. `is_plain`: its only version refers to nothing and is no copy."""

    key: int
    is_plain: bool
    is_unmarked_name: bool
    likeness: Hashable


def _targets(
    connection: Connection, origin: NationCode, ids: Collection[StixId], starts: Sequence[int]
) -> dict[tuple[MemberId, StixId], _Referred]:
    """Return the nation's records with these ids, by member and id (policy 2.7)."""
    found: dict[tuple[MemberId, StixId], _Referred] = {}
    if not ids:
        return found
    rows = _referred.rows(connection, origin=origin, ids=carried(connection, ids))
    for key, stix_id, is_plain, has_tlp, submitted_at, *facts in rows:
        record = MemberId(facts[_MEMBER]), StixId(stix_id)
        is_unmarked_name = facts[_TYPE] in NAME_TYPES and not has_tlp
        # A record with several versions is judged by all of these (policy 4).
        is_only = record not in found
        likeness = (*facts, bisect_right(starts, submitted_at))
        found[record] = _Referred(key, bool(is_plain) and is_only, is_unmarked_name, likeness)
    return found


# --- statements -----------------------------------------------------------------------------------

_IS_PLAIN: Final = and_(
    _V.is_newest.is_(True), _V.deleted_at.is_(None), _V.cuts.is_(None), _V.about.is_(None)
)
_HAS_TLP: Final = _V.own_tlp.is_not(None)


def _following(is_postgresql: bool) -> Select[Any]:
    other = object_version.alias()
    # Of any member: all versions of an id get their rows in one step.
    is_other = (other.c.origin == _V.origin, other.c.stix_id == _V.stix_id, other.c.id != _V.id)
    is_asked = or_(is_among(is_postgresql, _V.effective_tlp, "levels"), _V.cuts.is_not(None))
    is_plain = and_(_IS_PLAIN, ~exists().where(*is_other))
    return (
        select(_V.id, _V.stix_id, is_plain, _V.has_spec_version, _HAS_TLP, _V.submitted_at, *_FACTS)
        .where(_V.origin == bindparam("origin"), _V.id > bindparam("after"), is_asked)
        .order_by(_V.id)
        .limit(bindparam("most"))
    )


def _referred_to(is_postgresql: bool) -> Select[Any]:
    refers = exists().where(_R.version_id == _V.id, _R.kind == REFERS)
    is_plain = and_(_IS_PLAIN, _V.is_copy.is_(False), ~refers)
    return select(_V.id, _V.stix_id, is_plain, _HAS_TLP, _V.submitted_at, *_FACTS).where(
        _V.origin == bindparam("origin"), is_among(is_postgresql, _V.stix_id, "ids")
    )


_next: Final = Prepared(_following)
_referred: Final = Prepared(_referred_to)
_references: Final = Prepared(
    lambda is_postgresql: select(_R.version_id, _R.kind, _R.target).where(
        is_among(is_postgresql, _R.version_id, "keys")
    )
)
