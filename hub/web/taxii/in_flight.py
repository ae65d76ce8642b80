"""Bounds the bodies of submissions that a process works on at one time.

A body of 10 MB takes some 70 MB while its objects are examined and decided.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, Final

from flask import Flask, Request, current_app

from hub.errors import Unavailable
from hub.web.taxii.identity import asked, service_of

_BYTES: Final = "hub.bytes_in_flight"
_HELD: Final = "hub.bytes_held"
_WAIT_SECONDS: Final = 20.0


class BytesInFlight:  # (hub/README: memory-of-a-worker)
    """At most `most` bytes at one time, in order of arrival. A larger size goes alone. Safe for threads."""

    def __init__(self, most: int, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._most, self._wait_seconds = most, wait_seconds
        self._held = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    def take(self, size: int) -> int:
        """Wait for `size` bytes; return the number to give back. Raises Unavailable after twenty seconds."""
        size, ticket = min(size, self._most), object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                # In order of arrival, or small bodies would hold up a large one for ever.
                is_free = self._changed.wait_for(
                    lambda: self._waiting[0] is ticket and self._held + size <= self._most,
                    self._wait_seconds,
                )
                if not is_free:
                    raise Unavailable("The hub is busy with other submissions: try again.")
                self._held += size
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()  # the next one may go
        return size

    def give_back(self, size: int) -> None:
        """Let others have `size` bytes."""
        with self._changed:
            self._held -= size
            self._changed.notify_all()


def install(app: Flask) -> None:
    """Bound the submissions to `app` together to the size of one largest body."""
    app.extensions[_BYTES] = BytesInFlight(service_of(app).limits.max_body_bytes)
    app.teardown_request(_give_back)


def hold(request: Request, size: int) -> None:
    """Take `size` bytes until the request ends. Raises Unavailable after twenty seconds."""
    in_flight: BytesInFlight = current_app.extensions[_BYTES]
    request.environ[_HELD] = in_flight.take(size)


def _give_back(_error: Any) -> None:
    size: int | None = asked().environ.pop(_HELD, None)
    if size is not None:
        in_flight: BytesInFlight = current_app.extensions[_BYTES]
        in_flight.give_back(size)
