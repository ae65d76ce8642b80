"""What a push posted to the server."""

from __future__ import annotations

from tests.client.loopback import Loopback


def posts(server: Loopback) -> list[list[str]]:
    return [[one["id"] for one in seen.objects] for seen in server.to("/objects/", "POST")]
