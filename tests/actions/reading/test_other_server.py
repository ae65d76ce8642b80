"""A pooled session may lead to a server that was left behind: a poll must not take its word."""

from __future__ import annotations

from typing import Any

import pytest

from hub.actions.reading import poll
from hub.store.database.connection import Store
from tests.named_objects import malware
from tests.world import World

_ADMITTED_AND_EMPTY = [(True, True, False)]


@pytest.fixture
def filled(world: World) -> World:
    world.accepted("us-cert", malware("one"), malware("two"))
    assert _bodies(world)
    return world


def _bodies(world: World) -> list[bytes]:
    return list(poll.objects(world.service, world.query("us-cert", "US")).bodies)


def test_bodies_that_such_a_server_does_not_have_are_read_in_a_transaction(
    filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Store.ask

    def ask(self: Store, statement: Any, given: Any) -> Any:
        return [] if "content" in statement.text else original(self, statement, given)

    right = _bodies(filled)
    monkeypatch.setattr(Store, "ask", ask)
    assert _bodies(filled) == right


def test_a_process_that_knows_of_another_epoch_asks_in_a_transaction(
    filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old server would say that there is nothing; what the process remembers fits that server."""
    store, right, original = filled.service.store, _bodies(filled), Store.ask

    def ask(self: Store, statement: Any, given: Any) -> Any:
        return _ADMITTED_AND_EMPTY if given["epoch"] == "earlier" else original(self, statement, given)

    monkeypatch.setattr(Store, "ask", ask)
    reader = filled.query("us-cert").reader
    remembered = filled.service.in_force.latest(reader)
    assert remembered is not None
    assert remembered.epoch == store.memory.epoch
    filled.service.in_force._cache.latest[reader] = remembered._replace(epoch="earlier")
    assert _bodies(filled) == right
