"""README is followed as it is: each line, from the installed wheel, on a real hub and on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import documents, postgres
from tests.journeys.following import Follower, new_follower


@pytest.fixture(params=["sqlite", "postgresql"])
def follower(request: pytest.FixtureRequest, tmp_path: Path, installed_commands: Path) -> Iterator[Follower]:
    """Somebody on whose machine the hub has another port than its own, and perhaps another database."""
    reader = new_follower(tmp_path, installed_commands)
    reader.is_literal = True
    reader.environ |= {"HUB_PUBLIC_URL": reader.values["url"], "HUB_URL": reader.values["url"]}
    try:
        if request.param == "sqlite":
            yield reader
            return
        with postgres.database(request.getfixturevalue("postgres_server")) as url:
            reader.environ["HUB_DATABASE_URL"] = url
            yield reader
            reader.stop()
    finally:
        reader.stop()


def test_readme_can_be_followed_to_its_end(follower: Follower) -> None:
    follower.follow(documents.typed(documents.README))
    assert "Traceback" not in follower.said()
    assert {
        "init",
        "member",
        "key",
        "token",
        "serve",
        "keygen",
        "agreement",
        "push",
        "poll",
    } <= follower.commands()
