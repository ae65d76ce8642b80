"""What a nation has submitted: versions that are judged alike, counted; those that hang together, by how."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, case, exists, func, literal, or_, select

from hub.model import MemberId, NationCode, StixId, Tlp, from_microseconds, to_microseconds
from hub.store.objects import REFERS, decode_nations
from hub.store.tables import object_version, reference

_V = object_version.c
_R = reference.c
_GROUP = (_V.member, _V.type, _V.effective_tlp, _V.is_closed, _V.rel_to)
_NOTHING: Final[frozenset[int]] = frozenset()
_DEPTH: Final = 16  # of references to what refers to something in turn


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
    """How many versions are judged alike, and one of them: each alone under its id, referring to nothing."""

    facts: Facts
    count: int
    example: StixId


@dataclass(frozen=True, slots=True)
class Linked:
    """Versions that hang together with others in the same way, and so are judged alike.

    `key` is that of one of them, by which others name them all: as what these refer to (`refers`), and as
    their records' next later version. `counts`: how many there are, and one of them, apart by facts; deleted
    ones are not counted, nor those that Alike counts.
    """

    key: int
    facts: Facts
    refers: frozenset[int]
    later: int | None
    counts: Mapping[Facts, tuple[int, StixId]]


def alike(connection: Connection, origin: NationCode, starts: Sequence[datetime]) -> Iterator[Alike]:
    """Give the nation's undeleted versions that are alone, grouped; `starts` part those submitted earlier."""
    query = (
        select(*_GROUP, func.max(_V.submitted_at), func.count(), func.min(_V.stix_id))
        .where(_V.origin == origin, _V.deleted_at.is_(None), ~_has_sibling(origin), ~_refers())
        .group_by(*_GROUP, _age(starts))
    )
    for *row, count, example in connection.execute(query):
        yield Alike(_facts(*row), count, StixId(example))


def linked(
    connection: Connection,
    origin: NationCode,
    starts: Sequence[datetime],
    decisive: Callable[[Facts], Hashable],
) -> list[Linked]:
    """Return the nation's versions that are not alone, and those that these refer to, grouped.

    Those are alike of whose facts `decisive` makes the same, and which hang on versions that are alike.
    """
    found = _read(connection, origin, starts)
    of_facts = [decisive(facts) for facts in found.facts]
    names, groups = _group(found, {key: of_facts[number] for key, number in found.versions.items()})
    counts: dict[int, dict[Facts, tuple[int, StixId]]] = defaultdict(dict)
    for key, id in found.counted.items():
        facts, group = found.facts[found.versions[key]], counts[names[key]]
        count, example = group.get(facts, (0, id))
        group[facts] = count + 1, example
    return [
        Linked(key, found.facts[found.versions[key]], refers, later, counts.get(key, {}))
        for key, (refers, later) in groups.items()
    ]


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read of versions, by key: the number of their facts, on which versions they hang, which count.

    `refers` has the newest versions of what is referred to, `later` the next version of the record.
    """

    facts: list[Facts]
    versions: dict[int, int]
    refers: dict[int, frozenset[int]]
    later: dict[int, int]
    counted: dict[int, StixId]


def _read(connection: Connection, origin: NationCode, starts: Sequence[datetime]) -> _Found:
    references = _references(connection, origin)
    is_target = exists().where(_R.origin == origin, _R.kind == REFERS, _R.target == _V.stix_id)
    columns = (_V.id, _V.stix_id, _V.version_key, _V.is_newest, _V.deleted_at, _V.submitted_at)
    query = select(*columns, _has_sibling(origin), *_GROUP, _age(starts))
    query = query.where(_V.origin == origin, or_(_has_sibling(origin), _refers(), is_target))
    found = _Found([], {}, {}, {}, {})
    numbers: dict[tuple[Any, ...], int] = {}
    newest: dict[str, list[int]] = defaultdict(list)
    records: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for key, id, version_key, is_newest, deleted_at, submitted_at, has_sibling, *group in connection.execute(
        query
    ):
        number = found.versions[key] = numbers.setdefault(tuple(group), len(found.facts))
        if number == len(found.facts):
            found.facts.append(_facts(*group[:-1], submitted_at))
        if is_newest:
            newest[id].append(key)
        if has_sibling:
            records[group[0], id].append((version_key, key))
        if deleted_at is None and (has_sibling or key in references):
            found.counted[key] = StixId(id)
    for key, ids in references.items():
        found.refers[key] = frozenset(target for id in ids for target in newest.get(id, ()))
    for versions in records.values():
        found.later.update((key, then) for (_, key), (_, then) in pairwise(sorted(versions)))
    return found


def _references(connection: Connection, origin: NationCode) -> Mapping[int, list[str]]:
    """Return what the nation's versions refer to, by key (policy 2.7)."""
    found: dict[int, list[str]] = defaultdict(list)
    query = select(_R.version_id, _R.target).where(_R.origin == origin, _R.kind == REFERS)
    for key, target in connection.execute(query):
        found[key].append(target)
    return found


def _group(
    found: _Found, decisive: Mapping[int, Hashable]
) -> tuple[Mapping[int, int], Mapping[int, tuple[frozenset[int], int | None]]]:
    """Return by which version each is named, and for each of these what it hangs on, by those names.

    What hangs on nothing is grouped first, then what hangs on that, and so on. What hangs in circles, or
    deep, is named by itself: nothing is taken for alike that might not be.
    """
    names: dict[int, int] = {}
    known: dict[tuple[Hashable, frozenset[int], int | None], int] = {}

    def place(key: int) -> tuple[Hashable, frozenset[int], int | None]:
        later = found.later.get(key)
        refers = frozenset(names[target] for target in found.refers.get(key, _NOTHING))
        return decisive[key], refers, None if later is None else names[later]

    waiting = sorted(decisive, reverse=True)  # a later version has a greater key, as a rule
    for _ in range(_DEPTH):
        left: list[int] = []
        for key in waiting:
            later = found.later.get(key)
            if found.refers.get(key, _NOTHING) <= names.keys() and (later is None or later in names):
                names[key] = known.setdefault(place(key), key)
            else:
                left.append(key)
        waiting = left
    names.update((key, key) for key in waiting)
    groups = {key: (refers, later) for (_, refers, later), key in known.items()}
    return names, groups | {key: place(key)[1:] for key in waiting}


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
    is_closed, rel_to, submitted_at = rest
    nations = None if rel_to is None else decode_nations(rel_to)
    return Facts(MemberId(member), stix_type, Tlp(tlp), is_closed, from_microseconds(submitted_at), nations)
