"""Decides the forms of a version other than as submitted, with the grounds for each nation (policy 7)."""

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
from hub.rules.release.deciding import Candidate, decide, is_directed
from hub.rules.release.justifications import simplify

_EXTENSION: Final = "extension-definition--"


def is_altering(clause: Clause) -> bool:
    """Tell whether the clause serves any object in a form other than as submitted (policy 7)."""
    return clause.granular is Granular.REDACT or clause.anonymise is Anonymise.AGENCY


class ClausesInForce:
    """The clauses that may apply, for these recipients at this instant.

    References are judged in `references`.
    """

    def __init__(self, recipients: Sequence[NationCode], periods: Sequence[Period], now: datetime) -> None:
        self._recipients = recipients
        self._periods = periods
        self._now = now
        # Forms come from clauses in force alone. `decide` sees all periods, and names successors too.
        self._clauses = [p.clause for p in periods if p.is_in_force(now)]
        self._altering = [clause for clause in self._clauses if is_altering(clause)]
        self._submitted: dict[Candidate, tuple[Candidate, Mapping[NationCode, Class]]] = {}
        self._others: dict[tuple[Candidate, bool], Mapping[View, Class]] = {}

    def as_submitted(self, candidate: Candidate) -> Mapping[NationCode, Class]:
        """Return the own class of the version for each recipient (policy 3 and 4)."""
        return self.shared(candidate)[1]

    def shared(self, candidate: Candidate) -> tuple[Candidate, Mapping[NationCode, Class]]:
        """Return the first equal candidate, to keep instead, and `as_submitted` (policy 4)."""
        # Equal candidates give equal decisions, and a feed has few different candidates.
        if candidate not in self._submitted:
            found = ((r, decide(candidate, r, self._periods, self._now)) for r in self._recipients)
            self._submitted[candidate] = (
                candidate,
                {recipient: decision.grounds for recipient, decision in found},
            )
        return self._submitted[candidate]

    def in_other_forms(self, candidate: Candidate, *, is_last: bool) -> Mapping[View, Class]:
        """Return the own classes of the version in forms other than as submitted (policy 7).

        `is_last`: no version of the record follows, deleted or not. Redactions and answers are made of the
        last version alone (policy 4: the newest decides).
        """
        if not self._altering and candidate.facts.about is None:
            return {}
        key = candidate, is_last
        if key not in self._others:
            self._others[key] = dict(self._decided(candidate, is_last=is_last))
        return self._others[key]

    def _decided(self, candidate: Candidate, *, is_last: bool) -> Iterator[tuple[View, Class]]:
        # Every clause serves an answer to the nation of the originals, so all clauses are asked (policy 7).
        clauses = self._altering if candidate.facts.about is None else self._clauses
        for recipient in self._recipients if clauses else ():
            for form in sorted(_forms(candidate, recipient, clauses), key=lambda form: form.label):
                left = candidate.left(form)

                # Redactions and answers: of the last version alone. Anonymised:
                # every version, under one id (policy 7).
                if left is not None and (is_last or form == ANONYMISED):
                    decision = decide(left, recipient, self._periods, self._now, form)
                    yield View(recipient, form), decision.grounds


# (hub/README: redaction-per-ceiling)
def _forms(candidate: Candidate, recipient: NationCode, clauses: Iterable[Clause]) -> frozenset[Form]:
    """Return the forms in which some clause may serve the candidate, with or without a rest."""
    found: set[Form] = set()
    for clause in clauses:
        if not is_directed(clause, candidate.origin, recipient):
            continue
        is_hidden = candidate.is_hidden_by(clause)
        # The nation of the originals knows the original ids, and reads no form with made ids.
        if candidate.facts.about == recipient:
            found.add(Form(is_hidden, is_answer=True))
            continue
        if is_hidden:
            found.add(ANONYMISED)
        if clause.granular is Granular.REDACT:
            found.add(Form(is_hidden, clause.max_tlp))
    return frozenset(found)


def answered(behind: Mapping[StixId, OriginalId], about: NationCode) -> dict[StixId, StixId]:
    """Return the original ids of the nation answered to, by made id (policy 7).

    Left out are other nations' originals, and extension-definitions: as keys, two such ids might become
    equal.
    """
    # I6: another nation's original stays hidden behind the made id.
    named = {made: original.id for made, original in behind.items() if original.origin == about}
    return {made: id for made, id in named.items() if not made.startswith(_EXTENSION)}


def audience(  # (hub/README: answer-to-made-id)
    originals: Mapping[StixId, StixId],
    told: Mapping[tuple[MemberId, StixId], int],
    came_at: int | None,
    justifications: Mapping[RecordKey, Justification],
) -> Justification:
    """Return the audience of an answer in the nation of the originals: their readers there (policy 7).

    Grounds for a clearance count, as where an object of the cert is referred to. `told` has the position at
    which the answering nation's ledger first showed each member's record, by made id. `came_at` is the
    answer's own position there; 0: no row, None: the answer arrives now. Only records shown before count: a
    later submitter of the same id plays no part. `justifications` are the records' justifications at home. A
    record gone from there, or never released, belongs to the cert.
    """
    records = {
        (member, originals[made])
        for (member, made), position in told.items()
        # INVARIANT: a record shown after the answer plays no part, so no other member moves the answer (I6).
        if came_at is None or position < came_at
    }
    there = records & justifications.keys()
    classes = {grounds for record in there for grounds in justifications[record]}
    # A ground for one member would name an agency behind the cert (policy 7).
    found = {frozenset(ground for ground in grounds if ground.member is None) for grounds in classes}
    # Every doubt closes: an original without a record leaves the answer to the cert alone.
    if there != records or {id for _, id in there} != set(originals.values()) or not found:
        found.add(frozenset({Ground(None, Clearance.CERT)}))
    return simplify(found)


def to_audience(classes: Mapping[View, Class], told: Justification) -> dict[View, Justification]:
    """Return the justification of each form; an answer also needs the audience `told`."""
    return {
        view: frozenset({own}) | told if view.form.is_answer else frozenset({own})
        for view, own in classes.items()
    }


def names_of(member: Member) -> tuple[str, ...]:
    """Return the names by which a text names this member; a cert is never hidden (policy 7)."""
    return () if member.kind is Kind.CERT else member.names


def hidden_ids(ids: Collection[StixId], givers: KnownSubmitters) -> set[StixId]:
    """Return the ids in `ids` that an anonymised object must not show (policy 7).

    `ids` follow from no value.

    All ids that could point to other objects of the member, known to the hub or not. Claiming the cert's id
    hides nothing; claiming a member's id from abroad discloses nothing.
    """
    # INVARIANT: an id also given by an agency stays hidden, whoever else gave the id (policy 7; I6).
    plain = givers.by_cert | (givers.from_abroad - givers.by_others)
    # An extension's id is a vendor's, unless a member of this nation submitted the definition.
    extensions = {id for id in ids if id.startswith(_EXTENSION)} - givers.by_others
    return set(ids) - plain - extensions
