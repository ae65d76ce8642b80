"""The versions of a nation in groups with equal decisions, for simulations of agreements."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from itertools import chain, pairwise
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, exists, false, func, literal, or_, select

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
from hub.store.database.batches import listed
from hub.store.records.objects import CONTAINS, CREATOR, REFERS
from hub.store.records.references import all_referred
from hub.store.schema.columns import (
    decode_nations,
    decode_reach,
    decode_redactions,
    decode_source_hiding,
)
from hub.store.schema.tables import object_version, reference

_V = object_version.c
_R = reference.c
# The columns that decide: versions with equal values have equal decisions.
_PLAIN = (_V.member, _V.type, _V.effective_tlp, or_(_V.is_closed, _V.is_home), _V.rel_to, _V.limits)
_GROUP = (*_PLAIN, _V.guise, _V.about, func.coalesce(_V.base_tlp, _V.effective_tlp), _V.cuts, _V.base_rel_to)
_NOTHING: Final[frozenset[int]] = frozenset()
_DEPTH: Final = 16  # of chains of references


@dataclass(frozen=True, slots=True)
class Alike:
    """A group of versions with equal decisions: number and example.

    Each version is alone under its id and refers to nothing.
    """

    facts: Facts
    count: int
    example: StixId


@dataclass(frozen=True, slots=True)
class Linked:
    """A group of versions with equal links to other groups, and so with equal decisions.

    `key` is the key of one version, and names the group in `refers` (groups referred to), `later` (the group
    of the record's next version) and `sources` (identities in `refers` that are the source). `counts` has
    number and example by facts, without deleted versions and versions of `Alike` groups. A version with
    redactions or an answer forms a group alone: `left` are the references of redactions, `ids` the references
    by id, `is_last` means undeleted and the last of the record. `is_copy`: references to the record are
    judged by the original of the copy too.
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


class Population(NamedTuple):
    """The versions of a nation to group: all, or only these `keys`, with all versions of their records.

    `siblings` are the keys with other versions in their record. Of `keys` only `counted` are counted.
    """

    origin: NationCode
    keys: Collection[int] | None = None
    siblings: Collection[int] = ()
    counted: Collection[int] = ()

    def condition(self, connection: Connection) -> ColumnElement[bool]:
        """Return the condition that a version belongs here."""
        if self.keys is None:
            return _V.origin == self.origin
        return _among(connection, _V.id, self.keys)

    def is_counted(self, connection: Connection) -> ColumnElement[bool]:
        """Return the condition that a version is counted here, unless deleted."""
        if self.keys is None:
            return _V.origin == self.origin
        return _among(connection, _V.id, self.counted)

    def has_sibling(self, connection: Connection) -> ColumnElement[bool]:
        """Return the condition that the version's id has several versions."""
        if self.keys is not None:
            return _among(connection, _V.id, self.siblings)
        # Of several versions all but one are not the newest. A search per version would take longer.
        former = object_version.alias()
        is_former = (former.c.origin == self.origin, former.c.is_newest.is_(False))
        return _V.stix_id.in_(select(former.c.stix_id).where(*is_former))


def read_by_indexes(connection: Connection) -> None:
    """Let the rest of this transaction read by indexes alone."""
    # INVARIANT: PostgreSQL would rather read a whole table, other nations' hidden rows included: its time
    # would say how many there are (policy 9).
    if connection.dialect.name == "postgresql":
        for name in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
            connection.execute(select(func.set_config(name, "off", True)))


def _among(
    connection: Connection, column: ColumnElement[Any], values: Collection[int] | Collection[str]
) -> ColumnElement[bool]:
    """Return the condition that `column` is among `values`, as a query."""
    # A query is made into a hash table once. PostgreSQL goes through an array for each row of an OR.
    return column.in_(listed(connection, values)) if values else false()


def population_around(connection: Connection, origin: NationCode, counted: Collection[int]) -> Population:
    """Return the population that counts these versions of `origin`.

    With all versions of their records, and of all records referred to by their members, at any distance: a
    joint judgement needs these.
    """
    # INVARIANT: from these versions by ids to their records: other versions cost no time (policy 9).
    if not counted:
        return Population(origin, ())
    query = select(_V.member, _V.stix_id).where(_among(connection, _V.id, counted)).distinct()
    ids: dict[MemberId, set[StixId]] = defaultdict(set)
    for member, id in connection.execute(query):
        ids[MemberId(member)].add(StixId(id))
    records: list[list[int]] = []
    for member, own in ids.items():
        asked = listed(connection, all_referred(connection, member, own)).subquery()
        same = and_(_V.member == member, _V.stix_id == asked.c.value)
        keys: dict[str, list[int]] = defaultdict(list)
        # An outer join: planners go from the ids to the index on ids, not through the member's records.
        found = select(_V.id, _V.stix_id).select_from(asked.outerjoin(object_version, same))
        for key, id in connection.execute(found):
            if key is not None:
                keys[id].append(key)
        records += keys.values()
    several = [key for record in records if len(record) > 1 for key in record]
    return Population(origin, list(chain.from_iterable(records)), several, set(counted))


def group_alone(
    connection: Connection, population: Population, starts: Sequence[datetime]
) -> Iterator[Alike]:
    """Give the undeleted versions without links, in groups. `starts` separate the ages."""
    query = (
        select(*_GROUP, func.max(_V.submitted_at), func.count(), func.min(_V.stix_id))
        .where(population.is_counted(connection), _V.deleted_at.is_(None))
        .where(~population.has_sibling(connection), ~_refers())
        # Versions with redactions are judged one by one: each part has a level of its own.
        .where(_V.cuts.is_(None))
        .group_by(*_GROUP, _age(starts))
    )
    for *row, count, example in connection.execute(query):
        yield Alike(_facts(*row), count, StixId(example))


def group_linked(
    connection: Connection,
    population: Population,
    starts: Sequence[datetime],
    decisive: Callable[[Facts], Hashable],
    identities: Mapping[MemberId, StixId],
) -> list[Linked]:
    """Return the versions with links, and the targets of links, in groups.

    Two versions are in one group if `decisive` makes the same of their facts and the links lead to the same
    groups. `identities` are the identities of the members.
    """
    found = _read(connection, population, starts, identities)
    # Once for each distinct value: a nation has millions of versions, but few facts.
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
            key in found.undeleted and place.later is None,
            counts.get(key, {}),
            key in found.copies,
        )
        for key, place in groups.items()
    ]


