"""The Flask application class of the hub, without features that each request would pay for in vain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface, SessionMixin


class _NoSessions(SessionInterface):
    """No session: a caller is known by a token in each request, and no cookie is read or set."""

    def __init__(self) -> None:
        self._session = self.make_null_session(Flask(__name__, static_folder=None))

    def open_session(self, _app: Flask, _request: Request) -> NullSession:
        # One object serves all requests: a null session refuses every change.
        return self._session

    def save_session(self, _app: Flask, _session: SessionMixin, _response: object) -> None:
        """Save nothing. Flask does not call this method for a null session."""


class HubApp(Flask):
    """A Flask application with plain functions as views, and without sessions."""

    session_interface = _NoSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return `func` itself: no view, hook or handler of the hub is a coroutine."""
        return func
