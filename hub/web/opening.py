"""A worker's application during its start: 503 until the hub can be opened, then the hub.

A worker that waited silently would hold back clients, and gunicorn would kill it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import orjson
from flask import Flask, Response

from hub.errors import SettingsError, Unavailable
from hub.web.taxii import problems
from hub.web.taxii.negotiation import JSON

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_logger = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 1.0  # (hub/README: worker-opening)
_UNFORESEEN: Final = "the hub cannot be opened; what went wrong stands above"


class Opening:
    """A WSGI application that becomes `factory()` as soon as the factory succeeds.

    The first attempt is immediate. Further attempts follow in a thread, one each second while the factory
    raises Unavailable, because other workers may be serving. `began` gets the application before its first
    request. `failed` gets a sentence when waiting will not help.
    """

    def __init__(
        self, factory: Callable[[], Flask], began: Callable[[Flask], None], failed: Callable[[str], None]
    ) -> None:
        self._factory, self._began, self._failed = factory, began, failed
        self._app: Flask | None = None
        self._last_logged = ""  # so that the same sentence is logged once
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        if not self._try_once():
            self._thread = threading.Thread(target=self._try_again, name="opening", daemon=True)
            self._thread.start()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the hub does; before its opening, answer 503."""
        answer = self._app or _not_yet(str(environ.get("PATH_INFO", "")))
        return answer(environ, start_response)

    def stop(self) -> None:
        """End the attempts; a running attempt has five seconds to end."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def _try_again(self) -> None:
        while not self._stopped.wait(_PAUSE_SECONDS) and not self._try_once():
            pass

    def _try_once(self) -> bool:
        """Try once. Return False when another attempt may help."""
        try:
            app = self._factory()
            self._began(app)
        except Unavailable as error:
            if not error.is_lasting:  # a database that starts, for example
                self._log_waiting(error.in_full)
                return False
            self._failed(error.in_full)
        except SettingsError as error:
            self._failed(str(error))
        except Exception:
            # No wait: an unknown error needs a person, and the traceback is in the log.
            _logger.exception("the hub was not opened")
            self._failed(_UNFORESEEN)
        else:
            self._app = app  # last: no request may see a half-opened hub
            if self._last_logged:
                _logger.info("a worker waits no more: it serves")
        return True

    def _log_waiting(self, sentence: str) -> None:
        if sentence != self._last_logged:
            _logger.warning("a worker waits to begin: %s", sentence)
        self._last_logged = sentence


def _not_yet(path: str) -> Response:
    """Return the answer of a worker that is alive and not ready (see hub.web.operations)."""
    name = path.strip("/")
    if name in {"healthz", "readyz"}:
        found = ("ok", 200) if name == "healthz" else ("unavailable", 503)
        response = Response(orjson.dumps({"status": found[0]}), found[1], content_type=JSON)
    else:
        response = problems.respond(Unavailable("The hub is about to begin: try again."), path)
    response.headers["Cache-Control"] = "no-store"  # a cache must not repeat this answer later
    return response
