"""In which other forms than as submitted may a nation see a version, and on which grounds (policy 7)?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from hub.model import (
    ANONYMISED,
    Anonymise,
    Class,
    Clause,
    Granular,
    NationCode,
    Period,
    Rendition,
    View,
)
from hub.rules.release import Candidate, decide, is_directed


def is_altering(clause: Clause) -> bool:
    """Tell whether the clause lets something be seen in another form than as submitted (policy 7)."""
    return clause.granular is Granular.REDACT or clause.anonymise is Anonymise.AGENCY


class Law:
    """What may bind, and when and for whom it is asked. References are judged elsewhere."""

    def __init__(self, recipients: Sequence[NationCode], periods: Sequence[Period], now: datetime) -> None:
        self._recipients = recipients
        self._periods = periods
        self._now = now
        self._clauses = [p.clause for p in periods if p.is_in_force(now)]
        self._altering = [clause for clause in self._clauses if is_altering(clause)]

    def as_submitted(self, candidate: Candidate) -> dict[NationCode, Class]:
        """Return the class by which the version itself stands for each recipient (policy 3 and 4)."""
        return {r: decide(candidate, r, self._periods, self._now).grounds for r in self._recipients}

    def in_other_forms(self, candidate: Candidate, *, is_last: bool) -> dict[View, Class]:
        """Return the classes by which the version itself stands in other forms (policy 7).

        `is_last`: no version of the record comes after it, deleted or not. Redactions and answers are made of
        such alone (policy 4: the newest decides).
        """
        found: dict[View, Class] = {}
        clauses = self._altering if candidate.facts.about is None else self._clauses
        for recipient in self._recipients if clauses else ():
            for form in sorted(_forms(candidate, recipient, clauses), key=lambda form: form.label):
                left = candidate.left(form)
                if left is not None and (is_last or form == ANONYMISED):
                    decision = decide(left, recipient, self._periods, self._now, form)
                    found[View(recipient, form)] = decision.grounds
        return found


def _forms(candidate: Candidate, recipient: NationCode, clauses: Iterable[Clause]) -> frozenset[Rendition]:
    """Return the forms in which some clause may let `recipient` see the candidate, something left or not."""
    found: set[Rendition] = set()
    for clause in clauses:
        if not is_directed(clause, candidate.origin, recipient):
            continue
        is_hidden = candidate.is_hidden_by(clause)
        if candidate.facts.about == recipient:
            found.add(Rendition(is_hidden, is_answer=True))
            continue
        if is_hidden:
            found.add(ANONYMISED)
        if clause.granular is Granular.REDACT:
            found.add(Rendition(is_hidden, clause.max_tlp))
    return frozenset(found)
