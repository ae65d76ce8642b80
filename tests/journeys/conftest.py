from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import postgres
from tests.journeys.live import Live, live_hub


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A running hub with two workers on each database, shared by the journeys of a module."""
    home = tmp_path_factory.mktemp("hub")
    if request.param == "sqlite":
        with live_hub(f"sqlite:///{home}/hub.db", home) as hub:
            yield hub
        return
    server = request.getfixturevalue("postgres_server")
    with postgres.database(server) as url, live_hub(url, home) as hub:
        yield hub
