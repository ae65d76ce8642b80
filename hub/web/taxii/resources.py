"""The resources of TAXII 2.1 from values of the model, as bytes where bodies are bytes.

An empty list or a null never appears in a resource (TAXII 2.1 section 1.6.8): empty values are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

import orjson
from flask.json.provider import JSONProvider

from hub.model import JsonObject, Nation, Outcome, Receipt, Registry, format_instant
from hub.web.taxii.negotiation import TAXII

STIX: Final = "application/stix+json;version=2.1"
_HUB: Final = "Allied threat intelligence hub"
_COUNTED: Final = "counted together"
_COUNTED_CHARACTERS: Final = 200  # of a message that thousands of failures may repeat


@dataclass(frozen=True, slots=True)
class Body:
    """A serialised resource: `size` bytes in parts, to be iterated once."""

    size: int
    parts: Iterator[bytes]


class BodyProvider(JSONProvider):
    """The application's JSON output: a Body unchanged, any other value through orjson.

    medallion gives the backend's value to `dumps`, and the result to the response, which takes bytes or
    parts. `loads` returns a body unread: `actions` parses the body strictly, after verification of its
    signature.
    """

    def dumps(self, obj: Any, **_kwargs: Any) -> Any:
        return obj.parts if isinstance(obj, Body) else orjson.dumps(obj)

    def loads(self, s: str | bytes, **_kwargs: Any) -> Any:
        # INVARIANT: nothing is parsed before its signature is verified.
        return s


def discovery(root_url: str) -> JsonObject:
    """Return the discovery resource (section 4.1.1) of a hub with one API root."""
    return {
        "title": _HUB,
        "description": "Nations share threat intelligence here as far as their signed agreements go.",
        "default": root_url,
        "api_roots": [root_url],
    }


def api_root(max_body_bytes: int) -> JsonObject:
    """Return the API root resource (section 4.2.1)."""
    return {"title": _HUB, "versions": [TAXII], "max_content_length": max_body_bytes}


def collection(nation: Nation) -> JsonObject:
    """Return the collection resource (section 5.2.1) of a nation, without the caller's rights.

    The title has no dot, because some clients take a dot for a separator.
    """
    return {
        "id": nation.collection_id,
        "title": nation.name.replace(".", ""),
        "description": f"What members of {nation.name} submitted, as far as the reader may see it.",
        "alias": nation.code.lower(),
        "media_types": [STIX],
    }


def released(registry: Registry) -> JsonObject:
    """Return the aggregate collection, with `aggregates` as proposed for TAXII 2.2 (cti-taxii2 issue 120)."""
    return {
        "id": registry.released_collection_id,
        "title": "Released",
        "description": "Everything that the reader may see, from every nation.",
        "alias": "released",
        "media_types": [STIX],
        "aggregates": ["*"],
    }


def status(receipt: Receipt) -> JsonObject:
    """Return the status resource (section 4.3.1). Nothing is pending: an answer is a decision.

    Failures counted together are one outcome in the hub and are listed singly here: taxii2-client refuses a
    status with a list shorter than its count.
    """
    successes = [_detail(outcome) for outcome in receipt.outcomes if outcome.succeeded]
    failures = [
        detail for outcome in receipt.outcomes if not outcome.succeeded for detail in _failures(outcome)
    ]
    lists = {"successes": successes, "failures": failures}
    return {
        "id": receipt.id,
        "status": "complete",
        "request_timestamp": format_instant(receipt.requested_at),
        "total_count": receipt.total,
        "success_count": len(successes),
        "failure_count": receipt.total - len(successes),  # all failures, also those counted together
        "pending_count": 0,  # 202 means committed
    } | {name: entries for name, entries in lists.items() if entries}


def _failures(outcome: Outcome) -> Iterator[JsonObject]:
    yield _detail(outcome)
    message = f"{_COUNTED}: {outcome.message or ''}"[:_COUNTED_CHARACTERS]
    other = {"id": outcome.id, "version": outcome.version, "message": message}
    yield from repeat(other, outcome.count - 1)


def _detail(outcome: Outcome) -> JsonObject:
    detail = {"id": outcome.id, "version": outcome.version}
    return detail | ({"message": outcome.message} if outcome.message else {})
