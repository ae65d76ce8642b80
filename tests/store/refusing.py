"""A server of PostgreSQL's protocol that lets nobody in, for any reason, in any language."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SSL, _GSS = 80877103, 80877104


@contextmanager
def refusing(severity: str, sqlstate: str, message: str) -> Iterator[int]:
    """Give the port of a server on loopback that answers whoever connects with this error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answer = _error(severity, sqlstate, message)
        thread = threading.Thread(target=_serve, args=(listener, answer), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _error(severity: str, sqlstate: str, message: str) -> bytes:
    fields = [("S", severity), ("V", "FATAL"), ("C", sqlstate), ("M", message)]
    body = b"".join(kind.encode() + text.encode() + b"\0" for kind, text in fields) + b"\0"
    return b"E" + struct.pack("!I", len(body) + 4) + body


def _serve(listener: socket.socket, answer: bytes) -> None:
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        with peer:
            while (code := _startup(peer)) in {_SSL, _GSS}:
                peer.sendall(b"N")
            if code is not None:
                peer.sendall(answer)


def _startup(peer: socket.socket) -> int | None:
    head = peer.recv(8, socket.MSG_WAITALL)
    if len(head) < 8:
        return None
    size, code = struct.unpack("!II", head)
    peer.recv(size - 8, socket.MSG_WAITALL)
    return int(code)
