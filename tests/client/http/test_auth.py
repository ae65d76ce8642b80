"""What HubAuth signs is what the hub verifies; what cannot be signed is refused before it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from taxii2client.v21 import Collection, Server

from hub.client import ClientError, HubAuth
from hub.errors import Unprocessable
from hub.proofs import keys
from tests.client.loopback import TAXII, TOKEN, US, Loopback, indicator
from tests.patience import PATIENCE_SECONDS as SECONDS

JSON = {"Content-Type": "application/json"}


def objects_url(server: Loopback) -> str:
    return f"{server.url}/allied/collections/{US}/objects/"


def stream() -> Iterator[bytes]:
    yield b"{}"


@pytest.mark.parametrize("token", ["", "a token", "a\r\nX-Other: b", "tökên"])
def test_a_token_that_could_not_be_a_header_value_is_refused(token: str) -> None:
    with pytest.raises(ClientError, match="token"):
        HubAuth(token)


@pytest.mark.parametrize("body", [stream(), BytesIO(b"{}")], ids=["generator", "file"])
def test_a_stream_is_refused_because_it_cannot_be_signed(
    server: Loopback, key: keys.PrivateKey, body: Any
) -> None:
    with pytest.raises(ClientError, match="stream"):
        requests.post(objects_url(server), data=body, auth=HubAuth(TOKEN, key), headers=JSON, timeout=SECONDS)
    assert server.seen == []


@pytest.mark.parametrize("body", [b"{}", None])
def test_content_without_a_type_is_refused(
    server: Loopback, key: keys.PrivateKey, body: bytes | None
) -> None:
    with pytest.raises(ClientError, match="Content-Type"):
        requests.post(objects_url(server), data=body, auth=HubAuth(TOKEN, key), timeout=SECONDS)


def test_a_key_file_that_is_missing_or_no_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match=r"none\.pem cannot be read"):
        HubAuth(TOKEN, tmp_path / "none.pem")
    with pytest.raises(Unprocessable, match="private key"):
        HubAuth(TOKEN, b"no key")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_signed_request_is_never_redirected(server: Loopback, key: keys.PrivateKey, status: int) -> None:
    server.fail("/objects/", (status, {"Location": "/elsewhere/"}, b""))
    with pytest.raises(ClientError, match="redirected a signed request to /elsewhere/"):
        requests.post(
            objects_url(server), data=b"{}", auth=HubAuth(TOKEN, key), headers=JSON, timeout=SECONDS
        )
    assert len(server.seen) == 1


def test_without_a_key_nothing_is_signed_and_the_server_says_so(server: Loopback) -> None:
    response = requests.post(
        objects_url(server), data=b"{}", auth=HubAuth(TOKEN), headers=JSON, timeout=SECONDS
    )
    assert response.status_code == 401
    assert "Signature" not in server.seen[0].headers


def test_another_key_than_the_registered_one_is_refused_by_the_server(server: Loopback) -> None:
    auth = HubAuth(TOKEN, keys.generate("ed25519"))
    assert requests.post(objects_url(server), json={}, auth=auth, timeout=SECONDS).status_code == 401


@pytest.mark.parametrize(
    "sent",
    [
        {"data": '{"objects":[{"id":"é"}]}'},
        {"data": '{"objects":[{"id":"é"}]}'.encode()},
        {"json": {"objects": [{"id": "é"}]}},
    ],
    ids=["text", "bytes", "json"],
)
def test_any_body_that_is_known_whole_verifies_as_sent(
    server: Loopback, key: keys.PrivateKey, sent: dict[str, Any]
) -> None:
    response = requests.post(
        objects_url(server),
        **sent,
        auth=HubAuth(TOKEN, key),
        headers={"Content-Type": TAXII},
        timeout=SECONDS,
    )
    assert response.status_code == 202
    assert server.seen[0].objects == [{"id": "é"}]


@pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("PUT", b"{}"), ("POST", b"")])
def test_every_write_is_signed(
    server: Loopback, key: keys.PrivateKey, method: str, body: bytes | None
) -> None:
    requests.request(
        method,
        objects_url(server),
        data=body,
        auth=HubAuth(TOKEN, key),
        headers=JSON,
        timeout=SECONDS,
    )
    assert server.seen[0].nonce is not None


def test_reading_carries_the_token_and_no_signature(server: Loopback, key: keys.PrivateKey) -> None:
    assert requests.get(objects_url(server), auth=HubAuth(TOKEN, key), timeout=SECONDS).status_code == 200
    assert "Signature" not in server.seen[0].headers


@pytest.mark.parametrize("alg", ["ed25519", "p256"])
@pytest.mark.parametrize("form", ["key", "bytes", "path", "text"])
def test_a_key_may_be_given_as_it_is_at_hand(server: Loopback, tmp_path: Path, form: str, alg: Any) -> None:
    server.key = keys.generate(alg)
    pem = keys.private_pem(server.key)
    path = tmp_path / "key.pem"
    path.write_bytes(pem)
    given: Any = {"key": server.key, "bytes": pem, "path": path, "text": str(path)}[form]
    response = requests.post(
        objects_url(server), json={"objects": []}, auth=HubAuth(TOKEN, given), timeout=SECONDS
    )
    assert response.status_code == 202


def test_each_preparation_has_its_own_nonce(server: Loopback, key: keys.PrivateKey) -> None:
    request = requests.Request("POST", objects_url(server), json={"objects": []}, auth=HubAuth(TOKEN, key))
    with requests.Session() as session:
        answers = [session.send(session.prepare_request(request), timeout=SECONDS) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len(server.nonces) == 2


def test_a_request_signed_again_carries_one_signature_that_holds(
    server: Loopback, key: keys.PrivateKey
) -> None:
    auth = HubAuth(TOKEN, key)
    with requests.Session() as session:
        prepared = session.prepare_request(
            requests.Request("POST", objects_url(server), json={"objects": []}, auth=auth)
        )
        assert session.send(auth(prepared), timeout=SECONDS).status_code == 202


def test_the_query_is_signed_too_and_a_fragment_is_not(server: Loopback, key: keys.PrivateKey) -> None:
    requests.delete(objects_url(server) + "?a=b c#part", auth=HubAuth(TOKEN, key), timeout=SECONDS)
    assert server.seen[0].target.endswith("?a=b%20c")
    assert server.seen[0].nonce is not None


def test_an_unmodified_taxii2_client_pushes_and_polls(server: Loopback, key: keys.PrivateKey) -> None:
    server.objects = [indicator(1)]
    with Server(f"{server.url}/taxii2/", auth=HubAuth(TOKEN, key)) as client:
        us, kr = client.default.collections
        assert us.add_objects({"objects": [indicator(1), indicator(2)]}).success_count == 2
        assert kr.get_objects()["objects"] == [indicator(1)]
    with Collection(f"{server.url}/allied/collections/{US}/", auth=HubAuth(TOKEN, key)) as collection:
        assert collection.add_objects('{"objects": []}').total_count == 0
