"""Agreements as documents: what a nation proposes and the parties sign (policy 5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hub.model import format_instant
from tests.nations import START
from tests.stix_objects import Json

_YEAR = timedelta(days=365)


def clause(origin: str, to: str | Sequence[str], max_tlp: str = "amber+strict", **terms: Any) -> Json:
    return {"from": origin, "to": [to] if isinstance(to, str) else list(to), "max_tlp": max_tlp, **terms}


def parties_of(*clauses: Json) -> list[str]:
    """All whom the clauses name, in that order."""
    return list(dict.fromkeys(nation for one in clauses for nation in (one["from"], *one["to"])))


def agreement(*clauses: Json, **terms: Any) -> Json:
    """A document between all whom the clauses name, in force for two years around START."""
    return {
        "title": "Sharing",
        "parties": parties_of(*clauses),
        "valid_from": format_instant(START - _YEAR),
        "valid_until": format_instant(START + _YEAR),
        "clauses": list(clauses),
        **terms,
    }
