"""Decides whether a version is released to a nation, with every reason against (policy 3, 4 and 6).

`clearance_for` keeps AMBER+STRICT and RED with the national CERT. `Candidate.needed_in` adds the limits of
policy 8, `_mismatches` the terms of a clause. Every release and every reason comes from `decide`.

References are judged in `references`, on the classes made here. `justifications` reads the result for one
reader.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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
    redaction_for,
)
from hub.rules.release.justifications import NEVER

ALWAYS_COVERED = frozenset({"identity", "marking-definition"})  # policy 2.4: what crosses stays readable
_ceiling: Final = partial(Reason, obstacle=Obstacle.CEILING)  # the word that discloses least (policy 5)
_RED_REASON: Final = Reason("RED is released only to the nations an object is addressed to", Obstacle.MARKING)
_LIMITED: Final = Reason("handled like what it refers to, which does not go there", Obstacle.REFERENCE)
_SEEN_AS_ANSWER: Final = _ceiling("its nation is given it with the ids that it has there")
_SEEN_HIDDEN: Final = _ceiling("an agreement that hides its source gives it under another id alone")
_IN_OTHER_FORM: Final = _ceiling("no agreement in force gives it in this form")
_CLOSED: Final = (
    "it carries, or is contained in what carries, a marking the hub cannot keep, "
    "or what holds it stays at home"
)
_KEPT_AT_HOME: Final = "unmarked, and its nation keeps what is unmarked at home"
_NAMES_SOURCE: Final = _ceiling("names its source, which the agreement hides")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version as the rules judge it: the deciding facts, the origin nation, the submitter's clearance."""

    origin: NationCode
    clearance: Clearance
    facts: Facts

    @classmethod
    def of(cls, version: ObjectVersion, origin: NationCode, clearance: Clearance) -> Candidate:
        """Return the candidate of a version; closure becomes a sentence for `Withhold` (policy 2.4, 2.6)."""
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
        """Return the level of the rest in this form (policy 7); None: no rest exists to serve."""
        if form.ceiling is None:
            return self.facts.tlp
        redaction = redaction_for(form, self.facts.redactions)
        return None if redaction is None else max(self.facts.base, redaction.level or Tlp.CLEAR)

    def left(self, form: Form) -> Candidate | None:
        """Return the candidate to judge in this form: the whole, or the rest (policy 7).

        None: no rest exists.
        """
        # Markings of removed parts bind the removed parts alone: the rest
        # has the level and REL TO of policy 7.
        level = self.level(form)
        if level is None:
            return None
        facts = replace(self.facts, tlp=level, rel_to=self.facts.base_rel_to)
        return self if form.ceiling is None else replace(self, facts=facts)

    def needed_in(self, nation: NationCode) -> Clearance | None:
        """Return the lowest clearance allowed there by level and limits (policy 3, 4 and 8); None: none."""
        allowed = clearance_for(self.facts.tlp)
        if self.facts.limits is None:
            return allowed
        limit = dict(self.facts.limits).get(nation)
        if limit is None:  # at home its nation's cert sees what its members submit (policy 3)
            return Clearance.CERT if nation == self.origin else None
        # INVARIANT: limits raise the clearance of the level and never lower it (policy 8; I2).
        return max(allowed, limit)

    @property
    def is_masked(self) -> bool:
        """Tell whether hiding the source changes the form of this version (policy 7)."""
        return is_masked(self.clearance, self.facts.source_hiding)

    def is_hidden_by(self, clause: Clause) -> bool:
        """Tell whether the clause names the national cert as the source of this version (policy 7)."""
        return self.is_masked and clause.anonymise is Anonymise.AGENCY


def is_masked(clearance: Clearance, source_hiding: SourceHiding) -> bool:
    """Tell whether hiding the source changes the form of such a submitter's versions (policy 7)."""
    return clearance < Clearance.CERT and source_hiding is not SourceHiding.PLAIN


def is_directed(clause: Clause, origin: NationCode, recipient: NationCode) -> bool:
    """Tell whether the clause shares from `origin` to `recipient` (policy 4)."""
    return clause.origin == origin and recipient in clause.recipients


def starts_for(
    periods: Iterable[Period], origin: NationCode, recipients: Collection[NationCode]
) -> set[datetime]:
    """Return the starts that decide by age for these recipients (policy 4, "start")."""
    # A clause with history takes versions of every age.
    return {
        at
        for period in periods
        if period.clause.origin == origin and not period.clause.history
        for recipient, at in period.since.items()
        if recipient in recipients
    }


