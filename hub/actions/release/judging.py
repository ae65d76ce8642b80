"""What a judgement needs is loaded, and what follows from it is written; `rules.release.judgement`
decides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from hub.actions.release import derived_objects
from hub.actions.service.service import Service
from hub.model import EqualVersion, Member, MemberId, NationCode, ObjectVersion, StixId
from hub.rules.marking.effective import EffectiveMarkings
from hub.rules.release.deciding import is_masked
from hub.rules.release.judgement import (
    DecisionContext,
    Judging,
    Originals,
    Stored,
    originals,
)
from hub.rules.release.justifications import in_force_part
from hub.rules.release.references import Judgement, Settled
from hub.rules.release.row_changes import LedgerChanges, changes_ahead, changes_to
from hub.store.database.connection import Connection
from hub.store.ledger import releases
from hub.store.ledger.releases import NewRow
from hub.store.members import members
from hub.store.records import objects
from hub.store.records.originals import equal_before, equal_to_new

OriginalsOf = Callable[[Iterable[EqualVersion], Mapping[MemberId, Member]], Originals]

_ROUNDS: Final = (
    8  # in which who refers to what changes is asked for, before all that is at hand counts as it
)


def context_of(
    service: Service, connection: Connection, origin: NationCode, now: datetime
) -> DecisionContext:
    """Return the context for what was submitted in `origin`; this transaction sees what binds."""
    return DecisionContext(
        origin=origin,
        members={m.id: m for m in members.members(connection)},
        recipients=service.registry.recipients,
        periods=service.in_force.periods(connection),
        now=now,
    )


# --- judgement ----------------------------------------------------------------------------------


def judge_again(
    connection: Connection, context: DecisionContext, handled: EffectiveMarkings
) -> LedgerChanges:
    """Return the row changes that follow from `handled`, for all that refers to it too (policy 2.7 to 4)."""
    judging = Judging.of_changed(context, handled)
    judging.add(_referrers(connection, judging, handled))
    judgements = judging.judge(stored_around(connection, judging))
    live = releases.live_rows(connection, [key for key in judging.versions if key > 0])
    return LedgerChanges(
        judging.versions, changes_to(context.recipients, judging.versions, judgements, live, context.moment)
    )


def judge_afresh(
    connection: Connection,
    context: DecisionContext,
    versions: Mapping[int, ObjectVersion],
    originals_of: OriginalsOf = originals,
) -> dict[int, Judgement]:
    """Return the joint judgement of `versions` as the rules give it now, whatever was decided before.

    All versions of a record are there or none; what they refer to elsewhere is taken as its rows say.
    `originals_of` decides for whom what copies are copies of stands.
    """
    judging = Judging(context, versions)
    return judging.judge(stored_around(connection, judging, originals_of))


def judge_for_history(
    connection: Connection, context: DecisionContext, ids: Collection[StixId], *, is_ahead: bool
) -> LedgerChanges:
    """Return the row changes by which the records with these ids stand for whom they stand now.

    `is_ahead`: those by which they go on standing when an amendment takes over.
    """
    own = objects.versions_by_id(connection, context.origin, ids)
    judgements = judge_afresh(connection, context, with_referred(connection, own))
    versions = {v.key: v for v in own}
    live = releases.live_rows(connection, list(versions), context.recipients)
    changes = changes_ahead if is_ahead else changes_to
    return LedgerChanges(versions, changes(context.recipients, versions, judgements, live, context.moment))


# --- what is loaded -------------------------------------------------------------------------------


def own_versions(
    connection: Connection, member: MemberId, nation: NationCode | None, ids: Collection[StixId]
) -> list[ObjectVersion]:
    """Return every version with these ids of the member's own records; of all of `nation`, if it is given.

    What is not its own is not even looked at: it would cost time, which tells that it is there (policy 9).
    """
    if nation is None:
        return objects.versions_of(connection, member, ids)
    return objects.versions_by_id(connection, nation, ids)


def with_referred(connection: Connection, versions: Iterable[ObjectVersion]) -> dict[int, ObjectVersion]:
    """Return the versions, and those of all records of their members that they refer to, however far.

    They are all versions of their records.
    """
    every = {v.key: v for v in versions}
    for member in {v.member for v in every.values()}:
        own = {v.id for v in every.values() if v.member == member}
        missing = objects.all_referred(connection, member, own) - own
        every.update((v.key, v) for v in objects.versions_of(connection, member, missing))
    return every


def stored_around(connection: Connection, judging: Judging, originals_of: OriginalsOf = originals) -> Stored:
    """Return what is stored of that on which the versions of `judging` hang, and is not judged with them."""
    context, copies = judging.context, judging.copies()
    known: Originals = {}
    if copies:
        stored = equal_before(connection, [v.key for v in copies if v.key > 0])
        new = equal_to_new(connection, [v for v in copies if v.key < 0], context.recipients)
        known = originals_of([*stored, *new], context.members)
    audiences = {
        one.key: derived_objects.audience_of(connection, context.origin, one.about, one.refers, one.key)
        for one in judging.answers()
        if one.about is not None
    }
    return Stored([*_settled(connection, judging, originals_of)], known, audiences)


def _settled(connection: Connection, judging: Judging, originals_of: OriginalsOf) -> Iterator[Settled]:
    """Give the records that are referred to and not judged, as their rows stand."""
    context, binding = judging.context, judging.context.binding
    for member, ids in judging.referred().items():
        records = releases.settled_records(connection, member, ids)
        copies = {one.version for one in records.values() if one.is_copy}
        of_copies = originals_of(equal_before(connection, copies), context.members) if copies else {}
        for id, record in records.items():
            yield Settled(
                *(member, id),
                {view: in_force_part(value, binding) for view, value in record.justifications.items()},
                is_masked(context.clearance(member), record.source_hiding),
                is_unmarked_name=record.is_unmarked_name,
                originals=of_copies.get(record.version, {}),
            )


def _referrers(
    connection: Connection, judging: Judging, handled: EffectiveMarkings
) -> Iterator[ObjectVersion]:
    """Give the records of the same member that refer to what may look different, however far."""
    judged = {v.record for v in judging.versions.values()}
    for member, differing in judging.differing(handled).items():
        own = [v for v in handled.now.values() if v.member == member]
        ids = _referring(connection, (member, judging.context.origin), own, differing)
        missing = {id for id in ids if (member, id) not in judged}
        for version in objects.versions_of(connection, member, missing):
            yield handled.now.get(version.key, version)


def _referring(
    connection: Connection,
    place: tuple[MemberId, NationCode],
    own: Collection[ObjectVersion],
    waiting: set[StixId],
) -> set[StixId]:
    """Return the ids of all stored records that refer to those `waiting`, be it through `own` ones."""
    reached: set[StixId] = set()
    rounds = 0
    while waiting:
        rounds += 1
        if rounds > _ROUNDS:  # stored and new references in turn: to judge more than is needed is right
            waiting |= {v.id for v in own}
        stored = objects.all_referring(connection, *place, waiting - reached)
        reached |= stored
        waiting = {v.id for v in own if not v.refers.isdisjoint(reached)} - reached
    return reached


# --- what is written ------------------------------------------------------------------------------


def write_rows(
    service: Service,
    connection: Connection,
    origin: NationCode,
    ledger_changes: LedgerChanges,
    stored: Mapping[int, ObjectVersion],
    now: datetime,
) -> None:
    """Write the row changes; `stored` has the new versions by the keys under which they were judged.

    The caller holds the origin and these ledgers (`basis.hold`, `releases.lock`).
    """
    for recipient, change in sorted(ledger_changes.changes.items()):
        rows: Sequence[NewRow] = [
            NewRow(stored.get(key) or ledger_changes.versions[key], value, form)
            for key, form, value in change.append
        ]
        releases.change(connection, recipient, change, now)
        if any(row.form.label for row in rows):
            rows = derived_objects.provide(service, connection, origin, rows)
        releases.append(connection, recipient, origin, rows, now)
