"""What a transaction promises: one snapshot to read, all or nothing to write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from hub.store.database.connection import Connection, Store
from hub.store.schema.tables import lease, ledger, release
from tests.patience import PATIENCE_SECONDS

_WRITERS, _ROUNDS = 4, 10


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store over a migrated database."""
    store = Store.open(database_url)
    store.migrate()
    yield store
    store.close()


def _put(store: Store, name: str, until: int = 0) -> None:
    with store.write() as connection:
        connection.execute(insert(lease).values(name=name, until=until))


def _names(connection: Connection) -> list[str]:
    return list(connection.execute(select(lease.c.name).order_by(lease.c.name)).scalars())


def test_a_reader_sees_one_snapshot(store: Store) -> None:
    _put(store, "a")
    with store.read() as connection:
        assert _names(connection) == ["a"]
        _put(store, "b")
        with store.write() as other:
            other.execute(update(lease).values(until=7))
        assert _names(connection) == ["a"]
        assert connection.execute(select(func.max(lease.c.until))).scalar() == 0
        assert connection.execute(select(func.count()).select_from(ledger)).scalar() == 0
    with store.read() as connection:
        assert _names(connection) == ["a", "b"]


def test_a_reader_sees_nothing_that_is_not_committed(store: Store) -> None:
    with store.write() as writer:
        writer.execute(insert(lease).values(name="a", until=0))
        with store.read() as reader:
            assert _names(reader) == []


def test_what_raises_leaves_no_trace(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            connection.execute(insert(lease).values(name="a", until=0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as connection:
        assert _names(connection) == []


def test_a_commit_that_fails_leaves_nothing_open(store: Store) -> None:
    """SQLite keeps such a transaction, and its lock, until it is rolled back."""
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE nowhere (id INTEGER PRIMARY KEY)")
        refers = "REFERENCES nowhere (id) DEFERRABLE INITIALLY DEFERRED"
        connection.exec_driver_sql(f"CREATE TABLE refused (id INTEGER {refers})")
    for name in ("a", "b"):
        with pytest.raises(IntegrityError), store.write() as connection:
            connection.exec_driver_sql("INSERT INTO refused VALUES (1)")
        _put(store, name)
    with store.read() as connection:
        assert _names(connection) == ["a", "b"]
        assert not connection.exec_driver_sql("SELECT count(*) FROM refused").scalar()


def test_writers_wait_for_each_other(store: Store) -> None:
    """Reading and writing back under a lock loses nothing, whoever comes in between."""
    _put(store, "count")
    start = threading.Barrier(_WRITERS, timeout=PATIENCE_SECONDS)

    def add(_: int) -> None:
        start.wait()
        for _round in range(_ROUNDS):
            with store.write() as connection:
                until = connection.execute(select(lease.c.until).with_for_update()).scalar_one()
                connection.execute(update(lease).values(until=until + 1))

    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(add, range(_WRITERS)))
    with store.read() as connection:
        assert connection.execute(select(lease.c.until)).scalar_one() == _WRITERS * _ROUNDS


def test_foreign_keys_are_kept(store: Store) -> None:
    row = dict.fromkeys(("position", "date_added", "version_id", "justification_id", "content_id", "size"), 0)
    row |= dict.fromkeys(("recipient", "origin", "member", "stix_id", "type", "version", "version_key"), "x")
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(insert(release).values(**row, is_newest=True))


def test_postgresql_readers_cannot_write(postgresql_url: str) -> None:
    store = Store.open(postgresql_url)
    store.migrate()
    with pytest.raises(DBAPIError, match="read-only"), store.read() as connection:
        connection.execute(insert(lease).values(name="a", until=0))
    _put(store, "b")  # and the connection goes back to the pool as it was
    store.close()


def test_sqlite_keeps_what_it_acknowledged(tmp_path: object) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/deep/er/hub.db")
    store.migrate()
    with store.read() as connection:
        pragmas = [
            connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")
        ]
    assert pragmas == ["wal", 2]
    store.close()
