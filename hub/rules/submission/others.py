"""What a submitter knows of others' records: what it may see, or was once shown (policy 1).

A poll could have shown a row while its justification stood for the member. That begins only when the row is
written or a period begins, so these instants alone are asked about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from hub.model import (
    Clearance,
    Justification,
    Member,
    MemberId,
    Mention,
    NationCode,
    OthersVersion,
    Period,
    Reach,
    Reader,
    Shown,
    ShownRow,
    StixId,
)
from hub.rules.release.justifications import is_visible, lowest_clearance

_INSTANT: Final = timedelta(microseconds=1)
_NOWHERE: Final[Reach] = frozenset()


@dataclass(frozen=True, slots=True)
class JustifiedSpan:
    """From when until when a row stood by a justification; the instants are half-open."""

    start: datetime
    end: datetime
    justification: Justification


@dataclass(frozen=True, slots=True)
class Naming:
    """When an id was first named: by the submitter's nation, and by others, in what the submitter knows."""

    own: datetime | None = None
    others: datetime | None = None

    def is_announced(self, at: datetime | None) -> bool:
        """Tell whether another nation named it before `at`, and before the own nation did (policy 8)."""
        is_theirs = self.others is not None and (self.own is None or self.others <= self.own)
        return is_theirs and (at is None or (self.others is not None and self.others < at))

    def is_before(self, at: datetime) -> bool:
        """Tell whether the own nation named it before `at`, and before any other nation did (policy 8)."""
        return self.own is not None and self.own < at and (self.others is None or self.own < self.others)


@dataclass(frozen=True, slots=True)
class StoredOthers:
    """What is stored of others under the ids that a member submits or refers to.

    `others` are the rows of its nation's ledger, whoever may see them; `showings` all by which their
    versions are served, to whichever nation. `periods` are all there ever were, `own_agreements` those that
    the member's nation is party to. `certs` are the nations' certs.
    """

    others: Sequence[OthersVersion] = ()
    showings: Sequence[ShownRow] = ()
    periods: Sequence[Period] = ()
    own_agreements: frozenset[str] = frozenset()
    certs: Mapping[NationCode, Member] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownOthers:
    """What a member knows of each id that counts: what others submitted, who named it; and the hub's ids.

    Other nations' submissions are not held off by those of the own: so it is asked for again under the locks,
    and compared.
    """

    by_id: Mapping[StixId, Sequence[OthersVersion]]
    naming: Mapping[StixId, Naming]
    of_the_hub: frozenset[StixId]


