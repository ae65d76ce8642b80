"""What the tests of plans hold: a read goes by an index to its rows, and to few others."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.store.plans.large import Large
from tests.store.plans.recording import Counts, accesses, counted, recorded

# A search by these alone reads the whole ledger of a nation, or all of its objects.
_WIDE = re.compile(r"\((?:recipient=\?|origin=\?|member=\?|kind=\?|recipient=\? AND position>\?)\)")
_SCANS = re.compile(r"SCAN\b|Seq Scan")
_REMOVED = re.compile(r"(\d+) rows removed")
_FEW = 1_000  # rows, where one row of each page of a nation is looked at


def wide_accesses(large: Large, act: Callable[[], Any]) -> list[str]:
    """Return how the act reads more than it needs of the large tables, by the plans of its statements."""
    store = large.world.service.store
    with recorded(store) as found:
        act()
    return [
        f"{detail} in {statement.text}"
        for statement in found.statements
        for table, detail in accesses(store, statement)
        if _is_wide(detail, is_sqlite=store.is_sqlite)
    ]


def _is_wide(detail: str, *, is_sqlite: bool) -> bool:
    if is_sqlite:
        return bool(_SCANS.match(detail) or _WIDE.search(detail))
    # PostgreSQL reads a small table whole, and rightly. What counts are rows that it reads in vain.
    removed = _REMOVED.search(detail)
    return removed is not None and int(removed[1]) > _FEW


def counts(large: Large, act: Callable[[], Any]) -> Counts:
    """Return the work of the database for the act."""
    return counted(large.world.service.store, act)
