"""What the tests of the standard ask for: the played application, a site over real acts, a live server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.actions.service.service import Service
from hub.actions.submission import delete
from hub.model import Deletion, Kind, Limits, Scope
from tests import postgres
from tests.actions.conftest import kept_store
from tests.actions.conftest import world as hub
from tests.journeys.conftest import live
from tests.standard.site import FilledCollection, HttpSite, filled_collection
from tests.web import conftest as web
from tests.web.conftest import Played, client, played, service, store
from tests.world import World as Hub
from tests.world import build_empty

__all__ = ["client", "hub", "kept_store", "live", "played", "service", "store"]


@pytest.fixture
def site(hub: Hub) -> HttpSite:
    """A fresh hub on each kind of database, asked over HTTP."""
    return HttpSite.over(hub)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FilledCollection]:
    """A filled hub on each kind of database, which the tests of a module share and only read."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('standard') / 'hub.db'}"
        yield from _filled(url)
        return
    with postgres.database(request.getfixturevalue("postgres_server")) as url:
        yield from _filled(url)


def _filled(url: str) -> Iterator[FilledCollection]:
    hub = build_empty(url, limits=Limits(max_body_bytes=100_000))
    yield filled_collection(hub)
    hub.service.store.close()


@pytest.fixture
def deletions(played: Played, monkeypatch: pytest.MonkeyPatch) -> list[Deletion]:
    """The deletions that the played application was asked for; each is answered as done."""
    asked: list[Deletion] = []

    def answer(service: Service, deletion: Deletion) -> None:
        asked.append(deletion)

    monkeypatch.setattr(delete, "delete", answer)
    return asked


@pytest.fixture
def governor(monkeypatch: pytest.MonkeyPatch) -> str:
    """A token of a nation's member that may neither read nor submit."""
    who = web.caller("us-cert", Kind.CERT, "US", Scope.GOVERN)
    monkeypatch.setitem(web.CALLERS, "us-governs", who)
    return "us-governs"
