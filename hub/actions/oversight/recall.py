"""Recall (policy 8): each member that fetched a deleted or now hidden version gets a note.

The transaction that hides a version stores the recall (`actions.submission.pending_recalls`). `hub work`
finds the members with a disclosure of the version, and makes a note of the hub visible to exactly these
members. The end of an agreement recalls nothing.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hub.actions.release.hub_objects import publish
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.model import (
    Clearance,
    Disclosed,
    Ground,
    Justification,
    Kind,
    MemberId,
    NationCode,
    StixId,
    StixObject,
    Tlp,
    Unreadable,
    format_instant,
)
from hub.proofs import canonical
from hub.rules.release.deciding import clearance_for
from hub.stix import reading
from hub.stix.derived.notes import recall_note
from hub.store.database.connection import Connection
from hub.store.ledger import disclosures, ends, recalls, releases
from hub.store.ledger.recalls import Recall, Recalled, RecallReason
from hub.store.ledger.releases import NewRow
from hub.store.members import members

_PER_STEP: Final = 200  # recalls, so that no submission waits long for a ledger
_IN_FLIGHT: Final = timedelta(minutes=5)  # how late the disclosure of a page read before may be committed
_SENTENCES: Final = {  # (hub/README: recall-causes)
    RecallReason.DELETED: "The source withdrew this object on {at}.",
    RecallReason.STRICTER: (
        "Since {at} its source handles this object more strictly, and not for you any more."
    ),
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """The recalled versions fetched by a member: ids and versions as served, with their strictest level."""

    recipient: NationCode
    served: frozenset[tuple[StixId, str]]
    tlp: Tlp

    def with_(self, other: Fetched) -> Fetched:
        return Fetched(self.recipient, self.served | other.served, max(self.tlp, other.tlp))


RecallOfMember = tuple[int, MemberId]  # a recall and a member


def notify(service: Service, deadline: float) -> int:
    """Write notices to the members that fetched recalled versions; return the number of notices.

    Ends at `deadline` (of `time.monotonic`). New recalls come first; each recall is processed again for five
    minutes, because a page may be in flight. Each step commits its progress.
    """
    total = 0
    with service.store.read() as connection:
        start = service.store.now(connection)
    for searched_before in (None, start):
        after = 0
        while time.monotonic() < deadline:
            step = _step(service, searched_before, after)
            if step is None:
                break
            after, written = step
            total += written
    return total


def _step(service: Service, searched_before: datetime | None, after: int) -> tuple[int, int] | None:
    """Process the next recalls; return the last id and the number of notices, or None without a recall.

    `searched_before` None: the recalls never processed; else the recalls last processed before this instant.
    The first pass reads every disclosure, later passes only disclosures of pages perhaps in flight.
    """
    with service.store.read() as connection:
        # INVARIANT: before the disclosures are read: a later commit has a later pass.
        now = service.store.now(connection)
        found = recalls.unfinished(connection, searched_before, after, _PER_STEP)
        if not found:
            return None
        earliest = min(one.at for one in found) - 2 * _IN_FLIGHT
        floor = 0 if searched_before is None else disclosures.last_before(connection, earliest)
        fetched = fetched_of(connection, found, floor)
    with service.store.write() as connection:
        # INVARIANT: ledgers before the rows of recalls, as in every transaction.
        ends.lock(connection, {what.recipient for what in fetched.values()})
        # INVARIANT: notices are read under the lock on the recalls: two workers write no notice twice.
        held = {one.id: one for one in recalls.hold(connection, [one.id for one in found])}
        known = recalls.notices(connection, held)
        new = {who: what for who, what in fetched.items() if who[0] in held and who not in known}
        _write_notes(service, connection, held, new)
        over = {id for id, one in held.items() if now - one.at >= _IN_FLIGHT}
        recalls.note_search(connection, over, now, is_done=True)
        recalls.note_search(connection, held.keys() - over, now, is_done=False)
    return found[-1].id, len(new)


def fetched_of(
    connection: Connection, found: Collection[Recall], floor: int = 0
) -> dict[RecallOfMember, Fetched]:
    """Return the fetches of each recall by member, from disclosures with a number above `floor`.

    The submitter of the record is left out. Only pages with whole objects count, not manifests.
    """
    owners = {one.id: one.member for one in found}
    parts: dict[tuple[NationCode, int], list[tuple[int, Recalled]]] = defaultdict(list)
    for id, part in recalls.parts(connection, owners):
        parts[part.recipient, part.version].append((id, part))
    rows = {
        (row.recipient, row.position): row
        for row in recalls.rows_of(connection, {version for _, version in parts})
        if (row.recipient, row.version) in parts
    }
    positions: dict[NationCode, list[int]] = defaultdict(list)
    for recipient, position in rows:
        positions[recipient].append(position)
    clearances = {m.id: m.kind for m in members.members(connection)}
    fetched: dict[RecallOfMember, Fetched] = {}
    for recipient, own in positions.items():
        for one in disclosures.fetches(connection, recipient, own, floor):
            if one.kind is not Disclosed.OBJECTS:
                continue
            row = rows[recipient, one.position]
            for id, part in parts[recipient, row.version]:
                if one.member == owners[id] or not part.reaches(one.member, one.revision):
                    continue
                level = _level(part.tlp, clearances[one.member])
                if row.form.ceiling is not None:  # a redaction shows nothing above its ceiling
                    level = min(level, row.form.ceiling)
                what = Fetched(recipient, frozenset({(row.stix_id, row.version_text)}), level)
                before = fetched.get((id, one.member))
                fetched[id, one.member] = what if before is None else before.with_(what)
    return fetched


def _level(tlp: Tlp | None, kind: Kind) -> Tlp:  # (hub/README: note-level)
    """Return the level of a note: not laxer than the version as shown, and not above the member's
    clearance."""
    # A level above the clearance would disclose that the object was marked more strictly (policy 9).
    clearance = kind.clearance or Clearance.CERT
    highest = max(level for level in Tlp if clearance_for(level) <= clearance)
    return highest if tlp is None else min(tlp, highest)


def _write_notes(  # (hub/README: note-for-all, hub-objects-where)
    service: Service,
    connection: Connection,
    held: Mapping[int, Recall],
    new: Mapping[RecallOfMember, Fetched],
) -> None:
    """Write one note for all members of a nation with the same fetches, visible to these members alone."""
    together: dict[tuple[int, Fetched], set[MemberId]] = defaultdict(set)
    for (id, member), what in new.items():
        together[id, what].add(member)
    if not together:
        return
    now = present(service, connection)
    items = [(_note(service, held[id], what, now), what.tlp) for id, what in together]
    stored = publish(connection, items, now)
    rows: dict[tuple[NationCode, NationCode], list[NewRow]] = defaultdict(list)
    notices: list[tuple[int, MemberId, int]] = []
    for version, ((id, what), named) in zip(stored, together.items(), strict=True):
        rows[what.recipient, held[id].origin].append(NewRow(version, visible_to(named)))
        notices += [(id, member, version.key) for member in sorted(named)]
    recalls.add_notices(connection, notices)
    for (recipient, origin), own in sorted(rows.items(), key=lambda one: one[0]):
        # In order of readers: the dates between a reader's own notes must not say that other notes lie
        # between (policy 9).
        ordered = sorted(own, key=lambda row: sorted(map(repr, frozenset().union(*row.justification))))
        releases.append(connection, origin, {recipient: ordered}, now)


def _note(service: Service, recall: Recall, what: Fetched, now: datetime) -> StixObject:
    sentence = _SENTENCES[recall.reason].format(at=format_instant(recall.at))
    note_id = StixId(f"note--{uuid.uuid4()}")
    author = service.registry.hub_identity_id
    document = recall_note(note_id, author, what.tlp, what.served, sentence, now)
    item = reading.read(document, 0, service.limits.max_object_bytes, canonical.digest)
    match item:
        case StixObject():
            return item
        case Unreadable():
            raise RuntimeError(f"a note of the hub's own cannot be read: {item.message}")


def visible_to(named: Collection[MemberId]) -> Justification:
    """Return the justification of a row visible to exactly these members."""
    return frozenset({frozenset(Ground(None, Clearance.PARTNER, member) for member in named)})
