"""No room left: what is refused leaves no trace, and once there is room everything goes on.

A worker's largest file is limited while it runs, as `ulimit -f` would: that needs no privileges and no
file system of a test's own. SQLite then fails in the middle of a write (EFBIG). The other way in which it
can fail, before it begins to write, is that of a database which may not grow (SQLITE_FULL), as it says
also when a disk is full.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg.errors
import pytest
from sqlalchemy import text

from hub.errors import Unavailable
from hub.store.database.connection import Store
from tests import world
from tests.faults import faulty
from tests.faults.faulty import LiveWriter
from tests.journeys.live import Live
from tests.stix_objects import malware

_LONG = "made to need room " * 2_000
_TRIES = 5


@contextmanager
def _no_room(hub: Live) -> Iterator[None]:
    """Let no worker write beyond what the database has now, in any file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    home = Path(hub.environ["HUB_HOME"])
    room = (home / "server.log").stat().st_size + 4_096  # less than the write-ahead log has by now
    assert room < (home / "hub.db-wal").stat().st_size
    victims = faulty.workers(hub)
    for pid in victims:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, hard))
    yield
    for pid in set(victims) & set(faulty.workers(hub)):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def test_a_hub_without_room_refuses_for_the_moment_and_recovers(tmp_path: Path) -> None:
    with faulty.killable_hub(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path) as hub:
        writer = LiveWriter(hub, "us-agency", 0)
        for _ in range(3):
            writer.once()
        refused = 0
        with _no_room(hub):
            for n in range(_TRIES):
                big = malware(1_000 + n, tlp="green", description=_LONG)
                refused += not faulty.permitted(faulty.post(hub, "us-agency", [big]))
                faulty.permitted(faulty.get_objects(hub, "us-agency", "us"))  # also reading may have to wait
        assert refused == _TRIES
        writer.once()
        faulty.assert_kept(hub, writer)
        faulty.assert_sound(hub)


def test_a_hub_that_dies_without_room_recovers_too(tmp_path: Path) -> None:
    with faulty.killable_hub(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path) as hub:
        writer = LiveWriter(hub, "us-agency", 0)
        for _ in range(3):
            writer.once()
        with _no_room(hub):
            big = malware(1_000, tlp="green", description=_LONG)
            assert not faulty.permitted(faulty.post(hub, "us-agency", [big]))
            faulty.kill_everything(hub)
            faulty.start_again(hub)
            writer.once()  # the new workers have room
            writer.once()
        faulty.assert_kept(hub, writer)
        faulty.assert_sound(hub)


def test_a_database_that_may_not_grow_keeps_what_it_has(tmp_path: Path) -> None:
    small = world.build(f"sqlite:///{tmp_path / 'hub.db'}")
    small.push("us-agency", malware(1, tlp="green"))
    before = small.see("us-agency")
    with small.service.store.read() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    objects = [malware(n, tlp="green", description=_LONG) for n in range(2, 12)]
    with pytest.raises(Unavailable):
        small.push("us-agency", *objects)
    assert small.see("us-agency") == before
    with small.service.store.read() as connection:
        connection.execute(text("PRAGMA max_page_count = 1000000"))
    assert all(outcome.succeeded for outcome in small.push("us-agency", *objects).outcomes)
    assert len(small.see("us-agency")) == len(before) + len(objects)
    assert faulty.inconsistencies(small.service.store) == []
    small.close()


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.DiskFull,
        psycopg.errors.OutOfMemory,
        psycopg.errors.TooManyConnections,
        psycopg.errors.SerializationFailure,
        psycopg.errors.DeadlockDetected,
        psycopg.errors.LockNotAvailable,
        psycopg.errors.QueryCanceled,
        psycopg.errors.AdminShutdown,
        psycopg.errors.CannotConnectNow,
        psycopg.errors.IoError,
        psycopg.errors.ReadOnlySqlTransaction,
    ],
)
def test_what_postgresql_cannot_do_at_the_moment_is_unavailable(postgresql_url: str, error: Any) -> None:
    """The server itself raises each, with the SQLSTATE by which it would say so."""
    store = Store.open(postgresql_url)
    store.migrate()
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{error.sqlstate}'; END $$"
    with pytest.raises(Unavailable) as refusal, store.write() as connection:
        connection.exec_driver_sql(raising)
    assert refusal.value.retry_after_seconds
    with store.write() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    store.close()
