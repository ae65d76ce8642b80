"""Checks recalls: the recalled versions are of the record, and each informed member fetched a version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import orjson

from hub.actions.checks import RESTORE, Fault, Inspection, named
from hub.actions.oversight.recall import Fetched, fetched_of
from hub.model import HUB, MemberId, ObjectVersion
from hub.stix.derived.notes import NOTE
from hub.stix.marking.tlp import definition_of
from hub.store.checks import integrity
from hub.store.ledger import recalls
from hub.store.ledger.recalls import Recall, RecallReason
from hub.store.records import objects

_AT_ONCE: Final = 200


def recall_faults(inspection: Inspection) -> Iterator[Fault]:
    """Yield the recalls of other records, and the notices to members without a fetch.

    `rows` checks whether each note is visible to exactly the informed members.
    """
    # Members without a notice are no fault: `hub work` may write the notice later.
    every = enumerate(recalls.all_of(inspection.connection))
    for _, group in groupby(every, key=lambda one: one[0] // _AT_ONCE):
        yield from _faults(inspection, [recall for _, recall in group])


def _faults(inspection: Inspection, found: Sequence[Recall]) -> Iterator[Fault]:
    connection = inspection.connection
    by_id = {one.id: one for one in found}
    parts = recalls.parts(connection, by_id)
    versions = {v.key: v for v in objects.versions_by_key(connection, {part.version for _, part in parts})}
    for id, part in parts:
        if (version := versions.get(part.version)) and (fault := _scope_fault(by_id[id], version)):
            yield Fault(_place(by_id[id]), f"{fault} {named(version)}; {RESTORE}")
    for id in sorted(by_id.keys() - {id for id, _ in parts}):
        yield Fault(_place(by_id[id]), f"pulls nothing back; {RESTORE}")
    # All disclosures, from the first: `hub work` may have looked at a part of them only.
    fetched = fetched_of(connection, found)
    notices = recalls.notices(connection, by_id)
    notes = {v.key: v for v in objects.versions_by_key(connection, set(notices.values()))}
    contents = integrity.contents(connection, {note.content_id for note in notes.values()})
    said = {content.id: orjson.loads(content.body) for content in contents if content.body}
    for (id, member), key in sorted(notices.items()):
        what, note = fetched.get((id, member)), notes.get(key)
        if what is None:
            yield Fault(_place(by_id[id]), f"is told to {member}, who has not fetched it; {RESTORE}")
        elif note is None or not _is_true_notice(inspection, said.get(note.content_id), note, what):
            yield Fault(
                _place(by_id[id]), f"is told to {member} otherwise than by a note of the hub's; {RESTORE}"
            )


def _scope_fault(recall: Recall, version: ObjectVersion) -> str | None:
    if version.record != (recall.member, recall.stix_id):
        return "pulls back another record's version,"
    if recall.reason is RecallReason.DELETED and version.deleted_at is None:
        return "tells of a deletion, and there still is"
    return None


def _is_true_notice(
    inspection: Inspection, said: Mapping[str, Any] | None, note: ObjectVersion, what: Fetched
) -> bool:
    """Return whether the note is the hub's own, has its stored level, and names fetched objects alone."""
    # A reference to anything else would disclose an object that the member has not seen (policy 9).
    if said is None or (note.member, note.type) != (MemberId(HUB), NOTE):
        return False
    is_marked = said.get("object_marking_refs") == [definition_of(note.tlp)]
    is_own = said.get("created_by_ref") == inspection.registry.hub_identity_id
    refs = set(said.get("object_refs", ()))
    return is_marked and is_own and bool(refs) and refs <= {id for id, _ in what.served}


def _place(recall: Recall) -> str:
    return f"recall {recall.id} of {recall.stix_id} of {recall.member}"
