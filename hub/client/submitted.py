"""What a member has submitted: statuses, lists of submissions, and taking objects back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from hub.client.connection import JSON, TAXII, Connection
from hub.client.errors import ClientError
from hub.client.outcomes import Outcome
from hub.model import JsonObject

_COUNTS: Final = ("succeeded", "failed")
_TEXTS: Final = ("id", "member", "at")


def status(connection: Connection, root_url: str, status_id: str) -> JsonObject:
    """Return the TAXII status resource (TAXII 2.1 section 4.3.1) of an own submission."""
    found = connection.get(f"{root_url}status/{_segment(status_id)}/", {"Accept": TAXII})
    names = ("total_count", "success_count", "failure_count", "pending_count")
    if not all(_is_count(found.get(name)) for name in names):
        raise ClientError("the hub answered with a status that cannot be read: a count is missing")
    outcomes(found, "successes"), outcomes(found, "failures")
    return found


def submissions(
    connection: Connection, base_url: str, since: str | None, limit: int | None
) -> Iterator[JsonObject]:
    """Yield submissions, the newest first, at most `limit`; a page is fetched when it is needed."""
    asked: dict[str, Any] = {} if since is None else {"since": since}
    left = limit
    cursor: str | None = None
    while left is None or left > 0:
        params = {
            **asked,
            **({} if left is None else {"limit": left}),
            **({"next": cursor} if cursor else {}),
        }
        page = connection.get(f"{base_url}/governance/submissions/", {"Accept": JSON}, params)
        listed = page.get("submissions")
        if not isinstance(listed, list) or not all(map(_is_entry, listed)):
            raise ClientError("the hub's list of submissions cannot be read: is this the address of a hub?")
        yield from listed[:left]
        left = None if left is None else left - len(listed)
        following = page.get("next")
        if page.get("more") is not True:
            return
        if not isinstance(following, str) or following == cursor or not listed:
            raise ClientError("the hub repeats a page instead of going on: its operator should look")
        cursor = following


def submission(connection: Connection, base_url: str, submission_id: str) -> JsonObject:
    """Return one submission with what became of each of its objects, under `outcomes`."""
    url = f"{base_url}/governance/submissions/{_segment(submission_id)}/"
    found = connection.get(url, {"Accept": JSON})
    if not _is_entry(found):
        raise ClientError("the hub's answer about a submission cannot be read: something is missing")
    outcomes(found, "outcomes")
    return found


def versions(connection: Connection, objects_url: str, stix_id: str) -> list[str]:
    """Return the versions of an object that the member may see, in the order in which they were added."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        params = {} if cursor is None else {"next": cursor}
        page = connection.get(f"{_object_url(objects_url, stix_id)}versions/", {"Accept": TAXII}, params)
        listed, following = page.get("versions", []), page.get("next")
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise ClientError("the hub's list of versions cannot be read: is this the address of a hub?")
        found += listed
        if page.get("more") is not True:
            return found
        if not isinstance(following, str) or following == cursor or not listed:
            raise ClientError("the hub repeats a page instead of going on: its operator should look")
        cursor = following


def delete(connection: Connection, objects_url: str, stix_id: str, version: str) -> None:
    """Delete a version of an object, or `all`, in a signed request (TAXII 2.1 section 5.7)."""
    connection.delete(_object_url(objects_url, stix_id), {"Accept": TAXII}, {"match[version]": version})


def _object_url(objects_url: str, stix_id: str) -> str:
    """Return where an object is; nothing in its id leads elsewhere."""
    return f"{objects_url}{quote(stix_id, safe='')}/"


def outcomes(resource: Mapping[str, Any], key: str) -> list[Outcome]:
    """Return what a resource lists under `key`; none where it does not. Raises ClientError for no list."""
    listed = resource.get(key, [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise ClientError(f"the hub's list of {key} cannot be read: is this the address of a hub?")
    return [Outcome(*(str(one.get(name) or "") for name in ("id", "version", "message"))) for one in listed]


def _is_entry(one: Any) -> bool:
    if not isinstance(one, dict):
        return False
    is_text = all(isinstance(one.get(name), str) for name in _TEXTS)
    return is_text and all(_is_count(one.get(name)) for name in _COUNTS)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _segment(id: str) -> str:
    # The id becomes a segment of the path: nothing in it may lead elsewhere.
    if not id or not all(c.isascii() and (c.isalnum() or c == "-") for c in id):
        raise ClientError(f"{id!r} is no id of a status: see `hub submissions`")
    return id
