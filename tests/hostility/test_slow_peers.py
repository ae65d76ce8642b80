"""Peers that are slow or vanish: each is cut off in bounded time, and everybody else is served.

How long others wait where no proxy keeps slow peers away is the bound on each; here it is two seconds.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import orjson
import pytest
import requests

from hub.client import HubAuth
from hub.web import connections
from hub.web.connections import Bounds
from tests.hostility.raw import PROBLEM, TAXII, Drip, Peer, Server, bounded_server, wait_until
from tests.stix_objects import malware

# More than the eight threads of the one worker.
CROWD = 12
MEGABYTE = 1_048_576
BOUNDS = Bounds(
    header_seconds=2,
    grace_seconds=2,
    bytes_per_second=16_384,
    stall_seconds=2,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with bounded_server(tmp_path_factory.mktemp("slow"), BOUNDS) as server:
        yield server


@pytest.fixture
def crowd(server: Server) -> Iterator[list[Peer]]:
    """More peers than the server has threads."""
    with ExitStack() as stack:
        yield [stack.enter_context(server.peer()) for _ in range(CROWD)]


@pytest.fixture(scope="module")
def patient_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that hardly minds how slow a body is, or that nothing comes for a while."""
    bounds = replace(BOUNDS, header_seconds=600, bytes_per_second=256, stall_seconds=600)
    with bounded_server(tmp_path_factory.mktemp("patient"), bounds) as server:
        yield server


def objects_path(server: Server) -> str:
    return server.collection_url("us").removeprefix(server.url) + "objects/"


def post_head(server: Server, *more: str) -> list[str]:
    return server.request_head("us-agency", objects_path(server), f"Content-Type: {TAXII}", *more)


def assert_late(peer: Peer, content_type: str = TAXII) -> None:
    answer = peer.answer()
    assert answer is not None
    assert (answer.status, answer.headers["content-type"]) == (408, content_type)
    assert (answer.headers["cache-control"], answer.headers["connection"]) == ("no-store", "close")
    if content_type == TAXII:
        assert (answer.said["title"], answer.said["http_status"]) == ("Request timeout", "408")
    assert peer.is_closed()


# --- headers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "content_type"), [("/allied/", TAXII), ("/governance/members/", PROBLEM)])
def test_a_header_byte_by_byte_is_answered_408_and_holds_nobody_up(
    server: Server, crowd: list[Peer], path: str, content_type: str
) -> None:
    drip = Drip(crowd, b"X-Slow: yes, very\r\n")
    for peer in crowd:
        peer.send_bytes(f"GET {path} HTTP/1.1\r\nHost: hub\r\n".encode())
    for _ in range(10):
        drip.drop()
        server.still_serves()
    for peer in crowd:
        assert_late(peer, content_type)


# --- bodies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["Content-Length: 5000", "Transfer-Encoding: chunked"])
def test_a_body_byte_by_byte_is_answered_408_and_holds_nobody_up(
    server: Server, crowd: list[Peer], framing: str
) -> None:
    for peer in crowd:
        peer.send(*post_head(server, framing))
    drip = Drip(crowd, b"1388\r\n{...................." if "chunked" in framing else b"{" * 40)
    for _ in range(20):
        drip.drop()
        server.still_serves()
    for peer in crowd:
        assert_late(peer)


def test_a_slow_body_of_a_stranger_gets_401_and_no_second_request(server: Server) -> None:
    with server.peer() as peer:
        peer.send(f"POST {objects_path(server)} HTTP/1.1", "Host: hub", "Content-Length: 50", body=b"{")
        answer = peer.answer()
        assert answer is not None
        assert answer.status == 401
        assert peer.is_closed()


def test_who_vanishes_in_the_middle_of_a_body_leaves_nothing(server: Server, crowd: list[Peer]) -> None:
    for peer in crowd:
        peer.send(*post_head(server, "Content-Length: 5000"), body=b'{"objects":[')
        peer.socket.close()
    server.still_serves()
    found = server.get("us-agency", objects_path(server), headers={"Accept": TAXII})
    assert found.json()["more"] is False