class KnowledgeOfOthers:
    """What one member may see of what is around, or was once shown (policy 1)."""

    def __init__(self, stored: StoredOthers, reader: Reader, now: datetime) -> None:
        self.stored = stored
        self.reader = reader
        self.now = now
        self.in_force = frozenset(p.id for p in stored.periods if p.is_in_force(now))
        own = {p.id for p in stored.periods if p.agreement_id in stored.own_agreements}
        self.own_in_force = self.in_force & own
        self.showings: dict[int, list[ShownRow]] = defaultdict(list)
        for showing in stored.showings:
            self.showings[showing.version].append(showing)
        self.by_id = by_id(self._known())

    def bound(self, ids: Collection[StixId]) -> set[StixId]:
        """Return the ids of which it counts who named them: of allies' records that are bound (policy 8).

        Of no other id it is asked: the cost would tell how much that is hidden names it (policy 9).
        """
        nation = self.reader.nation
        return {id for id in ids for one in self.by_id.get(id, ()) if one.is_bound and one.origin != nation}

    def _known(self) -> list[OthersVersion]:
        """Return the neighbours that the reader may see or was once shown, each as it knows it."""
        found = []
        for one in self.stored.others:
            last = one.justified_by[-1]
            is_seen = last.until is None and is_visible(last.justification, self.reader, self.in_force)
            shown = last.shown if is_seen else self._last_shown(one, one.submitted_at)
            if shown is not None:
                reach = self._reach(one) if is_seen and one.origin != self.reader.nation else _NOWHERE
                known = replace(one, shown=shown, is_seen=is_seen, reach=reach, justified_by=())
                found.append(self._as_known(known))
        return found

    def _as_known(self, one: OthersVersion) -> OthersVersion:
        if not one.form.is_anonymised or one.origin not in self.stored.certs:
            return one
        # It appears under its nation's cert, and whoever sees it must not be told otherwise (policy 7).
        cert = self.stored.certs[one.origin]
        return replace(one, member=cert.id, creator=cert.identity)

    def _last_shown(self, row: OthersVersion | Mention, submitted_at: datetime) -> Shown | None:
        """Return how a poll could have shown the row to the reader last; None: it never could.

        By what it stood then alone: a row that was changed where it is shows to others what it is now. Dates
        may run ahead, as in a new epoch: a row that ended before its date was there from its submission on.
        """
        ends = self.now if row.justified_by[0].until is None else row.justified_by[0].until
        date = row.date_added or submitted_at
        start, last = (date if date <= ends else submitted_at), None
        for justified_by in row.justified_by:
            # The stretch that lasts holds the present, too.
            end = self.now + _INSTANT if justified_by.until is None else justified_by.until
            if was_shown(
                JustifiedSpan(start, end, justified_by.justification), self.reader, self.stored.periods
            ):
                last = justified_by.shown
            start = max(start, end)
        return last

    def _reach(self, one: OthersVersion) -> Reach:
        """Return where what is seen may go by the agreements of the reader's own nation (policy 8)."""
        reach: dict[NationCode, Clearance] = {}
        for showing in self.showings[one.version]:
            form = showing.form
            if form.is_link or form.ceiling not in (None, one.form.ceiling):
                continue  # who sees less of it is not let see what refers to it
            clearance = lowest_clearance(showing.justification, self.own_in_force)
            if clearance is not None:
                reach[showing.recipient] = min(clearance, reach.get(showing.recipient, clearance))
        return frozenset(reach.items())

    def naming(self, mentions: Iterable[Mention]) -> Mapping[StixId, Naming]:
        """Return when each id was first named, in those of the mentions that the reader knows (policy 8)."""
        found: dict[StixId, Naming] = {}
        for row in mentions:
            if row.date_added is not None and self._last_shown(row, row.submitted_at) is None:
                continue
            known = found.get(row.id, Naming())
            if row.origin == self.reader.nation:
                found[row.id] = Naming(_earlier(known.own, row.submitted_at), known.others)
            else:
                found[row.id] = Naming(known.own, _earlier(known.others, row.submitted_at))
        return found


def _earlier(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)


# (hub/README: shown-by-rows)
def was_shown(stretch: JustifiedSpan, reader: Reader, periods: Collection[Period]) -> bool:
    """Tell whether a poll of `reader` could have returned a row that stood so (policy 1, "shown").

    Ended `periods` count.
    """
    starts = {p.start for p in periods if stretch.start <= p.start < stretch.end}
    return any(
        is_visible(stretch.justification, reader, _in_force(periods, at)) for at in {stretch.start, *starts}
    )


def _in_force(periods: Iterable[Period], at: datetime) -> frozenset[int]:
    """Return what was in force at an instant, those ended since too."""
    return frozenset(
        p.id for p in periods if p.start <= at < p.until and (p.ended_at is None or at < p.ended_at)
    )


def by_id(others: Iterable[OthersVersion]) -> Mapping[StixId, Sequence[OthersVersion]]:
    """Return the neighbours by id, in the order in which they were submitted."""
    found: dict[StixId, list[OthersVersion]] = defaultdict(list)
    for one in sorted(others, key=lambda n: (n.submitted_at, n.origin, n.member, n.position)):
        found[one.id].append(one)
    return found


def first_of_equals(ordered: Sequence[OthersVersion]) -> list[OthersVersion]:
    """Return the versions without those that another member submitted before, equal (policy 2.7 and 8)."""
    authors: dict[bytes, MemberId] = {}
    return [one for one in ordered if authors.setdefault(one.digest, one.member) == one.member]


def judged_by(record: Sequence[OthersVersion]) -> list[OthersVersion]:
    """Return by which version a record is judged: the newest seen, else the one shown last (policy 2.7).

    In every form in which that was shown: who sees a redaction beside the whole, which is stricter, knows
    both under one id; and two members' anonymised objects may be one record to who sees them (policy 7, 8).
    """
    seen = [one for one in record if one.is_seen]
    ordered = sorted(seen or record, key=lambda n: n.position)
    last = max(ordered, key=lambda n: (n.version_key, n.position)) if seen else ordered[-1]
    forms = {(one.version, one.form): one for one in ordered if one.version_key == last.version_key}
    return list(forms.values())


def records(others: Iterable[OthersVersion]) -> list[list[OthersVersion]]:
    """Return the versions of each record together."""
    found: dict[tuple[NationCode, MemberId, StixId], list[OthersVersion]] = defaultdict(list)
    for one in others:
        found[one.record].append(one)
    return list(found.values())
