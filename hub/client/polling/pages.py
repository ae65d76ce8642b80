"""The pages of a collection after a date, each object once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from hub.client.errors import ClientError
from hub.client.http import answers
from hub.client.http.connection import PAGE_BYTES, Connection, read_json
from hub.model import JsonObject

_LAST_DATE: Final = "X-TAXII-Date-Added-Last"
# RFC 3339 timestamps (TAXII 2.1 section 3.4): only such a text goes into a state or to a terminal.
_TIMESTAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{1,9})?(Z|[+-][0-9:]{5})")


@dataclass(frozen=True, slots=True)
class PolledPage:
    """Objects in the order of their `date_added`, the date of the last object, and whether more follow."""

    objects: Sequence[JsonObject]
    last_date_added: str | None
    more: bool = False


def pages(
    connection: Connection,
    objects_url: str,
    *,
    added_after: str | None = None,
    types: Sequence[str] = (),
    limit: int | None = None,
) -> Iterator[PolledPage]:
    """Yield the non-empty pages of a collection after `added_after`, up to the end.

    A page has at most `limit` objects, or as many as the hub gives. Follows `next` (TAXII 2.1 section 3.4).
    When the hub refuses the cursor, continues from the date of the last page. Raises ClientError when that
    fails, too, and for a page that violates TAXII 2.1.
    """
    filters = {"match[type]": ",".join(types)} if types else {}
    asked = filters if limit is None else filters | {"limit": str(limit)}
    last = added_after
    cursor: str | None = None
    while True:
        window = {"added_after": last} if last and cursor is None else {}
        continued = {"next": cursor} if cursor is not None else {}
        try:
            answer = connection.fetch(objects_url, params=asked | window | continued, most_bytes=PAGE_BYTES)
        except ClientError as error:
            if cursor is None or error.status != HTTPStatus.BAD_REQUEST:
                raise
            cursor = None  # the cursor may have expired
            continue
        envelope = read_json(answer)
        objects = answers.optional(answers.parts, envelope, "objects") or []
        more = answers.optional(answers.flag, envelope, "more") or False
        if objects:
            last = _date_after(answer.headers, last)
            yield PolledPage(objects, last, more)
        if not more:
            return
        # An empty page brings no new date: asking again could go on for ever.
        if not objects:
            raise ClientError(
                "the hub gave an empty page and says that more follows: its operator should look"
            )
        cursor = answers.optional(answers.text, envelope, "next")


def _date_after(headers: Mapping[str, str], last: str | None) -> str:
    date = headers.get(_LAST_DATE)
    if date is None:
        raise ClientError(
            f"the answer has no {_LAST_DATE} header, which TAXII 2.1 requires: its operator, or whoever runs "
            "a proxy in between, should look"
        )
    if _TIMESTAMP.fullmatch(date) is None:
        raise ClientError(f"the hub's {_LAST_DATE} header is no timestamp: its operator should look")
    # The same date twice is no progress (I4: never the same object twice under one date).
    if date == last:
        raise ClientError("the hub repeats a page instead of going on: its operator should look")
    return date
