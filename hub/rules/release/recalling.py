"""Who loses what they were served, by a deletion or a stricter version (policy 8, "recall").

By the same clauses in force before and after: so the end of an agreement recalls nothing.
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
from hub.rules.release.deciding import is_visible

Place = tuple[NationCode, int]  # a ledger and the key of a version
ShownIn = tuple[Place, Form]


@dataclass(frozen=True, slots=True)
class RecallScope:
    """The versions whose rows are rewritten, as they were, and every reader of each nation.

    `deleted` are the versions, by key, that are deleted; `replaced` the redactions, by ledger and position,
    in whose place a later one comes that shows no less.
    """

    versions: Mapping[int, ObjectVersion]
    readers: Mapping[NationCode, Sequence[Reader]]
    in_force: frozenset[int]
    deleted: Collection[int]
    replaced: Collection[tuple[NationCode, int]]

    def seen(self, rows: Iterable[LiveRow]) -> dict[ShownIn, frozenset[MemberId]]:
        """Return who is served each version by these rows, in which form."""
        found: dict[ShownIn, frozenset[MemberId]] = {}
        known: dict[tuple[NationCode, Justification], frozenset[MemberId]] = {}
        for row in rows:
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
        return frozenset(one.member for one in readers if is_visible(value, one, self.in_force))

    def lost(  # (hub/README: recalled-from)
        self, before: Mapping[ShownIn, frozenset[MemberId]], after: Mapping[ShownIn, frozenset[MemberId]]
    ) -> dict[Place, frozenset[MemberId]]:
        """Return who ceased to see which version in the form in which it was seen, though it is not deleted.

        Whoever still sees it as submitted has lost nothing; whoever still sees a part of it has. A redaction
        takes the place of those of earlier versions; these go with it.
        """
        found: dict[Place, frozenset[MemberId]] = {}
        for (place, form), known in before.items():
            version = self.versions[place[1]]
            still = (after.get((place, each), frozenset()) for each in (form, SUBMITTED))
            lost = known.difference(*still, {version.member})
            if lost and version.key not in self.deleted:
                found[place] = found.get(place, frozenset()) | lost
        for recipient in {place[0] for place in found}:
            self._add_earlier(recipient, found)
        return found

    def _add_earlier(self, recipient: NationCode, found: dict[Place, frozenset[MemberId]]) -> None:
        """Let who lost a redaction have lost those of earlier versions, in one walk through each record."""
        carried: dict[RecordKey, frozenset[MemberId]] = defaultdict(frozenset)
        for version in sorted(self.versions.values(), key=lambda v: v.version_key, reverse=True):
            record, place = version.record, (recipient, version.key)
            lost, later = found.get(place, frozenset()), carried[record]
            if later and version.key not in self.deleted:
                found[place] = lost | later
            if version.redactions:
                carried[record] = later | lost
