"""The changes of one version's row, for all versions with the same decision and the same rows.

`row_changes` decides for one version of a group. The others get the same changes, with own keys and
positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hub.model import SUBMITTED, Justification, NationCode, RowChanges, Shown


class VersionChange(NamedTuple):
    """The changes of a version's row as submitted, in one ledger. The fields are as in `RowChanges`."""

    append: Justification | None
    withdraw: bool
    justify: Justification | None
    supersede: bool
    show: Shown | None

    @classmethod
    def of(cls, change: RowChanges) -> VersionChange | None:
        """Return what `change`, the changes of one version, does; None: it concerns other forms too."""
        forms = {form for _, form, _ in change.append}
        if forms - {SUBMITTED} or change.delete or change.forget or change.replaced:
            return None
        return cls(
            next((value for _, _, value in change.append), None),
            bool(change.withdraw),
            next(iter(change.justify), None),
            bool(change.supersede),
            next(iter(change.show), None),
        )

    def add_to(self, changes: RowChanges, key: int, position: int | None) -> None:
        """Add the changes for the version with this key and this row, if any. New rows are in no order."""
        if self.append is not None:
            changes.append.append((key, SUBMITTED, self.append))
        if position is None:
            return
        if self.withdraw:
            changes.withdraw.append(position)
            if self.append is not None:
                changes.instead[key, SUBMITTED] = position
        if self.justify is not None:
            changes.justify.setdefault(self.justify, []).append(position)
        if self.supersede:
            changes.supersede.append(position)
        if self.show is not None:
            changes.show.setdefault(self.show, []).append(position)


# The changes of a version by recipient. None: its group is not judged by likeness.
GroupChanges = Mapping[NationCode, VersionChange] | None


def group_changes(changes: Mapping[NationCode, RowChanges]) -> GroupChanges:
    """Return the changes of a group from the changes of one version alone (policy 4, I5)."""
    found = {recipient: VersionChange.of(change) for recipient, change in changes.items()}
    known = {recipient: change for recipient, change in found.items() if change is not None}
    return known if len(known) == len(found) else None
