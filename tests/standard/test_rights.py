"""Who may do what at each endpoint: every right, held or not, on every kind of collection (section 5)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from hub.errors import NotFound
from hub.model import Deletion
from tests.standard.endpoints import COLLECTIONS, ENDPOINTS, ROWS, SERVER, STATUS_ID, Endpoint, below
from tests.standard.shapes import faults
from tests.standard.site import said
from tests.web.conftest import TAXII, Played, Web

# Token → may read, may submit; None: the caller has no collections at all.
CALLERS: dict[str, tuple[bool, bool] | None] = {
    "us-key": (True, True),
    "us-reads": (True, False),
    "us-writes": (False, True),
    "us-governs": (False, False),
    "audit-key": None,
    "ops-key": None,
}
MATRIX = list(itertools.product(CALLERS, COLLECTIONS))
MAY_READ, MAY_WRITE = {"envelope", "manifest", "versions"}, {"status"}

pytestmark = pytest.mark.usefixtures("governor", "deletions")


@pytest.fixture(autouse=True)
def _has_something(played: Played) -> None:
    played.rows = ROWS


def rights(key: str, collection: str) -> tuple[bool, bool] | None:
    """What the collection resource says, or must not say because there is none for the caller."""
    held = CALLERS[key]
    if held is None or collection == "unknown":
        return None
    can_read, can_submit = held
    return can_read, can_submit and collection in {"own", "by alias"}


def expected(endpoint: Endpoint, held: tuple[bool, bool] | None) -> int:
    """The code of sections 5.2 to 5.8 for who holds these rights."""
    if held is None:
        return 404
    can_read, can_write = held
    if endpoint.method == "DELETE":
        return {0: 404, 1: 403, 2: 200}[can_read + can_write]
    if endpoint.method == "POST":
        return 202 if can_write else 403
    return 403 if endpoint.resource in MAY_READ and not can_read else 200


@pytest.mark.parametrize(("key", "collection"), MATRIX)
def test_rights_decide_at_every_endpoint_of_a_collection(
    client: Web, played: Played, deletions: list[Deletion], key: str, collection: str
) -> None:
    client.key, held = key, rights(key, collection)
    for endpoint in below(COLLECTIONS[collection]):
        sent: dict[str, Any] = {"data": b"{}", "content_type": TAXII} if endpoint.method == "POST" else {}
        answer = client.open(endpoint.path, method=endpoint.method, **sent)
        assert answer.status_code == expected(endpoint, held), endpoint
        if answer.status_code >= 400:
            assert faults("error", said(answer)) == []
    may_read, may_write = held or (False, False)
    assert bool(played.queries) == may_read
    assert (bool(played.submissions), bool(deletions)) == (may_write, may_read and may_write)


@pytest.mark.parametrize(("key", "collection"), MATRIX)
def test_the_collection_says_of_itself_what_its_endpoints_then_do(
    client: Web, key: str, collection: str
) -> None:
    client.key, held = key, rights(key, collection)
    answer = client.get(f"/allied/collections/{COLLECTIONS[collection]}/")
    if held is None:
        assert answer.status_code == 404
        return
    found = said(answer)
    assert (found["can_read"], found["can_write"]) == held
    listed = said(client.get("/allied/collections/"))["collections"]
    assert found in listed


@pytest.mark.parametrize("key", CALLERS)
def test_what_is_said_of_the_server_is_said_to_every_caller(client: Web, key: str) -> None:
    client.key = key
    assert [client.get(one.path).status_code for one in SERVER] == [200] * len(SERVER)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"X-API-Key": "wrong"}], ids=str)
def test_who_fails_to_authenticate_gets_401_with_a_challenge_at_every_endpoint(
    client: Web, played: Played, deletions: list[Deletion], endpoint: Endpoint, headers: dict[str, str]
) -> None:
    client.key = None
    answer = client.open(endpoint.path, method=endpoint.method, headers=headers)
    assert (answer.status_code, answer.content_type) == (401, TAXII)
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert (played.queries, played.submissions, deletions) == ([], [], [])


def test_a_status_that_is_not_the_callers_is_404(client: Web, played: Played) -> None:
    played.raises = NotFound("of somebody else")
    for key in CALLERS:
        client.key = key
        assert client.get(f"/allied/status/{STATUS_ID}/").status_code == 404
