"""What an amendment may supersede, when it takes over, and from when on its clauses bind then (policy 5)."""

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
    """Return why no amendment may supersede `former` (policy 5), and what may be done; None: one may."""
    current = status_of(former, now)
    if current.state is AgreementState.ENDED:
        return f"that agreement has ended ({current.ended}); propose without supersedes."
    if former.starts_at is None:
        return "that agreement is not signed by all; propose another in its place."
    if former.superseded_at is not None:
        return "another amendment of that agreement is signed by all; supersede that one."
    return None


# (hub/README: amendment-never-began)
def superseded_by(former: Lifecycle, amendments: Iterable[Lifecycle]) -> Lifecycle:
    """Return `former` with the instant in which one of its amendments takes over, or took over (policy 5)."""
    taking_over = (_takes_over_at(amendment) for amendment in amendments)
    return former.superseded(min((at for at in taking_over if at is not None), default=None))


def _takes_over_at(amendment: Lifecycle) -> datetime | None:
    """Return when a complete amendment took over or will; None: it does not."""
    start = amendment.starts_at
    if start is None or (amendment.terminated_at is not None and amendment.terminated_at < start):
        return None
    return start


def continues(former: Iterable[Period], amendment: Lifecycle, at: datetime) -> bool:
    """Tell whether what has these periods is in force until the amendment, signed `at`, begins (policy 5)."""
    start = max(at, amendment.agreement.valid_from)
    return any(p.ended_at is None and p.start < start <= p.until and at < p.until for p in former)


def amended_from(
    amendment: Lifecycle, at: datetime, former: tuple[Lifecycle, Iterable[Period]], continued: str | None
) -> list[Period]:
    """Return the periods, without ids, in which an amendment binds from `at` or later on (policy 4, 5).

    `former` is the lifecycle and the periods of what it supersedes, `continued` the id of that if the
    amendment takes over from it without a gap. What was covered goes on being covered since then if that
    lives so long.
    """
    lifecycle, periods = former
    start = max(at, amendment.agreement.valid_from)
    before = covered_since(periods) if _lives_until(lifecycle, start, at) else {}
    return periods_from(amendment, at, before, continued)


def _lives_until(former: Lifecycle, start: datetime, at: datetime) -> bool:
    """Tell whether `former` will have begun, and not ended, when the amendment begins."""
    is_alive = status_of(former.superseded(None), at).state is not AgreementState.ENDED
    has_begun = former.starts_at is not None and former.starts_at < start
    return is_alive and has_begun and start <= former.agreement.valid_until
