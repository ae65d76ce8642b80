"""A worker's application while it begins: the hub as soon as it can be opened, until then 503.

A worker that waited before it answers would hold its peers, and be killed for giving no sign of life.
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
    """A WSGI application that is `factory()` from the moment in which that succeeds.

    The first try is made at once, the others in a thread, each second for as long as the factory raises
    Unavailable: the other workers may be serving. `began` is called with the application before it serves.
    `failed` is called with a sentence when waiting will not help.
    """

    def __init__(
        self, factory: Callable[[], Flask], began: Callable[[Flask], None], failed: Callable[[str], None]
    ) -> None:
        self._factory, self._began, self._failed = factory, began, failed
        self._app: Flask | None = None
        self._said = ""
        self._stopped = threading.Event()
        self._trying: threading.Thread | None = None
        if not self._is_settled():
            self._trying = threading.Thread(target=self._try_on, name="opening", daemon=True)
            self._trying.start()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the hub does; while there is none, that it comes."""
        answer = self._app or _not_yet(str(environ.get("PATH_INFO", "")))
        return answer(environ, start_response)

    def stop(self) -> None:
        """Try no more; a try that is under way has five seconds to end."""
        self._stopped.set()
        if self._trying is not None:
            self._trying.join(timeout=5.0)

    def _try_on(self) -> None:
        while not self._stopped.wait(_PAUSE_SECONDS) and not self._is_settled():
            pass

    def _is_settled(self) -> bool:
        """Try once. False when trying again may help."""
        try:
            app = self._factory()
            self._began(app)
        except Unavailable as error:
            if not error.is_lasting:
                self._tell(error.in_full)
                return False
            self._failed(error.in_full)
        except SettingsError as error:
            self._failed(str(error))
        except Exception:
            _logger.exception("the hub was not opened")
            self._failed(_UNFORESEEN)
        else:
            self._app = app
            if self._said:
                _logger.info("a worker waits no more: it serves")
        return True

    def _tell(self, sentence: str) -> None:
        if sentence != self._said:
            _logger.warning("a worker waits to begin: %s", sentence)
        self._said = sentence


def _not_yet(path: str) -> Response:
    """Return the answer of a hub that is alive and not ready (hub.web.operations, where it is)."""
    name = path.strip("/")
    if name in {"healthz", "readyz"}:
        found = ("ok", 200) if name == "healthz" else ("unavailable", 503)
        response = Response(orjson.dumps({"status": found[0]}), found[1], content_type=JSON)
    else:
        response = problems.respond(Unavailable("The hub is about to begin: try again."), path)
    response.headers["Cache-Control"] = "no-store"
    return response
