"""The indexes of the ledgers by which polls read (`store.ledger.page_statements`)."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Index, text

# Statements of SQLite name these indexes: the choice does not depend on statistics.
JUSTIFIED: Final = "ix_release_justified"
TYPED: Final = "ix_release_typed"
IDENTIFIED: Final = "ix_release_identified"
OWN: Final = "ix_release_own"

_SERVED: Final = "withdrawn_at IS NULL"


def release_indexes() -> tuple[Index, ...]:
    """Return new indexes for one table."""
    # INVARIANT: after the filter, each index has the justification. So a poll reads visible rows alone, and
    # its time says nothing about hidden rows (policy 9). Dates rise with positions (I4), and a poll has a
    # date.
    justified = ("recipient", "justification_id", "date_added", "is_newest", "position")
    typed = ("recipient", "type", "justification_id", "date_added")
    own = ("recipient", "member", "justification_id", "date_added")
    return (
        Index(JUSTIFIED, *justified, **_where(_SERVED)),
        Index(TYPED, *typed, **_where(_SERVED)),
        # With withdrawn rows: look-ups of others' records count these too (policy 1, "shown").
        Index(IDENTIFIED, "recipient", "stix_id", "justification_id", "date_added"),
        # For rows that the submitter sees at home, whatever the justification says (policy 2.7).
        Index(OWN, *own, **_where(f"{_SERVED} AND origin = recipient")),
    )


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
