"""Everything the hub refuses, as one tree.

    HubError
    ├── SettingsError            the configuration cannot be used: the start stops
    └── Refused                  a request cannot be served; has an HTTP status
        ├── BadRequest       400
        │   ├── BadJson          not strict JSON
        │   ├── BadFilter        a query parameter without a valid value
        │   └── BadCursor        a `next` not given to this reader for this query
        ├── Unauthenticated  401
        │   └── BadSignature     the request's signature is missing or invalid
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
            ├── DamagedDatabase  the database file cannot be read
            ├── Closed           history may have forked: until the operator has opened the hub again
            ├── Reconfigured     the configuration was changed: until this process is restarted
            ├── Interrupted      nothing was done, for a passing reason
            └── InDoubt          the commit is in doubt

The message of every error is fit for a stranger: place and remedy, nothing about other members (policy 9).
`web` alone makes HTTP answers from errors. If waiting helps, `retry_after_seconds` says how long. `cause` is
for the operator alone: for the log, and for commands on the hub's own machine.
"""

from __future__ import annotations

from typing import ClassVar


class HubError(Exception):
    """Base of all intended refusals of the hub."""

    cause: str = ""

    @property
    def in_full(self) -> str:
        """The text for the operator: the cause, or the message without a cause."""
        return self.cause or str(self)


class SettingsError(HubError):
    """The configuration cannot be used. The sentence names file, key and remedy."""


class Refused(HubError):
    """A request cannot be served, for a reason fit for its sender."""

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


# The status codes are those of RFC 9110 section 15, and of RFC 6585 section 4 (429).
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
    # INVARIANT: withheld and non-existent give the same bytes (policy 9): one sentence for both, no subclass.
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
    # Only the member's own requests count: the answer says nothing about the load by others.
    status = 429
    title = "Too many requests"


class Unavailable(Refused):
    status = 503
    title = "Temporarily unavailable"
    retry_after_seconds = 5
    is_lasting: bool = False  # True: waiting does not help, and the operator must follow the cause


class DamagedDatabase(Unavailable):
    """The database must be restored from a backup: a retry is useless.

    A member reads the title of `Unavailable` alone.
    """

    title = "Temporarily unavailable"  # as for its parent: the title must not reveal the damage
    retry_after_seconds = 300
    is_lasting = True


class Closed(Unavailable):
    """History may have forked: the hub waits for its operator."""

    title = "Closed"
    retry_after_seconds = 60


class Reconfigured(Unavailable):
    """The configuration in force is not this process's: the process decides nothing until a restart."""

    title = "Reconfigured"
    retry_after_seconds = 60


class Interrupted(Unavailable):
    """Nothing was done, for a passing reason: the same request may succeed at once."""

    title = "Interrupted"


class InDoubt(Unavailable):
    """A commit in doubt: the answer to the COMMIT is unknown, or no standby has the commit."""

    title = "In doubt"