def test_a_body_that_is_slow_but_moves_is_accepted(patient_server: Server) -> None:
    """A quarter of a megabyte at 64 kB/s at most: longer than all grace, and faster than what is asked."""
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
            time.sleep(0.25)
            assert peer.send_bytes(body[start : start + 16_384])
        answer = peer.answer()
    assert answer is not None
    assert (answer.status, answer.said["success_count"]) == (202, 1)


def test_by_default_ten_megabytes_at_64_kilobytes_a_second_are_never_too_slow() -> None:
    rate = 64_000
    assert all(Bounds().seconds(rate * second) > second for second in range(10 * MEGABYTE // rate + 1))


def test_who_asks_is_told_to_go_on_before_the_body(server: Server) -> None:
    with server.peer() as peer:
        peer.send(*post_head(server, "Content-Length: 2", "Expect: 100-continue"))
        told = peer.answer()
        assert told is not None
        assert told.status == 100
        assert peer.send_bytes(b"{}")
        answer = peer.answer()
        while answer is not None and answer.status == 100:
            answer = peer.answer()
    assert answer is not None
    assert answer.status == 401  # it is not signed


# --- answers ----------------------------------------------------------------------------------------


def test_who_never_reads_the_answer_is_cut_off_and_holds_nobody_up(server: Server) -> None:
    """The page is more than the system buffers on both sides."""
    for n in range(10, 16):
        server.push("us-agency", [malware(n, tlp="green", description="x" * 2_000_000)])
    head = server.request_head("us-agency", objects_path(server), f"Accept: {TAXII}", method="GET")
    with ExitStack() as stack:
        peers = [stack.enter_context(Peer(server.port, receive_bytes=4_096)) for _ in range(CROWD)]
        for peer in peers:
            peer.send(*head)
        server.still_serves()
        wait_until(lambda: not any(server.holds(peer) for peer in peers))
        server.still_serves()
        assert all(peer.remains() < 12_000_000 for peer in peers)


def test_a_large_answer_arrives_whole_where_it_is_read(server: Server) -> None:
    for n in range(20, 24):
        server.push("us-agency", [malware(n, tlp="green", description="x" * 2_000_000)])
    found = server.get("us-agency", objects_path(server), headers={"Accept": TAXII})
    assert len(found.json()["objects"]) >= 4


# --- connections ------------------------------------------------------------------------------------


def test_who_keeps_a_finished_connection_open_holds_nobody_up(server: Server, crowd: list[Peer]) -> None:
    for peer in crowd:
        peer.send("GET /healthz HTTP/1.1", "Host: hub", "Connection: close")
    server.still_serves()
    assert all(peer.is_closed() for peer in crowd)


def test_requests_that_come_together_are_answered_in_order(server: Server) -> None:
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
    server: Server, framing: str, body: bytes
) -> None:
    with server.peer() as peer:
        peer.send("GET /healthz HTTP/1.1", "Host: hub", framing, body=body)
        answer = peer.answer()
        assert answer is not None
        assert answer.status == 200
        assert peer.answer() is None


def test_who_connects_and_says_nothing_holds_nobody_up(patient_server: Server) -> None:
    """gunicorn's threads would wait for each of them, and let them go one after the other."""
    server = patient_server
    with ExitStack() as stack:
        silent = [stack.enter_context(server.peer()) for _ in range(6 * CROWD)]
        server.still_serves()
        assert all(server.holds(peer) for peer in silent)


def test_an_answer_in_parts_has_one_grace_for_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a second each, and a grace of 30 s: sent at 0, 11 and 22 s they are in time, at 40 not."""
    now = [0.0]
    monkeypatch.setattr(connections.time, "monotonic", lambda: now[0])
    ours, theirs = socket.socketpair()
    with connections.Peer(ours, Bounds(grace_seconds=30, bytes_per_second=1_000)) as peer, theirs:
        for now[0] in (0.0, 11.0, 22.0):
            peer.sendall(b"x" * 1_000)
        now[0] = 40.0
        with pytest.raises(BrokenPipeError):
            peer.sendall(b"x" * 1_000)
        assert peer.is_late
        peer.begin()
        peer.sendall(b"another answer")
