"""The property tables of the TAXII 2.1 resources: names, which are required, and types (sections 2 to 5)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any, Final

Check = Callable[[Any], bool]

_TIMESTAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_MAX_INTEGER: Final = 2**53 - 1


def is_timestamp(value: Any) -> bool:
    return isinstance(value, str) and _TIMESTAMP.fullmatch(value) is not None


def is_identifier(value: Any) -> bool:
    """Tell whether `value` is a version 4 UUID in its usual spelling."""
    try:
        return isinstance(value, str) and uuid.UUID(value).version == 4 and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def is_boolean(value: Any) -> bool:
    return value is True or value is False


def is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MAX_INTEGER


def is_length(value: Any) -> bool:
    return is_count(value) and value > 0


def list_of(check: Check) -> Check:
    """A list with at least one value: an empty one is never written (section 2)."""
    return lambda value: isinstance(value, list) and value != [] and all(map(check, value))


def resource(name: str) -> Check:
    return lambda value: faults(name, value) == []


def is_stix(value: Any) -> bool:
    return isinstance(value, dict) and is_text(value.get("type")) and is_text(value.get("id"))


# Property → (required, type). What is no key here is a name that the standard does not know.
RESOURCES: Final[dict[str, dict[str, tuple[bool, Check]]]] = {
    "discovery": {
        "title": (True, is_text),
        "description": (False, is_text),
        "contact": (False, is_text),
        "default": (False, is_text),
        "api_roots": (False, list_of(is_text)),
    },
    "api-root": {
        "title": (True, is_text),
        "description": (False, is_text),
        "versions": (True, list_of(is_text)),
        "max_content_length": (True, is_length),
    },
    "status": {
        "id": (True, is_identifier),
        "status": (True, lambda value: value in {"complete", "pending"}),
        "request_timestamp": (False, is_timestamp),
        "total_count": (True, is_count),
        "success_count": (True, is_count),
        "successes": (False, list_of(resource("status-details"))),
        "failure_count": (True, is_count),
        "failures": (False, list_of(resource("status-details"))),
        "pending_count": (True, is_count),
        "pendings": (False, list_of(resource("status-details"))),
    },
    "status-details": {"id": (True, is_text), "version": (True, is_text), "message": (False, is_text)},
    "collections": {"collections": (False, list_of(resource("collection")))},
    "collection": {
        "id": (True, is_identifier),
        "title": (True, is_text),
        "description": (False, is_text),
        "alias": (False, is_text),
        "can_read": (True, is_boolean),
        "can_write": (True, is_boolean),
        "media_types": (False, list_of(is_text)),
        "aggregates": (False, list_of(is_text)),  # the hub's own, as proposed for TAXII 2.2 (section 7.1)
    },
    "manifest": {
        "more": (False, is_boolean),
        "next": (False, is_text),  # not of the standard, but of its clients
        "objects": (False, list_of(resource("manifest-record"))),
    },
    "manifest-record": {
        "id": (True, is_text),
        "date_added": (True, is_timestamp),
        "version": (True, is_text),
        "media_type": (False, is_text),
    },
    "envelope": {
        "more": (False, is_boolean),
        "next": (False, is_text),
        "objects": (False, list_of(is_stix)),
    },
    "versions": {
        "more": (False, is_boolean),
        "next": (False, is_text),  # as in a manifest
        "versions": (False, list_of(is_text)),
    },
    "error": {
        "title": (True, is_text),
        "description": (False, is_text),
        "error_id": (False, is_text),
        "error_code": (False, is_text),
        "http_status": (False, is_text),
        "external_details": (False, is_text),
        "details": (False, lambda value: isinstance(value, dict)),
    },
}


def faults(name: str, value: Any) -> list[str]:
    """Return what keeps `value` from being the resource of this name, in words; nothing when it is one."""
    properties = RESOURCES[name]
    if not isinstance(value, dict):
        return [f"{name} is no object"]
    missing = [
        f"{key} is missing" for key, (required, _) in properties.items() if required and key not in value
    ]
    unknown = [f"{key} is no property of {name}" for key in value if key not in properties]
    wrong = [
        f"{key} is {value[key]!r}"
        for key, (_, is_right) in properties.items()
        if key in value and not is_right(value[key])
    ]
    return missing + unknown + wrong
