"""Token and key are read without a transaction, and never in a state that the process does not know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from hub.errors import Reconfigured
from hub.model import Purpose
from hub.store.members import senders
from tests.world import World, build_empty, key_of


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = build_empty(database_url)
    yield world
    world.close()


def test_token_and_key_come_with_the_present(world: World) -> None:
    caller, store = world.caller("us-agency"), world.service.store
    thumbprint = key_of("us-agency", Purpose.SUBMIT).public.thumbprint
    before = world.clock()
    found, now = senders.token(store, caller.token)
    assert found is not None
    assert found[1].id == "us-agency"
    assert before < now < world.clock()
    key, _ = senders.key(store, thumbprint)
    assert key is not None
    assert (key.member, key.purpose) == ("us-agency", Purpose.SUBMIT)
    with store.write() as connection:
        assert senders.sender(connection, caller.token, thumbprint)[:2] == (found, key)
        assert senders.sender(connection, "none", "")[:2] == (None, None)
    assert (senders.token(store, "none")[0], senders.key(store, "")[0]) == (None, None)


def test_another_configuration_answers_nothing(world: World) -> None:
    world.service.store.bind(7)
    with pytest.raises(Reconfigured):
        senders.token(world.service.store, "any")
    with pytest.raises(Reconfigured):
        senders.key(world.service.store, "any")


def test_another_epoch_is_noticed(world: World) -> None:
    store = world.service.store
    with store.write() as connection:
        connection.execute(text("UPDATE hub_state SET epoch = 'another'"))
    senders.token(store, "any")
    assert store.memory.epoch == "another"
