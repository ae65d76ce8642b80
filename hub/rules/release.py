"""May this nation see this version? One answer with its reason (policy 3, 4 and 6).

This file is the contract between the policy and the code. References are judged in
`references`, on the classes that are made here; `stands` reads the result for one reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import assert_never

from hub.model import (
    Class,
    Clause,
    Clearance,
    Decision,
    Ground,
    Justification,
    MemberId,
    NationCode,
    Period,
    Reader,
    Release,
    Tlp,
    Withhold,
)

ALWAYS_COVERED = frozenset({"identity", "marking-definition"})  # policy 2.4: what crosses stays readable
NEVER: Class = frozenset()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version as the rules see it. `closed` is the reason for which it may not leave its nation.

    `rel_to` are the nations that its REL TO markings name, None: it carries none (policy 6).
    """

    origin: NationCode
    member: MemberId
    clearance: Clearance  # of the submitting member
    type: str
    tlp: Tlp
    submitted_at: datetime
    closed: str | None = None
    rel_to: frozenset[NationCode] | None = None


def clearance_for(tlp: Tlp) -> Clearance:
    """Return the lowest clearance that the level itself allows (policy 3 and 4)."""
    match tlp:
        case Tlp.CLEAR | Tlp.GREEN:
            return Clearance.PARTNER
        case Tlp.AMBER:
            return Clearance.AGENCY
        case Tlp.AMBER_STRICT | Tlp.RED:
            return Clearance.CERT
        case _:
            assert_never(tlp)


def decide(candidate: Candidate, recipient: NationCode, periods: Sequence[Period], now: datetime) -> Decision:
    """Decide whether `candidate` is released to `recipient`, references aside (policy 3 and 4).

    `periods` may hold any; only those in force at `now` count. A release carries every ground on
    which it stands and the widest clearance they give.
    """
    if recipient == candidate.origin:
        grounds = _home_grounds(candidate)
        return Release(clearance_for(candidate.tlp), grounds)
    if candidate.closed is not None:
        return Withhold(candidate.closed)
    if candidate.rel_to is not None and recipient not in candidate.rel_to:
        return Withhold(f"marked REL TO {', '.join(sorted(candidate.rel_to)) or 'nobody'} only")
    directed = [p for p in periods if _is_directed(p.clause, candidate.origin, recipient)]
    in_force = [p for p in directed if p.is_in_force(now)]
    pending = [p for p in directed if p.takes_over(now)]
    if not in_force:
        return Withhold(f"{candidate.origin}→{recipient}: no agreement in force")
    reasons = {p.id: _mismatch(candidate, recipient, p) for p in (*in_force, *pending)}
    matching = [p for p in in_force if reasons[p.id] is None]
    if not matching:
        return Withhold("; ".join(sorted({reasons[p.id] or "" for p in in_force})))
    allowed = clearance_for(candidate.tlp)
    now_by = {p: Ground(p.id, max(p.clause.audience, allowed)) for p in matching}
    later = _successions(now_by, [p for p in pending if reasons[p.id] is None], allowed)
    clearance = min(ground.clearance for ground in now_by.values())
    return Release(clearance, frozenset((*now_by.values(), *later)))


def _successions(
    grounds: Mapping[Period, Ground], pending: Iterable[Period], allowed: Clearance
) -> Iterable[Ground]:
    """Give the grounds on which the release goes on when an amendment takes over, to nobody new by them.

    Whoever an amendment adds gets rows of their own once it is in force (policy 5).
    """
    seen: dict[str, Clearance] = {}
    for period, ground in grounds.items():
        seen[period.agreement_id] = min(ground.clearance, seen.get(period.agreement_id, ground.clearance))
    for agreement, periods in groupby(sorted(pending, key=_by_start), key=lambda p: p.agreement_id):
        later = [
            Ground(p.id, max(p.clause.audience, allowed, seen[p.continues]))
            for p in periods
            if p.continues in seen
        ]
        yield from later
        if later:  # an amendment of the amendment goes on from there
            seen[agreement] = min(ground.clearance for ground in later)


def binding(periods: Iterable[Period], now: datetime) -> frozenset[int]:
    """Return the periods that are in force at `now`, and those that take over from one that is, in turn."""
    known = list(periods)
    bind = [p for p in known if p.is_in_force(now)]
    continued = {p.agreement_id for p in bind}
    for period in sorted((p for p in known if p.takes_over(now)), key=_by_start):
        if period.continues in continued:
            bind.append(period)
            continued.add(period.agreement_id)
    return frozenset(p.id for p in bind)


def _by_start(period: Period) -> tuple[datetime, str]:
    return period.start, period.agreement_id


def stands(justification: Justification, reader: Reader, in_force: AbstractSet[int]) -> bool:
    """Tell whether every class has a ground that holds for `reader` while `in_force` are the periods.

    The rule that a submitter always sees its own object is not looked at here: it is not a matter of grounds.
    """
    return all(
        any(_holds(ground, reader, in_force) for ground in alternatives) for alternatives in justification
    )


def in_force_part(justification: Justification, in_force: AbstractSet[int]) -> Justification:
    """Return the justification without the grounds that are over; a class left empty never stands again."""
    return simplify(
        frozenset(g for g in alternatives if g.period is None or g.period in in_force)
        for alternatives in justification
    )


def narrows(new: Justification, old: Justification) -> bool:
    """Tell whether nobody for whom `old` does not stand, now or later, is one for whom `new` does."""
    return all(any(_implies(strong, weak) for strong in new) for weak in old)


def simplify(classes: Iterable[Class]) -> Justification:
    """Return the same condition with as few classes as possible: a class implied by another is left out."""
    distinct = set(classes)
    if NEVER in distinct:
        return frozenset({NEVER})
    return frozenset(
        one for one in distinct if not any(other != one and _implies(other, one) for other in distinct)
    )


def _implies(strong: Class, weak: Class) -> bool:
    """Tell whether whoever satisfies `strong` satisfies `weak`, whatever is in force."""
    return all(any(_covers(w, s) for w in weak) for s in strong)


def _covers(wide: Ground, narrow: Ground) -> bool:
    if wide.member is not None or narrow.member is not None:
        return wide == narrow
    return wide.period == narrow.period and wide.clearance <= narrow.clearance


def _holds(ground: Ground, reader: Reader, in_force: AbstractSet[int]) -> bool:
    if ground.period is not None and ground.period not in in_force:
        return False
    if ground.member is not None:
        return ground.member == reader.member
    return reader.clearance >= ground.clearance


def _home_grounds(candidate: Candidate) -> Class:
    needed = clearance_for(candidate.tlp)
    grounds = {Ground(None, needed)}
    if candidate.clearance < needed:
        grounds.add(Ground(None, candidate.clearance, candidate.member))
    return frozenset(grounds)


def _is_directed(clause: Clause, origin: NationCode, recipient: NationCode) -> bool:
    return clause.origin == origin and recipient in clause.recipients


def _mismatch(candidate: Candidate, recipient: NationCode, period: Period) -> str | None:
    clause = period.clause
    if candidate.tlp is Tlp.RED and candidate.rel_to is None:
        return "RED is released only to the nations an object is addressed to"
    if candidate.tlp > clause.max_tlp:
        return f"above the agreement's ceiling {clause.max_tlp.label.upper()}"
    if clause.types is not None and candidate.type not in clause.types | ALWAYS_COVERED:
        return f"type {candidate.type} not covered"
    if not clause.history and candidate.submitted_at < period.since[recipient]:
        return "submitted before the agreement came into force"
    return None
