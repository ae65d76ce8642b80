"""Ports for servers that a test starts, and may start again."""

from __future__ import annotations

import random
import socket

# Below those that Linux gives to whoever asks for any: no connection takes one while its server is down.
_PORTS = range(12_000, 32_000)


def free_port() -> int:
    """Return a port on loopback where nobody listens, and which the system gives nobody by itself."""
    chance = random.SystemRandom()
    while True:
        port = chance.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
