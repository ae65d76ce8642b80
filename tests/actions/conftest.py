"""A fresh hub on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.actions.hubs import Hub


@pytest.fixture
def hub(database_url: str) -> Iterator[Hub]:
    """An initialised hub without members or agreements."""
    hub = Hub.open(database_url)
    yield hub
    hub.house.store.close()
