"""Objects whose parts have a TLP level of their own, and their redactions by ceiling."""

from __future__ import annotations

from typing import Any

from hub.stix.derived.redaction import redactions
from tests.stix.samples import OTHER_UUID
from tests.stix_objects import TLP

EXTENSION = f"extension-definition--{OTHER_UUID}"


def mark(level: str, *selectors: str) -> dict[str, Any]:
    return {"marking_ref": TLP[level], "selectors": list(selectors)}


def marked(obj: dict[str, Any], *markings: dict[str, Any]) -> dict[str, Any]:
    return {**obj, "granular_markings": list(markings)}


def by_ceiling(obj):
    return {cut.ceiling: cut for cut in redactions(obj)}
