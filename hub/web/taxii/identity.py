"""Authentication of a request: credentials in, a Caller out, once per request.

medallion guards its views with one `auth` object for the whole process. The functions given to this object
find the hub through the current application. The caller is kept in `flask.g`.
"""

from __future__ import annotations

from typing import Final, cast

from flask import Flask, current_app, g, request
from medallion import auth

from hub.actions.access import authenticate
from hub.actions.access.rate_limits import RateLimits
from hub.actions.service.service import Service
from hub.model import Caller

_SERVICE: Final = "hub.service"
_RATE_LIMITS: Final = "hub.rate_limits"

Credentials = tuple[str | None, str | None]  # member id if the scheme has one, and token


def install(app: Flask, service: Service) -> None:
    """Serve every request to `app` from `service`."""
    app.extensions[_SERVICE] = service
    app.extensions[_RATE_LIMITS] = RateLimits(service)


def service_of(app: Flask) -> Service:
    """Return the service of `app`."""
    return cast(Service, app.extensions[_SERVICE])


def service() -> Service:
    """Return the service of the current application."""
    return service_of(current_app)


def rate_limits() -> RateLimits:
    """Return this process's rate limits of members."""
    return cast(RateLimits, current_app.extensions[_RATE_LIMITS])


def caller() -> Caller:
    """Return the caller of the current request; a second call makes no second look-up.

    Raises Unauthenticated unless the request has a valid token.
    """
    if "caller" not in g:
        hub_service = service()
        member_id, token = _credentials()
        g.caller = authenticate.authenticate(hub_service, member_id, token)
    return cast(Caller, g.caller)


def begin_poll() -> Caller:
    """Return the caller of a poll. A token that was valid before is checked by the poll's own statement."""
    found = authenticate.remembered(service(), *_credentials())
    if found is None:
        return caller()
    g.caller, g.is_remembered = found, True
    return found


def confirm() -> None:
    """Raise Unauthenticated if this request began with a token that is valid no more.

    For answers without the statement of a page: to such a caller a refusal must say nothing else.
    """
    if g.pop("is_remembered", False):
        g.pop("caller")
        caller()


def _credentials() -> Credentials:
    """Return the credentials: `Bearer`, `Token` or `Basic` in any case (RFC 9110 section 11), else X-API-Key.

    An unreadable Authorization header gives no credentials: X-API-Key is not read then.
    """
    header = request.headers.get("Authorization")
    if header is None:
        return None, _text(request.headers.get("X-API-Key"))
    # RFC 9110 section 5.5: other bytes have no meaning that two programs agree on.
    if not header.isascii():
        return None, None
    given = request.authorization
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


def _verify(_username: str, _password: str) -> Caller:
    return caller()


# medallion would look up passwords in its own dictionary. Without a password it calls `_verify` for every
# request, with or without a Basic header. A refusal passes through as Unauthenticated.
auth.get_password(lambda _username: None)
auth.verify_password(_verify)
