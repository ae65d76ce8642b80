"""A member's submissions: statuses, lists of submissions, versions, and deletion."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

from hub.client.errors import ClientError
from hub.client.http import answers
from hub.client.http.connection import (
    JSON,
    TAXII,
    Connection,
    segment,
)
from hub.client.pushing.outcomes import ItemOutcome
from hub.model import JsonObject

# Required by TAXII 2.1 section 4.3.1.
_COUNTS: Final = ("total_count", "success_count", "failure_count", "pending_count")
_NO_ID: Final = "no id of a status: see `hub submissions`"


def status(connection: Connection, root_url: str, status_id: str) -> JsonObject:
    """Return the TAXII status resource (TAXII 2.1 section 4.3.1) of an own submission."""
    found = connection.get(f"{root_url}status/{segment(status_id, _NO_ID)}/", {"Accept": TAXII})
    for name in _COUNTS:
        answers.count(found, name)
    outcomes(found, "successes"), outcomes(found, "failures")  # checked for the caller
    return found


def submissions(
    connection: Connection, base_url: str, since: str | None, limit: int | None
) -> Iterator[JsonObject]:
    """Yield submissions, the newest first, at most `limit`. Each page is fetched when needed."""
    given = {"since": since, "limit": limit}
    asked = {name: value for name, value in given.items() if value is not None}
    url = f"{base_url}/governance/submissions/"
    pages = _pages(connection, url, (JSON, "submissions"), asked)
    found = (one for page in pages for one in _entries(page))
    return islice(found, limit)


def submission(connection: Connection, base_url: str, submission_id: str) -> JsonObject:
    """Return one submission with the outcome of each of its objects, under `outcomes`."""
    url = f"{base_url}/governance/submissions/{segment(submission_id, _NO_ID)}/"
    found = connection.get(url, {"Accept": JSON})
    _check_entry(found)
    outcomes(found, "outcomes")
    return found


def versions(connection: Connection, objects_url: str, stix_id: str) -> list[str]:
    """Return the object's visible versions in the order of their `date_added` (TAXII 2.1 section 5.8)."""
    found: list[str] = []
    url = f"{_object_url(objects_url, stix_id)}versions/"
    for page in _pages(connection, url, (TAXII, "versions"), {}):
        found += answers.optional(answers.texts, page, "versions") or []
    return found


def delete(connection: Connection, objects_url: str, stix_id: str, version: str) -> None:
    """Delete a version of an object, or `all`, in a signed request (TAXII 2.1 section 5.7)."""
    connection.delete(_object_url(objects_url, stix_id), {"Accept": TAXII}, {"match[version]": version})


def outcomes(resource: JsonObject, key: str) -> list[ItemOutcome]:
    """Return the outcomes under `key`; none for a missing list. Raises ClientError for another type."""
    listed = answers.optional(answers.parts, resource, key) or []
    return [
        ItemOutcome(*(str(one.get(name) or "") for name in ("id", "version", "message"))) for one in listed
    ]


def _pages(
    connection: Connection, url: str, listed: tuple[str, str], asked: dict[str, Any]
) -> Iterator[JsonObject]:
    """Yield the pages of a list by their `next`; `listed` is the media type and the key of the list."""
    media, key = listed
    cursor: str | None = None
    while True:
        continued = {} if cursor is None else {"next": cursor}
        page = connection.get(url, {"Accept": media}, asked | continued)
        yield page
        if not answers.optional(answers.flag, page, "more"):
            return
        before, cursor = cursor, answers.text(page, "next")
        # No progress, no further request: a hub in error must not keep the client asking for ever.
        if cursor == before or not page.get(key):
            raise ClientError("the hub repeats a page instead of going on: its operator should look")


def _entries(page: JsonObject) -> list[JsonObject]:
    listed = answers.parts(page, "submissions")
    for one in listed:
        _check_entry(one)
    return listed


def _check_entry(one: JsonObject) -> None:
    """Return if the submission can be shown. Raises ClientError otherwise."""
    for name in ("id", "member", "at"):
        answers.text(one, name)
    for name in ("succeeded", "failed"):
        answers.count(one, name)


def _object_url(objects_url: str, stix_id: str) -> str:
    """Return the URL of an object. No character of the id can lead elsewhere."""
    return f"{objects_url}{quote(stix_id, safe='')}/"  # safe="": a slash in an id is escaped, too
