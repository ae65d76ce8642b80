"""Liveness and readiness, a word each to strangers."""

from __future__ import annotations

import pytest

from hub.actions.operation.readiness import ReadinessFound
from tests.web.conftest import Played, Web, said

_DETAILS = {"database": "reachable", "standbys": [{"name": "a"}]}


def test_a_live_process_says_so_without_looking_at_anything(client: Web, played: Played) -> None:
    played.found, client.key = ReadinessFound(is_ready=False, has_read=False), None
    answer = client.get("/healthz")
    assert (answer.status_code, said(answer), played.authenticated) == (200, {"status": "ok"}, [])


@pytest.mark.parametrize("key", [None, "wrong", "us-key", "audit-key"])
@pytest.mark.parametrize(
    ("found", "status", "word"),
    [
        (ReadinessFound(True, True, _DETAILS), 200, "ok"),
        (ReadinessFound(False, True, _DETAILS), 503, "unavailable"),
        (ReadinessFound(False, False, _DETAILS), 503, "unavailable"),
    ],
)
def test_a_stranger_learns_only_whether_the_hub_is_ready(
    client: Web, played: Played, key: str | None, found: ReadinessFound, status: int, word: str
) -> None:
    client.key, played.found = key, found
    answer = client.get("/readyz")
    assert (answer.status_code, said(answer)) == (status, {"status": word})


@pytest.mark.parametrize(("is_ready", "word"), [(True, "ok"), (False, "unavailable")])
def test_an_operator_learns_the_details(client: Web, played: Played, is_ready: bool, word: str) -> None:
    client.key, played.found = "ops-key", ReadinessFound(is_ready, True, _DETAILS)
    assert said(client.get("/readyz")) == {"status": word, **_DETAILS}


def test_nobody_is_authenticated_by_a_database_that_cannot_be_read(client: Web, played: Played) -> None:
    client.key, played.found = "ops-key", ReadinessFound(False, False, _DETAILS)
    assert said(client.get("/readyz")) == {"status": "unavailable"}
    assert played.authenticated == []
