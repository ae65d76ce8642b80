"""The columns for the level and limits at which a row shows its version (policy 1, "shown")."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Integer, Text


def shown_columns() -> list[Column[Any]]:
    """Return new columns for one table."""
    return [
        Column("shown_tlp", Integer),  # the level of showing, now or last; null: that of the version
        Column("is_bound", Boolean),  # by REL TO or limits; null: as the version
        Column("shown_rel_to", Text),  # null: none
        Column("shown_closed", Boolean),  # null: unknown
    ]