def clearance_for(tlp: Tlp) -> Clearance:
    """Return the lowest clearance that may read this level (policy 3 and 4).

    AMBER+STRICT and RED stay with the national CERT. AMBER goes to agencies too, GREEN and CLEAR to every
    member. A clause can only raise this clearance (`audience`). The submitting member alone reads beyond this
    table, at home (`_home_grounds`).
    """
    # Policy 4 has this table for all nations: the same at home and abroad, whatever a clause says.
    match tlp:
        case Tlp.CLEAR | Tlp.GREEN:
            return Clearance.PARTNER
        case Tlp.AMBER:
            return Clearance.AGENCY
        # INVARIANT: no agency and no partner reads AMBER+STRICT or RED of another member (policy 3, 4; I1,
        # I5).
        case Tlp.AMBER_STRICT | Tlp.RED:
            return Clearance.CERT
        case _:
            # A new level does not type-check until a clearance is chosen for that level: every doubt closes.
            assert_never(tlp)


def decide(
    candidate: Candidate,
    recipient: NationCode,
    periods: Sequence[Period],
    now: datetime,
    form: Form = SUBMITTED,
) -> Decision:
    """Decide the release of `candidate` to `recipient` in this form (policy 3, 4, 6 and 7).

    `periods` may hold any period; only periods in force at `now`, and successors of these, count. A release
    carries every ground, and the widest clearance among the grounds. A withheld version has every reason:
    each clause in force gives separate reasons, and removing the reasons of one clause is enough. For a
    redaction `candidate` has the level of the rest. References are judged in `references`.
    """
    allowed = candidate.needed_in(recipient)
    # Policy 3: at home no clause is needed. Closure and REL TO stop a version at the border alone (2.6, 6).
    if recipient == candidate.origin and allowed is not None:
        return Release(allowed, _home_grounds(candidate, allowed))
    # INVARIANT: no agreement, no crossing (policy, first rule; I1). Without a clause in force
    # `_obstacles` always gives a reason.
    directed = [p for p in periods if is_directed(p.clause, candidate.origin, recipient)]
    in_force = {p: _mismatches(candidate, recipient, p) for p in directed if p.is_in_force(now)}
    reasons = _obstacles(candidate, recipient, in_force.values())
    # Every doubt closes: `allowed` None has a reason already, and is asked again all the same.
    if reasons or allowed is None:
        return Withhold(tuple(reasons))
    matching = [p for p, found in in_force.items() if not found and _serves(p.clause, candidate, form)]
    # Policy 7: the nation of the originals reads an answer with the original ids, and no other form.
    if form.is_answer != (candidate.facts.about == recipient):
        return Withhold((_SEEN_AS_ANSWER,), is_seen_otherwise=True)
    if not matching:
        why = _SEEN_HIDDEN if form == SUBMITTED else _IN_OTHER_FORM
        return Withhold((why,), is_seen_otherwise=True)
    # Policy 5: an amendment takes over in one step. Rows name the next period in advance, so that no reader
    # loses a visible row between the two (I2, I4).
    pending = [p for p in directed if p.takes_over(now) and _serves(p.clause, candidate, form)]
    # INVARIANT: a clause's `audience` narrows the clearance of the level and never widens it (policy 4).
    now_by = {p: Ground(p.id, max(p.clause.audience, allowed)) for p in matching}
    later = _successions(now_by, (p for p in pending if not _mismatches(candidate, recipient, p)), allowed)
    # INVARIANT: of several clauses the widest counts, so that one more agreement never hides (policy 4; I2).
    clearance = min(ground.clearance for ground in now_by.values())
    return Release(clearance, frozenset((*now_by.values(), *later)))


def widest(
    candidate: Candidate,
    recipient: NationCode,
    periods: Sequence[Period],
    now: datetime,
    form: Form = SUBMITTED,
) -> Period | None:
    """Return the period of the clause with the widest release of `candidate`; a tie: the longest in force.

    None inside the origin nation, where no clause is needed, and for a withheld version (policy 4).
    """
    grounds = decide(candidate, recipient, periods, now, form).grounds
    return widest_of(grounds, [p for p in periods if p.is_in_force(now)])


def widest_of(grounds: Iterable[Ground], periods: Iterable[Period]) -> Period | None:
    """Return the period of the widest ground, among these periods in force (policy 4); None: no ground."""
    # I1: `explain` and disclosures name this period. The id breaks the last tie, so that reports agree.
    known = {p.id: p for p in periods}
    found = [(g.clearance, known[g.period]) for g in grounds if g.period in known]
    return min(found, key=lambda pair: (pair[0], pair[1].start, pair[1].id))[1] if found else None


def own_class(
    candidate: Candidate, recipient: NationCode, justification: Justification, periods: Iterable[Period]
) -> Class:
    """Return the class of the version itself, among the classes of all references (policy 2.7).

    The clauses of this class match the version, at the clearances computed for the version. The own class may
    be left out because another class implies the own class. Then the other class is returned: each ground
    there is covered by an own ground.
    """
    known = {p.id: p for p in periods}

    def likeness(one: Class) -> tuple[bool, int, int, str]:
        clauses = [(known[g.period], g) for g in one if g.period in known]
        matching = [(p, g) for p, g in clauses if not _mismatches(candidate, recipient, p)]
        allowed = candidate.needed_in(recipient) or Clearance.CERT
        exact = [p for p, g in matching if g.clearance == max(p.clause.audience, allowed)]
        # A class without a clause is the audience of an answer inside one nation (policy 7).
        missing = len(matching) - len(clauses), len(exact) - len(clauses)
        return bool(clauses), *missing, repr(sorted(one, key=repr))

    return max(justification, key=likeness, default=NEVER)


