"""What a submitter knows of others' records: what it may see, or was once shown (policy 1).

A poll could have shown a row while its justification stood for the member. That begins only when the row is
written or a period begins, so these instants alone are asked about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.model import (
    Handling,
    Justification,
    MemberId,
    NationCode,
    Period,
    Reach,
    Reader,
    Rendition,
    Shown,
    StixId,
    Tlp,
)
from hub.rules.release import stands


@dataclass(frozen=True, slots=True)
class Stretch:
    """From when until when a row stood by a justification; the instants are half-open."""

    start: datetime
    end: datetime
    justification: Justification


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A version of another member's record, as a submitter was shown it.

    `id` is that by which it was served. `shown` is the level at which it was shown last; `is_seen`, that the
    submitter may see it now. `carried` is the strictest level of its own markings and labels. `handling` and
    `limits` are those at home; `reach` is where, from which clearance up, the agreements of the submitter's
    own nation let it go (policy 8). `version` is the key of the version, `rendition` the form that was shown.
    """

    id: StixId
    origin: NationCode
    member: MemberId
    type: str
    version_key: str
    digest: bytes
    creator: StixId | None
    submitted_at: datetime
    position: int
    shown: Shown
    is_seen: bool
    carried: Tlp | None
    carries_rel_to: bool
    handling: Handling
    limits: Reach | None
    version: int
    rendition: Rendition
    reach: Reach = frozenset()

    @property
    def is_bound(self) -> bool:
        """Tell whether it was shown above GREEN, with REL TO, or limited by an ally's object (policy 8)."""
        return self.shown.tlp > Tlp.GREEN or self.shown.is_bound

    @property
    def record(self) -> tuple[NationCode, MemberId, StixId]:
        return self.origin, self.member, self.id


def was_shown(stretches: Iterable[Stretch], reader: Reader, periods: Collection[Period]) -> bool:
    """Tell whether a poll of `reader` could have returned a row that stood so (policy 1, "shown").

    Ended `periods` count.
    """
    for stretch in stretches:
        starts = {p.start for p in periods if stretch.start <= p.start < stretch.end}
        for at in {stretch.start, *starts}:
            if stands(stretch.justification, reader, _in_force(periods, at)):
                return True
    return False


def _in_force(periods: Iterable[Period], at: datetime) -> frozenset[int]:
    """Return what was in force at an instant, those ended since too."""
    return frozenset(
        p.id for p in periods if p.start <= at < p.until and (p.ended_at is None or at < p.ended_at)
    )


def by_id(neighbours: Iterable[Neighbour]) -> Mapping[StixId, Sequence[Neighbour]]:
    """Return the neighbours by id, in the order in which they were submitted."""
    found: dict[StixId, list[Neighbour]] = defaultdict(list)
    for one in sorted(neighbours, key=lambda n: (n.submitted_at, n.origin, n.member, n.position)):
        found[one.id].append(one)
    return found


def first_of_equals(ordered: Sequence[Neighbour]) -> list[Neighbour]:
    """Return the versions without those that another member submitted before, equal (policy 2.7 and 8)."""
    authors: dict[bytes, MemberId] = {}
    return [one for one in ordered if authors.setdefault(one.digest, one.member) == one.member]


def standing_for(record: Sequence[Neighbour]) -> list[Neighbour]:
    """Return by which version a record is judged: the newest seen, else the one shown last (policy 2.7).

    In every form in which that was shown: who sees a redaction beside the whole, which is stricter, knows
    both under one id; and two members' anonymised objects may be one record to who sees them (policy 7, 8).
    """
    seen = [one for one in record if one.is_seen]
    ordered = sorted(seen or record, key=lambda n: n.position)
    last = max(ordered, key=lambda n: (n.version_key, n.position)) if seen else ordered[-1]
    forms = {(one.version, one.rendition): one for one in ordered if one.version_key == last.version_key}
    return list(forms.values())


def records(neighbours: Iterable[Neighbour]) -> list[list[Neighbour]]:
    """Return the versions of each record together."""
    found: dict[tuple[NationCode, MemberId, StixId], list[Neighbour]] = defaultdict(list)
    for one in neighbours:
        found[one.record].append(one)
    return list(found.values())
