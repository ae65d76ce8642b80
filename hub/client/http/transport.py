"""One request on its way and its answer, both bounded: in time as a whole, and in bytes once inflated.

`requests` bounds neither: its time-out begins again with each byte, and it inflates whatever it is given.
"""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from hub.client.errors import ClientError

# Alone what is inflated below, within bounds: what else urllib3 could inflate is not asked for.
ACCEPTED_ENCODING: Final = "gzip"
_IDENTITY: Final = ("", "identity")
_GZIP: Final = ("gzip", "x-gzip")
_CHUNK_BYTES: Final = 65_536
_ONLY_GZIP: Final = zlib.MAX_WBITS | 16


class BrokenOff(Exception):
    """An answer ended before its end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its whole body, inflated."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes


class Transport:
    """A session whose requests, with their answers, end within some seconds. For one thread at a time."""

    def __init__(self, auth: requests.auth.AuthBase, seconds: float) -> None:
        self._seconds = seconds
        self._socket: socket.socket | None = None  # of the connection that was opened last: it is in use
        self.is_late = False
        self.is_asked = False  # whatever the request asks for may have been done
        self._session = requests.Session()
        self._session.auth = auth
        self._session.headers["Accept-Encoding"] = ACCEPTED_ENCODING
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Watched(self._opened, self._asked))

    def close(self) -> None:
        self._session.close()

    def send(
        self, request: requests.Request, timeouts: tuple[float, float], ca: str | None, most_bytes: int
    ) -> Answer:
        """Return the answer to one attempt; redirects are not followed.

        Prepared anew each time: a second attempt carries its own nonce and is no replay. Raises ClientError
        for an answer beyond `most_bytes`, BrokenOff, and what requests, urllib3 and sockets raise;
        `is_late` then tells whether that came of the time that was up, `is_asked` whether any of it was sent.
        """
        self.is_asked = False
        prepared = self._session.prepare_request(request)
        ambient = self._session.merge_environment_settings(prepared.url, {}, None, ca, None)
        with self._in_time():
            response = self._session.send(
                prepared, timeout=timeouts, allow_redirects=False, **(ambient | {"stream": True})
            )
            with response:
                body = b"".join(_body(response, most_bytes))
        if self.is_late:  # a body that ends with the connection would seem to be whole
            raise BrokenOff
        return Answer(str(response.url), response.status_code, response.headers, body)

    def _opened(self, connection: socket.socket | None) -> None:
        self._socket = connection

    def _asked(self) -> None:
        self.is_asked = True

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        self.is_late = False
        timer = threading.Timer(self._seconds, self._hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _hang_up(self) -> None:
        self.is_late = True
        if isinstance(self._socket, socket.socket):
            with suppress(OSError):
                # Not SSLSocket's own: it takes the session away from whoever is reading.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Watched(HTTPAdapter):
    """An adapter that tells of each socket that it opens, also to a proxy, and when a request goes out."""

    def __init__(self, opened: Callable[[socket.socket | None], None], asked: Callable[[], None]) -> None:
        self._pools = {
            "http": _telling(HTTPConnectionPool, opened, asked),
            "https": _telling(HTTPSConnectionPool, opened, asked),
        }
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _telling(
    pool: type[HTTPConnectionPool], opened: Callable[[socket.socket | None], None], asked: Callable[[], None]
) -> type:
    """Return a class of pools whose connections tell their socket once they are connected.

    And when they send a request: one to a proxy, for a way to the hub, is none.
    """
    plain: Any = pool.ConnectionCls

    def connect(self: Any) -> None:
        plain.connect(self)
        opened(self.sock)

    def endheaders(self: Any, *arguments: Any, **options: Any) -> None:
        if self.sock is None:  # here, for else it would only be known afterwards whether it connected
            self.connect()
        asked()
        plain.endheaders(self, *arguments, **options)

    connection = type("_TellingConnection", (plain,), {"connect": connect, "endheaders": endheaders})
    return type("_TellingPool", (pool,), {"ConnectionCls": connection})


def _body(response: requests.Response, most_bytes: int) -> Iterator[bytes]:
    """Yield what the answer holds, inflated. Raises ClientError beyond `most_bytes`."""
    left = most_bytes
    for part in _inflated(response, _encoding(response)):
        left -= len(part)
        if left < 0:
            raise ClientError(
                f"the answer of {response.url} is larger than {most_bytes} bytes and was cut off: "
                "no hub sends so much at once; its operator should look"
            )
        yield part


def _encoding(response: requests.Response) -> str:
    encoding: str = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in (*_IDENTITY, *_GZIP):
        raise ClientError(
            f"{response.url} compresses its answer as {encoding}, which was not asked for: "
            "the hub's operator, or whoever runs a proxy in between, should look"
        )
    return encoding


def _inflated(response: requests.Response, encoding: str) -> Iterator[bytes]:
    chunks = _chunks(response)
    if encoding in _IDENTITY:
        yield from chunks
        return
    inflator = zlib.decompressobj(_ONLY_GZIP)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if inflator.eof:  # RFC 1952 section 2.2: one member after the other
                    inflator = zlib.decompressobj(_ONLY_GZIP)
                yield inflator.decompress(rest, _CHUNK_BYTES)
                rest = inflator.unconsumed_tail or inflator.unused_data
    except zlib.error as error:
        raise ClientError(f"the answer of {response.url} is not gzip as it says: {error}") from error
    if not inflator.eof:
        raise BrokenOff


def _chunks(response: requests.Response) -> Iterator[bytes]:
    # `read`, not `stream`: http.client bounds the lines between the chunks of a body, urllib3 does not.
    while chunk := response.raw.read(_CHUNK_BYTES, decode_content=False):
        yield chunk
