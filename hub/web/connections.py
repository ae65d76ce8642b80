"""A gunicorn worker that gives every peer a bounded time: none holds a thread for ever.

gunicorn's threads wait on the socket for header, body and the reader of an answer, each without limit. The
proxy in front (deploy/nginx.conf) keeps slow peers away from the threads altogether; these bounds hold also
where there is none. Whoever is too slow is answered 408, or cut off where no answer is possible.
"""

from __future__ import annotations

import errno
import math
import re
import socket
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Final, NoReturn
from urllib.parse import unquote

from gunicorn.http import errors
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

from hub.errors import Refused, RequestTimeout, Unavailable
from hub.web.taxii import problems

_LOAD_PAUSE_SECONDS: Final = 1.0
_MAX_REQUEST_LINE_BYTES: Final = 8_192
_TARGET: Final = re.compile(rb"[!-~]{1,20} ([!-~]+)")
# Everything else that gunicorn's parser raises for what it reads is 400; its 501 would be a fault of ours.
_STATUSES: Final = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}
_OURS: Final = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long one peer may take: for a body or an answer of n bytes, grace and n / bytes_per_second."""

    header_seconds: float = 15.0  # from the first byte to the end of the header
    grace_seconds: float = 30.0
    bytes_per_second: int = 16_384
    stall_seconds: float = 30.0  # without a single byte

    def seconds(self, count: int) -> float:
        """Return how long `count` bytes may take."""
        return self.grace_seconds + count / self.bytes_per_second


class Peer(socket.socket):
    """A connection whose peer has bounded time for each request, and for taking each part of an answer."""

    def __init__(self, accepted: socket.socket, bounds: Bounds) -> None:
        super().__init__(fileno=accepted.detach())
        self._bounds = bounds
        self.begin()

    def begin(self) -> None:
        """Let the time of another request begin."""
        self.is_late = False
        self._answering_since: float | None = None
        self._answered = 0
        self._request: Any = None
        self._began = time.monotonic()
        self._count = 0
        self._line = b""

    def expect_body(self, request: Any) -> None:
        """Let the time of the request's body begin."""
        self._request = request
        self._began = time.monotonic()
        self._count = 0

    @property
    def target(self) -> str:
        """The request target, as far as it can be read; else empty."""
        found = _TARGET.match(self._line)
        return found[1].decode("ascii") if found else ""

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return what has come. Raises RequestTimeout when the peer is too slow, and from then on."""
        is_header = self._request is None
        allowed = self._bounds.header_seconds if is_header else self._bounds.seconds(self._count)
        try:
            self._wait_until(self._began + allowed)
            data = super().recv(size, flags)
        except TimeoutError:
            self._give_up()
        self._count += len(data)
        if is_header:
            self._line = (self._line + data)[:_MAX_REQUEST_LINE_BYTES]
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of it. Raises BrokenPipeError when the peer takes too long to read the answer so far.

        An answer comes in parts: its time begins with the first of them, and there is one grace for all.
        """
        rest = memoryview(data)
        if self._answering_since is None:
            self._answering_since = time.monotonic()
        self._answered += len(rest)
        deadline = self._answering_since + self._bounds.seconds(self._answered)
        try:
            while rest:
                self._wait_until(deadline)
                rest = rest[self.send(rest, flags) :]
        except TimeoutError:
            self.is_late = True
            raise BrokenPipeError(errno.EPIPE, "the peer does not read") from None

    def _wait_until(self, deadline: float) -> None:
        """Let the next operation wait for the peer, no longer than it may; TimeoutError when it may not."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(min(self._bounds.stall_seconds, left))

    def _give_up(self) -> NoReturn:
        self.is_late, self._began = True, -math.inf  # there is no second chance
        if self._request is not None:
            self._request.force_close()  # nobody knows where a next request would begin
        raise RequestTimeout("the request did not arrive in time: send it again")


class PatientWorker(ThreadWorker):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn's threaded worker, with `bounds` on every peer, and the hub's words for what it refuses."""

    bounds: ClassVar[Bounds] = Bounds()

    def load_wsgi(self) -> None:
        """Load the application, however long the database is away: the other workers may be serving."""
        while self.alive:
            self.notify()
            try:
                super().load_wsgi()
            except Unavailable as error:
                self.log.warning("Worker %s waits to begin: %s", self.pid, error.in_full)
                time.sleep(_LOAD_PAUSE_SECONDS)
            else:
                return

    def handle(self, conn: TConn) -> Any:
        """Serve one request of a connection, in a thread; one that has sent nothing yet waits without one."""
        if not conn.initialized and not conn.wait_for_data(0):
            return _DEFER
        if not isinstance(conn.sock, Peer):
            conn.sock = Peer(conn.sock, self.bounds)
        conn.sock.begin()
        return super().handle(conn)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Serve a request whose header is there. The connection of a late peer is not used again."""
        conn.sock.expect_body(req)
        is_kept = bool(super().handle_request(req, conn))
        return is_kept and not conn.sock.is_late

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Tell whether the connection may be used again, what is left of the body thrown away.

        The request is answered: a rest that is late or broken closes the connection without a second answer.
        """
        try:
            return bool(super()._keepalive_after(conn, keepalive))
        except (RequestTimeout, errors.ParseException):
            return False

    def handle_error(self, _req: Any, client: Peer, addr: Any, exc: Exception) -> None:
        """Answer a request that never reached the application, in the form that its address speaks."""
        status = _status(exc)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.exception("Error handling request %s", client.target)
        else:
            self.log.warning("Invalid request from %s: %s", addr, type(exc).__name__)
        path = unquote(client.target.partition("?")[0], "latin-1")
        response = problems.unheard(self.wsgi, path, status)
        head = [f"HTTP/1.1 {status.value} {status.phrase}", "Connection: close"]
        lines = [*head, *(f"{name}: {value}" for name, value in response.headers)]
        try:
            client.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + response.data)
        except OSError:
            self.log.debug("The peer is gone")


def _status(error: Exception) -> HTTPStatus:
    if isinstance(error, Refused):
        return HTTPStatus(error.status)
    if isinstance(error, errors.ParseException) and not isinstance(error, _OURS):
        return _STATUSES.get(type(error), HTTPStatus.BAD_REQUEST)
    return HTTPStatus.INTERNAL_SERVER_ERROR
