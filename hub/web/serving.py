"""`hub serve`: gunicorn with settings for production, and the hub's periodic chores.

Security: headers with underscores in their names are dropped, because they would override signed headers. No
proxy's header sets path or scheme. TLS, client certificates and slow clients end at the proxy in front
(deploy/nginx.conf): a thread here waits for its client without limit.

Only documented features of gunicorn are used: an application, settings by name, hooks.
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
from hub.web import logs, memory
from hub.web.listening import Listener
from hub.web.opening import Opening
from hub.web.taxii.identity import service_of

_logger = logging.getLogger(__name__)

CHORES_SECONDS: Final = 10.0

_PRODUCTION: Final = {  # (hub/README: proxy-holds-slow-peers)
    "proc_name": "hub",
    "worker_class": "gthread",
    "threads": 8,
    "timeout": 60,  # seconds without a heartbeat of the worker; a long request does not count
    "graceful_timeout": 30,
    "keepalive": 65,  # longer than the proxy's, so that the proxy closes idle connections
    "limit_request_line": 8190,  # a cursor of up to 4,096 characters, and filters
    "limit_request_fields": 64,  # (hub/README: refused-before-request)
    "limit_request_field_size": 8190,
    "header_map": "drop",
    "forwarder_headers": "",
    "forwarded_allow_ips": "",
    "secure_scheme_headers": {},
    "accesslog": None,  # request_log logs requests
    "logger_class": logs.ServerLog,
    "preload_app": False,  # a forked process must not share a database connection
}
# Settings of some versions of gunicorn. A version without the setting has no such feature either.
_WHERE_KNOWN: Final = {
    "http_parser": "python",  # the tested parser; another may read the same bytes differently
    "control_socket_disable": True,
}


class HubServer(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """A server process with its workers. `run` ends the process and never returns.

    Each worker calls `factory` to make the application. While the factory raises Unavailable, the worker
    answers 503 and tries again. SettingsError, or a lasting Unavailable, stops the server with that sentence
    on stderr and exit code 1.
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
        self._exit_reason = ExitReason()
        super().__init__()

    def run(self) -> None:
        """Serve until told to stop; then end the process."""
        logs.configure()
        memory.prepare_workers()
        super().run()

    def load_config(self) -> None:
        """Set the production settings. Neither a file nor the environment changes them."""
        known = {name: value for name, value in _WHERE_KNOWN.items() if name in self.cfg.settings}
        for name, value in (_PRODUCTION | known | self._options).items():
            self.cfg.set(name, value)

    def load(self) -> Opening:
        """Return the application of this worker; its chores begin with it."""
        self._opening = Opening(self._factory, self._begin, self._exit_reason.stop_server)
        return self._opening

    def _begin(self, app: Flask) -> None:
        chores = Chores(service_of(app), self._chores_seconds)
        chores.start()
        self._chores = chores  # set last: another thread may call `_close`

    def _close(self, _server: Any, _worker: Any) -> None:
        if self._opening is not None:
            self._opening.stop()
        if self._chores is not None:
            self._chores.stop()

    def _end(self, _server: Any) -> None:
        """Print, in the master and after all workers, the reason of a worker's failure."""
        if sentence := self._exit_reason.sentence():
            print(f"hub: {sentence}", file=sys.stderr, flush=True)
            sys.exit(1)


class ExitReason:  # (hub/README: worker-opening)
    """Memory shared by master and workers, for the reason of a worker that cannot serve.

    Made before the workers. Several workers may write; one sentence is printed, because all have the same
    reason.
    """

    _BYTES: Final = 4_096

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, self._BYTES)
        self._master = os.getpid()

    def stop_server(self, sentence: str) -> None:
        """Store the sentence, and ask the master to stop the server as an operator would."""
        # gunicorn's own way of stopping fails when a second worker gives up meanwhile.
        self._memory[:] = sentence.encode()[: self._BYTES].ljust(self._BYTES, b"\0")
        if os.getppid() == self._master:  # the master still lives
            os.kill(self._master, signal.SIGTERM)

    def sentence(self) -> str:
        """Return the sentence of a worker, or an empty text."""
        return self._memory[:].rstrip(b"\0").decode(errors="replace")


class Chores(threading.Thread):
    """At fixed intervals: write the uses of tokens, and make one pass of `actions.operation.work`.

    Each worker writes its own uses. For all other work the database admits one worker at a time.
    """

    def __init__(self, service: Service, every_seconds: float) -> None:
        super().__init__(name="chores", daemon=True)
        self._service = service
        self._every_seconds = every_seconds
        self._stopped = threading.Event()
        self._last_refusal: str | None = None

    def run(self) -> None:
        while not self._stopped.wait(self._every_seconds):
            self._service.kept.clear()
            self.do_once()
            memory.give_back()

    def do_once(self) -> None:
        """Make one pass. Every error is logged, and the next pass follows: no request depends on a pass.

        The same refusal is logged once: a closed hub refuses every pass until its operator opens it.
        """
        try:
            self._service.uses.write(self._service.store)
            work(self._service)
            self._last_refusal = None
        except Refused as refusal:
            if refusal.in_full != self._last_refusal:
                _logger.warning("chores put off: %s", refusal.in_full)
            self._last_refusal = refusal.in_full
        except Exception:
            _logger.exception("chores failed")

    def stop(self) -> None:
        """Wait at most 5 s for a running pass, then close the database."""
        self._stopped.set()
        self.join(timeout=5.0)
        self._service.store.close()
