"""What a submission or a deletion hides from members that were served it (policy 8, "recall").

It is kept in the transaction that hides it. `hub work` tells the members that fetched it
(`actions.oversight.recall`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.model import (
    MemberId,
    NationCode,
    Reader,
    StixId,
)
from hub.rules.marking.effective import EffectiveMarkings
from hub.rules.release.recalling import RecallScope, ShownIn
from hub.rules.release.row_changes import LedgerChanges
from hub.store.database.connection import Connection
from hub.store.ledger import recalls, releases
from hub.store.ledger.recalls import NewRecall, Recalled, RecallReason
from hub.store.members import members


@dataclass(frozen=True, slots=True)
class PendingRecall:
    """Whom the versions that are judged were served to, as one transaction found it."""

    origin: NationCode
    scope: RecallScope
    before: Mapping[ShownIn, frozenset[MemberId]]

    def note_down(self, connection: Connection, at: datetime) -> None:
        """Keep what the rows, as they have been rewritten, pull back; the caller holds their ledgers.

        Of a version that is deleted all who ever fetched it are meant, of others those who ceased to see it.
        """
        scope = self.scope
        pulled: dict[tuple[MemberId, StixId, RecallReason], list[Recalled]] = defaultdict(list)
        known = {place for (place, _), members in self.before.items() if members}
        for place in sorted(recalls.recipients_of(connection, scope.deleted)):
            version = scope.versions[place[1]]
            tlp = version.tlp if place in known or version.markings.tlp is not None else None
            pulled[*version.record, RecallReason.DELETED].append(Recalled(*place, tlp, None, None))
        revisions: dict[NationCode, int] = {}
        after = scope.seen(releases.live_rows(connection, list(scope.versions)))
        for place, lost in scope.lost(self.before, after).items():
            version = scope.versions[place[1]]
            if place[0] not in revisions:
                revisions[place[0]] = releases.revision(connection, place[0])
            recalled = Recalled(*place, version.tlp, lost, revisions[place[0]])
            pulled[*version.record, RecallReason.STRICTER].append(recalled)
        new = [NewRecall(self.origin, *record, at, pulled[record]) for record in sorted(pulled)]
        recalls.add(connection, new)


def served_before(
    service: Service,
    connection: Connection,
    origin: NationCode,
    ledger_changes: LedgerChanges,
    handled: Collection[EffectiveMarkings],
    deleted: Collection[int] = (),
) -> PendingRecall:
    """Return who is served what, before the rows are rewritten; `handled` has the versions as they were."""
    versions = {key: v for key, v in ledger_changes.versions.items() if key > 0}
    for one in handled:
        versions.update((key, one.before[key]) for key in one.before if key in versions or key in deleted)
    readers: dict[NationCode, list[Reader]] = defaultdict(list)
    for member in members.members(connection):
        if member.nation is not None:
            readers[member.nation].append(member.reader)
    in_force = service.in_force.ids(connection, present(service, connection))
    replaced = {(code, at) for code, change in ledger_changes.changes.items() for at in change.replaced}
    found = RecallScope(versions, readers, in_force, frozenset(deleted), replaced)
    return PendingRecall(origin, found, found.seen(releases.live_rows(connection, list(versions))))
