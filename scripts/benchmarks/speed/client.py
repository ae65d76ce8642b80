"""A client that costs little: raw sockets that stay open, requests made beforehand, a process of its own.

One process handles all connections of a job without threads. It reads an answer's length and its bytes, and
parses no JSON; of a page it reads `next`.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
import urllib.parse
import zlib
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Final

_TIMEOUT_SECONDS: Final = 600
_SEEN_SECONDS: Final = 30
_CHUNK: Final = 1 << 18
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CHUNKED: Final = re.compile(rb"(?i)\r\ntransfer-encoding: *chunked")
_GZIP: Final = re.compile(rb"(?i)\r\ncontent-encoding: *gzip")
_LAST_DATE: Final = re.compile(rb"(?i)\r\nx-taxii-date-added-last: *([^\r]+)")
_NEXT: Final = re.compile(rb'"next": ?"([^"]+)"')
_MORE: Final = re.compile(rb'"more": ?true')
_ENDS: Final = 4_096  # `next` is looked for in so many bytes at the beginning and at the end of a page


@dataclass(frozen=True)
class WireAnswer:
    """An answer as received, headers as one block of bytes; `target` is the request's path and query."""

    target: str
    status: int
    head: bytes
    body: bytes

    @property
    def is_gzip(self) -> bool:
        return bool(_GZIP.search(self.head))

    def decoded(self) -> bytes:
        return zlib.decompress(self.body, wbits=31) if self.is_gzip else self.body


@dataclass(frozen=True)
class Job:
    """Requests for one server.

    `connections` holds the requests of each connection, sent one after another; with `seconds` they are
    repeated until this time is over. `is_walk`: each request is the first of a walk through pages, and `next`
    is followed for at most `pages` pages. `keeps`: the answers are part of the result. `statuses` are right.
    """

    address: tuple[str, int]
    connections: Sequence[Sequence[bytes]]
    seconds: float | None = None
    is_walk: bool = False
    pages: int = 1 << 30
    keeps: bool = False
    statuses: Sequence[int] = (200,)
    patience: float = _TIMEOUT_SECONDS  # no further request is sent after so many seconds


@dataclass
class JobResult:
    """The measures of a job; `latencies` are seconds by request, `cpu` is the client's own, in seconds."""

    count: int = 0  # answers, or walks
    pages: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    received: int = 0
    sent: int = 0
    latencies: list[float] = field(default_factory=list)
    answers: list[WireAnswer] = field(default_factory=list)
    wrong: str = ""  # the first answer with another status


def get(target: str, headers: dict[str, str]) -> bytes:
    """Return a GET as bytes for the wire."""
    return _request("GET", target, headers, b"")


def post(target: str, headers: dict[str, str], body: bytes) -> bytes:
    """Return a POST as bytes for the wire."""
    return _request("POST", target, {**headers, "Content-Length": str(len(body))}, body)


