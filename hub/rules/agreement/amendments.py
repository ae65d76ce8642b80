"""Decides which agreement an amendment supersedes, and when the amendment's clauses bind (policy 5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from hub.model import AgreementState, Period
from hub.rules.agreement.agreements import (
    Lifecycle,
    covered_since,
    periods_from,
    status_of,
)


def forbids_superseding(former: Lifecycle, now: datetime) -> str | None:
    """Return why no amendment may supersede `former`, and the remedy (policy 5); None: an amendment may."""
    # Not checked here: that the proposer is a party of `former` (policy 5: refused as an unknown one).
    current = status_of(former, now)
    if current.state is AgreementState.ENDED:
        return f"that agreement has ended ({current.ended}); propose without supersedes."
    if former.starts_at is None:
        return "that agreement is not signed by all; propose another in its place."
    # One successor each: with two, the chain and the start of coverage would be ambiguous (policy 4).
    if former.superseded_at is not None:
        return "another amendment of that agreement is signed by all; supersede that one."
    return None


# (hub/README: amendment-never-began)
def superseded_by(former: Lifecycle, amendments: Iterable[Lifecycle]) -> Lifecycle:
    """Return `former` with the past or future take-over by one of these amendments (policy 5)."""
    # The earliest counts: the agreement ends there, whatever happens to the amendment later.
    taking_over = (_takes_over_at(amendment) for amendment in amendments)
    return former.superseded(min((at for at in taking_over if at is not None), default=None))


def _takes_over_at(amendment: Lifecycle) -> datetime | None:
    """Return the instant of the take-over by a complete amendment; None: no take-over."""
    start = amendment.starts_at
    # An amendment terminated before its beginning changes nothing (hub/README: amendment-never-began).
    if start is None or (amendment.terminated_at is not None and amendment.terminated_at < start):
        return None
    return start


def continues(former: Iterable[Period], amendment: Lifecycle, at: datetime) -> bool:
    """Tell whether the agreement with these periods is in force until the amendment begins (policy 5).

    `at` is the instant of the last signature of the amendment.
    """
    start = max(at, amendment.agreement.valid_from)
    # INVARIANT: the former period lasts up to the new one, so no row is invisible between the two (I2, I4).
    return any(p.ended_at is None and p.start < start <= p.until and at < p.until for p in former)


def amended_from(
    amendment: Lifecycle, at: datetime, former: tuple[Lifecycle, Iterable[Period]], continued: str | None
) -> list[Period]:
    """Return the periods of an amendment, without ids, from `at` or later on (policy 4, 5).

    `former` is the lifecycle and the periods of the superseded agreement, `continued` the id of that
    agreement if the amendment takes over without a gap. Coverage keeps the earlier start if the former
    agreement is in force until then.
    """
    lifecycle, periods = former
    start = max(at, amendment.agreement.valid_from)
    # Else the chain is broken and the start is new: that releases less (hub/README: unbroken-chain).
    before = covered_since(periods) if _lasts_until(lifecycle, start, at) else {}
    return periods_from(amendment, at, before, continued)


def _lasts_until(former: Lifecycle, start: datetime, at: datetime) -> bool:
    """Tell whether `former` will have begun, and not ended, when the amendment begins."""
    # Without `superseded`, for this amendment itself may be the one that ends the agreement.
    has_not_ended = status_of(former.superseded(None), at).state is not AgreementState.ENDED
    has_begun = former.starts_at is not None and former.starts_at < start
    return has_not_ended and has_begun and start <= former.agreement.valid_until
