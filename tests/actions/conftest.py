"""A fresh hub on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.store.database.connection import Store
from tests import kept
from tests.actions.alliance import Alliance, allied
from tests.world import World, build_empty


class KeptStore:
    """A PostgreSQL database and its open connections, which one test has after another."""

    def __init__(self, database: kept.KeptDatabase) -> None:
        self._database = database
        self._url, self._store = "", None

    def emptied(self) -> Store:
        url = self._database.emptied(alone=False)
        if self._store is None or url != self._url:
            self._url, self._store = url, Store.open(url)
        return self._store

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


@pytest.fixture(scope="session")
def kept_store(postgres_server: str) -> Iterator[KeptStore]:
    """The PostgreSQL database that the tests of `world` have in turn."""
    with kept.kept(postgres_server) as database:
        store = KeptStore(database)
        yield store
        store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """An initialised hub without members or agreements."""
    if request.param == "postgresql":
        yield build_empty(request.getfixturevalue("kept_store").emptied())
        return
    world = build_empty(kept.copied(request.getfixturevalue("migrated_sqlite"), tmp_path / "hub.db"))
    yield world
    world.close()


@pytest.fixture
def alliance(database_url: str) -> Iterator[Alliance]:
    """The members between whom the policy decides; at the end `hub check` finds nothing."""
    alliance = allied(database_url)
    yield alliance
    assert alliance.world.is_sound()
    alliance.world.close()
