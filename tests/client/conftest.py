"""A loopback server and a member that talks to it, without waiting between attempts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.client import Hub, HubAuth
from hub.client.http.connection import Connection
from hub.proofs import keys
from tests.client import loopback


@pytest.fixture(scope="session")
def key() -> keys.PrivateKey:
    return keys.generate("ed25519")


@pytest.fixture
def server(key: keys.PrivateKey) -> Iterator[loopback.Loopback]:
    with loopback.running(key) as world:
        yield world


@pytest.fixture
def pauses() -> list[float]:
    """The seconds that the member would have waited."""
    return []


@pytest.fixture
def member(server: loopback.Loopback, key: keys.PrivateKey, pauses: list[float]) -> Iterator[Hub]:
    connection = Connection(HubAuth(loopback.TOKEN, key), sleep=pauses.append)
    with Hub(server.url, loopback.TOKEN, key, connection=connection) as hub:
        yield hub
