"""A hub is ready when it can read and write, on the right server, by the right clock; it is asked gently."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from hub.actions.operation import readiness
from hub.actions.operation.readiness import Readiness, ReadinessFound, examine
from hub.store.database import epochs
from hub.store.database.connection import Store
from hub.store.schema import schemas
from hub.store.schema.tables import lease
from tests.kept import KeptDatabase
from tests.patience import PATIENCE_SECONDS
from tests.world import World, build

_REFUSING = (
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '25006'; END $$",
    "CREATE TRIGGER refuse BEFORE INSERT ON lease EXECUTE FUNCTION refuse()",
)


def _machine() -> datetime:
    return datetime.now(UTC)


def _wrong(seconds: float) -> Callable[[], datetime]:
    return lambda: _machine() + timedelta(seconds=seconds)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = build(database_url, codes=("KR", "US"), kinds=("cert",))
    yield world
    world.close()


@pytest.fixture
def on_postgresql(kept_postgresql: KeptDatabase) -> Iterator[World]:
    """For what SQLite has not: a server with a clock, a timeline and standbys."""
    world = build(kept_postgresql.emptied(alone=True), codes=("KR", "US"), kinds=("cert",))
    yield world
    world.close()


def _leases(world: World) -> int:
    with world.service.store.read(when_closed=True) as connection:
        return connection.execute(select(func.count()).select_from(lease)).scalar_one()


def test_a_hub_that_reads_and_writes_is_ready_and_keeps_nothing_of_it(world: World) -> None:
    found = examine(world.service, _machine)
    assert (found.is_ready, found.has_read) == (True, True)
    told = {name: found.details[name] for name in ("database", "schema", "read", "write", "closed")}
    assert told == {
        "database": "reachable",
        "schema": "current",
        "read": "done",
        "write": "done",
        "closed": False,
    }
    with world.service.store.read() as connection:
        assert found.details["epoch"] == epochs.state_of(connection).epoch
    assert _leases(world) == 0


def test_a_closed_hub_is_ready_and_says_since_when_to_its_operator(world: World) -> None:
    since = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)
    with world.service.store.write() as connection:
        epochs.close(connection, since, ["something"])
    found = examine(world.service, _machine)
    assert (found.is_ready, found.details["closed"]) == (True, True)
    assert found.details["closed_since"] == "2026-03-02T01:02:03.000000Z"


@pytest.mark.parametrize(("revision", "remedy"), [("9999", "update the hub"), ("0011", "run `hub init`")])
def test_another_schema_is_not_served(world: World, revision: str, remedy: str) -> None:
    with world.service.store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": revision})
    found = examine(world.service, _machine)
    with world.service.store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": min(schemas.newest())})
    assert (found.is_ready, found.has_read) == (False, False)
    assert revision in found.details["schema"]
    assert remedy in found.details["schema"]


def test_a_database_that_takes_no_writes_is_not_ready_though_it_is_read(on_postgresql: World) -> None:
    """As a primary under maintenance, whose sessions are read-only by default."""
    with on_postgresql.service.store.write() as connection:
        for statement in _REFUSING:
            connection.exec_driver_sql(statement)
    found = examine(on_postgresql.service, _machine)
    assert (found.is_ready, found.has_read) == (False, True)
    assert "the server is read-only (25006)" in found.details["write"]


@pytest.mark.parametrize(("ahead", "is_ready"), [(-2.0, False), (-0.5, True), (0.5, True), (2.0, False)])
def test_a_clock_more_than_a_second_from_the_primarys_is_not_ready(
    on_postgresql: World, ahead: float, is_ready: bool
) -> None:
    found = examine(on_postgresql.service, _wrong(ahead))
    told = found.details["clock_difference_seconds"]
    assert found.is_ready is is_ready
    # The time of asking may explain a part of it.
    assert abs(told) <= abs(ahead)
    assert told == 0 or told * ahead > 0


def test_a_server_that_was_left_behind_is_not_ready(on_postgresql: World) -> None:
    store = on_postgresql.service.store
    assert examine(on_postgresql.service, _machine).is_ready
    store.memory.timeline = "0000000F"
    found = examine(on_postgresql.service, _machine)
    assert (found.is_ready, found.has_read) == (False, False)
    assert "left behind" in found.details["read"]


def test_a_database_that_cannot_be_reached_is_not_ready(world: World) -> None:
    store = Store.open("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    found = examine(replace(world.service, store=store), _machine)
    assert (found.is_ready, found.details["database"]) == (False, "unreachable")
    store.close()


def test_a_role_that_is_shown_all_says_so(on_postgresql: World) -> None:
    found = examine(on_postgresql.service, _machine).details
    assert (found["commits_waiting"], found["standbys"]) == (0, [])
    assert found["synchronous_standby_names"] == ""
    assert int(found["timeline"], 16) >= 1


def test_what_a_role_is_not_shown_is_said() -> None:
    hidden = readiness.Standby("a", None, None, None, None, None)
    told = readiness._server_details(readiness.DatabaseServer(_machine(), (hidden,), 1, shown_all=False))
    word = "not shown to this role"
    names = ("state", "sync_state", "flush_lag_bytes", "replay_lag_bytes", "replay_lag_seconds")
    assert told == {
        "commits_waiting_of_this_role": 1,
        "standbys": [{"name": "a", **dict.fromkeys(names, word)}],
    }


# --- how often, and how long ------------------------------------------------------------------------


class _Examined:
    """Examinations that are counted, and last until they are let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number = 0
        self.may_end = threading.Event()
        self.answer: ReadinessFound | Exception = ReadinessFound(True, True)
        monkeypatch.setattr(readiness, "examine", self._examine)

    def _examine(self, *_: object) -> ReadinessFound:
        self.number += 1
        assert self.may_end.wait(PATIENCE_SECONDS)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Examined]:
    examined = _Examined(monkeypatch)
    yield examined
    examined.may_end.set()


