from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import postgres
from tests.differential.paired_hubs import COMMON, ONLY_THERE, Pair, paired_hub


@pytest.fixture(scope="module")
def sqlite_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two running hubs, shared by all examples of a module: what is hidden gathers in one of them."""
    home = tmp_path_factory.mktemp("pair")
    with _pair([f"sqlite:///{home}/{name}.db" for name in ("here", "there")], home) as pair:
        yield pair


@pytest.fixture(scope="module")
def postgresql_pair(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The same on PostgreSQL, each hub in a database of its own."""
    with (
        postgres.database(postgres_server) as one,
        postgres.database(postgres_server) as two,
        _pair([one, two], tmp_path_factory.mktemp("pair")) as pair,
    ):
        yield pair


@contextmanager
def _pair(urls: list[str], home: Path) -> Iterator[Pair]:
    here, there = (home / name for name in ("here", "there"))
    with paired_hub(urls[0], here, COMMON) as one, paired_hub(urls[1], there, [*COMMON, *ONLY_THERE]) as two:
        yield Pair(one, two)
