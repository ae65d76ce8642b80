"""Lists the fetches of an object with member, time and clause, from the recorded disclosures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hub.actions.access import authenticate
from hub.actions.access.authenticate import may_know
from hub.actions.reading import poll
from hub.actions.release.judging import own_versions
from hub.actions.service.service import Service
from hub.errors import Forbidden, NotFound
from hub.model import (
    HUB,
    Caller,
    Disclosed,
    JsonObject,
    Justification,
    Kind,
    Member,
    MemberId,
    NationCode,
    ObjectVersion,
    Period,
    Query,
    StixId,
    VersionFilter,
    format_instant,
)
from hub.rules.release.deciding import Candidate, own_class, widest_of
from hub.store.agreement import agreements
from hub.store.database.connection import Connection
from hub.store.ledger import disclosures, past_rows, recalls
from hub.store.ledger.disclosures import Fetch
from hub.store.ledger.past_rows import PastRow
from hub.store.ledger.recalls import ToldMember
from hub.store.members import members
from hub.store.records import objects

_EVERY_VERSION: Final = frozenset({VersionFilter.ALL})
_NOTICE: Final = ("notified", "note_fetched")  # (hub/README: notes-in-disclosures)
_UNKNOWN: Final = "There is no such object for this member to ask about."


def of_object(service: Service, caller: Caller, id: StixId) -> list[JsonObject]:
    """Return the fetches of the object's versions, the earliest first, or only their number.

    A caller that may not see agreements gets its own record alone: for each version and kind of page the
    number of other members, and the number of members with a recall note (policy 5). Other callers get:

    1. A cert all fetches of its nation's records, an auditor all fetches of every record. A cert also gets
       its own nation's fetches of other nations' records.
    2. Each fetch has the clause in force at that time. Of an answer by made ids, the answering nation gets
       the fetches by the original nation's cert alone: other fetches would name the hidden sources (policy
       7).
    3. A fetch of its own nation's object has the time of the recall note to that member, and the time of the
       member's first fetch of the note (policy 8).

    Raises Forbidden for operators and for a token without the read scope; NotFound alike for a withheld and
    an unknown object.
    """
    member = caller.member
    if member.kind is Kind.OPERATOR:
        raise Forbidden("Operators read health and metadata only.")
    if member.kind is not Kind.AUDITOR:
        authenticate.reader(caller)
    with service.store.read() as connection:
        own = list(_records(service, connection, caller, id))  # 1
        rows = past_rows.rows_of_versions(connection, [version.key for version in own])
        notices = _Notices.of(connection, rows)  # 3
        if member.nation is not None and may_know(caller):
            rows += past_rows.rows_from_abroad(connection, member.nation, id)
        fetches = _Fetches.of(connection, caller, rows, notices)
        listed = fetches.entries() if may_know(caller) else fetches.counts()  # 2
    # An empty list for a visible object, NotFound otherwise: what a poll says anyway.
    if not listed and not own and not _is_served(service, caller, id):
        raise NotFound(_UNKNOWN)
    return listed


def _records(service: Service, connection: Connection, caller: Caller, id: StixId) -> Iterator[ObjectVersion]:
    member = caller.member
    if member.kind is Kind.AUDITOR:
        for origin in (*service.registry.recipients, HUB):
            yield from objects.versions_by_id(connection, origin, [id])
    else:
        nation = member.nation if may_know(caller) else None
        yield from own_versions(connection, member.id, nation, [id])


def _is_served(service: Service, caller: Caller, id: StixId) -> bool:
    """Return whether a governing cert sees the object, though its nation has not fetched the object."""
    if caller.member.kind is not Kind.CERT or not may_know(caller):
        return False
    reader = authenticate.reader(caller)
    return poll.exists(service, Query(reader, None, 1, ids=frozenset({id}), selections=_EVERY_VERSION))


@dataclass(frozen=True, slots=True)
class _Notices:
    """The recall notes of a record's versions, and the first fetch of each note by its member."""

    versions: frozenset[int]  # the caller may see notices of these versions alone
    notified: Mapping[int, Sequence[ToldMember]]
    read_at: Mapping[tuple[NationCode, int, MemberId], datetime]

    @classmethod
    def of(cls, connection: Connection, rows: Iterable[PastRow]) -> _Notices:
        versions = frozenset(row.version for row in rows)
        notified = recalls.notified_members(connection, versions)
        positions: dict[NationCode, list[int]] = defaultdict(list)
        for one in (one for own in notified.values() for one in own):
            positions[one.part.recipient].append(one.position)
        read_at: dict[tuple[NationCode, int, MemberId], datetime] = {}
        for recipient, own in positions.items():
            for fetch in disclosures.fetches(connection, recipient, own):
                if fetch.kind is Disclosed.OBJECTS:
                    read_at.setdefault((recipient, fetch.position, fetch.member), fetch.at)
        return cls(versions, notified, read_at)

    def entry(self, fetch: Fetch, version: int) -> JsonObject:
        """Return the notice to the member of a fetch: of the latest recall of the fetched version."""
        if version not in self.versions:
            return {}
        for one in self.notified.get(version, ()) if fetch.kind is Disclosed.OBJECTS else ():
            # A page of a later revision held no recalled version: its member needs no notice.
            is_same = (one.part.recipient, one.member) == (fetch.recipient, fetch.member)
            if is_same and one.part.reaches(fetch.member, fetch.revision):
                read_at = self.read_at.get((fetch.recipient, one.position, fetch.member))
                fetched = None if read_at is None else format_instant(read_at)
                return {"notified": format_instant(one.at), "note_fetched": fetched}
        return {"notified": None, "note_fetched": None}


