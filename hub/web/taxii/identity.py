"""Who is asking: credentials in, a Caller out, once a request.

medallion guards its views with one `auth` object for the whole process, so what is wired to it here
finds the hub through the current application. The caller is kept in `flask.g`.
"""

from __future__ import annotations

from typing import Final, cast

from flask import Flask, current_app, g, request
from medallion import auth

from hub.actions.access import authenticate
from hub.actions.access.rate_limits import RateLimits
from hub.actions.service.service import Service
from hub.model import Caller

_HOUSE: Final = "hub.service"
_RATE_LIMITS: Final = "hub.rate_limits"

Credentials = tuple[str | None, str | None]  # member id, where the scheme names one; token


def move_in(app: Flask, service: Service) -> None:
    """Make `service` the one that every request to `app` is served from."""
    app.extensions[_HOUSE] = service
    app.extensions[_RATE_LIMITS] = RateLimits(service)


def service_of(app: Flask) -> Service:
    """Return the service that `app` serves."""
    return cast(Service, app.extensions[_HOUSE])


def service() -> Service:
    """Return the service of the current application."""
    return service_of(current_app)


def rate_limits() -> RateLimits:
    """Return what this process keeps of how much each member has asked."""
    return cast(RateLimits, current_app.extensions[_RATE_LIMITS])


def caller() -> Caller:
    """Return who sent the current request; asked again, the same without another look-up.

    Raises Unauthenticated unless the request carries a token that is valid now.
    """
    if "caller" not in g:
        home = service()
        member_id, token = _credentials()
        g.caller = authenticate.authenticate(home, member_id, token)
    return cast(Caller, g.caller)


def _credentials() -> Credentials:
    """Return what the request offers: `Bearer`, `Token` or `Basic` in any case, else X-API-Key.

    A header that is there and cannot be read offers nothing: there is no second choice behind it.
    """
    header = request.headers.get("Authorization")
    if header is None:
        return None, _text(request.headers.get("X-API-Key"))
    if not header.isascii():
        return None, None
    given = request.authorization
    match given.type if given else None:
        case "basic" if given:
            member_id, token = _text(given.username), _text(given.password)
            # Without a member that can be read, the token would count for itself, as a bearer's does.
            return (member_id, token) if member_id else (None, None)
        case "bearer" | "token" if given:
            return None, _text(given.token)
        case _:
            return None, None


def _text(value: str | None) -> str | None:
    """Return `value`, or None where it holds what no member id or token holds (a NUL, say)."""
    return value if value and value.isascii() and value.isprintable() else None


def _verify(_username: str, _password: str) -> Caller:
    return caller()


# medallion would look passwords up in a dictionary of its own. Without one it asks `_verify` for
# every request, with or without a Basic header; a refusal leaves that as an Unauthenticated.
auth.get_password(lambda _username: None)
auth.verify_password(_verify)
