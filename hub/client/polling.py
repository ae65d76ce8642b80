"""Polling: the pages of a collection after a date, each object once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from hub.client.connection import Connection, read_json
from hub.client.errors import ClientError
from hub.model import JsonObject

_LAST_DATE: Final = "X-TAXII-Date-Added-Last"


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects in the order in which they became visible, and the date of the last of them."""

    objects: Sequence[JsonObject]
    last_date_added: str | None


def pages(
    connection: Connection, objects_url: str, *, added_after: str | None = None, types: Sequence[str] = ()
) -> Iterator[Page]:
    """Yield the non-empty pages of a collection after `added_after`, until the hub has no more.

    Follows `next` (TAXII 2.1 section 3.4), and falls back on the date of the last page when the hub
    does not accept the cursor any more. Raises ClientError when that does not lead on either.
    """
    filters = {"match[type]": ",".join(types)} if types else {}
    last = added_after
    cursor: str | None = None
    while True:
        window = {"added_after": last} if last and cursor is None else {}
        continued = {"next": cursor} if cursor is not None else {}
        try:
            response = connection.fetch(objects_url, params=filters | window | continued)
        except ClientError as error:
            if cursor is None or error.status != HTTPStatus.BAD_REQUEST:
                raise
            cursor = None
            continue
        envelope = read_json(response)
        objects = envelope.get("objects", [])
        if objects:
            last = _date_after(response.headers.get(_LAST_DATE), last)
            yield Page(objects, last)
        if envelope.get("more") is not True:
            return
        if not objects:
            raise ClientError(
                "the hub gave an empty page and says that more follows: its operator should look"
            )
        cursor = envelope.get("next")


def _date_after(date: str | None, last: str | None) -> str:
    if date is None:
        raise ClientError(
            f"the answer has no {_LAST_DATE} header: is this the address of a TAXII 2.1 server?"
        )
    if date == last:
        raise ClientError("the hub repeats a page instead of going on: its operator should look")
    return date
