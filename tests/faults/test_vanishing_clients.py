"""Clients that go away in the middle: of a body, before the answer, of a page."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from sqlalchemy import func, select

from hub.client import HubAuth
from hub.store.schema.tables import submission
from tests.faults import faulty
from tests.journeys.live import Live
from tests.stix_objects import Json, malware

_TIMES = 6


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A running hub on SQLite: what a socket does is no matter of the database."""
    home = tmp_path_factory.mktemp("hub")
    with faulty.killable_hub(f"sqlite:///{home}/hub.db", home) as live:
        yield live


def _signed(hub: Live, id: str, objects: list[Json]) -> requests.PreparedRequest:
    account = hub.member(id)
    return requests.Request(
        "POST",
        f"{hub.collection_url(account.nation)}objects/",
        data=json.dumps({"objects": objects}).encode(),
        headers={"Content-Type": faulty.TAXII, "Accept": faulty.TAXII},
        auth=HubAuth(account.token, account.submit_key),
    ).prepare()


def _head(request: requests.PreparedRequest, *, chunked: bool = False) -> bytes:
    host = urlsplit(request.url or "").netloc
    fields = {"Host": str(host), **{str(k): str(v) for k, v in request.headers.items()}}
    if chunked:
        del fields["Content-Length"]
        fields["Transfer-Encoding"] = "chunked"
    lines = [f"{request.method} {request.path_url} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _send_and_vanish(hub: Live, data: bytes, *, read: int = 0, abruptly: bool = False) -> None:
    host, _, port = urlsplit(hub.url).netloc.partition(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.settimeout(faulty.PATIENCE_SECONDS)
    client.connect((host, int(port)))
    client.sendall(data)
    while read > 0:
        read -= len(client.recv(read))
    if abruptly:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST instead of FIN
    client.close()


def _half_close(hub: Live, data: bytes) -> bytes:
    """Send, say that nothing more comes, and return all that is answered."""
    host, _, port = urlsplit(hub.url).netloc.partition(":")
    with socket.create_connection((host, int(port)), faulty.PATIENCE_SECONDS) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65_536), b""))


def _submissions(hub: Live, id: str) -> int:
    with hub.service.store.read() as connection:
        query = select(func.count()).select_from(submission).where(submission.c.member == id)
        return int(connection.execute(query).scalar_one())


@pytest.mark.parametrize("abruptly", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_half_a_body_is_no_submission(hub: Live, chunked: bool, abruptly: bool) -> None:
    id = f"{'us' if chunked else 'kr'}-{'agency' if abruptly else 'partner'}"
    request = _signed(hub, id, [malware(n, tlp="green") for n in range(50)])
    body = request.body
    assert isinstance(body, bytes)
    half = body[: len(body) // 2]
    # Both ways to break off a chunk: inside it, and after it.
    for n in range(_TIMES):
        length = len(half) + n % 2
        part = f"{length:x}\r\n".encode() + half + b"\r\n" * (length == len(half)) if chunked else half
        _send_and_vanish(hub, _head(request, chunked=chunked) + part, abruptly=abruptly)
    assert faulty.post(hub, id, [malware(999, tlp="green")]).status_code == 202
    assert _submissions(hub, id) == 1
    faulty.assert_sound(hub)


@pytest.mark.parametrize(
    ("coding", "status"),
    [
        ("length", 401),  # what came is not what was signed
        ("a chunk cut off", 400),
        ("chunks without an end", 400),
        ("no chunk at all", 400),
    ],
)
def test_a_body_that_breaks_off_is_refused_in_the_right_form(hub: Live, coding: str, status: int) -> None:
    request = _signed(hub, "in-agency", [malware(n, tlp="green") for n in range(50)])
    assert isinstance(request.body, bytes)
    half = request.body[: len(request.body) // 2]
    sent = {
        "length": half,
        "a chunk cut off": f"{len(half) + 9:x}\r\n".encode() + half,
        "chunks without an end": f"{len(half):x}\r\n".encode() + half + b"\r\n",
        "no chunk at all": b"zz\r\n" + half,
    }[coding]
    answer = _half_close(hub, _head(request, chunked=coding != "length") + sent)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert f"Content-Type: {faulty.TAXII}".encode() in head
    assert json.loads(body)["http_status"] == str(status)
    assert _submissions(hub, "in-agency") == 0
    faulty.assert_sound(hub)


def test_a_client_that_does_not_wait_for_its_answer_may_push_the_same_again(hub: Live) -> None:
    objects = [malware(n, tlp="green") for n in range(100, 120)]
    for _ in range(_TIMES):
        request = _signed(hub, "jp-agency", objects)
        assert isinstance(request.body, bytes)
        _send_and_vanish(hub, _head(request) + request.body, abruptly=True)
    status = faulty.post(hub, "jp-agency", objects).json()
    assert status["success_count"] == len(objects)
    found = [o["id"] for o in faulty.everything(hub, "jp-agency", "jp")]
    assert sorted(found) == sorted(o["id"] for o in objects)
    faulty.assert_sound(hub)


def test_a_reader_that_leaves_in_the_middle_of_a_page_disturbs_nobody(hub: Live) -> None:
    text = "made to be longer than any buffer " * 1_000
    objects = [malware(n, tlp="green", description=text) for n in range(200, 300)]
    assert faulty.post(hub, "au-agency", objects).status_code == 202
    token = hub.member("au-agency").token
    url = f"{hub.collection_url('au')}objects/"
    request = requests.Request("GET", url, headers={"Accept": faulty.TAXII}, auth=HubAuth(token)).prepare()
    for n in range(_TIMES):
        _send_and_vanish(hub, _head(request), read=1_000, abruptly=n % 2 == 0)
    assert len(faulty.everything(hub, "au-agency", "au")) == len(objects)
    faulty.assert_sound(hub)
