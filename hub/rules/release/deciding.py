"""May this nation see this version? One answer with its reason (policy 3, 4 and 6).

This file is the contract between the policy and the code. References are judged in
`references`, on the classes that are made here; `stands` reads the result for one reader.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Final, assert_never

from hub.model import (
    SUBMITTED,
    Anonymise,
    Class,
    Clause,
    Clearance,
    Decision,
    Facts,
    Form,
    Granular,
    Ground,
    Justification,
    MemberId,
    NationCode,
    ObjectVersion,
    Obstacle,
    Period,
    Reader,
    Reason,
    Release,
    SourceHiding,
    Tlp,
    Withhold,
)

ALWAYS_COVERED = frozenset({"identity", "marking-definition"})  # policy 2.4: what crosses stays readable
NEVER: Class = frozenset()
NOBODY: Final = MemberId("")  # a reader of whom no ground speaks
_ceiling: Final = partial(Reason, obstacle=Obstacle.CEILING)  # it tells least
_RED_REASON: Final = Reason("RED is released only to the nations an object is addressed to", Obstacle.MARKING)
_LIMITED: Final = Reason("handled like what it refers to, which does not go there", Obstacle.REFERENCE)
_SEEN_AS_ANSWER: Final = _ceiling("its nation is given it with the ids that it has there")
_SEEN_HIDDEN: Final = _ceiling("an agreement that hides its source gives it under another id alone")
_NOT_SO: Final = _ceiling("no agreement in force gives it in this form")
_CLOSED: Final = (
    "it carries, or is contained in what carries, a marking the hub cannot keep, "
    "or what holds it stays at home"
)
_KEPT_AT_HOME: Final = "unmarked, and its nation keeps what is unmarked at home"
_NAMES_SOURCE: Final = _ceiling("names its source, which the agreement hides")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version as the rules see it: what decides over it, its nation and its member's clearance."""

    origin: NationCode
    clearance: Clearance
    facts: Facts

    @classmethod
    def of(cls, version: ObjectVersion, origin: NationCode, clearance: Clearance) -> Candidate:
        """Return the version as these rules see it; what closes it is told in words (policy 2.4, 2.6)."""
        closed = None
        if version.is_closed:
            closed = version.markings.fault or _CLOSED
        elif version.is_home:
            closed = _KEPT_AT_HOME
        facts = Facts(
            *(version.member, version.type, version.tlp, version.submitted_at, closed, version.rel_to),
            *(version.taken.limits, version.source_hiding, version.about, version.base, version.redactions),
            version.base_rel_to,
        )
        return cls(origin, clearance, facts)

    def level(self, form: Form) -> Tlp | None:
        """Return the level of what is left in this form (policy 7); None: nothing that could be given."""
        if form.ceiling is None:
            return self.facts.tlp
        redaction = next(
            (redaction for redaction in self.facts.redactions if redaction.ceiling is form.ceiling), None
        )
        return None if redaction is None else max(self.facts.base, redaction.level or Tlp.CLEAR)

    def left(self, form: Form) -> Candidate | None:
        """Return what is judged in this form: itself, or what is left of it (policy 7); None: nothing is."""
        level = self.level(form)
        if level is None:
            return None
        facts = replace(self.facts, tlp=level, rel_to=self.facts.base_rel_to)
        return self if form.ceiling is None else replace(self, facts=facts)

    def needed_in(self, nation: NationCode) -> Clearance | None:
        """Return the lowest clearance that level and limits allow there (policy 3, 4 and 8); None: none."""
        allowed = clearance_for(self.facts.tlp)
        if self.facts.limits is None:
            return allowed
        limit = dict(self.facts.limits).get(nation)
        if limit is None:  # at home its nation's cert sees what its members submit (policy 3)
            return Clearance.CERT if nation == self.origin else None
        return max(allowed, limit)

    @property
    def is_masked(self) -> bool:
        """Tell whether it appears in another form where an agreement hides its source (policy 7)."""
        return is_masked(self.clearance, self.facts.source_hiding)

    def is_hidden_by(self, clause: Clause) -> bool:
        """Tell whether the clause lets its nation's cert appear as its source (policy 7)."""
        return self.is_masked and clause.anonymise is Anonymise.AGENCY


def is_masked(clearance: Clearance, source_hiding: SourceHiding) -> bool:
    """Tell whether what such a member submitted has another form where its source is hidden (policy 7)."""
    return clearance < Clearance.CERT and source_hiding is not SourceHiding.PLAIN


