"""Recalls of versions hidden or deleted by a submission or deletion (policy 8, "recall").

The transaction that hides a version stores the recall. `hub work` later writes a note for the members that
fetched the version (`actions.oversight.recall`).
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
from hub.store.ledger import ends, recalls, releases
from hub.store.ledger.recalls import NewRecall, Recalled, RecallReason
from hub.store.members import members


@dataclass(frozen=True, slots=True)
class PendingRecall:
    """The readers of each judged version before its rows change, in one transaction."""

    origin: NationCode
    scope: RecallScope
    before: Mapping[ShownIn, frozenset[MemberId]]

    def record(self, connection: Connection, at: datetime) -> None:
        """Store a recall for each record with a version lost to a reader; the caller holds the ledgers.

        A deleted version is recalled from every member that ever fetched the version; any other version from
        the members that see the version no longer (hub/README: recalled-from).
        """
        scope = self.scope
        pulled: dict[tuple[MemberId, StixId, RecallReason], list[Recalled]] = defaultdict(list)
        known = {place for (place, _), members in self.before.items() if members}
        for place in sorted(recalls.recipients_of(connection, scope.deleted)):
            version = scope.versions[place[1]]
            # Without a reader at present the level last shown is not known: no note may say a level that
            # was set later (hub/README: note-level).
            tlp = version.tlp if place in known or version.markings.tlp is not None else None
            pulled[*version.record, RecallReason.DELETED].append(Recalled(*place, tlp, None, None))
        # INVARIANT: the caller has written all rows, so `live_rows` gives the state after this transaction.
        revisions: dict[NationCode, int] = {}
        after = scope.seen(releases.live_rows(connection, list(scope.versions)))
        for place, lost in scope.lost(self.before, after).items():
            version = scope.versions[place[1]]
            # The revision of these row changes: pages of an earlier revision held the version (policy 8).
            if place[0] not in revisions:
                revisions[place[0]] = ends.revision(connection, place[0])
            recalled = Recalled(*place, version.tlp, lost, revisions[place[0]])
            pulled[*version.record, RecallReason.STRICTER].append(recalled)
        new = [NewRecall(self.origin, *record, at, pulled[record]) for record in sorted(pulled)]
        recalls.add(connection, new)


def prepare(
    service: Service,
    connection: Connection,
    origin: NationCode,
    ledger_changes: LedgerChanges,
    handled: Collection[EffectiveMarkings],
    deleted: Collection[int] = (),
) -> PendingRecall:
    """Return the readers of each version before the rows change; `handled` has the stored markings.

    The caller holds the ledgers, and calls this function before `write_rows`.
    """
    versions = {key: v for key, v in ledger_changes.versions.items() if key > 0}
    for one in handled:
        versions.update((key, one.before[key]) for key in one.before if key in versions or key in deleted)
    readers: dict[NationCode, list[Reader]] = defaultdict(list)
    for member in members.members(connection):
        if member.nation is not None:
            readers[member.nation].append(member.reader)
    # The same periods in force serve for before and after, so that an ending recalls nothing (policy 8).
    in_force = service.in_force.ids(connection, present(service, connection))
    # A later redaction in place of an earlier one is no loss.
    replaced = {(code, at) for code, change in ledger_changes.changes.items() for at in change.replaced}
    found = RecallScope(versions, readers, in_force, frozenset(deleted), replaced)
    return PendingRecall(origin, found, found.seen(releases.live_rows(connection, list(versions))))
