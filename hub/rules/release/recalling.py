"""Decides which members lose a served object by a deletion or a stricter version (policy 8, "recall").

"Before" and "after" use the same clauses in force, so the end of an agreement recalls nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hub.model import (
    SUBMITTED,
    Form,
    Justification,
    LiveRow,
    MemberId,
    NationCode,
    ObjectVersion,
    Reader,
    RecordKey,
)
from hub.rules.release.justifications import is_visible

Place = tuple[NationCode, int]  # a ledger and the key of a version
ShownIn = tuple[Place, Form]


@dataclass(frozen=True, slots=True)
class RecallScope:
    """The versions with rewritten rows, as before, and every reader of each nation.

    `deleted` are the deleted versions, by key. `replaced` are the redactions, by ledger and position, with a
    later redaction in the same place that shows no less.
    """

    versions: Mapping[int, ObjectVersion]
    readers: Mapping[NationCode, Sequence[Reader]]
    in_force: frozenset[int]
    deleted: Collection[int]
    replaced: Collection[tuple[NationCode, int]]

    def seen(self, rows: Iterable[LiveRow]) -> dict[ShownIn, frozenset[MemberId]]:
        """Return the members served each version by these rows, by form."""
        found: dict[ShownIn, frozenset[MemberId]] = {}
        # Few justifications serve many rows, so readers are computed once for each justification.
        known: dict[tuple[NationCode, Justification], frozenset[MemberId]] = {}
        for row in rows:
            # A replaced redaction is no loss: the member receives the later one under the same id (policy 7).
            if not row.is_served or (row.recipient, row.position) in self.replaced:
                continue
            cause = row.recipient, row.justification
            if cause not in known:
                known[cause] = self._seen_by(*cause)
            shown = (row.recipient, row.version), row.form
            found[shown] = found.get(shown, frozenset()) | known[cause]
        return found

    def _seen_by(self, recipient: NationCode, value: Justification) -> frozenset[MemberId]:
        readers = self.readers.get(recipient, ())
        # INVARIANT: `in_force` is one value before and after. Policy 8: a recall never
        # follows from the end of an agreement.
        return frozenset(one.member for one in readers if is_visible(value, one, self.in_force))

    def lost(  # (hub/README: recalled-from)
        self, before: Mapping[ShownIn, frozenset[MemberId]], after: Mapping[ShownIn, frozenset[MemberId]]
    ) -> dict[Place, frozenset[MemberId]]:
        """Return the members that lost a version in the form seen before, without deleted versions.

        A reader of the version as submitted has lost nothing; a reader of a part has. A redaction takes the
        place of the redactions of earlier versions, and is lost with these.
        """
        found: dict[Place, frozenset[MemberId]] = {}
        for (place, form), known in before.items():
            version = self.versions[place[1]]
            still = (after.get((place, each), frozenset()) for each in (form, SUBMITTED))
            # The submitter made the change: policy 8 recalls from readers, and a submitter gets no note.
            lost = known.difference(*still, {version.member})
            # Deletions are recalled from every member that fetched the object, seen or not at the end (policy
            # 8). So these are not decided here, but by the disclosures (`actions.oversight.recall`).
            if lost and version.key not in self.deleted:
                found[place] = found.get(place, frozenset()) | lost
        for recipient in {place[0] for place in found}:
            self._add_earlier(recipient, found)
        return found

    def _add_earlier(self, recipient: NationCode, found: dict[Place, frozenset[MemberId]]) -> None:
        """Add, for each lost redaction, the redactions of earlier versions, in one walk for each record."""
        carried: dict[RecordKey, frozenset[MemberId]] = defaultdict(frozenset)
        for version in sorted(self.versions.values(), key=lambda v: v.version_key, reverse=True):
            record, place = version.record, (recipient, version.key)
            lost, later = found.get(place, frozenset()), carried[record]
            if later and version.key not in self.deleted:
                found[place] = lost | later
            # Redactions of all versions have one id, so the loss of the last is the loss of each (policy 7).
            if version.redactions:
                carried[record] = later | lost
