"""Small valid STIX objects to break, and the real data that stands beside a checkout, when it does."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import rfc8785

UUID = "8b6297fe-cae7-47c6-9256-5584b417849c"
OTHER_UUID = "0c7b5b88-8ff7-4a4d-aa9d-feb398cd0061"
WHEN = "2024-05-01T10:00:00.000Z"
DATA = Path(__file__).parents[3] / "shared" / "data"
MAX_BYTES = 2_097_152


def real(*stems: str) -> list[Path]:
    """Return those of the named real data files that are present."""
    return [path for stem in stems if (path := DATA / f"{stem}.json").exists()]


def digest(value: Any) -> bytes:
    return hashlib.sha256(rfc8785.dumps(value)).digest()


def sdo(object_type: str = "identity", **more: Any) -> dict[str, Any]:
    """Return a valid object with the common properties of a domain object, changed by `more`."""
    base = {
        "type": object_type,
        "spec_version": "2.1",
        "id": f"{object_type}--{UUID}",
        "created": WHEN,
        "modified": WHEN,
        "name": "a name",
    }
    return {**base, **more}


def indicator(**more: Any) -> dict[str, Any]:
    pattern = {"pattern_type": "stix", "pattern": "[ipv4-addr:value = '198.51.100.1']", "valid_from": WHEN}
    return sdo("indicator", **{**pattern, **more})


def observable(**more: Any) -> dict[str, Any]:
    return {"type": "ipv4-addr", "id": f"ipv4-addr--{UUID}", "value": "198.51.100.1", **more}


def definition(**more: Any) -> dict[str, Any]:
    """Return a marking-definition with nothing but its common properties and `more`."""
    base = {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": f"marking-definition--{UUID}",
        "created": WHEN,
    }
    return {**base, **more}


def without(obj: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in obj.items() if name not in names}
