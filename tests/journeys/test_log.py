"""The log of a real `hub serve`: its lines, and none of the secrets that were sent at it."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from hub.actions.operation import administer
from tests.journeys.live import Live, live_hub
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.stix_objects import malware

_PASSWORD = "marker-of-a-password"


@pytest.fixture(scope="module")
def hub(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    home = tmp_path_factory.mktemp("log")
    with live_hub(f"sqlite:///{home / 'hub.db'}", home, workers=1) as live:
        live.member("us-cert")
        yield live


def _log(hub: Live) -> str:
    return (Path(hub.environ["HUB_HOME"]) / "server.log").read_text()


def _lines(hub: Live, *words: str) -> list[str]:
    """The lines of requests that hold all of these words; there will be one."""

    def found() -> list[str]:
        return [line for line in _log(hub).splitlines() if all(word in line for word in words)]

    lines: list[str] = wait_for(found, " ".join(words))
    return lines


def test_a_poll_and_a_push_are_a_line_each(hub: Live) -> None:
    hub.push("us-cert", [malware(1), {**malware(2), "spec_version": "2.0"}])
    (pushed,) = _lines(hub, "method=POST", "endpoint=/allied/collections/us/objects/ ", "status=202")
    assert pushed.endswith("accepted=1 refused=1")
    answer = hub.get("us-cert", "/allied/collections/us/objects/")
    (polled,) = _lines(hub, "method=GET", "endpoint=/allied/collections/us/objects/ ", "status=200")
    form = (
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info hub\.web\.request_log request id=[0-9a-f]{8} "
        r"member=us-cert method=GET endpoint=/allied/collections/us/objects/ status=200 bytes=(\d+) ms=\d+"
    )
    found = re.fullmatch(form, polled)
    assert found
    assert int(found[1]) == int(answer.headers["Content-Length"])  # as sent: in gzip


def test_a_refusal_is_told_with_its_reason_and_the_operators_part(hub: Live) -> None:
    token = hub.member("us-cert").token
    spoilt = token[:11] + "A" * 43
    requests.get(f"{hub.url}/allied/", headers={"Authorization": f"Bearer {spoilt}"}, timeout=60)
    (line,) = _lines(hub, "endpoint=/allied/ status=401")
    assert 'reason="The token is missing or not valid;' in line
    assert f'detail="the secret is not that of token {token[:10]}"' in line


def test_no_secret_that_was_sent_is_in_the_log(hub: Live) -> None:
    account = hub.member("us-cert")
    for n in range(10, 13):
        hub.push("us-cert", [malware(n, description="a body that is nobody's business")])
    cursor = hub.get("us-cert", "/allied/collections/us/objects/?limit=1").json()["next"]
    hub.get("us-cert", f"/allied/collections/us/objects/?limit=1&next={cursor}")
    hub.get("us-cert", f"/allied/collections/us/objects/?next={cursor}&match[type]=x")
    hub.get("us-cert", f"/allied/{account.token}/{cursor}/?{account.token}={cursor}")
    with socket.create_connection(("127.0.0.1", int(hub.url.rpartition(":")[2]))) as peer:
        broken = f"GET /taxii2/?{cursor} HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {account.token}\r\n\r\n"
        peer.sendall(broken.encode())
        peer.settimeout(PATIENCE_SECONDS)
        assert b" 400 " in peer.recv(4_096)
    _lines(hub, "Invalid request")
    said = _log(hub)
    for secret in (account.token, account.token[11:], cursor, "nobody's business", malware(10)["id"]):
        assert secret not in said
    assert "Traceback" not in said


def test_a_hub_whose_database_goes_away_tells_why_and_its_clients_do_not_learn_it(
    postgresql_url: str, tmp_path: Path
) -> None:
    with live_hub(f"{postgresql_url}&password={_PASSWORD}", tmp_path, workers=1) as live:
        live.member("us-cert")
        with live.service.store.write() as connection:
            connection.exec_driver_sql("ALTER TABLE token RENAME TO token_away")
            connection.exec_driver_sql(
                "CREATE FUNCTION broken() RETURNS bigint LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', DETAIL = 'a row of a member'; END $$"
            )
            columns = "public_id, member, digest, scopes, expires_at, revoked_at, last_used_at"
            connection.exec_driver_sql(
                f"CREATE VIEW token AS SELECT {columns}, broken() AS created_at FROM token_away"
            )
        answer = live.get("us-cert", "/allied/collections/us/objects/")
        (line,) = _lines(live, "endpoint=/allied/collections/us/objects/ ", "status=503")
    assert answer.status_code == 503
    assert answer.json()["description"] == "The hub's database cannot be reached at the moment; try again."
    assert "warning hub.web.request_log" in line
    assert "the server's disk is full (53100); make room on the server's disk" in line
    for secret in (_PASSWORD, "a row of a member"):
        assert secret not in _log(live)


def test_the_last_use_of_a_token_is_written_by_the_server(hub: Live) -> None:
    hub.get("us-cert", "/allied/")
    public_id = hub.member("us-cert").token[:10]

    def is_told() -> bool:
        found = administer.list_tokens(hub.service)
        return any(one.public_id == public_id and one.last_used_at is not None for one in found)

    wait_for(is_told, "the last use")
