"""A real hub behind a real nginx, as deploy/nginx.conf says, and peers that talk to it byte by byte."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from hub.actions.operation.initialise import initialise
from hub.app import new_service
from hub.settings import load
from tests import nginx
from tests.journeys.live import Live, _wait_until_ready
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port

TAXII = "application/taxii+json;version=2.1"
PROBLEM = "application/problem+json"
_TRIES = 10  # a busy machine makes slow peers of those that are none
_ESTABLISHED = "01"  # in /proc/net/tcp


@dataclass
class RawHub(Live):
    """A running hub of one worker, and where its log is."""

    log: Path = Path()
    port: int = 0

    def peer(self) -> Peer:
        return Peer(self.port)

    def holds(self, peer: Peer) -> bool:
        """Tell whether the server has not closed the connection yet; nothing is read from it."""
        ours, theirs = (f":{port:04X}" for port in (self.port, peer.port))
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(
            local.endswith(ours) and remote.endswith(theirs) and state == _ESTABLISHED
            for _, local, remote, state, *_ in lines
        )

    def still_serves(self) -> None:
        """Hold that a stranger's request is answered; nobody is that patient with a server that hangs."""
        assert 200 in (self._readiness() for _ in range(_TRIES))

    def _readiness(self) -> int | None:
        with self.peer() as peer:
            peer.send("GET /readyz HTTP/1.1", "Host: hub", "Connection: close")
            answer = peer.answer()
        return answer and answer.status

    def request_head(self, member: str, path: str, *more: str, method: str = "POST") -> list[str]:
        token = self.member(member).token
        return [f"{method} {path} HTTP/1.1", "Host: hub", f"Authorization: Bearer {token}", *more]


@dataclass
class RawAnswer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return orjson.loads(self.body)


class Peer:
    """One connection, used as no client library would."""

    def __init__(self, port: int, receive_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(("127.0.0.1", port))
        self.port = int(self.socket.getsockname()[1])
        self.read = bytearray()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()

    def send(self, *lines: str, body: bytes = b"") -> None:
        """Send a header, and with it a body."""
        self.send_bytes("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def send_bytes(self, data: bytes) -> bool:
        """Send bytes as they are; False when the server takes no more."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def send_end(self) -> None:
        """Say that no more is sent, and go on listening."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def answer(self) -> RawAnswer | None:
        """Return the next answer, or None when the server has closed without one."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(self.read) < length and self._more():
            pass
        body = bytes(self.read[:length])
        del self.read[:length]
        return RawAnswer(int(first.split(" ")[1]), headers, body)

    def remains(self) -> int:
        """Return how many bytes are still to be read until the server has closed."""
        count = len(self.read)
        while self._more():
            count = len(self.read)
        return count

    def is_closed(self) -> bool:
        """Wait until the server has closed; whatever it says before that is thrown away."""
        while self._more():
            self.read.clear()
        return True

    def _until(self, end: bytes) -> bytes | None:
        while end not in self.read:
            if not self._more():
                return None
        at = self.read.index(end) + len(end)
        taken = bytes(self.read[:at])
        del self.read[:at]
        return taken

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65_536)
        except (ConnectionError, TimeoutError):
            return False
        self.read += data
        return bool(data)


@dataclass
class Drip:
    """Peers that send one byte more each time they are asked."""

    peers: list[Peer]
    data: bytes
    sent: int = field(default=0)

    def drop(self) -> None:
        for peer in self.peers:
            peer.send_bytes(self.data[self.sent : self.sent + 1])
        self.sent += 1


@contextmanager
def proxied_hub(home: Path, **times: str) -> Iterator[RawHub]:
    """Give a running hub of one worker behind nginx with `times`; its log has no traceback afterwards."""
    port, socket_file, log = free_port(), home / "hub.sock", home / "server.log"
    url = f"http://127.0.0.1:{port}"
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HUB_")},
        "HUB_HOME": str(home),
        "HUB_DATABASE_URL": f"sqlite:///{home}/hub.db",
        "HUB_PUBLIC_URL": url,
    }
    service = new_service(load(environ))
    initialise(service)
    command = [sys.executable, "-m", "hub", "serve", "--bind", f"unix:{socket_file}", "--workers", "1"]
    site = nginx.shipped(port, f"unix:{socket_file}", **times)
    with log.open("wb") as out, nginx.running(home, site):
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=out, cwd=home)
        try:
            _wait_until_ready(url, process, log)
            yield RawHub(url, service, environ, process, log=log, port=port)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            service.store.close()
    said = log.read_text()
    assert "Traceback" not in said, said
    assert not socket_file.exists()
