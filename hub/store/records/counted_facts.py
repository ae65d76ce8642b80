"""Counts versions by the facts that decide on them, for simulations of agreements."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import reduce
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, literal, select

from hub.model import NationCode, StixId, to_microseconds
from hub.store.database.batches import listed
from hub.store.schema.fact_set_tables import fact_set, version_fact_set
from hub.store.schema.tables import object_version, release

_V = object_version.c
_S = version_fact_set.c
_C = release.c


class Counted(NamedTuple):
    """The versions to count: the undeleted ones of `origin`, or of these the ones served to a nation.

    Served to `recipient` are the versions with a live row of its ledger justified by one of `justified_by`.
    """

    origin: NationCode
    recipient: NationCode | None = None
    justified_by: Collection[int] = ()


class FactGroup(NamedTuple):
    """Versions with one set of facts. `age`: how many starts are at or before each version's submission.

    `oldest` is the same of the oldest version that one of these depends on, itself included. `example` is the
    key of one version.
    """

    set_id: int
    age: int
    oldest: int
    size: int
    example: int


def groups(connection: Connection, counted: Counted, starts: Sequence[datetime]) -> Iterator[FactGroup]:
    """Give the versions with known facts in groups, by set and age; `starts` are ascending.

    `oldest` is the least of the group: for the separate values see `divided`. Of served versions, those with
    unknown facts come with the set 0.
    """
    of_age: list[tuple[Any, ...]] = [(_age(_S.submitted_at, starts), ())]
    if counted.recipient is None:
        # A statement for each age: each goes along the index, which has the sets in order, and sorts nothing.
        of_age = [(age, _is_between(*ends)) for age, ends in enumerate(pairwise([None, *starts, None]))]
    for age, conditions in of_age:
        query = _counting(counted, connection, func.min(_S.oldest_at)).where(*conditions)
        if counted.recipient is None:
            query = query.add_columns(literal(age)).group_by(_S.fact_set_id)
        else:
            query = query.add_columns(age).group_by(_S.fact_set_id, age)
        for set_id, count, example, oldest_at, found in connection.execute(query):
            oldest = sum(to_microseconds(at) <= (oldest_at or 0) for at in starts)
            yield FactGroup(set_id or 0, found, oldest, count, example)


def divided(
    connection: Connection, counted: Counted, starts: Sequence[datetime], sets: Collection[int]
) -> Iterator[FactGroup]:
    """Give the versions with these sets in groups, by set, age and age of the oldest version."""
    ages = _age(_S.submitted_at, starts), _age(_S.oldest_at, starts)
    query = _counting(counted, connection, *ages).group_by(_S.fact_set_id, *ages)
    query = query.where(_has_one_of(connection, sets))
    for set_id, count, example, age, oldest in connection.execute(query):
        yield FactGroup(set_id, age, oldest, count, example)


def keys_of(
    connection: Connection, counted: Counted, starts: Sequence[datetime], divisions: Collection[FactGroup]
) -> list[int]:
    """Return the keys of the versions in these groups, which `divided` gave."""
    if not divisions:
        return []
    wanted = {(one.set_id, one.age, one.oldest) for one in divisions}
    columns = (_S.version_id, _S.fact_set_id, _age(_S.submitted_at, starts), _age(_S.oldest_at, starts))
    query = _among_counted(counted, connection, *columns)
    query = query.where(_has_one_of(connection, {one.set_id for one in divisions}))
    return [key for key, *group in connection.execute(query) if tuple(group) in wanted]


def served(connection: Connection, counted: Counted, *, unknown: bool) -> list[int]:
    """Return the keys of the served versions: all, or those with unknown facts."""
    query = _among_counted(counted, connection, _C.version_id).distinct()
    return list(connection.scalars(query.where(_S.fact_set_id.is_(None)) if unknown else query))


def lines_of(connection: Connection, sets: Collection[int]) -> Mapping[int, list[str]]:
    """Return the facts of each set as lines (`fact_sets.decode_line`), the own facts first.

    An empty line: facts alone do not decide.
    """
    query = select(fact_set.c.id, fact_set.c.facts).where(fact_set.c.id.in_(listed(connection, sets)))
    return {id: facts.split("\n") for id, facts in connection.execute(query)}


def id_of(connection: Connection, key: int) -> StixId:
    """Return the STIX id of a version."""
    return StixId(connection.execute(select(_V.stix_id).where(_V.id == key)).scalar_one())


def _counting(counted: Counted, connection: Connection, *columns: Any) -> Select[Any]:
    """Return the query with set, number and an example of the counted versions, and these columns."""
    key = _S.version_id if counted.recipient is None else _C.version_id
    return _among_counted(counted, connection, _S.fact_set_id, func.count(), func.min(key), *columns)


def _among_counted(counted: Counted, connection: Connection, *columns: Any) -> Select[Any]:
    query: Select[Any] = select(*columns)
    if counted.recipient is None:
        known = (_S.origin == counted.origin, _S.is_deleted.is_(False), _S.fact_set_id.is_not(None))
        return query.select_from(version_fact_set).where(*known)
    # INVARIANT: from visible rows alone: other versions cost no time (policy 9). An outer join, with no
    # condition that fails for NULL: else the databases may begin with all versions of the origin.
    same = and_(_S.origin == counted.origin, _S.version_id == _C.version_id)
    justified = _C.justification_id.in_(listed(connection, counted.justified_by))
    is_live = (_C.origin == counted.origin, _C.withdrawn_at.is_(None))
    query = query.select_from(release.outerjoin(version_fact_set, same))
    return query.where(_C.recipient == counted.recipient, *is_live, justified)


def _has_one_of(connection: Connection, sets: Collection[int]) -> ColumnElement[bool]:
    return func.coalesce(_S.fact_set_id, 0).in_(listed(connection, sets))


def _is_between(low: datetime | None, high: datetime | None) -> Sequence[ColumnElement[bool]]:
    """Return the conditions that a version was submitted from `low` on and before `high`."""
    after = [] if low is None else [_S.submitted_at >= to_microseconds(low)]
    return after if high is None else [*after, _S.submitted_at < to_microseconds(high)]


def _age(column: Any, starts: Sequence[datetime]) -> Any:
    """Return the number of `starts` at or before the instant of the column."""
    ages = [case((column < to_microseconds(at), 0), else_=1) for at in starts]
    return reduce(operator.add, ages, literal(0))