@dataclass(frozen=True, slots=True)
class _Fetches:
    """The fetches of the object's rows, with the data to name the clause of each fetch."""

    fetches: Sequence[Fetch]
    rows: Mapping[tuple[NationCode, int], PastRow]
    versions: Mapping[int, ObjectVersion]
    members: Mapping[MemberId, Member]
    periods: Sequence[Period]
    asking: Member
    notices: _Notices

    @classmethod
    def of(
        cls, connection: Connection, caller: Caller, rows: Iterable[PastRow], notices: _Notices
    ) -> _Fetches:
        known = {(row.recipient, row.position): row for row in rows}
        everybody = {m.id: m for m in members.members(connection)}
        positions: dict[NationCode, list[int]] = defaultdict(list)
        for recipient, position in known:
            positions[recipient].append(position)
        return cls(
            fetches=[
                one
                for recipient in sorted(positions)
                for one in disclosures.fetches(connection, recipient, positions[recipient])
            ],
            rows=known,
            versions={
                v.key: v for v in objects.versions_by_key(connection, {row.version for row in known.values()})
            },
            members=everybody,
            # Ended periods too: a past fetch was under a clause then in force.
            periods=agreements.every_period(connection),
            asking=caller.member,
            notices=notices,
        )

    def entries(self) -> list[JsonObject]:
        ordered = sorted(self.fetches, key=lambda one: (one.at, one.disclosure, one.position))
        return [self._entry(fetch) for fetch in ordered]

    def _entry(self, fetch: Fetch) -> JsonObject:
        row = self.rows[fetch.recipient, fetch.position]
        period = self._period(fetch, row)
        return {
            "member": fetch.member,
            "nation": fetch.recipient,
            "at": format_instant(fetch.at),
            "agreement": None if period is None else period.agreement_id,
            "clause": None if period is None else period.clause_index + 1,  # as people count
            "version": self.versions[row.version].version,
            "kind": fetch.kind.value,
            **({"rendition": label} if (label := self._form(row)) else {}),
            **self.notices.entry(fetch, row.version),
        }

    def counts(self) -> list[JsonObject]:
        """Return the number of other members by version and kind of page."""
        # Members of the own nation count too: else the number would say how many are abroad (policy 5).
        found: dict[tuple[str, str], dict[MemberId, JsonObject]] = defaultdict(dict)
        for fetch in self.fetches:
            if fetch.member != self.asking.id:
                row = self.rows[fetch.recipient, fetch.position]
                key = self.versions[row.version].version, fetch.kind.value
                notice = self.notices.entry(fetch, row.version)
                former = found[key].get(fetch.member, {})
                found[key][fetch.member] = {n: notice.get(n) or former.get(n) for n in _NOTICE}
        return [
            {"version": version, "kind": kind, "members": len(notices)}
            | {name: sum(one[name] is not None for one in notices.values()) for name in _NOTICE}
            for (version, kind), notices in sorted(found.items())
        ]

    def _form(self, row: PastRow) -> str:
        """Return the label of the form; to other nations without the mark of a hidden source (policy 7)."""
        sees_form = self.asking.kind is Kind.AUDITOR or self.asking.nation == row.origin
        form = row.form if sees_form else row.form._replace(is_anonymised=False)
        return form.label

    def _period(self, fetch: Fetch, row: PastRow) -> Period | None:
        """Return the widest clause of the fetch; None inside the origin nation and for the hub's objects."""
        version = self.versions[row.version]
        if row.origin in (fetch.recipient, HUB) or version.member == MemberId(HUB):
            return None
        justification, in_force = _binding_then(fetch, row, self.periods)
        whole = Candidate.of(version, row.origin, self.members[version.member].reader.clearance)
        candidate = whole.left(row.form) or whole
        own = own_class(candidate, row.recipient, justification, self.periods)
        reader = self.members[fetch.member].reader.clearance
        # Only grounds of the fetching member's clearance: a clause for certs alone did not serve an agency.
        grounds = [ground for ground in own if ground.clearance <= reader]
        return widest_of(grounds, in_force)


def _binding_then(
    fetch: Fetch, row: PastRow, periods: Iterable[Period]
) -> tuple[Justification, Sequence[Period]]:
    """Return the row's justification and the periods in force at the time of the fetch."""
    # INVARIANT: by revision and generation, not by clocks: what came first is known by commits.
    former = (value for revision, value in row.former if fetch.revision < revision)
    in_force = [period for period in periods if period.was_in_force(fetch.at, fetch.generation)]
    return next(former, row.justification), in_force
