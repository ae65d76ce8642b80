"""The columns of `hub_state` that distinguish histories (`store.database.epochs`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, String, Text


def epoch_columns() -> tuple[Column[Any], ...]:
    """Return new columns for one table."""
    return (
        # Random. Changes when history may have forked; the last time at `epoch_at`.
        Column("epoch", String(32), nullable=False, server_default=""),
        Column("epoch_at", BigInteger, nullable=False, server_default="0"),
        Column("timeline", String(8)),  # of PostgreSQL, in this epoch
        Column("standby_names", Text),  # `synchronous_standby_names`, as last seen in that timeline
        Column("closed_at", BigInteger),  # null: the hub is open
        Column("loss", Text),  # the known loss, as a JSON list of sentences
    )
