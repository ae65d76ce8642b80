"""A hub for each file of client tests, with the United States and Japan sharing both ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import postgres
from tests.journeys.live import Live, live_hub


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A running hub with two workers on SQLite."""
    home = tmp_path_factory.mktemp("hub")
    with live_hub(f"sqlite:///{home}/hub.db", home) as hub:
        hub.agree("US", "JP", max_tlp="amber+strict")
        yield hub


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A running hub whose pages have seven objects at most."""
    home = tmp_path_factory.mktemp("hub")
    with live_hub(f"sqlite:///{home}/hub.db", home, workers=1, page_limit="7") as hub:
        hub.agree("US", "JP", max_tlp="amber+strict")
        yield hub


@pytest.fixture(scope="module")
def live_on_postgresql(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    home = tmp_path_factory.mktemp("hub")
    with postgres.database(postgres_server) as url, live_hub(url, home) as hub:
        hub.agree("US", "JP", max_tlp="amber+strict")
        yield hub


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> Live:
    """A running hub on each kind of database in turn, for what depends on what is stored and when."""
    name = "live" if request.param == "sqlite" else "live_on_postgresql"
    found: Live = request.getfixturevalue(name)
    return found
