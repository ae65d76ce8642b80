"""A fresh hub on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.store.connection import Store
from hub.store.tables import metadata
from tests import postgres
from tests.actions.hubs import Hub


@pytest.fixture(scope="session")
def kept_url(postgres_server: str) -> Iterator[str]:
    """The URL of one PostgreSQL database, emptied after each test: that is quicker than a new one."""
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hub]:
    """An initialised hub without members or agreements."""
    is_kept = request.param == "postgresql"
    url = request.getfixturevalue("kept_url") if is_kept else f"sqlite:///{tmp_path / 'hub.db'}"
    hub = Hub.open(url)
    yield hub
    if is_kept:
        _empty(hub.house.store)
    hub.house.store.close()


def _empty(store: Store) -> None:
    tables = ", ".join(f'"{name}"' for name in metadata.tables)
    with store.write() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
