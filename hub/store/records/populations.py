"""What a nation has submitted: versions that are judged alike, counted; those that hang together, by how."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from itertools import pairwise
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, exists, func, literal, or_, select

from hub.model import (
    NAME_TYPES,
    Facts,
    MemberId,
    NationCode,
    StixId,
    Tlp,
    from_microseconds,
    to_microseconds,
)
from hub.store.records.objects import CONTAINS, CREATOR, REFERS
from hub.store.schema.columns import (
    decode_nations,
    decode_reach,
    decode_redactions,
    decode_source_hiding,
)
from hub.store.schema.tables import object_version, reference

_V = object_version.c
_R = reference.c
_PLAIN = (_V.member, _V.type, _V.effective_tlp, or_(_V.is_closed, _V.is_home), _V.rel_to, _V.limits)
_GROUP = (*_PLAIN, _V.guise, _V.about, func.coalesce(_V.base_tlp, _V.effective_tlp), _V.cuts, _V.base_rel_to)
_NOTHING: Final[frozenset[int]] = frozenset()
_DEPTH: Final = 16  # of references to what refers to something in turn


@dataclass(frozen=True, slots=True)
class Alike:
    """How many versions are judged alike, and one of them: each alone under its id, referring to nothing."""

    facts: Facts
    count: int
    example: StixId


@dataclass(frozen=True, slots=True)
class Linked:
    """Versions that hang together with others in the same way, and so are judged alike.

    `key` is that of one of them, by which others name them all: as what these refer to (`refers`), and as
    their records' next later version. `counts`: how many there are, and one of them, apart by facts; deleted
    ones are not counted, nor those that Alike counts. Of `refers`, `sources` are the identities of whom they
    came from. What may be redacted or is an answer stands for itself: `left` is what redactions refer to,
    `ids` what it refers to, `is_last` that no version follows and it is not deleted. `is_copy`: references
    to its record are judged by what it is a copy of, too.
    """

    key: int
    facts: Facts
    refers: frozenset[int]
    later: int | None
    sources: frozenset[int]
    left: Mapping[Tlp, frozenset[int]]
    ids: frozenset[StixId]
    is_last: bool
    counts: Mapping[Facts, tuple[int, StixId]]
    is_copy: bool


def group_alone(connection: Connection, origin: NationCode, starts: Sequence[datetime]) -> Iterator[Alike]:
    """Give the nation's undeleted versions that are alone, grouped; `starts` part those submitted earlier."""
    query = (
        select(*_GROUP, func.max(_V.submitted_at), func.count(), func.min(_V.stix_id))
        .where(_V.origin == origin, _V.deleted_at.is_(None), ~_has_sibling(origin), ~_refers())
        .where(_V.cuts.is_(None))
        .group_by(*_GROUP, _age(starts))
    )
    for *row, count, example in connection.execute(query):
        yield Alike(_facts(*row), count, StixId(example))


def group_linked(
    connection: Connection,
    origin: NationCode,
    starts: Sequence[datetime],
    decisive: Callable[[Facts], Hashable],
    identities: Mapping[MemberId, StixId],
) -> list[Linked]:
    """Return the nation's versions that are not alone, and those that these refer to, grouped.

    Those are alike of whose facts `decisive` makes the same, and which hang on versions that are alike.
    `identities` are those of the members.
    """
    found = _read(connection, origin, starts, identities)
    of_facts = [decisive(facts) for facts in found.facts]
    names, groups = _group(found, {key: of_facts[number] for key, number in found.versions.items()})
    counts: dict[int, dict[Facts, tuple[int, StixId]]] = defaultdict(dict)
    for key, id in found.counted.items():
        facts, group = found.facts[found.versions[key]], counts[names[key]]
        count, example = group.get(facts, (0, id))
        group[facts] = count + 1, example
    return [
        Linked(
            *(key, found.facts[found.versions[key]], place.refers, place.later, place.sources),
            {level: _named(names, targets) for level, targets in found.left.get(key, {}).items()},
            frozenset(map(StixId, found.unlike_others.get(key, ()))),
            key in found.living and place.later is None,
            counts.get(key, {}),
            key in found.copies,
        )
        for key, place in groups.items()
    ]