class _Place(NamedTuple):
    """The links of a version, by the names of groups."""

    refers: frozenset[int]
    later: int | None
    sources: frozenset[int]


def _named(names: Mapping[int, int], keys: Iterable[int]) -> frozenset[int]:
    return frozenset(names[key] for key in keys)


@dataclass(frozen=True, slots=True)
class _ReadVersions:
    """The versions as read, by key: number of the facts, links, and whether the version counts.

    `refers` has the newest versions of the referred records, `sources` the source identities among these,
    `left` the references of redactions, `later` the next version of the record. `unlike_others` form groups
    alone, with the ids of their references; `undeleted` and `counted` are as named.
    """

    facts: list[Facts] = field(default_factory=list)
    versions: dict[int, int] = field(default_factory=dict)
    refers: dict[int, frozenset[int]] = field(default_factory=dict)
    sources: dict[int, frozenset[int]] = field(default_factory=dict)
    left: dict[int, dict[Tlp, frozenset[int]]] = field(default_factory=dict)
    later: dict[int, int] = field(default_factory=dict)
    counted: dict[int, StixId] = field(default_factory=dict)
    unlike_others: dict[int, list[str]] = field(default_factory=dict)
    undeleted: set[int] = field(default_factory=set)
    copies: set[int] = field(default_factory=set)
    newest: dict[tuple[MemberId, str], int] = field(default_factory=dict)
    unmarked_names: set[tuple[MemberId, str]] = field(default_factory=set)
    marked: set[int] = field(default_factory=set)

    def targets(self, member: MemberId, ids: Iterable[str]) -> frozenset[int]:
        """Return the newest versions of the member's records with these ids."""
        # Own records alone withhold (policy 2.7). Records of others were judged at submission.
        return frozenset(self.newest[member, id] for id in ids if (member, id) in self.newest)

    def note(self, key: int, id: str, *, is_newest: bool, is_copy: bool, own_tlp: int | None) -> None:
        """Record how references to and from this version count."""
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
    population: Population,
    starts: Sequence[datetime],
    identities: Mapping[MemberId, StixId],
) -> _ReadVersions:
    references, creators, contents = _references(connection, population)
    sources = {*identities.values(), *(id for ids in creators.values() for id in ids)}
    has_sibling = population.has_sibling(connection)
    # Deleted versions are read too: they restrict others, and are not counted.
    columns = (_V.id, _V.stix_id, _V.version_key, _V.is_newest, _V.deleted_at, _V.submitted_at)
    query = select(*columns, _V.own_tlp, _V.is_copy, has_sibling, *_GROUP, _age(starts))
    # A version without links of its own may still be the target of one.
    is_target = _among(connection, _V.stix_id, {target for ids in references.values() for target in ids})
    is_here = or_(has_sibling, _among(connection, _V.id, list(references)), is_target, _V.cuts.is_not(None))
    query = query.where(population.condition(connection), is_here)
    found = _ReadVersions()
    numbers: dict[tuple[Any, ...], int] = {}
    records: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for row in connection.execute(query):
        key, id, version_key, is_newest, deleted_at, submitted_at, own_tlp, is_copy, is_one_of, *group = row
        number = found.versions[key] = numbers.setdefault(tuple(group), len(found.facts))
        if number == len(found.facts):
            found.facts.append(_facts(*group[:-1], submitted_at))
        found.note(key, id, is_newest=is_newest, is_copy=is_copy, own_tlp=own_tlp)
        if is_one_of:
            records[group[0], id].append((version_key, key))
        facts = found.facts[number]
        if facts.redactions or facts.about is not None or id in sources or key in found.copies:
            found.unlike_others[key] = references.get(key, [])
        if deleted_at is None:
            found.undeleted.add(key)
            is_counted = population.keys is None or key in population.counted
            if is_counted and (is_one_of or key in references or facts.redactions):
                found.counted[key] = StixId(id)

    # A version is visible only with every later one of its record (policy 4), so `later` is a link.
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
    """Record the links of each version: the referred records of the same member (policy 2.7)."""
    for key, number in found.versions.items():
        facts = found.facts[number]
        # Policy 2.7: a container with TLP of its own is not withheld for an unmarked name in it.
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


