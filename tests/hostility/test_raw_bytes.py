"""Bytes on a socket that are no request, nearly one, or two: answered 4xx or closed, and the hub goes on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from random import Random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostility.raw import PROBLEM, TAXII, Peer, RawHub, proxied_hub
from tests.stix_objects import malware

COUNT = 400

LINES = [
    b"GET / HTTP/1.1", b"GET /allied/ HTTP/1.1", b"GET /healthz HTTP/1.0",
    b"POST /allied/collections/us/objects/ HTTP/1.1", b"GET  / HTTP/1.1", b"GET /\t HTTP/1.1",
    b"GET / HTTP/9.9", b"GET / HTTP/1.1x", b"GET / http/1.1", b"GET /", b"GET", b"", b" ", b"\x00",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0", b"CONNECT a:1 HTTP/1.1",
    b"OPTIONS * HTTP/1.1", b"GET http://evil.example/allied/ HTTP/1.1", b"GET //allied/ HTTP/1.1",
    b"GET http://[::1/ HTTP/1.1", b"GET /%00 HTTP/1.1", b"GET /\xff\xfe HTTP/1.1",
    b"G\xc3\x89T / HTTP/1.1", b"GET /" + b"a" * 9_000 + b" HTTP/1.1", b"A" * 30 + b" / HTTP/1.1",
    b"get /healthz HTTP/1.1", b"GET /healthz?" + b"x" * 8_000 + b" HTTP/1.1",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2", b"GET /a#b HTTP/1.1",
]  # fmt: skip
HEADERS = [
    b"Host: hub", b"Host: hub", b"Host: a, b", b"Content-Length: 5", b"Content-Length: -1",
    b"Content-Length: +5", b"Content-Length: 5, 5", b"Content-Length: 99999999999999999999999",
    b"Content-Length: 0x5", b"Content-Length: \xb2", b"Content-Length: " + b"9" * 5_000,
    b"Content-Length:", b"Content-Length : 5", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding:\x0bchunked", b"transfer-encoding: CHUNKED", b"Transfer_Encoding: chunked",
    b"Content_Length: 5", b" folded: yes", b"\tfolded", b"NoColon", b": empty", b"A B: c", b"A\x00: b",
    b"X: \x00", b"X: a\rb", b"X: a\nY: b", b"X: " + b"a" * 9_000, b"Expect: 100-continue", b"Expect: x",
    b"Connection: close", b"Connection: upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__",
    b"Connection: keep-alive", b"X: \xff\xfe", b"Content-Type: application/taxii+json;version=2.1",
    b"Authorization: Basic \xff\xfe", b"Script-Name: /x", b"X-Forwarded-Proto: x",
]  # fmt: skip
BODIES = [
    b"", b"", b"hello", b"{}", b"5\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n", b"5\r\nhel",
    b"g\r\n\r\n", b"-5\r\nhello\r\n", b"5;ext=\"a\r\n\r\nhello\r\n0\r\n\r\n",
    b"5;" + b"x" * 9_000 + b"\r\nhello\r\n0\r\n\r\n", b"FFFFFFFFFFFFFFFFFF\r\n", b"ffffffff\r\nx",
    b"0\r\nBad Trailer\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"0\r\n" + b"X: y\r\n" * 3_000 + b"\r\n",
    b"5\nhello\n0\n\n", b"\r\n\r\n", b"\x00" * 100, b"1\r\na\r\n" * 2_000 + b"0\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n", b"5\r\nhelloX\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n",
]  # fmt: skip
ENDS = [b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawHub]:
    times = {"client_header_timeout": "5s", "client_body_timeout": "5s", "send_timeout": "5s"}
    with proxied_hub(tmp_path_factory.mktemp("raw"), **times) as server:
        yield server


def _nearly_a_request(draw: Random, token: str) -> bytes:
    end = draw.choice(ENDS)
    fields = draw.choices(HEADERS, k=draw.choice([0, 1, 2, 3, 5, 70 if draw.random() < 0.1 else 4]))
    if draw.random() < 0.5:
        fields.append(f"Authorization: Bearer {token}".encode())
    text = end.join([draw.choice(LINES), *fields, b"", b""]) + draw.choice(BODIES)
    if draw.random() < 0.1:
        text = bytes(draw.randrange(256) for _ in range(draw.choice([1, 10, 300])))
    if draw.random() < 0.2:
        at = draw.randrange(len(text) + 1)
        text = text[:at] + bytes([draw.randrange(256)]) + text[at + 1 :]
    return text


def _hold(peer: Peer) -> int:
    """Hold that every answer on the connection is a good one, until it is closed; return how many came."""
    count = 0
    while answer := peer.answer():
        if answer.status == 100:
            continue
        count += 1
        assert 200 <= answer.status < 500
        if answer.status == 431 and answer.headers["content-type"] == "text/html":
            continue  # gunicorn's own word for more than 64 fields, which nginx does not count
        assert answer.headers["cache-control"] == "no-store"
        if answer.status >= 400 and answer.body:
            assert answer.headers["content-type"] in {TAXII, PROBLEM}
            assert answer.said["title"]
        if answer.status == 401:
            assert "www-authenticate" in answer.headers
    # To a line without a version nginx answers as HTTP/0.9 does: the body alone.
    assert not peer.read or (count == 0 and orjson.loads(peer.read))
    return count


def _send_all(server: RawHub, sent: list[bytes], answers: list[int]) -> None:
    token = server.member("us-agency").token

    @settings(max_examples=COUNT // 10)
    @given(st.integers(0, 2**64))
    def send(seed: int) -> None:
        draw = Random(seed)
        for _ in range(10):
            sent.append(_nearly_a_request(draw, token))
            with server.peer() as peer:
                if peer.send_bytes(sent[-1]):
                    peer.send_end()
                answers.append(_hold(peer))

    send()


def test_whatever_bytes_come_the_server_answers_4xx_or_closes_and_goes_on(server: RawHub) -> None:
    workers = server.log.read_text().count("Booting worker")
    sent: list[bytes] = []
    answers: list[int] = []
    _send_all(server, sent, answers)
    assert len(sent) >= COUNT
    assert sum(map(bool, answers)) > COUNT // 2
    server.still_serves()
    assert server.push("us-agency", [malware(1, tlp="green")]).success_count == 1
    assert server.log.read_text().count("Booting worker") == workers


@pytest.mark.parametrize(
    ("head", "status", "content_type"),
    [
        ("GET /allied/ HTTP/1.1\r\nA B: c", 400, TAXII),
        ("GET /governance/members/ HTTP/1.1\r\nA B: c", 400, PROBLEM),
        ("GET /healthz?" + "x" * 9_000 + " HTTP/1.1\r\nHost: hub", 414, TAXII),  # its address is not read
        ("GET /allied/ HTTP/1.1\r\nHost: hub\r\nX: " + "y" * 9_000, 431, TAXII),
        ("GET /governance/members/ HTTP/1.1\r\nHost: hub\r\nX: " + "y" * 9_000, 431, PROBLEM),
        ("TRACE /allied/ HTTP/1.1\r\nHost: hub", 405, TAXII),
        ("GET /allied/ HTTP/9.9\r\nHost: hub", 400, TAXII),
        ("POST /allied/ HTTP/1.1\r\nTransfer-Encoding: zip, chunked", 400, TAXII),
        ("POST /allied/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", 400, TAXII),
    ],
)
def test_what_never_becomes_a_request_is_refused_in_the_form_of_its_address(
    server: RawHub, head: str, status: int, content_type: str
) -> None:
    with server.peer() as peer:
        peer.send_bytes(f"{head}\r\n\r\n".encode())
        answer = peer.answer()
        assert answer is not None
        assert (answer.status, answer.headers["content-type"]) == (status, content_type)
        assert answer.headers["connection"] == "close"
        assert peer.is_closed()


@pytest.mark.parametrize(
    "chunks", [b"5\r\nhelloXY", b"z\r\n", b"0\r\nBad Trailer\r\n\r\n", b"FFFFFFFFFFFFFFFFFF\r\n"]
)
def test_a_body_in_broken_chunks_is_400(server: RawHub, chunks: bytes) -> None:
    path = server.collection_url("us").removeprefix(server.url) + "objects/"
    fields = [f"Content-Type: {TAXII}", "Transfer-Encoding: chunked"]
    with server.peer() as peer:
        peer.send(*server.request_head("us-agency", path, *fields), body=chunks)
        answer = peer.answer()
    assert answer is not None
    assert (answer.status, answer.said["http_status"]) == (400, "400")


@pytest.mark.parametrize("framing", ["length", "chunks", "chunks of a byte", "empty frames"])
def test_a_body_that_is_too_long_is_413_without_being_kept(server: RawHub, framing: str) -> None:
    path = server.collection_url("us").removeprefix(server.url) + "objects/"
    megabyte = b"x" * 1_000_000
    field, body = {
        "length": ("Content-Length: 12000000", megabyte * 12),
        "chunks": ("Transfer-Encoding: chunked", b"f4240\r\n" + (megabyte + b"\r\nf4240\r\n") * 12),
        "chunks of a byte": ("Transfer-Encoding: chunked", b"1\r\nx\r\n" * 550_000),
        "empty frames": ("Transfer-Encoding: chunked", (b"1;" + b"e" * 8_000 + b"\r\nx\r\n") * 4_500),
    }[framing]
    with server.peer() as peer:
        peer.send(*server.request_head("us-agency", path, f"Content-Type: {TAXII}", field))
        peer.send_bytes(body)
        answer = peer.answer()
    # Who goes on sending may lose the answer with the connection; what is mostly frame takes too long.
    assert answer is None or answer.status in {408, 413}
    server.still_serves()


def test_a_body_of_one_byte_chunks_arrives_whole(server: RawHub) -> None:
    """It is refused for its signature, which is looked at when all has been read."""
    path = server.collection_url("us").removeprefix(server.url) + "objects/"
    body = orjson.dumps({"objects": [malware(2)]})
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    fields = [f"Content-Type: {TAXII}", "Transfer-Encoding: chunked"]
    with server.peer() as peer:
        peer.send(*server.request_head("us-agency", path, *fields), body=chunks)
        answer = peer.answer()
    assert answer is not None
    assert answer.status == 401


def test_a_peer_that_resets_its_connection_disturbs_nobody(server: RawHub) -> None:
    for data in (
        b"",
        b"GET /allied/ HT",
        b"POST /allied/collections/us/objects/ HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
    ):
        with server.peer() as peer:
            peer.send_bytes(data)
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    server.still_serves()
