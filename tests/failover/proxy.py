"""A connection to the database that is cut where a transaction that writes is committed."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Literal

_COMMIT = b"COMMIT\0"  # and not READ COMMITTED
_BEGIN, _READ_WRITE = b"BEGIN", b"READ WRITE"
_BYTES = 65_536

Cut = Literal["before it arrives", "when it has arrived", "before its answer"]


class CuttingProxy:
    """Passes on to a port of a PostgreSQL server."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cut: Cut | None = None
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, where: Cut) -> None:
        """Cut the connection on which the next transaction that writes is committed."""
        self._cut = where

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                _Session(self, client, server)

    def take(self) -> Cut | None:
        """Return where to cut, once."""
        where, self._cut = self._cut, None
        self.cuts += where is not None
        return where


class _Session:
    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._writes = self._is_deaf = False
        for target in (self._to_server, self._to_client):
            threading.Thread(target=target, daemon=True).start()

    def _to_server(self) -> None:
        with suppress(OSError):
            while data := self._client.recv(_BYTES):
                if _BEGIN in data:
                    self._writes = _READ_WRITE in data
                where = self._proxy.take() if self._writes and _COMMIT in data else None
                if where == "before it arrives":
                    break
                self._is_deaf = where is not None
                self._server.sendall(data)
                if where == "when it has arrived":
                    self._client.shutdown(socket.SHUT_RDWR)
                    return
        self._close()

    def _to_client(self) -> None:
        with suppress(OSError):
            while data := self._server.recv(_BYTES):
                if self._is_deaf:  # COMMIT is answered: it was done
                    break
                self._client.sendall(data)
        self._close()

    def _close(self) -> None:
        for one in (self._client, self._server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
