"""In which other forms than as submitted may a nation see a version, and on which grounds (policy 7)?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from hub.model import (
    ANONYMISED,
    Anonymise,
    Class,
    Clause,
    Clearance,
    Form,
    Granular,
    Ground,
    Justification,
    Kind,
    KnownSubmitters,
    Member,
    MemberId,
    NationCode,
    OriginalId,
    Period,
    RecordKey,
    StixId,
    View,
)
from hub.rules.release.deciding import (
    Candidate,
    decide,
    is_directed,
    simplify,
)

_EXTENSION: Final = "extension-definition--"


def is_altering(clause: Clause) -> bool:
    """Tell whether the clause lets something be seen in another form than as submitted (policy 7)."""
    return clause.granular is Granular.REDACT or clause.anonymise is Anonymise.AGENCY


class ClausesInForce:
    """What may bind, and when and for whom it is asked. References are judged elsewhere."""

    def __init__(self, recipients: Sequence[NationCode], periods: Sequence[Period], now: datetime) -> None:
        self._recipients = recipients
        self._periods = periods
        self._now = now
        self._clauses = [p.clause for p in periods if p.is_in_force(now)]
        self._altering = [clause for clause in self._clauses if is_altering(clause)]
        self._submitted: dict[Candidate, Mapping[NationCode, Class]] = {}
        self._others: dict[tuple[Candidate, bool], Mapping[View, Class]] = {}

    def as_submitted(self, candidate: Candidate) -> Mapping[NationCode, Class]:
        """Return the class by which the version itself stands for each recipient (policy 3 and 4)."""
        if candidate not in self._submitted:
            found = ((r, decide(candidate, r, self._periods, self._now)) for r in self._recipients)
            self._submitted[candidate] = {recipient: decision.grounds for recipient, decision in found}
        return self._submitted[candidate]

    def in_other_forms(self, candidate: Candidate, *, is_last: bool) -> Mapping[View, Class]:
        """Return the classes by which the version itself stands in other forms (policy 7).

        `is_last`: no version of the record comes after it, deleted or not. Redactions and answers are made of
        such alone (policy 4: the newest decides).
        """
        key = candidate, is_last
        if key not in self._others:
            self._others[key] = dict(self._decided(candidate, is_last=is_last))
        return self._others[key]

    def _decided(self, candidate: Candidate, *, is_last: bool) -> Iterator[tuple[View, Class]]:
        clauses = self._altering if candidate.facts.about is None else self._clauses
        for recipient in self._recipients if clauses else ():
            for form in sorted(_forms(candidate, recipient, clauses), key=lambda form: form.label):
                left = candidate.left(form)
                if left is not None and (is_last or form == ANONYMISED):
                    decision = decide(left, recipient, self._periods, self._now, form)
                    yield View(recipient, form), decision.grounds


# (hub/README: redaction-per-ceiling)
def _forms(candidate: Candidate, recipient: NationCode, clauses: Iterable[Clause]) -> frozenset[Form]:
    """Return the forms in which some clause may let `recipient` see the candidate, something left or not."""
    found: set[Form] = set()
    for clause in clauses:
        if not is_directed(clause, candidate.origin, recipient):
            continue
        is_hidden = candidate.is_hidden_by(clause)
        if candidate.facts.about == recipient:
            found.add(Form(is_hidden, is_answer=True))
            continue
        if is_hidden:
            found.add(ANONYMISED)
        if clause.granular is Granular.REDACT:
            found.add(Form(is_hidden, clause.max_tlp))
    return frozenset(found)


def answered(behind: Mapping[StixId, OriginalId], about: NationCode) -> dict[StixId, StixId]:
    """Return the originals of the nation that is answered, by made id (policy 7).

    Others' are none of its business. Nor those of extension-definitions: where such ids are keys, two might
    become one.
    """
    named = {made: original.id for made, original in behind.items() if original.origin == about}
    return {made: id for made, id in named.items() if not made.startswith(_EXTENSION)}


def audience(  # (hub/README: answer-to-made-id)
    originals: Mapping[StixId, StixId],
    told: Mapping[tuple[MemberId, StixId], int],
    came_at: int | None,
    justifications: Mapping[RecordKey, Justification],
) -> Justification:
    """Return for whom an answer is where it is about: who sees the originals there (policy 7).

    That is, from which clearance up, as where an object of the cert's own is referred to. `told` has at which
    position of its ledger the answering nation was first given each member's record, by made id; `came_at` is
    the answer's own there, 0: it has none, None: the answer comes now. Records count that had been given
    before: whoever else submits the same id has no part in it. `valid` is by what records stand at home.
    What is not there any more, or was never released, is the cert's.
    """
    records = {
        (member, originals[made])
        for (member, made), position in told.items()
        if came_at is None or position < came_at
    }
    there = records & justifications.keys()
    classes = {grounds for record in there for grounds in justifications[record]}
    found = {frozenset(ground for ground in grounds if ground.member is None) for grounds in classes}
    if there != records or {id for _, id in there} != set(originals.values()) or not found:
        found.add(frozenset({Ground(None, Clearance.CERT)}))
    return simplify(found)


def to_audience(classes: Mapping[View, Class], told: Justification) -> dict[View, Justification]:
    """Return by what each form stands of which these are the classes: an answer for who is told it alone."""
    return {
        view: frozenset({own}) | told if view.form.is_answer else frozenset({own})
        for view, own in classes.items()
    }


def names_of(member: Member) -> tuple[str, ...]:
    """Return the names by which a text tells of this member; a cert is never hidden (policy 7)."""
    return () if member.kind is Kind.CERT else member.names


def hidden_ids(ids: Collection[StixId], givers: KnownSubmitters) -> set[StixId]:
    """Return which of the ids that follow from no value an anonymised object must not tell (policy 7).

    All that could tell of a member's other objects, known to the hub or not. Nobody hides the cert's id by
    claiming it; nobody abroad finds a member's out by claiming that.
    """
    plain = givers.by_cert | (givers.from_abroad - givers.by_others)
    extensions = {id for id in ids if id.startswith(_EXTENSION)} - givers.by_others
    return set(ids) - plain - extensions
