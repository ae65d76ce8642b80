"""Agreements, clauses, and the periods in which clauses bind (policy 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from hub.model.people import Clearance, JsonObject, NationCode, Tlp

# Bounds on the size of a document: a signer has to read the whole of it (policy 5).
MAX_AGREEMENT_BYTES: Final = 65_536  # of the body that proposes it, and of its RFC 8785 form (policy 5)
MAX_CLAUSES: Final = 100
MAX_TITLE: Final = 200  # characters
DOCUMENT_KEYS: Final = frozenset(
    ("id", "hub", "title", "parties", "valid_from", "valid_until", "supersedes", "clauses", "iep")
)


class Granular(StrEnum):
    """The treatment of an object with parts above the ceiling (policy 7)."""

    # The default withholds: policy 7 redacts only where a clause asks for redaction.
    WITHHOLD = "withhold"
    REDACT = "redact"


class Anonymise(StrEnum):
    """The visibility of the submitting member abroad (policy 7)."""

    NONE = "none"
    AGENCY = "agency"


@dataclass(frozen=True, slots=True)
class Clause:
    """One direction of sharing: objects of `origin` up to `max_tlp` reach `recipients`."""

    origin: NationCode
    recipients: frozenset[NationCode]
    max_tlp: Tlp
    # Defaults restrict: no partners, nothing from before the start. Only `types` covers all (policy 4).
    audience: Clearance = Clearance.AGENCY
    types: frozenset[str] | None = None  # None: every type
    history: bool = False
    granular: Granular = Granular.WITHHOLD
    anonymise: Anonymise = Anonymise.NONE


@dataclass(frozen=True, slots=True)
class Agreement:
    """The content signed by the parties.

    `document` is the JSON value covered whole by every signature (policy 5).

    `supersedes` is the id of the amended agreement: the parties of that agreement sign too.
    """

    id: str
    title: str
    parties: frozenset[NationCode]
    valid_from: datetime
    valid_until: datetime
    clauses: tuple[Clause, ...]
    supersedes: str | None
    # Kept whole: a signature over a rebuilt document would not verify.
    document: JsonObject = field(compare=False)


class AgreementState(StrEnum):
    """The states of an agreement (policy 5)."""

    PROPOSED = "proposed"
    IN_FORCE = "in force"
    SUSPENDED = "suspended"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Period:
    """An unbroken stretch of time [start, until) in which a clause is in force (policy 1).

    `since` is the start of coverage for each recipient, without `history`: no suspension and no amendment
    moves `since` (policy 4). `continues` is the agreement with periods ending at the start of this one, so
    that shared releases stay visible without a gap. `ended_at` is set by an early end, and `ended_generation`
    is the generation made by that end; then the period is over whatever the clock says.
    """

    id: int
    agreement_id: str
    clause_index: int
    clause: Clause
    start: datetime
    until: datetime
    since: Mapping[NationCode, datetime] = field(hash=False)
    continues: str | None = None
    ended_at: datetime | None = None
    ended_generation: int | None = None

    def is_in_force(self, now: datetime) -> bool:
        """Tell whether the clause is in force at `now` (policy 4, 5)."""
        # INVARIANT: an early end counts at once, whatever the clock says;
        # expiry needs no event (policy 5; I3).
        return self.ended_at is None and self.start <= now < self.until

    def was_in_force(self, then: datetime, generation: int) -> bool:
        """Tell whether the period was in force for an answer of `then`, read at this generation."""
        # By the generation, not by clocks: an answer and an end are ordered by commits (I1, recalls).
        is_before_its_end = self.ended_generation is None or generation < self.ended_generation
        return self.start <= then < self.until and is_before_its_end

    def takes_over(self, now: datetime) -> bool:
        """Tell whether the period has yet to begin, at the end of the continued period."""
        return self.continues is not None and self.ended_at is None and now < self.start < self.until
