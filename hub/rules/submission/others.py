"""Decides what a submitter may know of other members' records: visible now, or shown once (policy 1).

A poll could show a row while the justification held for the member. The justification begins to hold only
when the row is written or a period begins, so only these instants are examined.
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
    """The time of a row under one justification, half-open."""

    start: datetime
    end: datetime
    justification: Justification


@dataclass(frozen=True, slots=True)
class Naming:
    """The first instants at which an id was named, by the submitter's nation and by others, as known."""

    own: datetime | None = None
    others: datetime | None = None

    def is_announced(self, at: datetime | None) -> bool:
        """Tell whether another nation named the id before `at`, and before the own nation did (policy 8)."""
        # At the same instant the other nation counts as first: every doubt closes.
        is_theirs = self.others is not None and (self.own is None or self.others <= self.own)
        return is_theirs and (at is None or (self.others is not None and self.others < at))

    def is_before(self, at: datetime) -> bool:
        """Tell whether the own nation named the id before `at`, and before all other nations (policy 8)."""
        return self.own is not None and self.own < at and (self.others is None or self.own < self.others)


@dataclass(frozen=True, slots=True)
class StoredOthers:
    """The stored data of other members, under the ids submitted or referred to.

    `others` are the rows of the nation's ledger, visible to this member or not; `showings` the rows showing
    these versions to any nation. `periods` are all periods ever, `own_agreements` those with the member's
    nation as party. `certs` are the nations' certs.
    """

    others: Sequence[OthersVersion] = ()
    showings: Sequence[ShownRow] = ()
    periods: Sequence[Period] = ()
    own_agreements: frozenset[str] = frozenset()
    certs: Mapping[NationCode, Member] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownOthers:
    """The knowledge of a member on each id: other members' versions, the naming, and the hub's ids.

    Submissions of other nations take no lock of this nation. So the look-up is repeated under the locks, and
    compared.
    """

    by_id: Mapping[StixId, Sequence[OthersVersion]]
    naming: Mapping[StixId, Naming]
    of_the_hub: frozenset[StixId]


class KnowledgeOfOthers:
    """The other members' versions visible to one member, or shown once (policy 1)."""

    def __init__(self, stored: StoredOthers, reader: Reader, now: datetime) -> None:
        self.stored = stored
        self.reader = reader
        self.now = now
        self.in_force = frozenset(p.id for p in stored.periods if p.is_in_force(now))
        own = {p.id for p in stored.periods if p.agreement_id in stored.own_agreements}
        # Policy 8: agreements "that its own nation is party to" alone say how far an ally lets an object go.
        self.own_in_force = self.in_force & own
        self.showings: dict[int, list[ShownRow]] = defaultdict(list)
        for showing in stored.showings:
            self.showings[showing.version].append(showing)
        # Only known versions go on from here: no rule after this sees a version hidden from the reader (I6).
        self.by_id = by_id(self._known())

    def bound(self, ids: Collection[StixId]) -> set[StixId]:
        """Return the ids for which the order of naming matters: ids of allies' bound records (policy 8).

        For other ids naming is not asked: the cost would disclose how many hidden objects name an id (policy
        9).
        """
        nation = self.reader.nation
        return {id for id in ids for one in self.by_id.get(id, ()) if one.is_bound and one.origin != nation}

    def _known(self) -> list[OthersVersion]:
        """Return the other members' versions visible to the reader or shown once, as known to the reader."""
        found = []
        for one in self.stored.others:
            # INVARIANT: a version never shown to the reader is left out, so the
            # answer is the same without it (I6).
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
        # INVARIANT: readers know this version as the cert's, so answers name the cert (policy 7; I6).
        cert = self.stored.certs[one.origin]
        return replace(one, member=cert.id, creator=cert.identity)

    def _last_shown(self, row: OthersVersion | Mention, submitted_at: datetime) -> Shown | None:
        """Return how a poll could have shown the row to the reader last; None: never.

        Each past justification is used with the level of that time: a change in place shows other readers
        only the present level. Dates may run ahead, as in a new epoch: a row ended before its date existed
        from the submission on.
        """
        ends = self.now if row.justified_by[0].until is None else row.justified_by[0].until
        date = row.date_added or submitted_at
        # The dates of the ledger may lie after the clock; the instants of submissions never do.
        start, last = (date if date <= ends else submitted_at), None
        for justified_by in row.justified_by:
            # The present justification includes the present instant.
            end = self.now + _INSTANT if justified_by.until is None else justified_by.until
            if was_shown(
                JustifiedSpan(start, end, justified_by.justification), self.reader, self.stored.periods
            ):
                last = justified_by.shown
            start = max(start, end)
        return last

    def _reach(self, one: OthersVersion) -> Reach:
        """Return the nations that see this version by agreements of the reader's nation (policy 8).

        Each nation has the lowest clearance that sees the version.
        """
        reach: dict[NationCode, Clearance] = {}
        for showing in self.showings[one.version]:
            form = showing.form
            if form.is_link or form.ceiling not in (None, one.form.ceiling):
                continue  # a reader of a smaller part may not see the referrer
            # A ground for one member reaches nobody else, so only grounds for a clearance count here.
            clearance = lowest_clearance(showing.justification, self.own_in_force)
            if clearance is not None:
                # Policy 8: "from the same clearance up, at home as abroad".
                # The widest row for a nation counts.
                reach[showing.recipient] = min(clearance, reach.get(showing.recipient, clearance))
        return frozenset(reach.items())

    def naming(self, mentions: Iterable[Mention]) -> Mapping[StixId, Naming]:
        """Return the first naming of each id, in the mentions known to the reader (policy 8)."""
        found: dict[StixId, Naming] = {}
        for row in mentions:
            # INVARIANT: a mention never shown to the reader changes no answer (I6).
            if row.date_added is not None and self._last_shown(row, row.submitted_at) is None:
                continue
            # Own mentions have no row and count always; other members' mentions count as shown to the reader.
            known = found.get(row.id, Naming())
            if row.origin == self.reader.nation:
                found[row.id] = Naming(_earlier(known.own, row.submitted_at), known.others)
            else:
                found[row.id] = Naming(known.own, _earlier(known.others, row.submitted_at))
        return found


