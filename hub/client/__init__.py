"""A member's side of the hub: the supported Python library, independent of the server's packages.

`HubAuth` lets an unmodified taxii2-client (or any code on `requests`) authenticate and sign. `Hub` pushes,
polls and governs. Every refusal is a `ClientError`.
"""

from hub.client.agreement.reviewing import Review
from hub.client.errors import ClientError, Unreachable
from hub.client.http.auth import HubAuth
from hub.client.hub import Hub
from hub.client.polling.incremental import Incremental, PollReport
from hub.client.polling.pages import PolledPage
from hub.client.pushing.outcomes import ItemOutcome, ObjectHandling
from hub.client.pushing.push import PushReport, PushStopped

__all__ = [
    "ClientError",
    "Hub",
    "HubAuth",
    "Incremental",
    "ItemOutcome",
    "ObjectHandling",
    "PollReport",
    "PolledPage",
    "PushReport",
    "PushStopped",
    "Review",
    "Unreachable",
]
