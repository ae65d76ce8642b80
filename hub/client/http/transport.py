"""One request and its answer, with two bounds: total time, and bytes after decompression.

`requests` bounds neither. Its time-out starts again with each byte, and it decompresses any amount.
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

# Only gzip is requested: `_inflated` bounds it. urllib3's other decoders have no bound.
ACCEPTED_ENCODING: Final = "gzip"
_IDENTITY: Final = ("", "identity")
_GZIP: Final = ("gzip", "x-gzip")
_CHUNK_BYTES: Final = 65_536
_ONLY_GZIP: Final = zlib.MAX_WBITS | 16


class BrokenOff(Exception):
    """An answer ended before its end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its whole body, decompressed."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes


class Transport:
    """A session that ends each request and answer within `seconds`. For one thread at a time."""

    def __init__(self, auth: requests.auth.AuthBase, seconds: float) -> None:
        self._seconds = seconds
        self._socket: socket.socket | None = None  # of the latest connection, which is the one in use
        self.is_timed_out = False
        self.is_sent = False  # the hub may have carried the request out
        self._session = requests.Session()
        self._session.auth = auth
        self._session.headers["Accept-Encoding"] = ACCEPTED_ENCODING
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _ReportingAdapter(self._on_opened, self._on_sent))

    def close(self) -> None:
        self._session.close()

    def send(
        self, request: requests.Request, timeouts: tuple[float, float], ca: str | None, most_bytes: int
    ) -> Answer:
        """Return the answer to one attempt; redirects are not followed.

        Each attempt is prepared anew: a second attempt has another nonce and is no replay. Raises ClientError
        for an answer beyond `most_bytes`, BrokenOff, and errors of requests, urllib3 and sockets. Afterwards
        `is_timed_out` says whether the time limit was the reason, `is_sent` whether the request was begun.
        """
        self.is_sent = False
        prepared = self._session.prepare_request(request)
        ambient = self._session.merge_environment_settings(prepared.url, {}, None, ca, None)
        with self._time_limit():
            # INVARIANT: no redirect is followed. Token and signature go to one address.
            response = self._session.send(
                prepared, timeout=timeouts, allow_redirects=False, **(ambient | {"stream": True})
            )
            with response:
                body = b"".join(_body(response, most_bytes))
        if self.is_timed_out:  # cut off: a body without a length would seem whole
            raise BrokenOff
        return Answer(str(response.url), response.status_code, response.headers, body)

    def _on_opened(self, connection: socket.socket | None) -> None:
        self._socket = connection

    def _on_sent(self) -> None:
        self.is_sent = True

    @contextmanager
    def _time_limit(self) -> Iterator[None]:
        self.is_timed_out = False
        timer = threading.Timer(self._seconds, self._shut_down)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _shut_down(self) -> None:
        self.is_timed_out = True
        if isinstance(self._socket, socket.socket):
            with suppress(OSError):
                # Not SSLSocket.shutdown: it takes the TLS session away from the reading thread.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _ReportingAdapter(HTTPAdapter):
    """An adapter that reports each opened socket, also to a proxy, and the start of each request."""

    def __init__(
        self, on_opened: Callable[[socket.socket | None], None], on_sent: Callable[[], None]
    ) -> None:
        self._pools = {
            "http": _reporting_pool(HTTPConnectionPool, on_opened, on_sent),
            "https": _reporting_pool(HTTPSConnectionPool, on_opened, on_sent),
        }
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _reporting_pool(
    pool: type[HTTPConnectionPool],
    on_opened: Callable[[socket.socket | None], None],
    on_sent: Callable[[], None],
) -> type:
    """Return a class of connection pools that report each socket after connecting.

    The start of each request is reported, too. A CONNECT request to a proxy does not count.
    """
    plain: Any = pool.ConnectionCls

    def connect(self: Any) -> None:
        plain.connect(self)
        on_opened(self.sock)

    def endheaders(self: Any, *arguments: Any, **options: Any) -> None:
        if self.sock is None:  # connect first: otherwise a failed connection would look like a sent request
            self.connect()
        on_sent()
        plain.endheaders(self, *arguments, **options)

    connection = type("_ReportingConnection", (plain,), {"connect": connect, "endheaders": endheaders})
    return type("_ReportingPool", (pool,), {"ConnectionCls": connection})


def _body(response: requests.Response, most_bytes: int) -> Iterator[bytes]:
    """Yield the answer's body, decompressed. Raises ClientError beyond `most_bytes`."""
    left = most_bytes
    # INVARIANT: counted piece by piece, so a small answer cannot fill the memory.
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
                if inflator.eof:  # RFC 1952 section 2.2: members follow each other
                    inflator = zlib.decompressobj(_ONLY_GZIP)
                yield inflator.decompress(rest, _CHUNK_BYTES)
                rest = inflator.unconsumed_tail or inflator.unused_data
    except zlib.error as error:
        raise ClientError(f"the answer of {response.url} is not gzip as it says: {error}") from error
    if not inflator.eof:  # the stream ended inside a gzip member
        raise BrokenOff


def _chunks(response: requests.Response) -> Iterator[bytes]:
    # `read`, not `stream`: http.client bounds the lines between the chunks of a body, urllib3 does not.
    while chunk := response.raw.read(_CHUNK_BYTES, decode_content=False):
        yield chunk