def _obstacles(
    candidate: Candidate, recipient: NationCode, mismatches: Collection[Sequence[Reason]]
) -> list[Reason]:
    """Return every reason against all forms of the candidate; empty: some form is released.

    `mismatches` are the reasons of each clause in force (policy 4, 6 and 8).
    """
    # Markings first: a closed object stays at home whatever clause exists (policy 2.6).
    found = [] if candidate.facts.closed is None else [Reason(candidate.facts.closed, Obstacle.MARKING)]
    # INVARIANT: REL TO narrows every agreement (policy 6; I2). RED needs REL TO too: see `_mismatches`.
    if not _is_addressed(candidate, recipient):
        found.append(_addressed_elsewhere(candidate))
    if candidate.needed_in(recipient) is None:
        found.append(_LIMITED)
    if not mismatches:
        found.append(Reason(f"{candidate.origin}→{recipient}: no agreement in force", None))
    # One matching clause is enough: a release lasts while one clause lasts (policy 4).
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


def _serves(clause: Clause, candidate: Candidate, form: Form) -> bool:
    """Tell whether the clause serves the candidate in this form (policy 7)."""
    # A redaction belongs to one ceiling, so a clause with another ceiling serves another redaction.
    is_redacting = clause.granular is Granular.REDACT and clause.max_tlp is form.ceiling
    return candidate.is_hidden_by(clause) == form.is_anonymised and (form.ceiling is None or is_redacting)


def _successions(
    grounds: Mapping[Period, Ground], pending: Iterable[Period], allowed: Clearance
) -> Iterable[Ground]:
    """Yield the grounds that continue a release after an amendment, for no additional reader.

    Readers added by an amendment get separate rows after the amendment is in force (policy 5).
    """
    seen: dict[str, Clearance] = {}
    for period, ground in grounds.items():
        seen[period.agreement_id] = min(ground.clearance, seen.get(period.agreement_id, ground.clearance))
    for agreement, periods in groupby(sorted(pending, key=_by_start), key=lambda p: p.agreement_id):
        later = [
            # INVARIANT: a successor's clearance is never below the present
            # clearance: the row stays in place (I4).
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
    """Return the levels at which versions of `origin` may be visible to such a reader (policy 3 and 4).

    Nation, clearance and clauses in force decide; stored objects do not. A reader sees own submissions at
    every level; these are not counted.
    """
    # INVARIANT: no stored object is looked at, so the answer discloses nothing hidden (I6).
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
    """Return the periods in force at `now`, and all that take over from these, in turn (policy 5)."""
    known = list(periods)
    bind = [p for p in known if p.is_in_force(now)]
    continued = {p.agreement_id for p in bind}
    # In order of start: an amendment of an amendment comes after the first amendment.
    for period in sorted((p for p in known if p.takes_over(now)), key=_by_start):
        if period.continues in continued:
            bind.append(period)
            continued.add(period.agreement_id)
    return frozenset(p.id for p in bind)


def _by_start(period: Period) -> tuple[datetime, str]:
    return period.start, period.agreement_id


def _home_grounds(candidate: Candidate, needed: Clearance) -> Class:
    # Policy 3: the submitting member always reads its own object, below the needed clearance too.
    grounds = {Ground(None, needed)}
    if candidate.clearance < needed:
        grounds.add(Ground(None, candidate.clearance, candidate.facts.member))
    return frozenset(grounds)


def _mismatches(candidate: Candidate, recipient: NationCode, period: Period) -> list[Reason]:
    """Return every reason why the clause does not match, the most grave first (policy 4, 6 and 7)."""
    # Limits, closure and REL TO are not checked here: these bind every clause alike (`_obstacles`).
    clause = period.clause
    is_hiding = clause.anonymise is Anonymise.AGENCY
    found = [_NAMES_SOURCE] if is_hiding and candidate.facts.source_hiding is SourceHiding.NONE else []
    # Policy 4: a clause alone never releases RED; REL TO must address the object (6).
    if candidate.facts.tlp is Tlp.RED and candidate.facts.rel_to is None:
        found.append(_RED_REASON)
    # INVARIANT: nothing above `max_tlp` leaves by this clause (policy 4; I1, I2).
    if candidate.facts.tlp > clause.max_tlp:
        found.append(_ceiling(f"above the agreement's ceiling {clause.max_tlp.label.upper()}"))
    if clause.types is not None and candidate.facts.type not in clause.types | ALWAYS_COVERED:
        found.append(Reason(f"type {candidate.facts.type} not covered", Obstacle.TYPE))
    # Policy 4, "start": a suspension or an amendment does not move `since`.
    if not clause.history and candidate.facts.submitted_at < period.since[recipient]:
        found.append(_ceiling("submitted before the agreement came into force"))
    return found
