"""Errors of the member's side: its own refusals, and the refusals of the hub.

HubError
└── ClientError          has the HTTP status if the hub answered
    ├── Unreachable      no answer, also after repetition: later may help
    └── PushStopped      a push ended early: carries the report of the part before (`pushing.push`)
"""

from __future__ import annotations

from hub.errors import HubError


class ClientError(HubError):
    """A request of the member was not carried out. `status` is the HTTP status, None without an answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(ClientError):
    """The hub gave no answer, or was unavailable for longer than the client waits.

    `retry_after` is the hub's wish to wait, in seconds (RFC 9110 section 10.2.3); None without a wish.
    """

    def __init__(self, message: str, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, status)
        self.retry_after = retry_after