def _request(method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + _HEAD_END + body


Exchange = Generator[bytes, WireAnswer, None]


class _Connection:
    """A socket with the exchange that it carries: one request at a time."""

    def __init__(self, job: Job, exchange: Exchange, result: JobResult) -> None:
        self.job, self.exchange, self.result = job, exchange, result
        self.socket = socket.create_connection(job.address, _TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.wanted = 0  # bytes of the whole answer; 0: not known yet
        self.head = b""
        self.target = ""
        self.began = 0.0
        self.is_over = not self._send(next(exchange, None))

    def _send(self, request: bytes | None) -> bool:
        if request is None:
            self.socket.close()
            return False
        self.target = request[: request.index(b"\r\n")].split(b" ")[1].decode()
        self.buffer.clear()
        self.wanted, self.head, self.began = 0, b"", time.perf_counter()
        self.socket.sendall(request)
        self.result.sent += len(request)
        return True

    def receive(self) -> None:
        """Take in what has arrived; go on with the exchange after the end of an answer."""
        data = self.socket.recv(_CHUNK)
        if not data:
            raise ConnectionError(f"the server closed the connection during {self.target}")
        self.buffer += data
        if not self.head and (end := self.buffer.find(_HEAD_END)) >= 0:
            self.head = bytes(self.buffer[:end])
            length = _LENGTH.search(self.head)
            self.wanted = end + 4 + int(length[1]) if length else -1
        if self.head and self._is_whole():
            self.result.latencies.append(time.perf_counter() - self.began)
            self.result.received += len(self.buffer)
            answer = self._answer()
            if answer.status not in self.job.statuses and not self.result.wrong:
                self.result.wrong = f"{answer.status} to {self.target}: {answer.decoded()[:300]!r}"
            try:
                self.is_over = not self._send(self.exchange.send(answer))
            except StopIteration:
                self.is_over = not self._send(None)

    def _is_whole(self) -> bool:
        if self.wanted >= 0:
            return len(self.buffer) >= self.wanted
        if not _CHUNKED.search(self.head):  # no content, as of a 204
            return True
        return self.buffer.endswith(b"\r\n0\r\n\r\n")

    def _answer(self) -> WireAnswer:
        body = bytes(self.buffer[len(self.head) + 4 :])
        if self.wanted < 0:
            body = _joined(body)
        return WireAnswer(self.target, int(self.head[9:12]), self.head, body)


def _joined(chunks: bytes) -> bytes:
    """Return the content of a chunked body (RFC 9112 section 7.1)."""
    found, at = [], 0
    while chunks:
        end = chunks.index(b"\r\n", at)
        size = int(chunks[at:end].split(b";")[0], 16)
        if not size:
            break
        found.append(chunks[end + 2 : end + 2 + size])
        at = end + 4 + size
    return b"".join(found)


def run(job: Job) -> JobResult:
    """Do the job in this process, and return its measures."""
    result = JobResult()
    began, cpu = time.perf_counter(), time.process_time()
    with selectors.DefaultSelector() as selector:
        for requests in job.connections:
            connection = _Connection(job, _exchange(job, requests, result, began), result)
            if not connection.is_over:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
        while selector.get_map():
            ready = selector.select(_TIMEOUT_SECONDS)
            if not ready:
                raise TimeoutError(f"no answer within {_TIMEOUT_SECONDS} s")
            for key, _ in ready:
                key.data.receive()
                if key.data.is_over:
                    selector.unregister(key.fileobj)
    result.seconds, result.cpu = time.perf_counter() - began, time.process_time() - cpu
    return result


def _exchange(job: Job, requests: Sequence[bytes], result: JobResult, began: float) -> Exchange:
    while True:
        for request in requests:
            if time.perf_counter() - began > job.patience:
                return
            if job.is_walk:
                yield from _walk(job, request, result)
            else:
                answer = yield request
                if job.keeps:
                    result.answers.append(answer)
            result.count += 1
            if job.seconds is not None and time.perf_counter() - began >= job.seconds:
                return
        if job.seconds is None:
            return


def _walk(job: Job, first: bytes, result: JobResult) -> Exchange:
    request = first
    for _ in range(job.pages):
        answer = yield request
        result.pages += 1
        if job.keeps:
            result.answers.append(answer)
        following = _following(first, answer)
        if following is None:
            return
        request = following


def _following(first: bytes, answer: WireAnswer) -> bytes | None:
    """Return the request of the next page, by `next`, else by the date of the last object."""
    begin, end = answer.body[:_ENDS], b""
    if answer.is_gzip:
        begin = zlib.decompressobj(wbits=31).decompress(answer.body[:_ENDS], _ENDS)
    else:
        end = answer.body[-_ENDS:]
    cursor = _NEXT.search(begin) or _NEXT.search(end)
    if cursor is not None:
        return _with(first, b"next=" + urllib.parse.quote(cursor[1].decode(), safe="").encode())
    date = _LAST_DATE.search(answer.head)
    if date is not None and (_MORE.search(begin) or _MORE.search(end)):
        return _with(first, b"added_after=" + date[1])
    return None


def _with(request: bytes, parameter: bytes) -> bytes:
    target = request.split(b" ", 2)[1]
    joined = target + (b"&" if b"?" in target else b"?") + parameter
    return request.replace(target, joined, 1)


# --- until an object is visible -------------------------------------------------------------------


@dataclass(frozen=True)
class Watch:
    """A POST, a poll of another reader, and the id that this poll shows once the object is visible."""

    address: tuple[str, int]
    submission: bytes
    poll: bytes
    id: bytes


def watch(watches: Sequence[Watch]) -> list[tuple[float, float, int]]:
    """For each: send the POST, and poll after its answer until the id is there.

    Return seconds until the answer, seconds until the object was seen, and the number of polls.
    """
    found = []
    for one in watches:
        began = time.perf_counter()
        pushed = run(Job(one.address, [[one.submission]], statuses=(202,)))
        if pushed.wrong:
            raise RuntimeError(pushed.wrong)
        answered = time.perf_counter() - began
        polls = 0
        while True:
            polls += 1
            seen = run(Job(one.address, [[one.poll]], keeps=True))
            if one.id in seen.answers[0].decoded():
                break
            if time.perf_counter() - began > _SEEN_SECONDS:
                raise TimeoutError("the object did not become visible")
        found.append((answered, time.perf_counter() - began, polls))
    return found


class ClientProcesses:
    """Two processes for jobs, started once and without the code of any server."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(2, mp_context=get_context("spawn"))

    def run(self, job: Job) -> JobResult:
        """Do the job in another process. Raises RuntimeError for an answer with a wrong status."""
        return self.result(self.start(job))

    def start(self, job: Job) -> Future[JobResult]:
        return self._pool.submit(run, job)

    def result(self, future: Future[JobResult]) -> JobResult:
        result = future.result()
        if result.wrong:
            raise RuntimeError(result.wrong)
        return result

    def watch(self, watches: Sequence[Watch]) -> list[tuple[float, float, int]]:
        return self._pool.submit(watch, watches).result()

    def close(self) -> None:
        self._pool.shutdown()
