"""Questions about many objects at once: the hub's handling of each, within the member's rights (policy 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hub.client.errors import ClientError
from hub.client.http.connection import JSON, Connection
from hub.client.input.writing import json_bytes
from hub.model import JsonObject

MOST_AT_ONCE: Final = 1_000  # the hub's limit for one request

_HEADERS: Final = {"Accept": JSON, "Content-Type": JSON}


def explanations(connection: Connection, base_url: str, asked: Sequence[str | JsonObject]) -> list[Any]:
    """Return the hub's explanation of each object, in order, or an `error` without an explanation.

    `asked` has at most 1,000 ids, or dicts of `object` and `version`. Raises ClientError unless the answer
    has one explanation for each object.
    """
    body = json_bytes({"objects": list(asked)}, "what the hub is asked about")
    resource = connection.post(f"{base_url}/governance/explanations/", _HEADERS, data=body)
    listed = resource.get("explanations")
    if not isinstance(listed, list) or len(listed) != len(asked):
        raise ClientError("the hub's explanations cannot be read: they are not one for each object")
    for question, answer in zip(asked, listed, strict=True):
        # An explanation of another object would give this object a wrong level.
        id = question if isinstance(question, str) else question.get("object")
        if any(one.get("object", id) != id for one in records(answer) if "error" not in one):
            raise ClientError(
                "the hub's explanations cannot be read: one is of another object than was asked"
            )
    return listed


def records(explanation: Any) -> list[JsonObject]:
    """Return the records of an explanation, none for an unreadable one."""
    if not isinstance(explanation, dict):
        return []
    listed = explanation.get("records", [explanation])
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
