"""Statistics of the planner: the same in every hub on SQLite, gathered as tables grow on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from hub.actions.operation import work
from hub.actions.operation.initialise import initialise
from tests.stix_objects import indicator, relationship
from tests.world import World, build


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = build(database_url, codes=("US", "KR"), kinds=("agency",))
    initialise(made.service)
    yield made
    made.close()


def asked(world: World, query: str) -> set[tuple[Any, ...]]:
    with world.service.store.read() as connection:
        return {tuple(row) for row in connection.execute(text(query))}


def done(world: World, statement: str) -> None:
    with world.service.store.write() as connection:
        connection.execute(text(statement))


def test_sqlite_has_the_same_statistics_whatever_the_hub_holds(world: World) -> None:
    if not world.service.store.is_sqlite:
        pytest.skip("PostgreSQL gathers its own")
    statistics = "SELECT tbl, idx, stat FROM sqlite_stat1"
    kept = asked(world, statistics)
    assert {"release", "object_version", "reference", "content"} <= {table for table, *_ in kept}
    world.accepted("us-agency", indicator(1), relationship(1))
    done(world, "ANALYZE")  # as an operator may do
    assert asked(world, statistics) != kept
    work.work(world.service)
    assert asked(world, statistics) == kept


def test_postgresql_analyses_what_has_grown_and_nothing_twice(world: World) -> None:
    if world.service.store.is_sqlite:
        pytest.skip("SQLite has the same statistics in every hub")
    done(world, "DELETE FROM pg_statistic")
    grown = "INSERT INTO nonce SELECT 'x', n, 9000000000000000000, NULL FROM generate_series(1, 2000) AS n"
    done(world, grown)
    done(world, "SELECT pg_stat_force_next_flush()")
    work.work(world.service)
    assert asked(world, "SELECT attname FROM pg_stats WHERE tablename = 'nonce' AND attname = 'nonce'")
    done(world, "DELETE FROM pg_statistic")
    work.work(world.service)
    assert not asked(world, "SELECT attname FROM pg_stats WHERE tablename = 'nonce'")
