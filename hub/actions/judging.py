"""Who sees what, after a submission or a deletion: the release rows that follow, and their writing.

Whatever refers to something whose visibility may change is judged again with it, jointly. A row that would
show a version to somebody new is replaced by a row with a new position and date; any other stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from hub.actions import renditions
from hub.actions.candidates import candidate_of
from hub.actions.handling import Handled
from hub.actions.house import House
from hub.actions.records import by_record, with_referred
from hub.actions.row_changes import RowChanges, changes_to
from hub.model import (
    Class,
    Clearance,
    Guise,
    Justification,
    Member,
    MemberId,
    NationCode,
    ObjectVersion,
    Period,
    RecordKey,
    StixId,
    View,
)
from hub.rules.forms import Law
from hub.rules.moments import Moment
from hub.rules.names import is_unmarked_name
from hub.rules.references import Judgement, Node, Settled, judge
from hub.rules.release import Candidate, binding, in_force_part
from hub.store import members, objects, releases
from hub.store.connection import Connection
from hub.store.originals import NewCopy, Originals, originals, originals_of_new
from hub.store.releases import NewRow

OriginalsOf = Callable[[Connection, Collection[int]], Originals]

_ROUNDS: Final = (
    8  # in which who refers to what changes is asked for, before all that is at hand counts as it
)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and when judgement is given: the nation, its members, all recipients, what binds at `now`."""

    origin: NationCode
    members: Mapping[MemberId, Member]
    recipients: Sequence[NationCode]
    periods: Sequence[Period]
    now: datetime

    @classmethod
    def of(cls, house: House, connection: Connection, origin: NationCode, now: datetime) -> Bench:
        """Return the bench for what was submitted in `origin`; this transaction sees what binds."""
        return cls(
            origin=origin,
            members={m.id: m for m in members.members(connection)},
            recipients=recipients(house),
            periods=house.bindings.periods(connection),
            now=now,
        )

    @property
    def moment(self) -> Moment:
        return Moment.of(self.periods, self.now)

    @property
    def in_force(self) -> frozenset[int]:
        return self.moment.in_force

    @property
    def binding(self) -> frozenset[int]:
        """What is in force, and what takes over from it."""
        return binding(self.periods, self.now)

    def clearance(self, member: MemberId) -> Clearance:
        clearance = self.members[member].kind.clearance
        if clearance is None:
            raise RuntimeError(f"{member} belongs to no nation and can have submitted nothing")
        return clearance

    def candidate(self, version: ObjectVersion) -> Candidate:
        return candidate_of(version, self.origin, self.clearance(version.member))


def recipients(house: House) -> list[NationCode]:
    """Return every nation, in the order in which their ledgers are locked."""
    return sorted(house.registry.nations)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The versions that were judged, by key, and what that does to each recipient's ledger."""

    versions: Mapping[int, ObjectVersion]
    changes: Mapping[NationCode, RowChanges]

    @property
    def hides(self) -> bool:
        """Tell whether a row that was served is withdrawn, or served to fewer."""
        return any(change.hides for change in self.changes.values())


def judge_again(connection: Connection, bench: Bench, handled: Handled) -> Verdicts:
    """Return the row changes that follow from `handled`, for all that refers to it too (policy 2.7 to 4)."""
    court = Court(connection, bench, handled)
    court.summon()
    judgements = court.judge()
    live = releases.live_rows(connection, [key for key in court.versions if key > 0])
    changes = changes_to(bench.recipients, court.versions, judgements, live, bench.moment)
    return Verdicts(court.versions, changes)


def judge_afresh(
    connection: Connection,
    bench: Bench,
    versions: Mapping[int, ObjectVersion],
    originals_of: OriginalsOf = originals,
) -> dict[int, Judgement]:
    """Return the joint judgement of `versions` as the rules give it now, whatever was decided before.

    All versions of a record are there or none; what they refer to elsewhere is taken as its rows say.
    `originals_of` tells for whom what copies are copies of stands.
    """
    court = Court(connection, bench, Handled({}, {}, {}), originals_of)
    court.versions = dict(versions)
    return court.judge()


def judge_for_append(connection: Connection, bench: Bench, ids: Collection[StixId]) -> Verdicts:
    """Return the row changes by which the records with these ids stand for whom they stand now."""
    versions, judgements = _judge_with_referred(connection, bench, ids)
    live = releases.live_rows(connection, list(versions), bench.recipients)
    return Verdicts(versions, changes_to(bench.recipients, versions, judgements, live, bench.moment))