def is_directed(clause: Clause, origin: NationCode, recipient: NationCode) -> bool:
    """Tell whether the clause lets what is of `origin` reach `recipient` (policy 4)."""
    return clause.origin == origin and recipient in clause.recipients


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


def decide(
    candidate: Candidate,
    recipient: NationCode,
    periods: Sequence[Period],
    now: datetime,
    form: Form = SUBMITTED,
) -> Decision:
    """Decide whether `candidate` is released to `recipient` in this form (policy 3, 4, 6 and 7).

    References are judged elsewhere. `periods` may hold any; only those in force at `now` count. A release
    carries every ground on which it stands and the widest clearance they give. What is withheld has every
    reason: of several clauses in force each gives its own, and to remove those of one is enough. Of what is
    redacted, `candidate` has the level of what is left.
    """
    allowed = candidate.needed_in(recipient)
    if recipient == candidate.origin and allowed is not None:
        return Release(allowed, _home_grounds(candidate, allowed))
    directed = [p for p in periods if is_directed(p.clause, candidate.origin, recipient)]
    in_force = {p: _mismatches(candidate, recipient, p) for p in directed if p.is_in_force(now)}
    reasons = _obstacles(candidate, recipient, in_force.values())
    if reasons or allowed is None:
        return Withhold(tuple(reasons))
    matching = [p for p, found in in_force.items() if not found and _gives(p.clause, candidate, form)]
    # What refers to an object of its by a made id it sees with its own id in place, and no other form.
    if form.is_answer != (candidate.facts.about == recipient):
        return Withhold((_SEEN_AS_ANSWER,), is_seen_otherwise=True)
    if not matching:
        why = _SEEN_HIDDEN if form == SUBMITTED else _NOT_SO
        return Withhold((why,), is_seen_otherwise=True)
    pending = [p for p in directed if p.takes_over(now) and _gives(p.clause, candidate, form)]
    now_by = {p: Ground(p.id, max(p.clause.audience, allowed)) for p in matching}
    later = _successions(now_by, (p for p in pending if not _mismatches(candidate, recipient, p)), allowed)
    clearance = min(ground.clearance for ground in now_by.values())
    return Release(clearance, frozenset((*now_by.values(), *later)))


def widest(
    candidate: Candidate,
    recipient: NationCode,
    periods: Sequence[Period],
    now: datetime,
    form: Form = SUBMITTED,
) -> Period | None:
    """Return the period whose clause releases `candidate` most widely; among equals that in force longest.

    None inside the origin nation, where no clause is needed, and for what is withheld (policy 4).
    """
    grounds = decide(candidate, recipient, periods, now, form).grounds
    return widest_of(grounds, [p for p in periods if p.is_in_force(now)])


def widest_of(grounds: Iterable[Ground], periods: Iterable[Period]) -> Period | None:
    """Return the period, of those in force, whose ground is the widest (policy 4); None: none has one."""
    known = {p.id: p for p in periods}
    found = [(g.clearance, known[g.period]) for g in grounds if g.period in known]
    return min(found, key=lambda pair: (pair[0], pair[1].start, pair[1].id))[1] if found else None


def own_class(
    candidate: Candidate, recipient: NationCode, justification: Justification, periods: Iterable[Period]
) -> Class:
    """Return the class by which the version itself stands, among those of all that it refers to (policy 2.7).

    It is the one whose clauses match the version, at the clearances that they give it. Where its own was left
    out, for another implies it, that other one is returned: it has no ground that the own has not.
    """
    known = {p.id: p for p in periods}

    def likeness(one: Class) -> tuple[bool, int, int, str]:
        clauses = [(known[g.period], g) for g in one if g.period in known]
        matching = [(p, g) for p, g in clauses if not _mismatches(candidate, recipient, p)]
        allowed = candidate.needed_in(recipient) or Clearance.CERT
        exact = [p for p, g in matching if g.clearance == max(p.clause.audience, allowed)]
        # One without any clause tells to whom of the nation an answer is.
        lacking = len(matching) - len(clauses), len(exact) - len(clauses)
        return bool(clauses), *lacking, repr(sorted(one, key=repr))

    return max(justification, key=likeness, default=NEVER)


def _obstacles(
    candidate: Candidate, recipient: NationCode, mismatches: Collection[Sequence[Reason]]
) -> list[Reason]:
    """Return every reason for which no form of the candidate is released; none: some form is.

    `mismatches` are those of each clause in force (policy 4, 6 and 8).
    """
    found = [] if candidate.facts.closed is None else [Reason(candidate.facts.closed, Obstacle.MARKING)]
    if not _is_addressed(candidate, recipient):
        found.append(_addressed_elsewhere(candidate))
    if candidate.needed_in(recipient) is None:
        found.append(_LIMITED)
    if not mismatches:
        found.append(Reason(f"{candidate.origin}→{recipient}: no agreement in force", None))
    elif all(mismatches):
        found += dict.fromkeys(one for own in mismatches for one in own)
    return found


