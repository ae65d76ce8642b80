"""The hub through taxii2-client alone: its connection and its paging, with `HubAuth` to sign.

Any user of taxii2-client can do the same. `Hub` adds time limits and repetition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from taxii2client.v21 import Server, as_pages

from hub.client.errors import ClientError
from hub.client.http.auth import HubAuth
from hub.model import JsonObject


def collection(url: str, auth: HubAuth, alias: str) -> Any:
    """Return taxii2-client's Collection with this alias at the hub's default API root.

    Raises ClientError when there is none; errors of taxii2-client and requests pass through.
    """
    for found in Server(f"{url}/taxii2/", auth=auth).default.collections:  # TAXII 2.1 section 4.1
        if found.alias == alias:
            return found
    raise ClientError(f"there is no collection {alias} for this member")


def push(url: str, auth: HubAuth, alias: str, objects: Sequence[JsonObject]) -> Any:
    """Post the objects in one envelope (TAXII 2.1 section 5.5) and return taxii2-client's Status."""
    return collection(url, auth, alias).add_objects({"objects": list(objects)})


def poll(url: str, auth: HubAuth, alias: str, per_request: int) -> Iterator[JsonObject]:
    """Yield every object of the collection, in pages of `per_request` objects."""
    for envelope in as_pages(collection(url, auth, alias).get_objects, per_request):
        yield from envelope.get("objects", [])
