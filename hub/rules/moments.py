"""Whether a row may go on where it stands, by what binds when it is decided (policy 5, I4).

Whoever polls has passed the row, so it must come to show its version to nobody new, now or later. A period
that is over never binds again, and what takes over begins as what it continues ends: so with time a row is
seen by fewer, and those who see it now could since it was given.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from hub.model import Ground, Justification, Period
from hub.rules.release import in_force_part, narrows

# A decision is written, or given up, long before: a transaction that stands still is ended after 5 minutes.
_WRITTEN_WITHIN: Final = timedelta(minutes=15)


class Moment(NamedTuple):
    """The periods in force when it is decided, and those of them that the clock does not end soon.

    Should the clock end one before the decision is written, who polls in between is not given the row.
    """

    in_force: frozenset[int]
    lasting: frozenset[int]

    @classmethod
    def of(cls, periods: Iterable[Period], now: datetime) -> Moment:
        """Return it for these periods. A decision that hangs on it is over when it is another."""
        in_force = [p for p in periods if p.is_in_force(now)]
        lasting = frozenset(p.id for p in in_force if now + _WRITTEN_WITHIN < p.until)
        return cls(frozenset(p.id for p in in_force), lasting)

    # (hub/README: row-in-place)
    def adds_nobody(self, new: Justification, old: Justification) -> bool:
        """Tell whether a row that stands by `old` shows its version to nobody new, now or later, by `new`."""
        return narrows(new, old) or narrows(_seen_by(new, self.in_force), _seen_by(old, self.lasting))


def _seen_by(value: Justification, periods: AbstractSet[int]) -> Justification:
    """Return by which clearances and members it stands while these are in force, whatever the clause."""
    return frozenset(
        frozenset(Ground(None, ground.clearance, ground.member) for ground in alternatives)
        for alternatives in in_force_part(value, periods)
    )