def _is_addressed(candidate: Candidate, recipient: NationCode) -> bool:
    return candidate.facts.rel_to is None or recipient in candidate.facts.rel_to


def _addressed_elsewhere(candidate: Candidate) -> Reason:
    if candidate.facts.tlp is Tlp.RED and not candidate.facts.rel_to:
        return _RED_REASON
    nations = ", ".join(sorted(candidate.facts.rel_to or ())) or "nobody"
    return Reason(f"marked REL TO {nations} only", Obstacle.MARKING)


def _gives(clause: Clause, candidate: Candidate, form: Form) -> bool:
    """Tell whether the clause asks for this form of the candidate."""
    is_cut = clause.granular is Granular.REDACT and clause.max_tlp is form.ceiling
    return candidate.is_hidden_by(clause) == form.is_anonymised and (form.ceiling is None or is_cut)


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


def levels_seen(
    origin: NationCode, reader: Reader, periods: Iterable[Period], now: datetime
) -> frozenset[Tlp]:
    """Return the levels at which something of `origin` may be visible to such a reader (policy 3 and 4).

    By nation, clearance and the clauses in force alone, whatever there is. What the reader itself submits it
    sees at every level; that is not counted.
    """
    if origin == reader.nation:
        return frozenset(level for level in Tlp if clearance_for(level) <= reader.clearance)
    clauses = [
        p.clause for p in periods if p.is_in_force(now) and is_directed(p.clause, origin, reader.nation)
    ]
    return frozenset(
        level
        for level in Tlp
        for clause in clauses
        if level <= clause.max_tlp and max(clause.audience, clearance_for(level)) <= reader.clearance
    )


def binding(periods: Iterable[Period], now: datetime) -> frozenset[int]:
    """Return the periods in force at `now`, and those that take over from one that is (policy 5), in turn."""
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


def is_visible(justification: Justification, reader: Reader, in_force: AbstractSet[int]) -> bool:
    """Tell whether every class has a ground that holds for `reader` while these are in force (policy 4).

    The rule that a submitter always sees its own object is not looked at here: it is not a matter of grounds.
    """
    return all(
        any(_holds(ground, reader, in_force) for ground in alternatives) for alternatives in justification
    )


def lowest_clearance(justification: Justification, in_force: AbstractSet[int]) -> Clearance | None:
    """Return from which clearance up every member of the recipient sees by it (policy 4); None: from none."""
    readers = (Reader(NOBODY, NationCode(""), clearance) for clearance in Clearance)
    return next((one.clearance for one in readers if is_visible(justification, one, in_force)), None)


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
    # Without the grounds that others cover, two classes that imply each other are one, and one is kept.
    distinct = {_widest_grounds(one) for one in classes}
    if NEVER in distinct:
        return frozenset({NEVER})
    return frozenset(
        one for one in distinct if not any(other != one and _implies(other, one) for other in distinct)
    )


def _widest_grounds(one: Class) -> Class:
    return frozenset(g for g in one if not any(other != g and _covers(other, g) for other in one))


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


def _home_grounds(candidate: Candidate, needed: Clearance) -> Class:
    grounds = {Ground(None, needed)}
    if candidate.clearance < needed:
        grounds.add(Ground(None, candidate.clearance, candidate.facts.member))
    return frozenset(grounds)


def _mismatches(candidate: Candidate, recipient: NationCode, period: Period) -> list[Reason]:
    """Return all for which the clause does not match, the most grave first (policy 4, 6 and 7)."""
    clause = period.clause
    is_hiding = clause.anonymise is Anonymise.AGENCY
    found = [_NAMES_SOURCE] if is_hiding and candidate.facts.source_hiding is SourceHiding.NONE else []
    if candidate.facts.tlp is Tlp.RED and candidate.facts.rel_to is None:
        found.append(_RED_REASON)
    if candidate.facts.tlp > clause.max_tlp:
        found.append(_ceiling(f"above the agreement's ceiling {clause.max_tlp.label.upper()}"))
    if clause.types is not None and candidate.facts.type not in clause.types | ALWAYS_COVERED:
        found.append(Reason(f"type {candidate.facts.type} not covered", Obstacle.TYPE))
    if not clause.history and candidate.facts.submitted_at < period.since[recipient]:
        found.append(_ceiling("submitted before the agreement came into force"))
    return found
