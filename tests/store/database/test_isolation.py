"""Every transaction says its isolation and what its COMMIT waits for, whatever its role's defaults are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from hub.actions.operation.initialise import initialise
from hub.actions.service.service import Secrets, Service
from hub.model import Limits
from hub.store.database import epochs
from hub.store.database.connection import Connection, Store
from hub.store.schema.tables import lease
from tests.kept import KeptDatabase
from tests.lock_order import RECORDER
from tests.roles import LAX, STRICT, Settings, with_defaults
from tests.world import registry

_NAMES = ("transaction_isolation", "transaction_read_only", "synchronous_commit", "client_min_messages")
_WRITES = ("read committed", "off", "on", "warning")
_READS = ("repeatable read", "on", "on", "warning")


@pytest.fixture(params=[LAX, STRICT], ids=lambda settings: settings["default_transaction_isolation"])
def defaults(request: pytest.FixtureRequest) -> Settings:
    settings: Settings = request.param
    return settings


@pytest.fixture
def store(kept_postgresql: KeptDatabase, defaults: Settings) -> Iterator[Store]:
    with with_defaults(kept_postgresql.emptied(alone=True), defaults) as url:
        store = Store.open(url)
        yield store
        store.close()


def _shown(connection: Connection) -> tuple[str, ...]:
    return tuple(connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in _NAMES)


def _transactions(store: Store) -> Iterator[tuple[AbstractContextManager[Connection], tuple[str, ...]]]:
    """The transaction methods in turn: what one leaves on a connection does not count for the next."""
    for _ in range(2):
        yield store.read(), _READS
        yield store.write(), _WRITES
        yield store.write(when_closed=True, settles=True), _WRITES
        yield store.record(), _WRITES
        yield store.read(when_closed=True), _READS


def test_the_role_has_other_defaults(store: Store, defaults: Settings) -> None:
    with store._engine.connect() as connection:
        shown = {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in defaults}
    assert shown == dict(defaults)


def test_each_transaction_method_says_its_own(store: Store) -> None:
    for transaction, expected in _transactions(store):
        with transaction as connection:
            assert _shown(connection) == expected


def test_whoever_waited_for_a_lock_reads_what_was_committed_meanwhile(store: Store) -> None:
    """A snapshot from before the lock would let a decision go by what is not so any more."""
    with store.write() as connection:
        connection.execute(insert(lease).values(name="a", until=1))
    with store.write() as first:
        assert first.execute(select(lease.c.until)).scalar_one() == 1
        with store.write() as second:
            second.execute(update(lease).values(until=2))
        assert first.execute(select(lease.c.until).with_for_update()).scalar_one() == 2


def test_a_reader_keeps_its_snapshot(store: Store) -> None:
    with store.read() as reader:
        assert reader.execute(select(lease.c.name)).all() == []
        with store.write() as writer:
            writer.execute(insert(lease).values(name="a", until=1))
        assert reader.execute(select(lease.c.name)).all() == []


def test_a_hub_is_made_and_begins_another_epoch_under_such_a_role(
    postgresql_url: str, defaults: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What these methods do not begin: the migration, and what follows a move of the server."""
    with with_defaults(postgresql_url, defaults) as url:
        store = Store.open(url)
        service = Service(store, registry(), Limits(), Secrets(bytes(32), bytes(32)), "", "", True)
        initialise(service)
        with RECORDER.off(), store.write() as connection:
            connection.exec_driver_sql("UPDATE hub_state SET timeline = '00000000'")
        shown: list[tuple[str, ...]] = []
        follow = epochs.record_server

        def tapped(connection: Connection, *args: Any, **named: Any) -> None:
            shown.append(_shown(connection))
            follow(connection, *args, **named)

        monkeypatch.setattr(epochs, "record_server", tapped)
        with store.read(when_closed=True):
            pass
        store.close()
    assert shown == [_WRITES]