class _Place(NamedTuple):
    """On what a version hangs, by the names of these."""

    refers: frozenset[int]
    later: int | None
    sources: frozenset[int]


def _named(names: Mapping[int, int], keys: Iterable[int]) -> frozenset[int]:
    return frozenset(names[key] for key in keys)


@dataclass(frozen=True, slots=True)
class _ReadVersions:
    """What was read of versions, by key: the number of their facts, on which versions they hang, which count.

    `refers` has the newest versions of what is referred to, `sources` of these the identities of whom a
    version came from, `left` what redactions of it refer to, `later` the next version of the record.
    `unlike_others` are like no other, with the ids that they refer to; `living` is not deleted.
    """

    facts: list[Facts] = field(default_factory=list)
    versions: dict[int, int] = field(default_factory=dict)
    refers: dict[int, frozenset[int]] = field(default_factory=dict)
    sources: dict[int, frozenset[int]] = field(default_factory=dict)
    left: dict[int, dict[Tlp, frozenset[int]]] = field(default_factory=dict)
    later: dict[int, int] = field(default_factory=dict)
    counted: dict[int, StixId] = field(default_factory=dict)
    unlike_others: dict[int, list[str]] = field(default_factory=dict)
    living: set[int] = field(default_factory=set)
    copies: set[int] = field(default_factory=set)
    newest: dict[tuple[MemberId, str], int] = field(default_factory=dict)
    unmarked_names: set[tuple[MemberId, str]] = field(default_factory=set)
    marked: set[int] = field(default_factory=set)

    def targets(self, member: MemberId, ids: Iterable[str]) -> frozenset[int]:
        """Return the newest versions of the member's records with these ids."""
        return frozenset(self.newest[member, id] for id in ids if (member, id) in self.newest)

    def note(self, key: int, id: str, *, is_newest: bool, is_copy: bool, own_tlp: int | None) -> None:
        """Keep what tells how references to and from the version count."""
        facts = self.facts[self.versions[key]]
        if own_tlp is not None:
            self.marked.add(key)
        if is_newest:
            self.newest[facts.member, id] = key
            if is_copy:
                self.copies.add(key)
            if own_tlp is None and facts.type in NAME_TYPES:
                self.unmarked_names.add((facts.member, id))


def _read(
    connection: Connection,
    origin: NationCode,
    starts: Sequence[datetime],
    identities: Mapping[MemberId, StixId],
) -> _ReadVersions:
    references, creators, contents = (
        _references(connection, origin, kind) for kind in (REFERS, CREATOR, CONTAINS)
    )
    sources = {*identities.values(), *(id for ids in creators.values() for id in ids)}
    is_target = exists().where(_R.origin == origin, _R.kind == REFERS, _R.target == _V.stix_id)
    columns = (_V.id, _V.stix_id, _V.version_key, _V.is_newest, _V.deleted_at, _V.submitted_at)
    query = select(*columns, _V.own_tlp, _V.is_copy, _has_sibling(origin), *_GROUP, _age(starts))
    is_here = or_(_has_sibling(origin), _refers(), is_target, _V.cuts.is_not(None))
    query = query.where(_V.origin == origin, is_here)
    found = _ReadVersions()
    numbers: dict[tuple[Any, ...], int] = {}
    records: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for row in connection.execute(query):
        key, id, version_key, is_newest, deleted_at, submitted_at, own_tlp, is_copy, has_sibling, *group = row
        number = found.versions[key] = numbers.setdefault(tuple(group), len(found.facts))
        if number == len(found.facts):
            found.facts.append(_facts(*group[:-1], submitted_at))
        found.note(key, id, is_newest=is_newest, is_copy=is_copy, own_tlp=own_tlp)
        if has_sibling:
            records[group[0], id].append((version_key, key))
        facts = found.facts[number]
        if facts.redactions or facts.about is not None or id in sources or key in found.copies:
            found.unlike_others[key] = references.get(key, [])
        if deleted_at is None:
            found.living.add(key)
            if has_sibling or key in references or facts.redactions:
                found.counted[key] = StixId(id)

    for versions in records.values():
        found.later.update((key, then) for (_, key), (_, then) in pairwise(sorted(versions)))
    _link(found, references, creators, contents, identities)
    return found


