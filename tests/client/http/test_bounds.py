"""A hub that sends without an end, or what inflates: cut off with one sentence, never held in memory."""

from __future__ import annotations

import gzip
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import orjson
import pytest

from hub.client import ClientError, Hub, HubAuth
from hub.client.http import connection
from hub.client.http.connection import Connection, Patience
from tests.client.loopback import KR, TOKEN, Loopback, date, indicator

MEGABYTE = 1_048_576
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"
Send = Callable[[socket.socket], None]


@contextmanager
def answering(send: Send) -> Iterator[str]:
    """A server that reads a request's first bytes and then does what `send` does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                taken, _ = listening.accept()
                with taken, suppress(OSError):
                    taken.recv(65_536)
                    send(taken)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(20)
        assert not thread.is_alive(), "the client has not hung up"


def endless(head: bytes, part: bytes) -> Send:
    def send(to: socket.socket) -> None:
        to.sendall(head)
        while True:
            to.sendall(part)

    return send


def whole(head: bytes, body: bytes) -> Send:
    return lambda to: to.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def dripping(head: bytes, done: threading.Event) -> Send:
    def send(to: socket.socket) -> None:
        to.sendall(head)
        while not done.wait(0.02):
            to.sendall(b"x")

    return send


def ask(url: str, patience: Patience | None = None) -> str:
    """How a GET ends."""
    asking = Connection(HubAuth(TOKEN), patience=patience or Patience())
    with pytest.raises(ClientError) as raised:
        asking.get(url)
    asking.close()
    return str(raised.value)


ZEROS = bytes(64 * MEGABYTE)
LARGER = f"is larger than {connection.ANSWER_BYTES} bytes and was cut off"


@pytest.mark.parametrize(
    ("send", "sentence"),
    [
        (endless(OK + b"Content-Length: 99999999999\r\n\r\n", b"x" * 65_536), LARGER),
        (endless(OK + b"\r\n", b"x" * 65_536), LARGER),  # until the connection ends
        (endless(CHUNKED + b"\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n"), LARGER),
        (whole(OK + b"Content-Encoding: gzip\r\n", gzip.compress(ZEROS)), LARGER),
        (whole(OK + b"Content-Encoding: gzip\r\n", gzip.compress(b"{}") + gzip.compress(ZEROS)), LARGER),
        (whole(OK + b"Content-Encoding: br\r\n", b"x"), "its answer as br, which was not asked for"),
        (whole(OK + b"Content-Encoding: gzip, gzip\r\n", b"x"), "as gzip, gzip, which was not asked for"),
        (whole(OK + b"Content-Encoding: deflate\r\n", zlib.compress(ZEROS)), "as deflate, which"),
        (whole(OK + b"Content-Encoding: gzip\r\n", b"{}"), "is not gzip as it says"),
        (whole(OK + b"Content-Encoding: gzip\r\n", gzip.compress(b"{}")[:-4]), "before its answer was whole"),
        (whole(OK, b'{"a":' * 100_000), "did not answer with a JSON object"),
        (endless(OK, b"x: y\r\n"), "does not speak HTTP"),  # headers
        (endless(OK, b"x"), "does not speak HTTP"),  # one header
        (endless(CHUNKED + b"\r\n", b"1"), "does not speak HTTP"),  # the length of a chunk
        (whole(b"SSH-2.0-OpenSSH\r\n", b""), "does not speak HTTP: check the port"),
        (whole(b"\x15\x03\x01\x00\x02\x02\x46", b""), "speaks TLS: write https://"),
    ],
    ids=[
        "length", "no length", "chunks", "gzip", "members", "br", "twice", "deflate", "no gzip", "torn gzip",
        "depth", "headers", "a header", "a chunk's length", "ssh", "tls",
    ],
)  # fmt: skip
def test_an_answer_beyond_bounds_is_cut_off(send: Send, sentence: str) -> None:
    with answering(send) as url:
        tracemalloc.start()
        assert sentence in ask(url)
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert held < 4 * connection.ANSWER_BYTES


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\n", OK + b"\r\n", OK + b"Content-Length: 9999\r\n\r\n"],
    ids=["head", "body", "told"],
)
def test_an_answer_that_drips_is_cut_off(head: bytes) -> None:
    done = threading.Event()
    with answering(dripping(head, done)) as url:
        assert "was not whole after 0.5 s and was cut off" in ask(url, Patience(silence=10, whole=0.5))
        done.set()


def test_a_refusal_of_any_length_is_a_short_sentence(server: Loopback) -> None:
    server.fail("/taxii2/", (400, {}, {"title": "x" * MEGABYTE, "detail": ["y"]}))
    with Hub(server.url, TOKEN) as hub, pytest.raises(ClientError) as raised:
        hub.collections()
    assert len(str(raised.value)) < 2_100


def test_a_page_may_be_larger_than_other_answers(server: Loopback) -> None:
    server.objects = [indicator(1, pattern="x" * (connection.ANSWER_BYTES + 1))]
    with Hub(server.url, TOKEN) as hub:
        assert list(hub.poll("kr")) == server.objects


def test_a_page_in_gzip_is_read(server: Loopback) -> None:
    headers = {"Content-Encoding": "gzip", "X-TAXII-Date-Added-Last": date(1)}
    body = gzip.compress(orjson.dumps({"objects": [indicator(1)]}))
    server.fail("/objects/", (200, headers, body))
    with Hub(server.url, TOKEN) as hub:
        assert list(hub.poll("kr")) == [indicator(1)]
    assert {seen.headers["Accept-Encoding"] for seen in server.seen} == {"gzip"}


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ({"objects": {}}, "`objects` is an object, not a list"),
        ({"objects": [1]}, r"`objects\[0\]` is a number, not an object"),
        ({"more": "yes"}, "`more` is a text, not true or false"),
        ({"more": True, "next": 5, "objects": [{}]}, "`next` is a number, not a text"),
        ({"objects": [orjson.Fragment(b'{"a":' * 300 + b"1" + b"}" * 300)]}, "cannot be written as JSON"),
    ],
)
def test_a_page_of_another_shape_is_one_sentence(server: Loopback, page: object, sentence: str) -> None:
    server.answers["GET", f"/allied/collections/{KR}/objects/"] = page

    class Nowhere:
        def append(self, lines: bytes) -> None:
            pass

    server.fail("/objects/", (200, {"X-TAXII-Date-Added-Last": date(1)}, page))
    with (
        Hub(server.url, TOKEN) as hub,
        hub.incremental("kr", Nowhere()) as incremental,
        pytest.raises(ClientError, match=sentence),
    ):
        incremental.once()


def test_a_date_that_is_none_is_not_kept(server: Loopback) -> None:
    server.fail("/objects/", (200, {"X-TAXII-Date-Added-Last": "\x1b[2J"}, {"objects": [{}]}))
    with Hub(server.url, TOKEN) as hub, pytest.raises(ClientError, match="is no timestamp"):
        list(hub.poll("kr"))
