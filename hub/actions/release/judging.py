"""Loads the data of a judgement and writes the row changes; `rules.release.judgement` decides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from hub.actions.release import derived_objects
from hub.actions.service.service import Service
from hub.model import (
    EqualVersion,
    LiveRow,
    Member,
    MemberId,
    NationCode,
    ObjectVersion,
    PlainVersion,
    RowChanges,
    StixId,
)
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
from hub.store.agreement.agreements import Generation
from hub.store.database.connection import Connection
from hub.store.ledger import releases
from hub.store.ledger.copied_rows import CopiedRow
from hub.store.ledger.releases import NewRow
from hub.store.members import members
from hub.store.records import objects, references
from hub.store.records.originals import equal_before, equal_to_new

OriginalsOf = Callable[[Iterable[EqualVersion], Mapping[MemberId, Member]], Originals]

# Rounds of `_referring` before every version at hand counts as a referrer.
_ROUNDS: Final = 8


def context_of(
    service: Service,
    connection: Connection,
    origin: NationCode,
    now: datetime,
    generation: Generation | None = None,
) -> DecisionContext:
    """Return the context of decisions on `origin`, with members and periods as this transaction sees them.

    `generation` is the generation that this transaction has read already.
    """
    return DecisionContext(
        origin=origin,
        members={m.id: m for m in members.members(connection)},
        recipients=service.registry.recipients,
        periods=service.in_force.periods(connection, generation),
        now=now,
    )


# --- judgement ----------------------------------------------------------------------------------


def judge_again(
    connection: Connection, context: DecisionContext, handled: EffectiveMarkings
) -> LedgerChanges:
    """Return the row changes of `handled` versions and of all versions with references to such versions.

    Policy 2.7, 3 and 4.
    """
    judging = Judging.of_changed(context, handled)
    # A withheld object withholds its referrers from the same reader (policy 2.7), so these are judged again.
    judging.add(_referrers(connection, judging, handled))
    judgements = judging.judge(stored_around(connection, judging))
    # Keys below zero are drafts, without rows.
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
    """Judge `versions` together, independent of their own rows.

    A referred record outside `versions` counts by its rows. `versions` has all versions of a record or none.
    `originals_of` gives the readers of the originals of copies.
    """
    judging = Judging(context, versions)
    return judging.judge(stored_around(connection, judging, originals_of))


class HistoryJudging(NamedTuple):
    """The versions of some records as judged for a history, with the rows of the recipients."""

    context: DecisionContext
    versions: Mapping[int, ObjectVersion]
    judgements: Mapping[int, Judgement]
    live: Sequence[LiveRow]
    is_ahead: bool

    def changes(self, keys: Collection[int] | None = None) -> Mapping[NationCode, RowChanges]:
        """Return the row changes that make the versions with these keys, or all, visible as judged.

        With `is_ahead` the changes of a prepared amendment: rows stay visible when the amendment takes over.
        """
        versions, live = self.versions, self.live
        if keys is not None:
            versions = {key: versions[key] for key in keys}
            live = [row for row in live if row.version in versions]
        changes = changes_ahead if self.is_ahead else changes_to
        return changes(self.context.recipients, versions, self.judgements, live, self.context.moment)


def judge_for_history(
    connection: Connection,
    context: DecisionContext,
    ids: Collection[StixId],
    plain: Collection[PlainVersion] = (),
    *,
    is_ahead: bool,
) -> HistoryJudging:
    """Judge the records of the nation with these ids, of every member, and the plain versions."""
    own = {v.key: v for v in objects.versions_by_id(connection, context.origin, ids)}
    # With all referred records: an object is withheld with any object that it refers to (policy 2.7).
    every = with_referred(connection, own.values())
    # A plain version leads to its targets, and no further.
    around = {key for version in plain for key in (version.key, *version.targets)} - every.keys()
    every.update((v.key, v) for v in objects.versions_by_key(connection, around))
    judgements = judge_afresh(connection, context, every)
    versions = own | {version.key: every[version.key] for version in plain}
    live = releases.live_rows(connection, list(versions), context.recipients)
    return HistoryJudging(context, versions, judgements, live, is_ahead)


# --- loading --------------------------------------------------------------------------------------


def own_versions(
    connection: Connection, member: MemberId, nation: NationCode | None, ids: Collection[StixId]
) -> list[ObjectVersion]:
    """Return every version with these ids of the member's records, or of all records of `nation` if given.

    Other records are not loaded: loading takes time, and time would say that a record exists (policy 9).
    """
    if nation is None:
        return objects.versions_of(connection, member, ids)
    return objects.versions_by_id(connection, nation, ids)


def with_referred(connection: Connection, versions: Iterable[ObjectVersion]) -> dict[int, ObjectVersion]:
    """Return the versions and all versions of their members' own records referred to, directly or indirectly.

    `versions` must have all versions of a record or none.
    """
    every = {v.key: v for v in versions}
    for member in {v.member for v in every.values()}:
        own = {v.id for v in every.values() if v.member == member}
        missing = references.all_referred(connection, member, own) - own
        every.update((v.key, v) for v in objects.versions_of(connection, member, missing))
    return every


def stored_around(connection: Connection, judging: Judging, originals_of: OriginalsOf = originals) -> Stored:
    """Return the stored data of a judgement: referred records outside it, originals, audiences of answers."""
    context, copies = judging.context, judging.copies()
    known: Originals = {}
    if copies:
        # Policy 2.7: an own copy withholds nothing from readers of its original.
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
    """Yield the referred records outside the judgement, with the readers by their rows."""
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
    """Yield the versions of the same member with direct or indirect references to changed records."""
    judged = {v.record for v in judging.versions.values()}
    for member, differing in judging.differing(handled).items():
        own = [v for v in handled.now.values() if v.member == member]
        ids = _referring(connection, (member, judging.context.origin), own, differing)
        # INVARIANT: all versions of a record or none are judged: the newest version decides (policy 4).
        missing = {id for id in ids if (member, id) not in judged}
        for version in objects.versions_of(connection, member, missing):
            yield handled.now.get(version.key, version)


def _referring(
    connection: Connection,
    place: tuple[MemberId, NationCode],
    own: Collection[ObjectVersion],
    waiting: set[StixId],
) -> set[StixId]:
    """Return the ids of all stored records with references to `waiting`, also through `own` versions."""
    reached: set[StixId] = set()
    rounds = 0
    while waiting:
        rounds += 1
        # A hostile chain of stored and new references in turn would cost a statement for each link. Judging
        # too many records costs time, and is right all the same.
        if rounds > _ROUNDS:
            waiting |= {v.id for v in own}
        stored = references.all_referring(connection, *place, waiting - reached)
        reached |= stored
        waiting = {v.id for v in own if not v.refers.isdisjoint(reached)} - reached
    return reached


# --- writing --------------------------------------------------------------------------------------


def write_rows(
    service: Service,
    connection: Connection,
    origin: NationCode,
    ledger_changes: LedgerChanges,
    stored: Mapping[int, ObjectVersion],
    now: datetime,
) -> None:
    """Write the row changes; `stored` has the new versions by their keys in the judgement.

    The caller holds the origin and these ledgers (`basis.hold`, `ends.lock`).
    """
    # INVARIANT: ledgers in order of code, each locked until COMMIT: so the order of commits is the order of
    # positions, and a poller misses nothing (I4).
    new: dict[NationCode, Sequence[NewRow | CopiedRow]] = {}
    alike = ledger_changes.alike
    for recipient, change in sorted(ledger_changes.changes.items()):
        rows: Sequence[NewRow] = [
            NewRow(stored.get(key) or ledger_changes.versions[key], value, form)
            for key, form, value in change.append
            if key not in alike
        ]
        releases.change(connection, recipient, origin, change, now)
        # Derived objects are made with their first row, never ahead (policy 7).
        if any(row.form.label for row in rows):
            rows = derived_objects.provide(service, connection, origin, rows)
        whole = iter(rows)
        new[recipient] = [
            CopiedRow(key, alike[key].member, value) if key in alike else next(whole)
            for key, _, value in change.append
        ]
    releases.append(connection, origin, new, now)
