"""Recall (policy 8): what is deleted, or hidden by a stricter marking, is told to all who fetched it.

What is pulled back is kept in the transaction that does it. `hub work` then finds who fetched it, and lets a
note of the hub's own stand for exactly these members. The end of an agreement recalls nothing.
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
from hub.store.ledger import disclosures, recalls, releases
from hub.store.ledger.recalls import Recall, Recalled, RecallReason
from hub.store.ledger.releases import NewRow
from hub.store.members import members

_PER_STEP: Final = 200  # recalls, so that no submission waits long for a ledger
_IN_FLIGHT: Final = timedelta(minutes=5)  # how late what was read before a recall may come on record
_SENTENCES: Final = {  # (hub/README: recall-causes)
    RecallReason.DELETED: "The source withdrew this object on {at}.",
    RecallReason.STRICTER: (
        "Since {at} its source handles this object more strictly, and not for you any more."
    ),
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a member fetched of a recall: ids and versions as served, and the strictest level of them."""

    recipient: NationCode
    served: frozenset[tuple[StixId, str]]
    tlp: Tlp

    def with_(self, other: Fetched) -> Fetched:
        return Fetched(self.recipient, self.served | other.served, max(self.tlp, other.tlp))


RecallOfMember = tuple[int, MemberId]  # a recall and a member


def tell(service: Service, deadline: float) -> int:
    """Tell the members that fetched what was pulled back, until `deadline` (of `time.monotonic`).

    Returns how many were told. Those recalls come first that nobody has looked after; they are looked after
    again for as long as a page may be in flight. Each step is committed with how far it has come.
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
            after, told = step
            total += told
    return total


def _step(service: Service, searched_before: datetime | None, after: int) -> tuple[int, int] | None:
    """Look after the next recalls; return the last of them and how many were told, None if there is none.

    They are those that nobody has looked after, or only before an instant.

    Every disclosure is looked at once, and those of pages that may have been in flight again.
    """
    with service.store.read() as connection:
        now = service.store.now(connection)  # what is committed later is looked at again
        found = recalls.unfinished(connection, searched_before, after, _PER_STEP)
        if not found:
            return None
        earliest = min(one.at for one in found) - 2 * _IN_FLIGHT
        floor = 0 if searched_before is None else disclosures.last_before(connection, earliest)
        fetched = fetched_of(connection, found, floor)
    with service.store.write() as connection:
        releases.lock(connection, {what.recipient for what in fetched.values()})
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
    """Return what each member fetched of these recalls, by the disclosures that are numbered above `floor`.

    The record's own submitter is left out. Only answers count that held the objects themselves.
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
                if row.form.ceiling is not None:  # nothing above it was in what was shown
                    level = min(level, row.form.ceiling)
                what = Fetched(recipient, frozenset({(row.stix_id, row.version_text)}), level)
                before = fetched.get((id, one.member))
                fetched[id, one.member] = what if before is None else before.with_(what)
    return fetched


def _level(tlp: Tlp | None, kind: Kind) -> Tlp:  # (hub/README: note-level)
    """Return a level no laxer than what the member was shown, that tells it of none that it was not."""
    clearance = kind.clearance or Clearance.CERT
    highest = max(level for level in Tlp if clearance_for(level) <= clearance)
    return highest if tlp is None else min(tlp, highest)


def _write_notes(  # (hub/README: note-for-all, hub-objects-where)
    service: Service,
    connection: Connection,
    held: Mapping[int, Recall],
    new: Mapping[RecallOfMember, Fetched],
) -> None:
    """Let one note stand for all who fetched the same of a recall, in their nation's ledger."""
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
        rows[what.recipient, held[id].origin].append(NewRow(version, naming(named)))
        notices += [(id, member, version.key) for member in sorted(named)]
    recalls.add_notices(connection, notices)
    for (recipient, origin), own in sorted(rows.items(), key=lambda one: one[0]):
        # By whom they are for: what lies between two dates would tell of notes to others (policy 9).
        ordered = sorted(own, key=lambda row: sorted(map(repr, frozenset().union(*row.justification))))
        releases.append(connection, recipient, origin, ordered, now)


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


def naming(named: Collection[MemberId]) -> Justification:
    """Return the justification by which a row stands for exactly these members."""
    return frozenset({frozenset(Ground(None, Clearance.PARTNER, member) for member in named)})
