"""The columns of `hub_state` that tell one history from another (`store.database.epochs`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, String, Text


def epoch_columns() -> tuple[Column[Any], ...]:
    """Return new columns, to be part of one table."""
    return (
        # Random; another when history may have forked, since `epoch_at`.
        Column("epoch", String(32), nullable=False, server_default=""),
        Column("epoch_at", BigInteger, nullable=False, server_default="0"),
        Column("timeline", String(8)),  # PostgreSQL's, in which the epoch lies
        Column("standby_names", Text),  # `synchronous_standby_names`, as last seen in that timeline
        Column("closed_at", BigInteger),  # null: the hub is open
        Column("loss", Text),  # what is known to have been lost, as a JSON list of sentences
    )