def _earlier(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)


# (hub/README: shown-by-rows)
def was_shown(span: JustifiedSpan, reader: Reader, periods: Collection[Period]) -> bool:
    """Tell whether a poll of `reader` could have returned a row with this justification (policy 1, "shown").

    Ended `periods` count.
    """
    # Between two of these instants the periods in force only become fewer.
    starts = {p.start for p in periods if span.start <= p.start < span.end}
    return any(is_visible(span.justification, reader, _in_force(periods, at)) for at in {span.start, *starts})


def _in_force(periods: Iterable[Period], at: datetime) -> frozenset[int]:
    """Return the periods in force at an instant, including periods ended since."""
    return frozenset(
        p.id for p in periods if p.start <= at < p.until and (p.ended_at is None or at < p.ended_at)
    )


def by_id(others: Iterable[OthersVersion]) -> Mapping[StixId, Sequence[OthersVersion]]:
    """Return the versions by id, in order of submission."""
    found: dict[StixId, list[OthersVersion]] = defaultdict(list)
    # The further keys make the order the same on every run.
    for one in sorted(others, key=lambda n: (n.submitted_at, n.origin, n.member, n.position)):
        found[one.id].append(one)
    return found


def first_of_equals(ordered: Sequence[OthersVersion]) -> list[OthersVersion]:
    """Return the versions without equal ones submitted later by another member (policy 2.7 and 8)."""
    # Policy 2.7 and 8: "of equal objects of several members the one submitted first". Equal
    # by digest, in the order of `by_id`.
    authors: dict[bytes, MemberId] = {}
    return [one for one in ordered if authors.setdefault(one.digest, one.member) == one.member]


def judged_by(record: Sequence[OthersVersion]) -> list[OthersVersion]:
    """Return the version by which a record is judged: the newest visible, else the last shown (policy 2.7).

    In every form shown: a reader of a redaction beside the whole, which is stricter, knows both under one id.
    Two members' anonymised objects may appear to a reader as one record (policy 7, 8).
    """
    # A visible version counts before a version shown once: the reader could judge by the newest.
    seen = [one for one in record if one.is_seen]
    # By position: the ledger shows rows in this order, so the last is the one shown last.
    ordered = sorted(seen or record, key=lambda n: n.position)
    last = max(ordered, key=lambda n: (n.version_key, n.position)) if seen else ordered[-1]
    forms = {(one.version, one.form): one for one in ordered if one.version_key == last.version_key}
    return list(forms.values())


def records(others: Iterable[OthersVersion]) -> list[list[OthersVersion]]:
    """Return the versions of each record together."""
    # One id from two members is two records, kept apart (policy 1).
    found: dict[tuple[NationCode, MemberId, StixId], list[OthersVersion]] = defaultdict(list)
    for one in others:
        found[one.record].append(one)
    return list(found.values())
