"""A hub whose standbys do not confirm is not ready, is so again when they do, and tells how far they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from psycopg import sql
from sqlalchemy import insert

from hub.actions.operation.readiness import Readiness, ReadinessFound, examine
from hub.store.database.connection import Store
from hub.store.schema.tables import lease
from tests.patience import wait_for
from tests.standbys import Servers, servers
from tests.world import World, build

_HOW_LONG = 10.0  # what policy gives a request


@pytest.fixture(scope="module")
def pair() -> Iterator[Servers]:
    """A primary whose commits wait for one of two standbys."""
    with servers("a", "b") as made:
        made.primary.set_synchronous("ANY 1 (a, b)")
        yield made


@pytest.fixture(scope="module")
def world(pair: Servers) -> Iterator[World]:
    world = build(pair.primary.url, codes=("KR", "US"), kinds=("cert",))
    yield world
    world.close()


def _machine() -> datetime:
    return datetime.now(UTC)


def _standbys(found: ReadinessFound) -> dict[str, dict[str, object]]:
    return {one["name"]: one for one in found.details["standbys"]}


def test_the_standbys_are_told_with_how_far_they_are(world: World, pair: Servers) -> None:
    found = examine(world.service, _machine)
    assert found.is_ready
    assert found.details["synchronous_standby_names"] == "ANY 1 (a, b)"
    told = _standbys(found)
    assert {name: one["sync_state"] for name, one in told.items()} == {"a": "quorum", "b": "quorum"}
    assert {one["state"] for one in told.values()} == {"streaming"}
    assert found.details["commits_waiting"] == 0


def test_a_standby_that_falls_behind_is_seen_by_its_lag(world: World, pair: Servers) -> None:
    a = pair.standbys[0]
    a.freeze()
    try:
        with world.service.store.write() as connection:
            connection.execute(insert(lease), [{"name": f"row-{n}", "until": n} for n in range(2_000)])
        found = examine(world.service, _machine)
        behind = _standbys(found)["a"]
        assert found.is_ready, "the other has confirmed"
        assert behind["flush_lag_bytes"] > 10_000  # type: ignore[operator]
        assert behind["replay_lag_bytes"] >= behind["flush_lag_bytes"]  # type: ignore[operator]
    finally:
        a.thaw()


def test_without_a_standby_that_confirms_it_is_not_ready_within_ten_seconds_and_is_again(
    world: World, pair: Servers
) -> None:
    ready = Readiness(world.service)
    wait_for(lambda: ready.found().is_ready, "the hub to be ready")
    for standby in pair.standbys:
        standby.freeze()
    try:
        time.sleep(1.1)  # what was found before counts for a second
        began = time.monotonic()
        found = ready.found()
        assert time.monotonic() - began < _HOW_LONG
        assert not found.is_ready
    finally:
        for standby in pair.standbys:
            standby.thaw()
    wait_for(lambda: ready.found().is_ready, "the hub to be ready again")


def test_commits_that_wait_are_counted(world: World, pair: Servers) -> None:
    for standby in pair.standbys:
        standby.freeze()
    try:
        with pair.primary.connect() as other:
            other.execute("INSERT INTO lease VALUES ('waits', 0)")
            pid = other.info.backend_pid
            waiting = threading.Thread(target=other.commit)
            waiting.start()
            pair.primary.wait_until_waiting()
            found = examine(world.service, _machine)
            assert (found.is_ready, found.has_read) == (False, True)
            assert found.details["commits_waiting"] == 1
            pair.primary.cancel(pid)
            waiting.join()
    finally:
        for standby in pair.standbys:
            standby.thaw()


def test_a_primary_that_stands_still_is_told_in_time(world: World, pair: Servers) -> None:
    ready = Readiness(world.service)
    wait_for(lambda: ready.found().is_ready, "the hub to be ready")
    pair.primary.freeze_whole()
    try:
        time.sleep(1.1)
        began = time.monotonic()
        found = ready.found()
        assert time.monotonic() - began < _HOW_LONG
        assert (found.is_ready, found.has_read) == (False, False)
    finally:
        pair.primary.thaw()
    wait_for(lambda: ready.found().is_ready, "the hub to be ready again")


def test_an_ordinary_role_is_not_shown_how_far_they_are(world: World, pair: Servers) -> None:
    pair.primary.ask("CREATE ROLE plain LOGIN")
    with pair.primary.connect(autocommit=True) as connection:
        connection.execute(sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain"))
    store = Store.open(pair.primary.url_to(user="plain"))
    found = examine(replace(world.service, store=store), _machine)
    store.close()
    assert found.is_ready, found.details
    assert "commits_waiting" not in found.details
    assert found.details["commits_waiting_of_this_role"] == 0
    assert {one["sync_state"] for one in found.details["standbys"]} == {"not shown to this role"}
    assert {one["name"] for one in found.details["standbys"]} == {"a", "b"}
