from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.faulty import killable_hub
from tests.journeys.live import Live


@pytest.fixture
def hub(database_url: str, tmp_path: Path) -> Iterator[Live]:
    """A running hub with two workers on each kind of database, of this test alone."""
    with killable_hub(database_url, tmp_path) as live:
        yield live


@pytest.fixture
def impatient_hub(postgresql_url: str, tmp_path: Path) -> Iterator[Live]:
    """A hub on PostgreSQL, told by its database URL to wait a second for a lock instead of thirty."""
    with killable_hub(f"{postgresql_url}&options=-c%20lock_timeout%3D1s", tmp_path) as live:
        yield live
