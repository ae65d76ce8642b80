"""Which address is a hub's, and what the member's side needs to be installed."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from hub.client import ClientError, Hub, HubAuth
from hub.client.http.connection import Connection, Patience, origin
from tests.client.loopback import KR, TOKEN, US, Loopback

SERVER_PACKAGES = ("flask", "sqlalchemy", "medallion", "alembic", "gunicorn", "jsonschema_rs", "stix2")


@pytest.mark.parametrize(
    "url", ["", "hub.example", "ftp://hub.example", "https://", "https://a:b@hub.example"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ClientError, match="no address of a hub"):
        origin(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hub.example", "https://hub.example"),
        (" https://HUB.example:8443/taxii2/ ", "https://hub.example:8443"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_the_address_is_scheme_and_host(url: str, expected: str) -> None:
    assert origin(url) == expected


@pytest.mark.parametrize(
    ("discovery", "sentence"),
    [
        ({"title": "hub"}, "names no default API root"),
        ({"title": "hub", "default": 5}, "names no default API root"),
        ({"title": "hub", "default": "http://other.example/allied/"}, "calls itself http://other.example"),
    ],
)
def test_another_host_is_never_given_the_token(
    member: Hub, server: Loopback, discovery: Any, sentence: str
) -> None:
    server.answers["GET", "/taxii2/"] = discovery
    with pytest.raises(ClientError, match=sentence):
        member.collections()


@pytest.mark.parametrize(
    "answer",
    [
        {"collections": [{"id": "x"}]},
        {"collections": [5]},
        {"collections": [{"title": "x"}]},
        {"collections": 5},
    ],
)
def test_collections_that_are_not_as_taxii_has_them_are_refused(
    member: Hub, server: Loopback, answer: Any
) -> None:
    server.answers["GET", "/allied/collections/"] = answer
    with pytest.raises(ClientError, match=r"not as TAXII 2\.1 has it"):
        member.collections()


def test_a_wrong_token_is_told_at_once(server: Loopback, pauses: list[float]) -> None:
    with Hub(server.url, "wrong") as hub, pytest.raises(ClientError, match="HTTP 401") as refused:
        hub.collections()
    assert refused.value.status == 401
    assert len(server.seen) == 1


def test_collections_have_id_alias_and_rights(member: Hub) -> None:
    found = {one["alias"]: one for one in member.collections()}
    assert {alias: (one["id"], one["can_write"]) for alias, one in found.items()} == {
        "us": (US, True),
        "kr": (KR, False),
    }


def test_a_connection_makes_at_least_one_attempt(server: Loopback) -> None:
    with pytest.raises(RuntimeError):
        Connection(HubAuth(TOKEN), patience=Patience(attempts=0)).get(server.url)


@pytest.mark.parametrize(
    "program",
    [
        "import hub.client",
        "from hub.cli import main; main(['push', '--help'], standalone_mode=False)",
        "from hub.cli import main; main(['poll', '--help'], standalone_mode=False)",
        "from hub.cli import main; main(['keygen', '--help'], standalone_mode=False)",
        "from hub.cli import main; main(['agreement', 'sign', '--help'], standalone_mode=False)",
        "from hub.cli import main; main(['--help'], standalone_mode=False)",
    ],
)
def test_the_members_side_loads_nothing_of_the_server(program: str) -> None:
    check = f"import sys; print([name for name in {SERVER_PACKAGES} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{check}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