def judge_for_takeover(connection: Connection, bench: Bench, ids: Collection[StixId]) -> Verdicts:
    """Return the row changes by which the records with these ids go on standing when an amendment takes over.

    Nothing is appended: rows that do not stand as they should now are left to what is to bring them there.
    """
    versions, judgements = _judge_with_referred(connection, bench, ids)
    live = releases.live_rows(connection, list(versions), bench.recipients)
    # The take-over looks again whether what it continues is in force then, however soon that ends.
    moment = bench.moment._replace(lasting=bench.in_force)
    found = changes_to(bench.recipients, versions, judgements, live, moment)
    return Verdicts(versions, {to: RowChanges(justify=change.justify) for to, change in found.items()})


def _judge_with_referred(
    connection: Connection, bench: Bench, ids: Collection[StixId]
) -> tuple[dict[int, ObjectVersion], dict[int, Judgement]]:
    """Return the versions of these records, and their judgement with all that they refer to, however far."""
    own = objects.versions_by_id(connection, bench.origin, ids)
    every = with_referred(connection, own)
    judgements = judge_afresh(connection, bench, every)
    return {v.key: v for v in own}, judgements


def write_rows(
    house: House,
    connection: Connection,
    origin: NationCode,
    verdicts: Verdicts,
    stored: Mapping[int, ObjectVersion],
    now: datetime,
) -> None:
    """Write the row changes; `stored` has the new versions by the keys under which they were judged.

    The caller holds the origin. Ledgers are taken in one order by everybody.
    """
    releases.lock(connection, verdicts.changes)
    for recipient in sorted(verdicts.changes):
        change = verdicts.changes[recipient]
        revision = releases.revise(connection, recipient, now) if change.revises else 0
        releases.withdraw(connection, recipient, change.withdraw, now)
        releases.delete(connection, recipient, change.delete, now)
        releases.forget(connection, recipient, change.forget)
        releases.justify(connection, recipient, change.justify, now, revision)
        releases.supersede(connection, recipient, change.supersede)
        releases.show(connection, recipient, change.show)
        rows = [
            NewRow(stored.get(key) or verdicts.versions[key], value, form)
            for key, form, value in change.append
        ]
        releases.append(
            connection, recipient, origin, renditions.provide(house, connection, origin, rows), now
        )


