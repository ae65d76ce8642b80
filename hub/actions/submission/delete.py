"""A member deletes versions: no reader is served a deleted version; its marking goes on restricting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.actions.access import accept
from hub.actions.access.authenticate import reader
from hub.actions.access.signatures import verify_writer
from hub.actions.reading import poll
from hub.actions.release.basis import Basis, hold, observe
from hub.actions.release.judging import (
    context_of,
    judge_again,
    own_versions,
    write_rows,
)
from hub.actions.release.turn import in_turn
from hub.actions.service.service import Service
from hub.actions.submission import pending_recalls
from hub.actions.submission.markings import load
from hub.errors import Forbidden, NotFound, Refused
from hub.model import Deletion, Evidence, Kind, MemberId, ObjectVersion, Query, Scope, VersionFilter
from hub.rules.marking.effective import EffectiveMarkings, effective, together
from hub.rules.release.judgement import by_record
from hub.rules.release.row_changes import LedgerChanges
from hub.store.database.connection import Connection
from hub.store.ledger import derived_objects, ends
from hub.store.records import (
    deletions,
    fact_sets,
    marking_facts,
    objects,
    submissions,
)

_EVERY_VERSION = frozenset({VersionFilter.ALL})

Records = Mapping[MemberId, Sequence[ObjectVersion]]


def delete(service: Service, deletion: Deletion) -> None:
    """Delete the requested versions of the caller's record; for a cert, of all its nation's records of the
    id.

    1. The caller may write to this collection, and the request's signature is valid.
    2. In the nation's turn, the versions and the row changes for every nation are decided.
    3. In one transaction: member, token and key are still valid and the nonce is new. If agreements or the
       nation's own submissions have changed since the snapshot, the deletion is decided again. Row changes,
       evidence and recalls are written, and bodies without a version are erased.

    A version gets new rows if the deletion makes the version the newest of its record (policy 8). Raises
    Forbidden, Unauthenticated, BadSignature, NotFound for an object unknown or withheld, and Unavailable.
    """
    evidence = verify_writer(service, deletion.caller, deletion.origin, deletion.request)  # 1
    # A restored backup brings deleted versions back. While the hub is closed, certs delete them again.
    is_closed_allowed = deletion.caller.member.kind is Kind.CERT
    # Without the locks on ledgers: a decision may take seconds, and other nations submit meanwhile.
    with in_turn(  # 2
        *(service, deletion.origin, lambda c: decide(service, c, deletion)), when_closed=is_closed_allowed
    ) as decided:

        def act(connection: Connection) -> DeletionDecision:
            return _commit(service, connection, deletion, decided(connection), evidence)

        decision = accept.once(  # 3
            *(service, evidence, act),
            receipt=accept.new_receipt(),
            sentence=f"a deletion of {deletion.id}, by {deletion.caller.member.id}",
            when_closed=is_closed_allowed,
        )
    if not decision.selected:
        holds_record = any(_undeleted(held) for held in decision.records.values())
        raise _refusal(service, deletion, holds_record=holds_record)


# --- 2: the decision --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeletionDecision:
    """The row changes and effective markings of a deletion, with the basis. `selected` is by version key."""

    basis: Basis
    now: datetime
    records: Records
    selected: Mapping[int, ObjectVersion]
    handled: Mapping[MemberId, EffectiveMarkings]
    ledger_changes: LedgerChanges


def decide(service: Service, connection: Connection, deletion: Deletion) -> DeletionDecision:
    """Return the versions to delete, with the decision for every nation on each affected version."""
    basis, now, *_ = observe(service, connection, deletion.origin)
    records = _records(connection, deletion)
    selected = {v.key: v for held in records.values() for v in _selected(held, deletion)}
    handled: dict[MemberId, EffectiveMarkings] = {}
    ledger_changes = LedgerChanges({}, {})
    if selected:
        # Deleted versions stay in the judgement: a deleted version restricts earlier ones (policy 4), and
        # whatever refers to a deleted object is judged by the object as it stood (policy 2.7).
        deleted = dict.fromkeys(selected, now)
        for owner, held in records.items():
            facts = load(service, connection, (deletion.origin, owner), held, deleted=deleted)
            handled[owner] = effective(facts)
        context = context_of(service, connection, deletion.origin, now, basis.generation)
        ledger_changes = judge_again(connection, context, together(handled.values()))
    return DeletionDecision(basis, now, records, selected, handled, ledger_changes)


def _records(connection: Connection, deletion: Deletion) -> Records:  # (hub/README: delete-what)
    """Return the deletable records of the id by member, each record in order of version."""
    caller = deletion.caller.member
    # Policy 8: the submitter deletes its record, the nation's cert any record of its nation.
    nation = deletion.origin if caller.kind is Kind.CERT else None
    found = by_record(own_versions(connection, caller.id, nation, [deletion.id]))
    return {member: found[member, id] for member, id in sorted(found)}


def _undeleted(record: Sequence[ObjectVersion]) -> Sequence[ObjectVersion]:
    return [v for v in record if v.deleted_at is None]


def _selected(record: Sequence[ObjectVersion], deletion: Deletion) -> Sequence[ObjectVersion]:
    """Return the undeleted versions of a record, as the filters of the deletion select."""
    undeleted = _undeleted(record)
    # The hub stores STIX 2.1 alone, so a filter for other versions of the specification selects nothing.
    if not undeleted or "2.1" not in deletion.spec_versions:
        return []
    if VersionFilter.ALL in deletion.selections:
        return undeleted
    keys = set(deletion.versions)
    if VersionFilter.FIRST in deletion.selections:
        keys.add(undeleted[0].version_key)
    if VersionFilter.LAST in deletion.selections:
        keys.add(undeleted[-1].version_key)
    return [v for v in undeleted if v.version_key in keys]


# --- 3: the transaction -----------------------------------------------------------------------


def _commit(
    service: Service,
    connection: Connection,
    deletion: Deletion,
    decision: DeletionDecision,
    evidence: Evidence | None,
) -> DeletionDecision:
    """Write the deletion under the locks; return the decision, decided again if the basis has changed."""
    # INVARIANT: nonce (`accept.once`), turn (`in_turn`), generation, `hub_state`, origin, ledgers, rows: the
    # order of locks.
    hold(service, connection, deletion.origin, (deletion.caller, evidence))
    ends.lock(connection, service.registry.recipients)
    # INVARIANT: a decision with another basis is decided again under the locks, never written.
    if decision.basis != observe(service, connection, deletion.origin).basis:
        decision = decide(service, connection, deletion)
    if decision.selected:
        _write(service, connection, deletion, decision, evidence)
    return decision


def _write(
    service: Service,
    connection: Connection,
    deletion: Deletion,
    decision: DeletionDecision,
    evidence: Evidence | None,
) -> None:
    member, now = deletion.caller.member.id, decision.now
    id = submissions.add_deletion(connection, member, deletion.origin, deletion.id, now, evidence)
    deletions.mark_deleted(connection, decision.selected.keys(), id, now)
    for owner, handled in decision.handled.items():
        objects.update_handling(connection, handled.changed())
        marking_facts.add_creators(connection, owner, handled.creator_deltas)
    touched = [*decision.selected.values(), *decision.ledger_changes.versions.values()]
    fact_sets.forget(connection, deletion.origin, touched)
    # INVARIANT: a recall compares the rows before and after `write_rows`, in the transaction that deletes
    # (policy 8): after a crash either both the deletion and its recall are stored, or neither.
    pending = pending_recalls.prepare(
        *(service, connection, deletion.origin, decision.ledger_changes),
        handled=decision.handled.values(),
        deleted=decision.selected,
    )
    # Not before the decision's own instant, should the clock have stepped back.
    at = max(service.store.now(connection), now)
    write_rows(service, connection, deletion.origin, decision.ledger_changes, {}, at)
    pending.record(connection, at)
    contents = {v.content_id for v in decision.selected.values()}
    contents |= derived_objects.contents_of(connection, decision.selected.keys())
    deletions.erase_contents(connection, contents, now)
    submissions.erase_bodies(connection, deletions.submissions_of(connection, decision.selected.keys()))
    for owner, held in decision.records.items():
        # An equal object submitted again is in the raw body of its POST, though that POST stored no version.
        if all(v.key in decision.selected for v in _undeleted(held)):
            submissions.erase_repeats(connection, owner, deletion.id)
    submissions.advance(connection, deletion.origin)


def _refusal(service: Service, deletion: Deletion, *, holds_record: bool) -> Refused:
    """Return the refusal of a DELETE without a version: Forbidden if the caller sees the object, else
    NotFound.

    A caller with an undeleted record of the id gets NotFound: its filters selected no version.
    """
    caller = deletion.caller
    if not holds_record and Scope.READ in caller.scopes:
        ids = frozenset({deletion.id})
        query = Query(reader(caller), deletion.origin, limit=1, ids=ids, selections=_EVERY_VERSION)
        if poll.exists(service, query):
            return Forbidden("Only the member that submitted an object, or its nation's cert, deletes it.")
    return NotFound("There is no such object, or no such version of it, for this member to delete.")
