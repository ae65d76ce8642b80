"""What the member's side refuses, or reports as refused by the hub.

HubError
└── ClientError          knows the HTTP status where the hub answered with one
    ├── Unreachable      nobody answered, also not when asked again: later may help
    └── PushStopped      a push ended early: carries the report of what was done before
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import HubError

if TYPE_CHECKING:
    from hub.client.pushing.push import PushReport


class ClientError(HubError):
    """Something that the member asked for was not done. `status` is None when no answer says so."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(ClientError):
    """The hub could not be reached, or was unavailable for longer than is worth waiting.

    `retry_after` is for how many seconds the hub asked to wait, None where it did not say.
    """

    def __init__(self, message: str, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, status)
        self.retry_after = retry_after


class PushStopped(ClientError):
    """A push ended before its end. Pushing the same again is harmless and completes it."""

    def __init__(self, message: str, report: PushReport, status: int | None = None) -> None:
        super().__init__(message, status)
        self.report = report
