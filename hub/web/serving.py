"""`hub serve`: gunicorn with the settings that production needs, and the hub's chores beside the requests.

Security: headers whose names have underscores are dropped, for they would override the signed ones, and
no proxy's header sets path or scheme. TLS and client certificates end at the proxy in front.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

import gunicorn.arbiter
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.errors import AppImportError, HaltServer

from hub.actions.house import House
from hub.actions.work import work
from hub.errors import Refused, SettingsError
from hub.web import logs
from hub.web.connections import Bounds, PatientWorker
from hub.web.taxii.identity import house_of

_logger = logging.getLogger(__name__)

CHORES_SECONDS: Final = 10.0
BOUNDS: Final = Bounds()

_PRODUCTION: Final = {
    "proc_name": "hub",
    "threads": 8,
    "timeout": 60,  # seconds in which a worker must show a sign of life; a long request does not count
    "graceful_timeout": 30,
    "keepalive": 65,  # longer than the proxy keeps an idle connection, so that it is the one to close
    "limit_request_line": 8190,  # a cursor has up to 4,096 characters, and filters come beside it
    "limit_request_fields": 64,
    "limit_request_field_size": 8190,
    "header_map": "drop",
    "forwarder_headers": "",
    "forwarded_allow_ips": "",
    "secure_scheme_headers": {},
    "http_parser": "python",  # the one that was tried; another may read the same bytes otherwise
    "control_socket_disable": True,
    "accesslog": None,  # the hub logs requests itself (request_log)
    "logger_class": logs.ServerLog,
    "preload_app": False,  # every worker opens the database for itself, after the fork
}


class Server(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """A server process with its workers: `run` returns only by ending the process.

    `factory` makes the application; it is called in each worker. A worker whose factory raises
    SettingsError stops the server, with that sentence on stderr; one whose factory raises Unavailable tries
    again until it does not. `bounds` are those on every peer.
    """

    def __init__(
        self,
        factory: Callable[[], Flask],
        *,
        bind: str,
        workers: int,
        chores_seconds: float = CHORES_SECONDS,
        bounds: Bounds = BOUNDS,
    ) -> None:
        self._factory = factory
        self._chores_seconds = chores_seconds
        # gunicorn makes the worker, from its class alone.
        worker = type("PatientWorker", (PatientWorker,), {"bounds": bounds})
        self._options = _PRODUCTION | {
            "bind": bind,
            "workers": workers,
            "worker_class": worker,
            "worker_exit": self._close,
        }
        self._chores: Chores | None = None
        super().__init__()

    def run(self) -> None:
        """Serve until told to stop; ends the process."""
        logs.configure()
        Arbiter(self).run()

    def load_config(self) -> None:
        """Set what production needs; neither a file nor the environment changes it."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application of this worker, its chores begun."""
        try:
            app = self._factory()
        except SettingsError as error:
            raise AppImportError(str(error)) from error
        self._chores = Chores(house_of(app), self._chores_seconds)
        self._chores.start()
        return app

    def _close(self, _server: Any, _worker: Any) -> None:
        if self._chores is not None:
            self._chores.stop()


class Arbiter(gunicorn.arbiter.Arbiter):  # type: ignore[misc]
    """gunicorn's master, which stops in good order also when several workers could not begin."""

    def stop(self, graceful: bool = True) -> None:
        """Stop all workers. Each one more that could not begin interrupts gunicorn's own way of doing it."""
        while True:
            try:
                super().stop(graceful)
            except HaltServer:
                continue
            return


class Chores(threading.Thread):
    """Every so many seconds the uses of tokens, and one pass of `actions.work`.

    The uses each worker writes for itself; the database lets one worker at a time do the rest.
    """

    def __init__(self, house: House, every_seconds: float) -> None:
        super().__init__(name="chores", daemon=True)
        self._house = house
        self._every_seconds = every_seconds
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(self._every_seconds):
            self.do_once()

    def do_once(self) -> None:
        """Make one pass. Whatever goes wrong is logged, and left to the next: requests need none of it."""
        try:
            self._house.uses.write(self._house.store)
            work(self._house)
        except Refused as refusal:
            _logger.warning("chores put off: %s", refusal.in_full)
        except Exception:
            _logger.exception("chores failed")

    def stop(self) -> None:
        """Let a pass that is under way end, then close the database."""
        self._stopped.set()
        self.join(timeout=5.0)
        self._house.store.close()
