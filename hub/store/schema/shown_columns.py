"""The columns that tell how a row shows its version (policy 1, "shown")."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Integer, Text


def shown_columns() -> list[Column[Any]]:
    """Return the columns, of a table of their own each time they are asked for."""
    return [
        Column("shown_tlp", Integer),  # the level at which it is shown, or was last; null: the version's
        Column("is_bound", Boolean),  # by REL TO or limits; null: as the version is
        Column("shown_rel_to", Text),  # null: none
        Column("shown_closed", Boolean),  # null: nobody knows
    ]
