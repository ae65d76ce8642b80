"""`hub serve`: gunicorn with the settings that production needs, and the hub's chores beside the requests.

Security: headers whose names have underscores are dropped, for they would override the signed ones, and
no proxy's header sets path or scheme. TLS, client certificates and slow peers end at the proxy in front
(deploy/nginx.conf): a thread here waits for its peer as long as the peer likes.

Of gunicorn only what it documents is used: an application, settings by name, hooks.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication

from hub.actions.operation.work import work
from hub.actions.service.service import Service
from hub.errors import Refused
from hub.web import logs
from hub.web.listening import Listener
from hub.web.opening import Opening
from hub.web.taxii.identity import service_of

_logger = logging.getLogger(__name__)

CHORES_SECONDS: Final = 10.0

_PRODUCTION: Final = {  # (hub/README: proxy-holds-slow-peers)
    "proc_name": "hub",
    "worker_class": "gthread",
    "threads": 8,
    "timeout": 60,  # seconds in which a worker must show a sign of life; a long request does not count
    "graceful_timeout": 30,
    "keepalive": 65,  # longer than the proxy keeps an idle connection, so that it is the one to close
    "limit_request_line": 8190,  # a cursor has up to 4,096 characters, and filters come beside it
    "limit_request_fields": 64,  # (hub/README: refused-before-request)
    "limit_request_field_size": 8190,
    "header_map": "drop",
    "forwarder_headers": "",
    "forwarded_allow_ips": "",
    "secure_scheme_headers": {},
    "accesslog": None,  # the hub logs requests itself (request_log)
    "logger_class": logs.ServerLog,
    "preload_app": False,  # every worker opens the database for itself, after the fork
}
# Not every supported version of gunicorn has these; where they are missing, so is what they are about.
_WHERE_KNOWN: Final = {
    "http_parser": "python",  # the one that was tried; another may read the same bytes otherwise
    "control_socket_disable": True,
}


class HubServer(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """A server process with its workers: `run` returns only by ending the process.

    `factory` makes the application; it is called in each worker. While it raises Unavailable, the worker
    answers 503 and tries again. A worker whose factory raises SettingsError, or a lasting Unavailable, stops
    the server, with that sentence on stderr and exit code 1.
    """

    def __init__(
        self,
        factory: Callable[[], Flask],
        *,
        listener: Listener,
        workers: int,
        chores_seconds: float = CHORES_SECONDS,
    ) -> None:
        self._factory = factory
        self._chores_seconds = chores_seconds
        self._options = {
            "bind": f"fd://{listener.descriptor}",
            "workers": workers,
            "worker_exit": self._close,
            "on_exit": self._end,
        }
        self._chores: Chores | None = None
        self._opening: Opening | None = None
        self._last_words = LastWords()
        super().__init__()

    def run(self) -> None:
        """Serve until told to stop; ends the process."""
        logs.configure()
        super().run()

    def load_config(self) -> None:
        """Set what production needs; neither a file nor the environment changes it."""
        known = {name: value for name, value in _WHERE_KNOWN.items() if name in self.cfg.settings}
        for name, value in (_PRODUCTION | known | self._options).items():
            self.cfg.set(name, value)

    def load(self) -> Opening:
        """Return the application of this worker; its chores begin with it."""
        self._opening = Opening(self._factory, self._begin, self._last_words.end)
        return self._opening

    def _begin(self, app: Flask) -> None:
        chores = Chores(service_of(app), self._chores_seconds)
        chores.start()
        self._chores = chores  # whoever stops it may be another thread

    def _close(self, _server: Any, _worker: Any) -> None:
        if self._opening is not None:
            self._opening.stop()
        if self._chores is not None:
            self._chores.stop()

    def _end(self, _server: Any) -> None:
        """Say, in the master and after all workers, what they had to say."""
        if sentence := self._last_words.said():
            print(f"hub: {sentence}", file=sys.stderr, flush=True)
            sys.exit(1)


class LastWords:  # (hub/README: worker-opening)
    """Memory that the master shares with its workers: for the sentence of one that cannot serve.

    Made before the workers are. Several may write, one is heard: they have the same to say.
    """

    _BYTES: Final = 4_096

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, self._BYTES)
        self._master = os.getpid()

    def end(self, sentence: str) -> None:
        """Leave the sentence, and let the master stop the server as an operator would."""
        self._memory[:] = sentence.encode()[: self._BYTES].ljust(self._BYTES, b"\0")
        if os.getppid() == self._master:
            os.kill(self._master, signal.SIGTERM)

    def said(self) -> str:
        """Return the sentence that a worker has left, or nothing."""
        return self._memory[:].rstrip(b"\0").decode(errors="replace")


class Chores(threading.Thread):
    """Every so many seconds the uses of tokens, and one pass of `actions.operation.work`.

    The uses each worker writes for itself; the database lets one worker at a time do the rest.
    """

    def __init__(self, service: Service, every_seconds: float) -> None:
        super().__init__(name="chores", daemon=True)
        self._service = service
        self._every_seconds = every_seconds
        self._stopped = threading.Event()
        self._put_off: str | None = None

    def run(self) -> None:
        while not self._stopped.wait(self._every_seconds):
            self.do_once()

    def do_once(self) -> None:
        """Make one pass. Whatever goes wrong is logged, and left to the next: requests need none of it.

        The same refusal again is logged once: a closed hub refuses every pass until it is opened.
        """
        try:
            self._service.uses.write(self._service.store)
            work(self._service)
            self._put_off = None
        except Refused as refusal:
            if refusal.in_full != self._put_off:
                _logger.warning("chores put off: %s", refusal.in_full)
            self._put_off = refusal.in_full
        except Exception:
            _logger.exception("chores failed")

    def stop(self) -> None:
        """Let a pass that is under way end, then close the database."""
        self._stopped.set()
        self.join(timeout=5.0)
        self._service.store.close()
