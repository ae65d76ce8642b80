"""What a submitter knows of others' records, looked up for the ids of one submission (policy 1, 2.7 and 8).

The look-up is a value: under the locks it is made again and compared, since other nations' submissions are
not held off by those of the own nation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from hub.actions.house import House
from hub.model import Clearance, Kind, Member, NationCode, Period, Reach, Reader, Shown, StixId
from hub.rules.acceptance import Naming
from hub.rules.neighbours import Neighbour, Stretch, by_id, was_shown
from hub.rules.release import lowest_clearance, stands
from hub.store import agreements, members, neighbours
from hub.store.connection import Connection
from hub.store.neighbours import NamingRow, ShownRow, Standing

_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What others submitted under each id that counts, who named it, and which ids are the hub's."""

    by_id: Mapping[StixId, Sequence[Neighbour]]
    naming: Mapping[StixId, Naming]
    of_the_hub: frozenset[StixId]


def look_around(
    house: House,
    connection: Connection,
    member: Member,
    ids: Collection[StixId],
    referred: Collection[StixId],
    now: datetime,
) -> Neighbourhood:
    """Return what `member` knows of these ids, that it submits, and of those that it refers to."""
    reader = _reader(member)
    wanted = {*ids, *referred}
    rel_to = house.registry.rel_to.keys()
    rows = neighbours.of_others(connection, reader.nation, member.id, wanted, rel_to)
    look = _Look(house, connection, reader, now)
    found = by_id(look.neighbours(rows))
    guarded = {id for id in ids for one in found.get(id, ()) if one.is_bound and one.origin != reader.nation}
    return Neighbourhood(found, look.naming(guarded), neighbours.of_the_hub(connection, set(ids)))


def _reader(member: Member) -> Reader:
    if member.nation is None or member.kind.clearance is None:
        raise RuntimeError(f"{member.id} belongs to no nation and can submit nothing")
    return Reader(member.id, member.nation, member.kind.clearance)


class _Look:
    def __init__(self, house: House, connection: Connection, reader: Reader, now: datetime) -> None:
        self.connection = connection
        self.reader = reader
        self.now = now
        self.certs = {m.nation: m for m in members.members(connection) if m.kind is Kind.CERT}
        self.in_force = house.bindings.in_force(connection, now)

    @cached_property
    def every_period(self) -> tuple[Period, ...]:
        return agreements.every_period(self.connection)

    @cached_property
    def own_in_force(self) -> frozenset[int]:
        """The periods in force of the agreements that the reader's nation is party to."""
        mine = agreements.of_party(self.connection, self.reader.nation)
        return frozenset(p.id for p in self.every_period if p.id in self.in_force and p.agreement_id in mine)

    def neighbours(self, rows: Iterable[ShownRow]) -> list[Neighbour]:
        seen: list[tuple[ShownRow, Shown, bool]] = []
        for row in rows:
            is_seen = row.is_served and stands(row.stood[-1].justification, self.reader, self.in_force)
            shown = row.stood[-1].shown if is_seen else self._last_shown(row, row.stood)
            if shown is not None:
                seen.append((row, shown, is_seen))
        foreign = [row for row, _, is_seen in seen if is_seen and row.origin != self.reader.nation]
        reaches = self._reaches(foreign)
        return [
            self._neighbour(row, shown, reaches.get(row.position, frozenset()), is_seen=is_seen)
            for row, shown, is_seen in seen
        ]

    def _last_shown(self, row: ShownRow | NamingRow, stood: Sequence[Standing]) -> Shown | None:
        """Return how a poll could have shown the row to the reader last; None: it never could.

        By what it stood then alone: a row that was changed where it is shows to others what it is now. Dates
        may run ahead, as in a new epoch: a row that ended before its date was there from its submission on.
        """
        ends = self.now if stood[0].until is None else stood[0].until
        date = row.date_added or row.submitted_at
        start, last = (date if date <= ends else row.submitted_at), None
        for standing in stood:
            # The stretch that lasts holds the present, too.
            end = self.now + _INSTANT if standing.until is None else standing.until
            stretch = Stretch(start, end, standing.justification)
            if was_shown([stretch], self.reader, self.every_period):
                last = standing.shown
            start = max(start, end)
        return last

    def _reaches(self, rows: Sequence[ShownRow]) -> Mapping[int, Reach]:
        """Return, by position, where what is seen may go by the agreements of the reader's own nation."""
        copies = defaultdict(list)
        for copy in neighbours.everywhere(self.connection, {row.version for row in rows}):
            copies[copy.version].append(copy)
        found: dict[int, Reach] = {}
        for row in rows:
            reach: dict[NationCode, Clearance] = {}
            for copy in copies[row.version]:
                if copy.rendition.is_link or copy.rendition.ceiling not in (None, row.rendition.ceiling):
                    continue  # who sees less of it is not let see what refers to it
                clearance = lowest_clearance(copy.justification, self.own_in_force)
                if clearance is not None:
                    reach[copy.recipient] = min(clearance, reach.get(copy.recipient, clearance))
            found[row.position] = frozenset(reach.items())
        return found

    def _neighbour(self, row: ShownRow, shown: Shown, reach: Reach, *, is_seen: bool) -> Neighbour:
        member, creator = row.member, row.creator
        if row.rendition.is_anonymised and row.origin in self.certs:
            # It appears under its nation's cert, and whoever sees it must not be told otherwise (policy 7).
            member, creator = self.certs[row.origin].id, self.certs[row.origin].identity
        return Neighbour(
            id=row.id,
            origin=row.origin,
            member=member,
            type=row.type,
            version_key=row.version_key,
            digest=row.digest,
            creator=creator,
            submitted_at=row.submitted_at,
            position=row.position,
            shown=shown,
            is_seen=is_seen,
            carried=row.carried,
            carries_rel_to=row.carries_rel_to,
            handling=row.handling,
            limits=row.limits,
            reach=reach,
            version=row.version,
            rendition=row.rendition,
        )

    def naming(self, ids: Collection[StixId]) -> Mapping[StixId, Naming]:
        found: dict[StixId, Naming] = {}
        for row in neighbours.naming(self.connection, self.reader.nation, self.reader.member, ids):
            if row.date_added is not None and self._last_shown(row, row.stood) is None:
                continue
            known = found.get(row.id, Naming())
            if row.origin == self.reader.nation:
                found[row.id] = Naming(_earlier(known.own, row.submitted_at), known.others)
            else:
                found[row.id] = Naming(known.own, _earlier(known.others, row.submitted_at))
        return found


def _earlier(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)
