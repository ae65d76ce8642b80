"""Agreements and their clauses, and the periods in which these bind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from hub.model.people import Clearance, JsonObject, NationCode, Tlp

MAX_AGREEMENT_BYTES: Final = 65_536  # of the body that proposes it, and of its RFC 8785 form (policy 5)
MAX_CLAUSES: Final = 100
MAX_TITLE: Final = 200  # characters
DOCUMENT_KEYS: Final = frozenset(
    ("id", "hub", "title", "parties", "valid_from", "valid_until", "supersedes", "clauses", "iep")
)


class Granular(StrEnum):
    WITHHOLD = "withhold"
    REDACT = "redact"


class Anonymise(StrEnum):
    NONE = "none"
    AGENCY = "agency"


@dataclass(frozen=True, slots=True)
class Clause:
    """One direction of sharing: objects of `origin` up to `max_tlp` reach `recipients`."""

    origin: NationCode
    recipients: frozenset[NationCode]
    max_tlp: Tlp
    audience: Clearance = Clearance.AGENCY
    types: frozenset[str] | None = None  # None: every type
    history: bool = False
    granular: Granular = Granular.WITHHOLD
    anonymise: Anonymise = Anonymise.NONE


@dataclass(frozen=True, slots=True)
class Agreement:
    """What its parties sign. `document` is the JSON value that every signature covers whole.

    `supersedes` is the id of the agreement that it amends: that one's parties sign it too.
    """

    id: str
    title: str
    parties: frozenset[NationCode]
    valid_from: datetime
    valid_until: datetime
    clauses: tuple[Clause, ...]
    supersedes: str | None
    document: JsonObject = field(compare=False)


class AgreementState(StrEnum):
    PROPOSED = "proposed"
    IN_FORCE = "in force"
    SUSPENDED = "suspended"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Period:
    """An unbroken stretch of time [start, until) in which a clause is in force.

    `since` is, for each recipient, from when on what was submitted is covered without `history`: neither a
    suspension nor an amendment moves it (policy 4). `continues` is the agreement whose periods end in the
    instant in which this one begins, so that what both release is visible without a gap. `ended_at` is set
    when it was ended before its time, and `ended_generation` is the generation that this made; then it is
    over whatever the clock says.
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
        return self.ended_at is None and self.start <= now < self.until

    def was_in_force(self, then: datetime, generation: int) -> bool:
        """Tell whether it was in force for an answer of `then` that was read at this generation."""
        is_before_its_end = self.ended_generation is None or generation < self.ended_generation
        return self.start <= then < self.until and is_before_its_end

    def takes_over(self, now: datetime) -> bool:
        """Tell whether it has yet to begin, in the instant in which what it continues ends."""
        return self.continues is not None and self.ended_at is None and now < self.start < self.until
