"""Peers that are slow or vanish: the proxy waits for them, nothing of the hub does, and others are served.

Here nginx has two seconds of patience where deploy/nginx.conf gives fifteen or thirty.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import orjson
import pytest
import requests

from hub.client import HubAuth
from tests.hostility.raw import TAXII, Drip, Peer, RawHub, proxied_hub
from tests.patience import wait_for
from tests.stix_objects import malware

# More than the eight threads of the one worker.
CROWD = 12
IMPATIENT = {"client_header_timeout": "2s", "client_body_timeout": "2s", "send_timeout": "2s"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawHub]:
    with proxied_hub(tmp_path_factory.mktemp("slow"), **IMPATIENT) as server:
        yield server


@pytest.fixture(scope="module")
def patient_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawHub]:
    """A server whose proxy never loses its patience."""
    times = dict.fromkeys(IMPATIENT, "600s")
    with proxied_hub(tmp_path_factory.mktemp("patient"), **times) as server:
        yield server


@contextmanager
def crowd_at(server: RawHub, receive_bytes: int | None = None) -> Iterator[list[Peer]]:
    """Give more peers than the server has threads."""
    with ExitStack() as stack:
        yield [stack.enter_context(Peer(server.port, receive_bytes)) for _ in range(CROWD)]


@pytest.fixture
def crowd(server: RawHub) -> Iterator[list[Peer]]:
    with crowd_at(server) as peers:
        yield peers


def objects_path(server: RawHub) -> str:
    return server.collection_url("us").removeprefix(server.url) + "objects/"


def post_head(server: RawHub, *more: str) -> list[str]:
    return server.request_head("us-agency", objects_path(server), f"Content-Type: {TAXII}", *more)


# --- headers and bodies -----------------------------------------------------------------------------


def test_a_header_byte_by_byte_is_cut_off_and_holds_nobody_up(server: RawHub, crowd: list[Peer]) -> None:
    drip = Drip(crowd, b"X-Slow: yes, very\r\n")
    for peer in crowd:
        peer.send_bytes(b"GET /allied/ HTTP/1.1\r\nHost: hub\r\n")
    for _ in range(10):
        drip.drop()
        server.still_serves()
    assert all(peer.is_closed() for peer in crowd)


FRAMINGS = ["Content-Length: 5000", "Transfer-Encoding: chunked"]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_body_byte_by_byte_holds_nobody_up(patient_server: RawHub, framing: str) -> None:
    """However patient the proxy is, the hub hears of none of them."""
    with crowd_at(patient_server) as crowd:
        for peer in crowd:
            peer.send(*post_head(patient_server, framing))
        drip = Drip(crowd, b"1388\r\n{...................." if "chunked" in framing else b"{" * 40)
        for _ in range(10):
            drip.drop()
            patient_server.still_serves()
        assert all(patient_server.holds(peer) for peer in crowd)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_body_that_stops_is_cut_off(server: RawHub, crowd: list[Peer], framing: str) -> None:
    for peer in crowd:
        peer.send(*post_head(server, framing), body=b"5")
    assert all(peer.is_closed() for peer in crowd)


def test_who_vanishes_in_the_middle_of_a_body_leaves_nothing(server: RawHub, crowd: list[Peer]) -> None:
    for peer in crowd:
        peer.send(*post_head(server, "Content-Length: 5000"), body=b'{"objects":[')
        peer.socket.close()
    server.still_serves()
    found = server.get("us-agency", objects_path(server), headers={"Accept": TAXII})
    assert found.json()["more"] is False


def test_a_body_that_is_slow_but_moves_is_accepted(patient_server: RawHub) -> None:
    server = patient_server
    account = server.member("us-agency")
    body = orjson.dumps({"objects": [malware(1, tlp="green", description="x" * 250_000)]})
    request = requests.Request("POST", server.url + objects_path(server), data=body)
    request.headers["Content-Type"] = TAXII
    signed = HubAuth(account.token, account.submit_key)(request.prepare())
    with server.peer() as peer:
        head = [f"POST {objects_path(server)} HTTP/1.1", "Host: hub"]
        peer.send(*head, *(f"{name}: {value}" for name, value in signed.headers.items()))
        for start in range(0, len(body), 16_384):
            time.sleep(0.1)
            assert peer.send_bytes(body[start : start + 16_384])
        answer = peer.answer()
    assert answer is not None
    assert (answer.status, answer.said["success_count"]) == (202, 1)


def test_who_asks_is_told_to_go_on_before_the_body(patient_server: RawHub) -> None:
    with patient_server.peer() as peer:
        peer.send(*post_head(patient_server, "Content-Length: 2", "Expect: 100-continue"))
        told = peer.answer()
        assert told is not None
        assert told.status == 100
        assert peer.send_bytes(b"{}")
        answer = peer.answer()
    assert answer is not None
    assert answer.status == 401  # it is not signed


# --- answers ----------------------------------------------------------------------------------------


def ask_for_a_page(server: RawHub, crowd: list[Peer]) -> None:
    """Let each ask for more than the system buffers on both sides, and read nothing of it."""
    for n in range(10, 16):
        server.push("us-agency", [malware(n, tlp="green", description="x" * 2_000_000)])
    head = server.request_head("us-agency", objects_path(server), f"Accept: {TAXII}", method="GET")
    for peer in crowd:
        peer.send(*head)


def test_who_never_reads_the_answer_holds_nobody_up(patient_server: RawHub) -> None:
    with crowd_at(patient_server, receive_bytes=4_096) as crowd:
        ask_for_a_page(patient_server, crowd)
        for _ in range(10):
            patient_server.still_serves()
        assert all(patient_server.holds(peer) for peer in crowd)


def test_who_never_reads_the_answer_is_cut_off(server: RawHub) -> None:
    with crowd_at(server, receive_bytes=4_096) as crowd:
        ask_for_a_page(server, crowd)
        wait_for(lambda: not any(server.holds(peer) for peer in crowd), "all to be cut off")
        assert all(peer.remains() < 6_000_000 for peer in crowd)


def test_a_large_answer_arrives_whole_where_it_is_read(patient_server: RawHub) -> None:
    server = patient_server
    for n in range(20, 24):
        server.push("us-agency", [malware(n, tlp="green", description="x" * 2_000_000)])
    found = server.get("us-agency", objects_path(server), headers={"Accept": TAXII})
    assert len(found.json()["objects"]) >= 4


# --- connections ------------------------------------------------------------------------------------


def test_who_keeps_a_finished_connection_open_holds_nobody_up(server: RawHub, crowd: list[Peer]) -> None:
    for peer in crowd:
        peer.send("GET /healthz HTTP/1.1", "Host: hub", "Connection: close")
    server.still_serves()
    assert all(peer.is_closed() for peer in crowd)


def test_requests_that_come_together_are_answered_in_order(server: RawHub) -> None:
    first, second = (
        b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"GET /nothing/at/all HTTP/1.1\r\nHost: hub\r\n\r\n",
    )
    with server.peer() as peer:
        peer.send_bytes(
            first + second + first + b"POST /healthz HTTP/1.1\r\nHost: hub\r\nContent-Length: 3\r\n\r\nabc"
        )
        answers = [peer.answer() for _ in range(4)]
    assert [answer and answer.status for answer in answers] == [200, 404, 200, 405]


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 10", b""),
        ("Transfer-Encoding: chunked", b""),
        ("Transfer-Encoding: chunked", b"z\r\n"),
    ],
)
def test_a_body_that_nobody_asked_for_and_never_ends_is_no_second_request(
    server: RawHub, framing: str, body: bytes
) -> None:
    with server.peer() as peer:
        peer.send("GET /healthz HTTP/1.1", "Host: hub", framing, body=body)
        answer = peer.answer()
        assert answer is None or answer.status == 400
        assert peer.is_closed()


def test_who_connects_and_says_nothing_holds_nobody_up(patient_server: RawHub) -> None:
    server = patient_server
    with ExitStack() as stack:
        silent = [stack.enter_context(server.peer()) for _ in range(6 * CROWD)]
        server.still_serves()
        assert all(server.holds(peer) for peer in silent)


def test_one_address_has_a_bounded_number_of_connections(patient_server: RawHub) -> None:
    """nginx counts requests whose header it has read; each of these waits for the rest of its body."""
    server = patient_server
    with ExitStack() as stack:
        for _ in range(100):
            peer = stack.enter_context(server.peer())
            peer.send(*post_head(server, "Content-Length: 5000"), body=b"{")
        refused = stack.enter_context(server.peer())
        refused.send("GET /allied/ HTTP/1.1", "Host: hub", "Connection: close")
        answer = refused.answer()
    assert answer is not None
    assert (answer.status, answer.headers["content-type"]) == (429, TAXII)
    assert (answer.headers["retry-after"], answer.said["http_status"]) == ("5", "429")
