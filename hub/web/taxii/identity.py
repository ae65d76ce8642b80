"""Authentication of a request: credentials in, a Caller out, once per request.

The caller is kept in the request's WSGI environment, where no header of a client can set a name like this.
"""

from __future__ import annotations

from typing import Any, Final

from flask import Flask, Request, current_app, request

from hub.actions.access import authenticate
from hub.actions.access.rate_limits import RateLimits
from hub.actions.service.service import Service
from hub.model import Caller

_SERVICE: Final = "hub.service"
_RATE_LIMITS: Final = "hub.rate_limits"
_CALLER: Final = "hub.caller"
_IS_REMEMBERED: Final = "hub.is_remembered"

Credentials = tuple[str | None, str | None]  # member id if the scheme has one, and token


def install(app: Flask, service: Service) -> None:
    """Serve every request to `app` from `service`."""
    app.extensions[_SERVICE] = service
    app.extensions[_RATE_LIMITS] = RateLimits(service)


def service_of(app: Flask) -> Service:
    """Return the service of `app`."""
    found: Service = app.extensions[_SERVICE]
    return found


def service() -> Service:
    """Return the service of the current application."""
    return service_of(current_app)


def rate_limits() -> RateLimits:
    """Return this process's rate limits of members."""
    found: RateLimits = current_app.extensions[_RATE_LIMITS]
    return found


def asked() -> Request:
    """Return the current request itself. Flask's `request` looks the request up at each use of a name."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined] # documented for all proxies
    return found


def caller() -> Caller:
    """Return the caller of the current request; a second call makes no second look-up.

    Raises Unauthenticated unless the request has a valid token.
    """
    current = asked()
    found: Caller | None = current.environ.get(_CALLER)
    if found is None:
        hub_service = service()
        member_id, token = _credentials(current)
        found = current.environ[_CALLER] = authenticate.authenticate(hub_service, member_id, token)
    return found


def authenticated(environ: dict[str, Any]) -> Caller | None:
    """Return the caller of the request with this environment; None: nobody was authenticated."""
    return environ.get(_CALLER)


def begin_poll() -> Caller:
    """Return the caller of a poll. A token that was valid before is checked by the poll's own statement."""
    current = asked()
    found = authenticate.remembered(service(), *_credentials(current))
    if found is None:
        return caller()
    current.environ[_CALLER], current.environ[_IS_REMEMBERED] = found, True
    return found


def confirm() -> None:
    """Raise Unauthenticated if this request began with a token that is valid no more.

    For answers without the statement of a page: to such a caller a refusal must say nothing else.
    """
    environ = asked().environ
    if environ.pop(_IS_REMEMBERED, False):
        del environ[_CALLER]
        caller()


def _credentials(current: Request) -> Credentials:
    """Return the credentials: `Bearer`, `Token` or `Basic` in any case (RFC 9110 section 11), else X-API-Key.

    An unreadable Authorization header gives no credentials: X-API-Key is not read then.
    """
    header = current.environ.get("HTTP_AUTHORIZATION")
    if header is None:
        return None, _text(current.environ.get("HTTP_X_API_KEY"))
    # RFC 9110 section 5.5: other bytes have no meaning that two programs agree on.
    if not header.isascii():
        return None, None
    given = current.authorization
    match given.type if given else None:
        case "basic" if given:
            member_id, token = _text(given.username), _text(given.password)
            # Without a readable member id the token would count alone, like a bearer token.
            return (member_id, token) if member_id else (None, None)
        case "bearer" | "token" if given:
            return None, _text(given.token)
        case _:
            return None, None


def _text(value: str | None) -> str | None:
    """Return `value`, or None for a text that no member id or token is (with a NUL, for example)."""
    return value if value and value.isascii() and value.isprintable() else None
