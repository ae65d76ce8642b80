"""The client of `scripts/bench` follows pages as any server writes them, and counts the bytes on the wire."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from scripts.benchmarks.speed.client import Job, get, post, run

FIRST = b'{"more":true,"next":"a+b=","objects":[1]}'
SECOND = b'{"objects": [2], "more": true}'
LAST = b'{"objects": [3]}'


class Pages(BaseHTTPRequestHandler):
    """Three pages: in gzip and chunks with `next`; plain with a date; the last one."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if "added_after" in asked:
            self._answer(LAST)
        elif asked.get("next") == ["a+b="]:
            self._answer(SECOND, {"X-TAXII-Date-Added-Last": "2026-01-01T00:00:00Z"})
        elif self.headers["Accept-Encoding"] == "gzip":
            coded = gzip.compress(FIRST)
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            for part in (coded[:10], coded[10:], b""):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        else:
            self._answer(FIRST)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(body, status=202 if body == b"{}" else 422)

    def _answer(self, body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield "127.0.0.1", server.server_port
        finally:
            server.shutdown()


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_walk_follows_next_else_the_date_to_the_last_page(address: tuple[str, int], coding: str) -> None:
    first = get("/objects/?limit=1", {"Host": "x", "Accept-Encoding": coding})
    result = run(Job(address, [[first]], is_walk=True, keeps=True))
    assert [answer.decoded() for answer in result.answers] == [FIRST, SECOND, LAST]
    assert [answer.is_gzip for answer in result.answers] == [coding == "gzip", False, False]
    assert (result.count, result.pages, len(result.latencies)) == (1, 3, 3)
    assert result.received > sum(len(answer.body) for answer in result.answers)
    assert [answer.target for answer in result.answers[1:]] == [
        "/objects/?limit=1&next=a%2Bb%3D",
        "/objects/?limit=1&added_after=2026-01-01T00:00:00Z",
    ]


def test_a_bound_of_pages_ends_a_walk(address: tuple[str, int]) -> None:
    result = run(Job(address, [[get("/objects/", {"Host": "x"})]], is_walk=True, pages=2))
    assert (result.pages, result.answers) == (2, [])


def test_connections_go_through_their_requests_and_a_wrong_status_is_told(address: tuple[str, int]) -> None:
    accepted, refused = (post("/objects/", {"Host": "x"}, body) for body in (b"{}", b"[]"))
    result = run(Job(address, [[accepted] * 3, [accepted]], statuses=(202,)))
    assert (result.count, result.wrong) == (4, "")
    assert result.sent == 4 * len(accepted)
    assert run(Job(address, [[refused]], statuses=(202,))).wrong.startswith("422 to /objects/")
