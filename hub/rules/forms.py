"""In which other forms than as submitted may a nation see a version, and on which grounds (policy 7)?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hub.model import (
    ANONYMISED,
    Anonymise,
    Class,
    Clause,
    Cut,
    Granular,
    NationCode,
    Period,
    Rendition,
    Tlp,
    View,
)
from hub.rules.release import Candidate, decide, is_directed


@dataclass(frozen=True, slots=True)
class Parts:
    """What redactions of a version may leave: level and REL TO without granular markings; the cuts.

    `is_last`: no version of the record comes after it, deleted or not.
    """

    base: Tlp
    cuts: tuple[Cut, ...]
    is_last: bool
    rel_to: frozenset[NationCode] | None = None

    def level(self, form: Rendition, whole: Tlp) -> Tlp | None:
        """Return the level of what is left in this form; None: nothing that could be given."""
        if form.ceiling is None:
            return whole
        cut = next((cut for cut in self.cuts if cut.ceiling is form.ceiling), None)
        return None if cut is None else max(self.base, cut.level or Tlp.CLEAR)

    def left(self, form: Rendition, whole: Candidate) -> Candidate | None:
        """Return what is judged in this form: `whole`, or what is left of it; None: nothing is."""
        level = self.level(form, whole.tlp)
        if level is None:
            return None
        return whole if form.ceiling is None else replace(whole, tlp=level, rel_to=self.rel_to)


@dataclass(frozen=True, slots=True)
class Law:
    """What may bind, and when and for whom it is asked."""

    recipients: Sequence[NationCode]
    periods: Sequence[Period]
    now: datetime

    def clauses(self) -> list[Clause]:
        """Return the clauses in force."""
        return [p.clause for p in self.periods if p.is_in_force(self.now)]


def is_altering(clause: Clause) -> bool:
    """Tell whether the clause lets something be seen in another form than as submitted."""
    return clause.granular is Granular.REDACT or clause.anonymise is Anonymise.AGENCY


def in_other_forms(
    candidate: Candidate, parts: Parts, law: Law, clauses: Iterable[Clause]
) -> Iterator[tuple[View, Class]]:
    """Give the classes by which the version stands in other forms, references aside.

    `clauses` are those in force that matter: of what refers to nothing by made ids, the altering ones.
    Redactions and answers are made of what no version comes after (policy 4: the newest decides).
    """
    asked = list(clauses)
    for recipient in law.recipients if asked else ():
        for form in sorted(_forms(candidate, recipient, asked), key=lambda form: form.label):
            left = parts.left(form, candidate)
            if left is None or not (parts.is_last or form == ANONYMISED):
                continue
            yield View(recipient, form), decide(left, recipient, law.periods, law.now, form).grounds


def _forms(candidate: Candidate, recipient: NationCode, clauses: Iterable[Clause]) -> frozenset[Rendition]:
    """Return the forms in which some clause may let `recipient` see the candidate, something left or not."""
    found: set[Rendition] = set()
    for clause in clauses:
        if not is_directed(clause, candidate.origin, recipient):
            continue
        is_hidden = candidate.is_hidden_by(clause)
        if candidate.about == recipient:
            found.add(Rendition(is_hidden, is_answer=True))
            continue
        if is_hidden:
            found.add(ANONYMISED)
        if clause.granular is Granular.REDACT:
            found.add(Rendition(is_hidden, clause.max_tlp))
    return frozenset(found)
