"""A hub with two hundred thousand rows on each kind of database, made once, and small ones beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.store.plans.large import Large, large_hub

COPIES = 3_400  # of every object: two hundred thousand rows in all ledgers
FEW = 20  # a thousand rows


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Large]:
    """A hub with 200,000 rows. Tests read, and leave the rows as these are."""
    if request.param == "sqlite":
        yield from _grown(_file(tmp_path_factory), COPIES)
        return
    with postgres.database(request.getfixturevalue("postgres_server")) as url:
        yield from _grown(url, COPIES)


@pytest.fixture(scope="session")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Large]]:
    """Hubs on SQLite, the same but for their size: no copies, and a thousand rows."""
    hubs = [large_hub(_file(tmp_path_factory)) for _ in range(2)]
    hubs[1].grow(FEW)
    yield hubs
    for hub in hubs:
        hub.world.close()


def _grown(url: str, copies: int) -> Iterator[Large]:
    hub = large_hub(url)
    hub.grow(copies)
    yield hub
    hub.world.close()


def _file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("plans") / "hub.db"
    path.touch(mode=0o600)
    return f"sqlite:///{path}"
