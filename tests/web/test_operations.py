"""Liveness and readiness, a word each to strangers."""

from __future__ import annotations

import pytest

from hub.errors import Unavailable
from tests.web.conftest import Played, Store, Web, said


def test_a_live_process_says_so_without_looking_at_anything(
    client: Web, store: Store, played: Played
) -> None:
    store.answer = Unavailable("down")
    client.key = None
    answer = client.get("/healthz")
    assert (answer.status_code, said(answer), played.authenticated) == (200, {"status": "ok"}, [])


@pytest.mark.parametrize("key", [None, "wrong", "us-key", "audit-key"])
@pytest.mark.parametrize(
    ("answer", "status", "word"),
    [(True, 200, "ok"), (False, 503, "unavailable"), (Unavailable("down"), 503, "unavailable")],
)
def test_a_stranger_learns_only_whether_the_hub_is_ready(
    client: Web, store: Store, key: str | None, answer: bool | Exception, status: int, word: str
) -> None:
    client.key, store.answer = key, answer
    found = client.get("/readyz")
    assert (found.status_code, said(found)) == (status, {"status": word})


@pytest.mark.parametrize(
    ("answer", "database", "schema"),
    [
        (True, "reachable", "current"),
        (False, "reachable", "not that of this version"),
        (Unavailable("down"), "unreachable", "unknown"),
    ],
)
def test_an_operator_learns_what_is_missing(
    client: Web, store: Store, answer: bool | Exception, database: str, schema: str
) -> None:
    client.key, store.answer = "ops-key", answer
    found = said(client.get("/readyz"))
    assert (found["database"], found["schema"]) == (database, schema)
