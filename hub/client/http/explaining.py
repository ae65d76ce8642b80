"""Asking about many objects at once: how the hub handles each, as far as the member may know (policy 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hub.client.errors import ClientError
from hub.client.http.connection import JSON, Connection
from hub.client.input.writing import json_bytes
from hub.model import JsonObject

MOST_AT_ONCE: Final = 1_000  # that a hub takes in one request

_HEADERS: Final = {"Accept": JSON, "Content-Type": JSON}


def explanations(connection: Connection, base_url: str, asked: Sequence[str | JsonObject]) -> list[Any]:
    """Return what the hub says of each object, in the order asked; with an `error` where it says nothing.

    `asked` has at most 1,000 ids, or objects of `object` and `version`. Raises ClientError when the hub does
    not answer for each.
    """
    body = json_bytes({"objects": list(asked)}, "what the hub is asked about")
    told = connection.post(f"{base_url}/governance/explanations/", _HEADERS, data=body)
    listed = told.get("explanations")
    if not isinstance(listed, list) or len(listed) != len(asked):
        raise ClientError("the hub's explanations cannot be read: they are not one for each object")
    for question, answer in zip(asked, listed, strict=True):
        id = question if isinstance(question, str) else question.get("object")
        if any(one.get("object", id) != id for one in records(answer) if "error" not in one):
            raise ClientError(
                "the hub's explanations cannot be read: one is of another object than was asked"
            )
    return listed


def records(explanation: Any) -> list[JsonObject]:
    """Return the records that an explanation tells of: none for what cannot be read."""
    if not isinstance(explanation, dict):
        return []
    listed = explanation.get("records", [explanation])
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
