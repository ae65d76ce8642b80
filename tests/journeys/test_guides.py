"""The guides are followed, page after page in the order of their indexes, in one world on each database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.cli import _AT_A_MEMBER, _ON_THE_HUB
from tests import documents, postgres, scratch
from tests.journeys.following import IN_PROGRAMS, LEFT_OUT, PLACEHOLDERS, Follower, new_follower

PAGES = [page for index in documents.INDEXES for page in documents.in_order(index)]
# A command that no guide has the reader type; `hub serve` does the work and prunes, the demo is a script.
NOT_TYPED = {"demo", "work", "prune"}


@contextmanager
def cluster(database: str) -> Iterator[str]:
    """Give the folder of a cluster without a user or database of the hub's; nothing for SQLite."""
    if database == "sqlite":
        yield ""
        return
    home = postgres.make_home(scratch.folder())
    try:
        postgres.ensure_started(home)
        yield str(home)
    finally:
        postgres.remove(home)


@pytest.fixture(params=["sqlite", "postgresql"])
def follower(request: pytest.FixtureRequest, tmp_path: Path, installed_commands: Path) -> Iterator[Follower]:
    with cluster(request.param) as folder:
        reader = new_follower(tmp_path, installed_commands, folder, postgres.programs() if folder else None)
        reader.environ["HUB_URL"] = reader.values["url"]  # of a CERT that has connected before
        try:
            yield reader
        finally:
            reader.stop()


def test_the_guides_can_be_followed_to_their_end(follower: Follower) -> None:
    for page in PAGES:
        follower.follow(documents.typed(page))
        for program in documents.blocks(page, "python"):
            follower.run(program)
    assert "Traceback" not in follower.said()
    assert (_ON_THE_HUB.keys() | _AT_A_MEMBER.keys()) - follower.commands() == NOT_TYPED


def test_what_is_left_out_and_every_placeholder_is_in_a_document() -> None:
    lines = [line for page in [documents.README, *PAGES] for line in documents.typed(page)]
    assert [line for line in LEFT_OUT if line not in lines] == []
    assert [name for name in PLACEHOLDERS if not any(name in line for line in lines)] == []
    programs = "".join(program for page in PAGES for program in documents.blocks(page, "python"))
    assert [name for name in IN_PROGRAMS if name not in programs] == []