def _link(
    found: _ReadVersions,
    references: Mapping[int, list[str]],
    creators: Mapping[int, list[str]],
    contents: Mapping[int, list[str]],
    identities: Mapping[MemberId, StixId],
) -> None:
    """Note on which versions each hangs: those of its own member that it refers to (policy 2.7)."""
    for key, number in found.versions.items():
        facts = found.facts[number]
        # A container with TLP of its own is not withheld for an unmarked name in it.
        inside = contents.get(key, ()) if key in found.marked else ()
        unbound = {id for id in inside if (facts.member, id) in found.unmarked_names}
        if ids := set(references.get(key, ())) - unbound:
            found.refers[key] = found.targets(facts.member, ids)
            own = {*creators.get(key, ()), identities.get(facts.member, "")}
            found.sources[key] = found.targets(facts.member, own & ids)
        if facts.redactions:
            found.left[key] = {
                redaction.ceiling: found.targets(facts.member, redaction.refers - unbound)
                for redaction in facts.redactions
            }


def _references(connection: Connection, origin: NationCode, kind: str) -> Mapping[int, list[str]]:
    """Return what the nation's versions name so, by key."""
    found: dict[int, list[str]] = defaultdict(list)
    query = select(_R.version_id, _R.target).where(_R.origin == origin, _R.kind == kind)
    for key, target in connection.execute(query):
        found[key].append(target)
    return found


def _group(
    found: _ReadVersions, decisive: Mapping[int, Hashable]
) -> tuple[Mapping[int, int], Mapping[int, _Place]]:
    """Return by which version each is named, and for each of these what it hangs on, by those names.

    What hangs on nothing is grouped first, then what hangs on that, and so on. What hangs in circles, or
    deep, is named by itself: nothing is taken for alike that might not be.
    """
    names: dict[int, int] = {}
    known: dict[tuple[Hashable, _Place], int] = {}

    def place(key: int) -> _Place:
        later = found.later.get(key)
        refers, sources = (_named(names, of.get(key, _NOTHING)) for of in (found.refers, found.sources))
        return _Place(refers, None if later is None else names[later], sources)

    waiting = sorted(decisive, reverse=True)  # a later version has a greater key, as a rule
    for _ in range(_DEPTH):
        left: list[int] = []
        for key in waiting:
            later = found.later.get(key)
            if found.refers.get(key, _NOTHING) <= names.keys() and (later is None or later in names):
                names[key] = (
                    key if key in found.unlike_others else known.setdefault((decisive[key], place(key)), key)
                )
            else:
                left.append(key)
        waiting = left
    names.update((key, key) for key in waiting)
    groups = {key: found_ for (_, found_), key in known.items()}
    return names, groups | {key: place(key) for key in (*waiting, *found.unlike_others)}


def _has_sibling(origin: NationCode) -> ColumnElement[bool]:
    """Tell whether the version's record has several, or another member's of the same id.

    Of several one alone is the newest. To ask for each version whether there is another takes longer.
    """
    former = object_version.alias()
    is_former = (former.c.origin == origin, former.c.is_newest.is_(False))
    return _V.stix_id.in_(select(former.c.stix_id).where(*is_former))


def _refers() -> ColumnElement[bool]:
    return exists().where(_R.version_id == _V.id, _R.kind == REFERS)


def _age(starts: Sequence[datetime]) -> ColumnElement[int]:
    """Tell after how many of `starts` a version was submitted."""
    ages = [case((_V.submitted_at < to_microseconds(at), 0), else_=1) for at in starts]
    return reduce(operator.add, ages, literal(0))


def _facts(member: str, stix_type: str, tlp: int, *rest: Any) -> Facts:
    is_closed, rel_to, limits, source_hiding, about, base, redactions, base_rel_to, submitted_at = rest
    closed = "closed, or unmarked and kept at home" if is_closed else None
    plain = (from_microseconds(submitted_at), closed, decode_nations(rel_to), decode_reach(limits))
    forms = (decode_source_hiding(source_hiding), None if about is None else NationCode(about))
    left = () if redactions is None else decode_redactions(redactions)
    parts = (Tlp(base), left)
    return Facts(MemberId(member), stix_type, Tlp(tlp), *plain, *forms, *parts, decode_nations(base_rel_to))