def test_whoever_asks_at_one_time_shares_one_examination(world: World, examined: _Examined) -> None:
    ready = Readiness(world.service)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ready.found) for _ in range(8)]
        examined.may_end.set()
        assert all(one.result().is_ready for one in asked)
    assert examined.number == 1


def test_it_is_examined_again_only_a_second_later(
    world: World, examined: _Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    examined.may_end.set()
    now = [100.0]
    monkeypatch.setattr(readiness.time, "monotonic", lambda: now[0])
    ready = Readiness(world.service)
    numbers = []
    for seconds in (0.0, 0.5, 0.49, 0.02, 0.9, 0.2):
        now[0] += seconds
        ready.found()
        numbers.append(examined.number)
    assert numbers == [1, 1, 1, 2, 2, 3]


def test_nobody_waits_longer_for_what_does_not_answer(
    world: World, examined: _Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_PATIENCE_SECONDS", 0.05)
    ready = Readiness(world.service)
    for _ in range(3):
        found = ready.found()
        assert (found.is_ready, found.has_read) == (False, False)
    assert examined.number == 1  # and nothing is piled on a database that stands still


def test_what_fails_in_an_unknown_way_is_not_ready(world: World, examined: _Examined) -> None:
    examined.answer = ZeroDivisionError()
    examined.may_end.set()
    assert not Readiness(world.service).found().is_ready


def test_the_log_tells_when_it_changes(
    world: World, examined: _Examined, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever operates the hub has no other place to learn why nobody can be authenticated."""
    examined.may_end.set()
    monkeypatch.setattr(readiness, "_AT_MOST_EVERY_SECONDS", 0.0)
    ready = Readiness(world.service)
    with caplog.at_level(logging.WARNING):
        for is_ready in (True, False, False, True):
            examined.answer = ReadinessFound(is_ready, True, {"write": "why"})
            ready.found()
    assert [record.message.split(" {")[0] for record in caplog.records] == ["ready: False", "ready: True"]
