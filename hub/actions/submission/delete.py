"""A member takes an object back: it is served to nobody any more, and goes on restricting as it stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.actions.access import accept
from hub.actions.access.authenticate import reader
from hub.actions.access.signatures import verify_writer
from hub.actions.reading import poll
from hub.actions.release.basis import Basis, basis_of, hold
from hub.actions.release.judging import (
    context_of,
    judge_again,
    own_versions,
    write_rows,
)
from hub.actions.service.service import Service
from hub.actions.submission import recalled
from hub.actions.submission.markings import load
from hub.errors import Forbidden, NotFound, Refused
from hub.model import Deletion, Evidence, Kind, MemberId, ObjectVersion, Query, Scope, VersionFilter
from hub.rules.marking.effective import EffectiveMarkings, effective, together
from hub.rules.release.judgement import by_record
from hub.rules.release.row_changes import LedgerChanges
from hub.store.database.connection import Connection
from hub.store.ledger import derived_objects, releases
from hub.store.records import (
    deletions,
    marking_facts,
    objects,
    submissions,
)

_EVERY_VERSION = frozenset({VersionFilter.ALL})

Records = Mapping[MemberId, Sequence[ObjectVersion]]


def delete(service: Service, deletion: Deletion) -> None:
    """Delete the versions that are asked for of the caller's record; a cert's of every record of its nation.

    1. The caller may write to this collection, and the request's signature holds.
    2. The versions are found, and what follows for every reader decided, on a snapshot, holding nobody up.
    3. In one transaction: member, token and key are still good and the nonce is new; if agreements or the
       nation's own submissions have moved since, decide again; what follows is written, with the evidence and
       with what is to be recalled, and bodies that no version has are erased.

    A version that becomes its record's newest by it gets new rows (policy 8). Raises Forbidden,
    Unauthenticated, BadSignature, NotFound where there is nothing of the kind that the caller sees, and
    Unavailable.
    """
    evidence = verify_writer(service, deletion.caller, deletion.origin, deletion.request)  # 1
    # What a loss has brought back is deleted again while the hub is closed, by the certs alone.
    is_closed_allowed = deletion.caller.member.kind is Kind.CERT
    with service.store.read(when_closed=is_closed_allowed) as connection:  # 2
        decision = decide(service, connection, deletion)

    def act(connection: Connection) -> DeletionDecision:
        return _commit(service, connection, deletion, decision, evidence)

    decision = accept.once(  # 3
        *(service, evidence, act),
        receipt=accept.new_receipt(),
        sentence=f"a deletion of {deletion.id}, by {deletion.caller.member.id}",
        when_closed=is_closed_allowed,
    )
    if not decision.selected:
        there = any(_there(held) for held in decision.records.values())
        raise _refusal(service, deletion, holds_record=there)


# --- 2: what follows --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeletionDecision:
    """All that a deletion will write, and what it was decided against. `deleted` are the versions, by key."""

    basis: Basis
    now: datetime
    records: Records
    selected: Mapping[int, ObjectVersion]
    handled: Mapping[MemberId, EffectiveMarkings]
    ledger_changes: LedgerChanges


def decide(service: Service, connection: Connection, deletion: Deletion) -> DeletionDecision:
    """Decide which versions go, and for every nation on every version that is touched by it."""
    basis, now = basis_of(service, connection, deletion.origin)
    records = _records(connection, deletion)
    selected = {v.key: v for held in records.values() for v in _selected(held, deletion)}
    handled: dict[MemberId, EffectiveMarkings] = {}
    ledger_changes = LedgerChanges({}, {})
    if selected:
        deleted = dict.fromkeys(selected, now)
        for owner, held in records.items():
            facts = load(service, connection, (deletion.origin, owner), held, deleted=deleted)
            handled[owner] = effective(facts)
        context = context_of(service, connection, deletion.origin, now)
        ledger_changes = judge_again(connection, context, together(handled.values()))
    return DeletionDecision(basis, now, records, selected, handled, ledger_changes)


def _records(connection: Connection, deletion: Deletion) -> Records:  # (hub/README: delete-what)
    """Return the records of the id that the caller may delete, by their member, each in order of version."""
    caller = deletion.caller.member
    nation = deletion.origin if caller.kind is Kind.CERT else None
    found = by_record(own_versions(connection, caller.id, nation, [deletion.id]))
    return {member: found[member, id] for member, id in sorted(found)}


def _there(record: Sequence[ObjectVersion]) -> Sequence[ObjectVersion]:
    return [v for v in record if v.deleted_at is None]


def _selected(record: Sequence[ObjectVersion], deletion: Deletion) -> Sequence[ObjectVersion]:
    """Return the versions of a record that the filters select, of those that are there."""
    there = _there(record)
    if not there or "2.1" not in deletion.spec_versions:
        return []
    if VersionFilter.ALL in deletion.selections:
        return there
    keys = set(deletion.versions)
    if VersionFilter.FIRST in deletion.selections:
        keys.add(there[0].version_key)
    if VersionFilter.LAST in deletion.selections:
        keys.add(there[-1].version_key)
    return [v for v in there if v.version_key in keys]


# --- 3: the one step --------------------------------------------------------------------------


def _commit(
    service: Service,
    connection: Connection,
    deletion: Deletion,
    decision: DeletionDecision,
    evidence: Evidence | None,
) -> DeletionDecision:
    """Write the deletion under the locks, decided again if something has moved; return what was decided."""
    hold(service, connection, deletion.origin, (deletion.caller, evidence))
    releases.lock(connection, service.registry.recipients)
    if decision.basis != basis_of(service, connection, deletion.origin)[0]:
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
    pending = recalled.served_before(
        *(service, connection, deletion.origin, decision.ledger_changes),
        handled=decision.handled.values(),
        deleted=decision.selected,
    )
    at = max(service.store.now(connection), now)
    write_rows(service, connection, deletion.origin, decision.ledger_changes, {}, at)
    pending.note_down(connection, at)
    contents = {v.content_id for v in decision.selected.values()}
    contents |= derived_objects.contents_of(connection, decision.selected.keys())
    deletions.erase_contents(connection, contents, now)
    submissions.erase_bodies(connection, deletions.submissions_of(connection, decision.selected.keys()))
    for owner, held in decision.records.items():
        if all(v.key in decision.selected for v in _there(held)):
            submissions.erase_repeats(connection, owner, deletion.id)
    submissions.advance(connection, deletion.origin)


def _refusal(service: Service, deletion: Deletion, *, holds_record: bool) -> Refused:
    """Return what answers a DELETE that found nothing: Forbidden only for what the caller sees of others."""
    caller = deletion.caller
    if not holds_record and Scope.READ in caller.scopes:
        ids = frozenset({deletion.id})
        query = Query(reader(caller), deletion.origin, limit=1, ids=ids, selections=_EVERY_VERSION)
        if poll.exists(service, query):
            return Forbidden("Only the member that submitted an object, or its nation's cert, deletes it.")
    return NotFound("There is no such object, or no such version of it, for this member to delete.")