class Court:
    """The versions that are judged together."""

    def __init__(
        self,
        connection: Connection,
        bench: Bench,
        handled: Handled,
        originals_of: OriginalsOf = originals,
    ) -> None:
        self.connection = connection
        self.bench = bench
        self.handled = handled
        self.originals_of = originals_of
        self.versions: dict[int, ObjectVersion] = {}
        self._classes: dict[Candidate, dict[NationCode, Class]] = {}

    def summon(self) -> None:
        """Collect the records that changed and, transitively, who refers to what may look different."""
        changed = {v.record for v in self.handled.changed()}
        changed |= {v.record for key, v in self.handled.now.items() if key not in self.handled.before}
        self.versions = {key: v for key, v in self.handled.now.items() if v.record in changed}
        for member in {member for member, _ in changed}:
            self._summon_referrers(member, {id for owner, id in changed if owner == member})

    def _summon_referrers(self, member: MemberId, changed: Collection[StixId]) -> None:
        """Add the records of `member` that refer to what may look different, and to these in turn."""
        own = [v for v in self.handled.now.values() if v.member == member]
        waiting = {id for id in changed if self._looks_different(member, id)}
        reached: set[StixId] = set()
        rounds = 0
        while waiting:
            rounds += 1
            if rounds > _ROUNDS:  # stored and new references in turn: to judge more than is needed is right
                waiting |= {v.id for v in own}
            stored = objects.all_referring(self.connection, member, self.bench.origin, waiting - reached)
            reached |= stored
            waiting = {v.id for v in own if not v.refers.isdisjoint(reached)} - reached
        for version in objects.versions_of(self.connection, member, reached.difference(changed)):
            self.versions.setdefault(version.key, self.handled.now.get(version.key, version))

    def _looks_different(self, member: MemberId, id: StixId) -> bool:
        """Tell whether the record is judged on other facts than before.

        If not, nothing that refers to it can be affected.
        """
        return self._facts(self._before[member, id]) != self._facts(self._now[member, id])

    @cached_property
    def _before(self) -> Mapping[RecordKey, Sequence[ObjectVersion]]:
        return by_record(self.handled.before.values())

    @cached_property
    def _now(self) -> Mapping[RecordKey, Sequence[ObjectVersion]]:
        return by_record(self.handled.now.values())

    def _facts(self, record: Sequence[ObjectVersion]) -> list[tuple[object, ...]]:
        """Return what the newest version is judged on, and the deleted ones after it, in order."""
        newest = next((v.version_key for v in record if v.is_newest), "")
        return [
            (self._own(v), self._others(v, is_last=True), v.refers, is_unmarked_name(v), v.is_copy)
            for v in record
            if v.version_key >= newest
        ]

    def _own(self, version: ObjectVersion) -> Mapping[NationCode, Class]:
        """Return the version's own class for each recipient, references aside."""
        candidate = self.bench.candidate(version)
        if candidate not in self._classes:
            self._classes[candidate] = self._law.as_submitted(candidate)
        return self._classes[candidate]

    def _others(self, version: ObjectVersion, *, is_last: bool) -> Mapping[View, Justification]:
        """Return what the version itself stands by in every other form that it may have, references aside."""
        classes = self._law.in_other_forms(self.bench.candidate(version), is_last=is_last)
        place = self.bench.origin, version.about, version.refers, version.key
        return renditions.with_audience(self.connection, place, classes)

    @cached_property
    def _law(self) -> Law:
        return Law(self.bench.recipients, self.bench.periods, self.bench.now)

    def judge(self) -> dict[int, Judgement]:
        """Return the joint judgement of all that were summoned."""
        return judge(self.nodes(), self._settled(), self.bench.recipients)

    def nodes(self) -> dict[int, Node[int]]:
        """Return them as what is judged, by key."""
        of_copies = self._of_copies([v for v in self.versions.values() if v.is_copy and v.is_newest])
        nodes: dict[int, Node[int]] = {}
        for ordered in by_record(self.versions.values()).values():
            later = [v.key for v in ordered[1:]] + [None]
            for version, next_key in zip(ordered, later, strict=True):
                nodes[version.key] = Node(
                    *(version.member, version.id, self._own(version), version.refers, next_key),
                    is_newest=version.is_newest,
                    others=self._others(version, is_last=next_key is None and version.deleted_at is None),
                    left={cut.ceiling: cut.refers for cut in version.cuts},
                    is_masked=self._is_masked(version.guise, version.member),
                    sources=frozenset(filter(None, (version.creator, self._identity(version.member)))),
                    unbound=frozenset() if version.markings.tlp is None else version.contains,
                    is_unmarked_name=is_unmarked_name(version),
                    originals=of_copies.get(version.key, {}),
                )
        return nodes

    def _of_copies(self, copies: Sequence[ObjectVersion]) -> Originals:
        """Return for whom their originals stand, of stored ones and of those that come now."""
        clearance = self.bench.clearance
        new = [NewCopy(v.key, v.digest, v.member, clearance(v.member)) for v in copies if v.key < 0]
        stored = self.originals_of(self.connection, {v.key for v in copies if v.key > 0})
        return {
            **stored,
            **originals_of_new(self.connection, self.bench.origin, new, self.bench.recipients),
        }

    def _is_masked(self, guise: Guise, member: MemberId) -> bool:
        return guise is not Guise.PLAIN and self.bench.clearance(member) is not Clearance.CERT

    def _identity(self, member: MemberId) -> StixId:
        return self.bench.members[member].identity

    def _settled(self) -> Iterable[Settled]:
        judged = {v.record for v in self.versions.values()}
        referred: dict[MemberId, set[StixId]] = defaultdict(set)
        for version in self.versions.values():
            referred[version.member] |= version.refers
        binding_ = self.bench.binding
        for member, ids in referred.items():
            missing = {id for id in ids if (member, id) not in judged}
            records = releases.settled_records(self.connection, member, missing)
            copies = {record.version for record in records.values() if record.is_copy}
            of_copies = self.originals_of(self.connection, copies)
            for id, record in records.items():
                yield Settled(
                    *(member, id),
                    {view: in_force_part(value, binding_) for view, value in record.standing.items()},
                    self._is_masked(record.guise, member),
                    is_unmarked_name=record.is_unmarked_name,
                    originals=of_copies.get(record.version, {}),
                )
