"""The lifecycle of agreements, said a second time (policy 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
END = datetime.max.replace(tzinfo=UTC)


@dataclass(eq=False)
class OracleAgreement:
    """An agreement as proposed, and what its parties have done to it (5)."""

    clauses: Sequence[Json]
    parties: frozenset[str]
    valid_from: datetime
    valid_until: datetime
    amends: OracleAgreement | None = None
    signed_at: datetime | None = None  # the last signature that was needed
    terminated_at: datetime | None = None
    suspensions: list[tuple[str, datetime, datetime | None]] = field(default_factory=list)
    amendments: list[OracleAgreement] = field(default_factory=list)

    @property
    def begins(self) -> datetime | None:
        """When it comes into force, should nothing end it before."""
        return None if self.signed_at is None else max(self.signed_at, self.valid_from)

    @property
    def takes_over_at(self) -> datetime | None:
        """When it supersedes what it amends; None: it never does, being terminated before.

        An amendment that is itself superseded before it begins still ends what it amends, on its day: all
        parties of that have signed so, and less is released.
        """
        is_called_off = self.terminated_at is not None and (self.begins or END) > self.terminated_at
        return None if is_called_off else self.begins

    @property
    def superseded_at(self) -> datetime | None:
        return min((t.takes_over_at for t in self.amendments if t.takes_over_at is not None), default=None)

    @property
    def ends(self) -> datetime:
        ends = (self.valid_until, self.terminated_at, self.superseded_at)
        return min(end for end in ends if end is not None)

    def has_ended(self, now: datetime) -> bool:
        # Terminated and expired are for ever, also of what was never signed.
        return now >= self.ends

    def has_begun(self, now: datetime) -> bool:
        return self.begins is not None and self.begins <= now and self.begins < self.ends

    def suspenders(self, now: datetime) -> set[str]:
        return {n for n, start, end in self.suspensions if start <= now and (end is None or now < end)}

    def is_in_force(self, now: datetime) -> bool:
        return self.has_begun(now) and not self.has_ended(now) and not self.suspenders(now)

    def start(self, origin: str, recipient: str) -> datetime | None:
        """Since when this agreement, or those that it follows without a break, has this direction (4).

        Every agreement of the chain must have it: what one left out begins anew.
        """
        if self.begins is None or not any(c["from"] == origin and recipient in c["to"] for c in self.clauses):
            return None
        former = self.amends
        if former is None or not former.has_begun(self.begins):
            return self.begins
        # A suspended agreement is superseded like any other. One that expired or was terminated was not.
        is_broken = former.valid_until < self.begins or (former.terminated_at or END) < self.begins
        return self.begins if is_broken else former.start(origin, recipient) or self.begins
