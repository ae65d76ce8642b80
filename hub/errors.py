"""Everything the hub refuses, as one tree.

    HubError
    ├── SettingsError            the configuration cannot be used: the start stops
    └── Refused                  a request cannot be served; knows its HTTP status
        ├── BadRequest       400
        │   ├── BadJson          not strict JSON
        │   ├── BadFilter        a query parameter that cannot be followed
        │   └── BadCursor        a `next` that this reader was not given for this query
        ├── Unauthenticated  401
        │   └── BadSignature     the request's signature is missing or does not hold
        ├── Forbidden        403
        ├── NotFound         404     withheld and non-existent alike (policy 9)
        ├── MethodNotAllowed 405
        ├── NotAcceptable    406
        ├── Conflict         409
        ├── TooLarge         413
        ├── UnsupportedMedia 415
        ├── Unprocessable    422
        ├── TooManyRequests  429     the member's rate limit
        └── Unavailable      503
            ├── DamagedDatabase  its file cannot be read
            ├── Closed           history may have forked: until the operator has opened the hub again
            ├── Reconfigured     the configuration was changed: until this process is restarted
            ├── Interrupted      nothing was done, for a reason that passes
            └── InDoubt          it may have been done

The message of every error is fit for a stranger: it names the place and the remedy, and tells
nothing about others. HTTP words are made of it in `web` alone. Where waiting helps, `retry_after_seconds`
says how long. What its `cause` adds is for the operator alone: for the log, and for commands on the hub's
own machine.
"""

from __future__ import annotations

from typing import ClassVar


class HubError(Exception):
    """Base of everything the hub refuses on purpose."""

    cause: str = ""

    @property
    def in_full(self) -> str:
        """What the operator is told: the cause, where there is more to tell than the message says."""
        return self.cause or str(self)


class SettingsError(HubError):
    """The configuration cannot be used. The sentence names file, key and remedy."""


class Refused(HubError):
    """A request cannot be served, for a reason that its sender may know."""

    status: ClassVar[int]
    title: ClassVar[str]
    retry_after_seconds: int | None = None  # set where the same request may be served later

    def __init__(self, message: str, retry_after_seconds: int | None = None, *, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause
        if retry_after_seconds is not None:
            self.retry_after_seconds = retry_after_seconds


class BadRequest(Refused):
    status = 400
    title = "Bad request"


class BadJson(BadRequest):
    title = "Not strict JSON"


class BadFilter(BadRequest):
    title = "Bad filter"


class BadCursor(BadRequest):
    title = "Bad cursor"


class Unauthenticated(Refused):
    status = 401
    title = "Unauthenticated"


class BadSignature(Unauthenticated):
    title = "Bad signature"


class Forbidden(Refused):
    status = 403
    title = "Forbidden"


class NotFound(Refused):
    status = 404
    title = "Not found"


class MethodNotAllowed(Refused):
    status = 405
    title = "Method not allowed"


class NotAcceptable(Refused):
    status = 406
    title = "Not acceptable"


class Conflict(Refused):
    status = 409
    title = "Conflict"


class TooLarge(Refused):
    status = 413
    title = "Content too large"


class UnsupportedMedia(Refused):
    status = 415
    title = "Unsupported media type"


class Unprocessable(Refused):
    status = 422
    title = "Unprocessable content"


class TooManyRequests(Refused):
    status = 429
    title = "Too many requests"


class Unavailable(Refused):
    status = 503
    title = "Temporarily unavailable"
    retry_after_seconds = 5
    is_lasting: bool = False  # no waiting mends it: somebody has to do what the cause says


class DamagedDatabase(Unavailable):
    """Trying again helps nobody, until the operator has restored a backup. A stranger is not told so."""

    title = "Temporarily unavailable"
    retry_after_seconds = 300
    is_lasting = True


class Closed(Unavailable):
    """History may have forked: the hub waits for its operator."""

    title = "Closed"
    retry_after_seconds = 60


class Reconfigured(Unavailable):
    """Another configuration is in force than this process has: it decides nothing until it is restarted."""

    title = "Reconfigured"
    retry_after_seconds = 60


class Interrupted(Unavailable):
    """Nothing was done, for a reason that passes: the same may succeed at once."""

    title = "Interrupted"


class InDoubt(Unavailable):
    """It may have been done, or not: what the answer to the COMMIT was is not known, or no standby has it."""

    title = "In doubt"
