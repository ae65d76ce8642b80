"""Counts versions by the facts that decide on them, for simulations of agreements."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    FromClause,
    and_,
    case,
    func,
    literal,
    select,
)

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

    `oldest` is the least of the group: for the separate values see `divided`.
    """
    ends = [*starts, None]
    for age, (low, high) in enumerate(zip([None, *starts], ends, strict=True)):
        # A statement for each age: each goes along the index, which has the sets in order, and sorts nothing.
        query = _counting(connection, counted, func.min(_S.oldest_at)).group_by(_S.fact_set_id)
        if low is not None:
            query = query.where(_S.submitted_at >= to_microseconds(low))
        if high is not None:
            query = query.where(_S.submitted_at < to_microseconds(high))
        for set_id, oldest_at, count, example in connection.execute(query):
            oldest = sum(to_microseconds(at) <= oldest_at for at in starts)
            yield FactGroup(set_id, age, oldest, count, example)


def divided(
    connection: Connection, counted: Counted, starts: Sequence[datetime], sets: Collection[int]
) -> Iterator[FactGroup]:
    """Give the versions with these sets in groups, by set, age and age of the oldest version."""
    ages = _age(_S.submitted_at, starts), _age(_S.oldest_at, starts)
    query = _counting(connection, counted, *ages).group_by(_S.fact_set_id, *ages)
    for row in connection.execute(query.where(_S.fact_set_id.in_(listed(connection, sets)))):
        yield FactGroup(*row)


def keys_of(
    connection: Connection, counted: Counted, starts: Sequence[datetime], divisions: Collection[FactGroup]
) -> list[int]:
    """Return the keys of the versions in these groups, which `divided` gave."""
    wanted = {(one.set_id, one.age, one.oldest) for one in divisions}
    ages = _age(_S.submitted_at, starts), _age(_S.oldest_at, starts)
    tables, conditions = _known(connection, counted)
    query = select(_S.version_id, _S.fact_set_id, *ages).select_from(tables).where(*conditions)
    query = query.where(_S.fact_set_id.in_(listed(connection, {one.set_id for one in divisions})))
    return [key for key, *group in connection.execute(query) if tuple(group) in wanted]


def served(connection: Connection, counted: Counted, *, unknown: bool) -> list[int]:
    """Return the keys of the served versions: all, or those whose facts are `unknown`."""
    # An outer join from the rows: versions without a row of `version_fact_set` are unknown too.
    same = and_(_S.origin == counted.origin, _S.version_id == _C.version_id)
    query = select(_C.version_id).distinct().select_from(release.outerjoin(version_fact_set, same))
    query = query.where(*_is_served(connection, counted))
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


def _counting(connection: Connection, counted: Counted, *columns: Any) -> Any:
    tables, conditions = _known(connection, counted)
    query = select(_S.fact_set_id, *columns, func.count(), func.min(_S.version_id))
    return query.select_from(tables).where(*conditions)


def _known(connection: Connection, counted: Counted) -> tuple[FromClause, Sequence[Any]]:
    """Return the tables and conditions of the versions with known facts."""
    known = (_S.origin == counted.origin, _S.is_deleted.is_(False), _S.fact_set_id.is_not(None))
    if counted.recipient is None:
        return version_fact_set, known
    # INVARIANT: from visible rows alone: other versions cost no time (policy 9).
    tables = release.join(version_fact_set, _S.version_id == _C.version_id)
    return tables, (*known, *_is_served(connection, counted))


def _is_served(connection: Connection, counted: Counted) -> Sequence[Any]:
    justified = _C.justification_id.in_(listed(connection, counted.justified_by))
    is_live = (_C.origin == counted.origin, _C.withdrawn_at.is_(None))
    return _C.recipient == counted.recipient, *is_live, justified


def _age(column: Any, starts: Sequence[datetime]) -> Any:
    """Return the number of `starts` at or before the instant of the column."""
    ages = [case((column < to_microseconds(at), 0), else_=1) for at in starts]
    return reduce(operator.add, ages, literal(0))