def _references(
    connection: Connection, population: Population
) -> tuple[Mapping[int, list[str]], Mapping[int, list[str]], Mapping[int, list[str]]]:
    """Return the references, creators and contents of the versions, by key."""
    found: dict[str, dict[int, list[str]]] = {kind: defaultdict(list) for kind in (REFERS, CREATOR, CONTAINS)}
    # One query for all versions: one for each would take minutes for a large nation. By the versions, because
    # no index finds the references of one nation.
    query = select(_R.version_id, _R.kind, _R.target).join(object_version, _R.version_id == _V.id)
    query = query.where(population.condition(connection), _R.kind.in_(found))
    for key, kind, target in connection.execute(query):
        found[kind][key].append(target)
    return found[REFERS], found[CREATOR], found[CONTAINS]


def _group(
    found: _ReadVersions, decisive: Mapping[int, Hashable]
) -> tuple[Mapping[int, int], Mapping[int, _Place]]:
    """Return the group of each version, and the links of each group.

    Versions without links are grouped first, then versions with links to grouped versions, and so on. A
    version in a cycle, or in a long chain, forms a group alone: no group joins versions that might differ.
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
    # The rest is in cycles or long chains. Equal decisions are not proved there.
    names.update((key, key) for key in waiting)
    groups = {key: found_ for (_, found_), key in known.items()}
    return names, groups | {key: place(key) for key in (*waiting, *found.unlike_others)}


def _refers() -> ColumnElement[bool]:
    return exists().where(_R.version_id == _V.id, _R.kind == REFERS)


def _age(starts: Sequence[datetime]) -> ColumnElement[int]:
    """Return the number of `starts` at or before the submission of a version."""
    # Versions of one age get the same decision: a clause compares the submission with its start (policy 4).
    ages = [case((_V.submitted_at < to_microseconds(at), 0), else_=1) for at in starts]
    return reduce(operator.add, ages, literal(0))


def _facts(member: str, stix_type: str, tlp: int, *rest: Any) -> Facts:
    is_closed, rel_to, limits, source_hiding, about, base, redactions, base_rel_to, submitted_at = rest
    # Kept at home counts as closed for all other nations (policy 2.4).
    closed = "closed, or unmarked and kept at home" if is_closed else None
    plain = (from_microseconds(submitted_at), closed, decode_nations(rel_to), decode_reach(limits))
    forms = (decode_source_hiding(source_hiding), None if about is None else NationCode(about))
    left = () if redactions is None else decode_redactions(redactions)
    parts = (Tlp(base), left)
    return Facts(MemberId(member), stix_type, Tlp(tlp), *plain, *forms, *parts, decode_nations(base_rel_to))
