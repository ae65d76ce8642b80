"""What a judgement does to the rows of the ledgers, compared with those that are there.

A row goes on where it stands only while that shows its version to nobody new, now or later: whoever polls has
passed the row (policy 5, I4). A period that is over never binds again, and what takes over begins as what it
continues ends. So with time a row is seen by fewer, and those who see it now could since it was given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final, NamedTuple

from hub.model import (
    SUBMITTED,
    Clearance,
    Form,
    Ground,
    Justification,
    LiveRow,
    NationCode,
    ObjectVersion,
    Period,
    RowChanges,
    View,
)
from hub.rules.release.deciding import NEVER, in_force_part, narrows
from hub.rules.release.references import Judgement
from hub.rules.release.row_order import as_dated, clearance_of

# A decision is written, or given up, long before: a transaction that stands still is ended after 5 minutes.
_WRITTEN_WITHIN: Final = timedelta(minutes=15)


class Moment(NamedTuple):
    """The periods in force when it is decided, and those of them that the clock does not end soon.

    Should the clock end one before the decision is written, who polls in between is not given the row.
    """

    in_force: frozenset[int]
    lasting: frozenset[int]

    @classmethod
    def of(cls, periods: Iterable[Period], now: datetime) -> Moment:
        """Return it for these periods. A decision that hangs on it is over when it is another."""
        in_force = [p for p in periods if p.is_in_force(now)]
        lasting = frozenset(p.id for p in in_force if now + _WRITTEN_WITHIN < p.until)
        return cls(frozenset(p.id for p in in_force), lasting)

    def adds_nobody(self, new: Justification, old: Justification) -> bool:  # (hub/README: row-in-place)
        """Tell whether a row that stands by `old` shows its version to nobody new, now or later, by `new`."""
        return narrows(new, old) or narrows(_seen_by(new, self.in_force), _seen_by(old, self.lasting))


def _seen_by(value: Justification, periods: AbstractSet[int]) -> Justification:
    """Return by which clearances and members it stands while these are in force, whatever the clause."""
    return frozenset(
        frozenset(Ground(None, ground.clearance, ground.member) for ground in alternatives)
        for alternatives in in_force_part(value, periods)
    )


def up_to(change: RowChanges, clearance: Clearance) -> tuple[RowChanges, bool]:
    """Return the changes without new rows above `clearance`, and whether there are any such (policy 9).

    Rows in whose place these would come stay; no clearance is above the highest.
    """
    if clearance is max(Clearance):
        return change, False
    kept = [row for row in change.append if clearance_of(row[2]) <= clearance]
    later = [row for row in change.append if clearance_of(row[2]) > clearance]
    stay = {change.instead[key, form] for key, form, _ in later if (key, form) in change.instead}
    withdraw = [position for position in change.withdraw if position not in stay]
    return replace(change, append=kept, withdraw=withdraw), bool(later)


@dataclass(frozen=True, slots=True)
class LedgerChanges:
    """The versions that were judged, by key, and what that does to each recipient's ledger."""

    versions: Mapping[int, ObjectVersion]
    changes: Mapping[NationCode, RowChanges]

    @property
    def hides(self) -> bool:
        """Tell whether a row that was served is withdrawn, or may be served to fewer."""
        return any(change.hides for change in self.changes.values())


def changes_to(
    recipients: Sequence[NationCode],
    versions: Mapping[int, ObjectVersion],
    judgements: Mapping[int, Judgement],
    live: Collection[LiveRow],
    moment: Moment,
) -> dict[NationCode, RowChanges]:
    """Return what brings the `live` rows of these versions to their judgements, for who is concerned.

    What is visible is not given again: a row that shows nobody its version anew stays where it is.
    """
    rows = {(row.version, View(row.recipient, row.form)): row for row in live}
    withheld: Justification = frozenset({NEVER})
    order = sorted(versions)
    others: dict[tuple[int, NationCode], set[Form]] = defaultdict(set)
    for version, view in chain(rows, ((key, view) for key in order for view in judgements[key])):
        if view.form != SUBMITTED:
            others[version, view.recipient].add(view.form)
    changes: dict[NationCode, RowChanges] = {}
    for recipient in recipients:
        change = RowChanges()
        for key in order:
            for form in (SUBMITTED, *sorted(others.get((key, recipient), ()), key=str)):
                view = View(recipient, form)
                value = judgements[key].get(view, withheld)
                _compare(change, versions[key], value, (form, rows.get((key, view))), moment)
        own = [row for row in live if row.recipient == recipient and row.form.is_leaf]
        change.replaced = _replaced(change, versions, own)
        change.append = as_dated(change.append, versions)
        if change != RowChanges():
            changes[recipient] = change
    return changes


def changes_ahead(
    recipients: Sequence[NationCode],
    versions: Mapping[int, ObjectVersion],
    judgements: Mapping[int, Judgement],
    live: Collection[LiveRow],
    moment: Moment,
) -> dict[NationCode, RowChanges]:
    """Return what lets the `live` rows go on standing when an amendment takes over in one step (policy 5).

    Nothing is appended: rows that do not stand as they should now are left to what is to bring them there.
    """
    # The take-over looks again whether what it continues is in force then, however soon that ends.
    found = changes_to(recipients, versions, judgements, live, moment._replace(lasting=moment.in_force))
    return {recipient: RowChanges(justify=change.justify) for recipient, change in found.items()}


def _replaced(
    change: RowChanges, versions: Mapping[int, ObjectVersion], leaves: Collection[LiveRow]
) -> set[int]:
    """Return those of `leaves` that are withdrawn, and in whose place a later one shows no less to all."""
    withdrawn = set(change.withdraw)
    gone = [(row, versions[row.version]) for row in leaves if row.position in withdrawn]
    if not gone:
        return set()
    later = {
        (versions[key].member, versions[key].id, form): (versions[key], value)
        for key, form, value in change.append
        if form.is_leaf
    }
    found: set[int] = set()
    for row, version in gone:
        new, value = later.get((version.member, version.id, row.form), (version, frozenset({NEVER})))
        if new != version and narrows(row.justification, value) and _taken(new, row) <= _taken(version, row):
            found.add(row.position)
    return found


def _taken(version: ObjectVersion, row: LiveRow) -> frozenset[str]:
    """Return what a redaction of the version in the row's form takes away."""
    return next(
        (redaction.taken for redaction in version.redactions if redaction.ceiling is row.form.ceiling),
        frozenset(),
    )


def _compare(
    change: RowChanges,
    version: ObjectVersion,
    value: Justification,
    stored: tuple[Form, LiveRow | None],
    moment: Moment,
) -> None:
    is_never = NEVER in value
    form, row = stored
    if row is None:
        if not is_never:
            change.append.append((version.key, form, value))
        return
    if version.deleted_at is not None:
        if not form.is_leaf:
            _compare_deleted(change, version, value, row)
        elif row.is_served:
            change.delete.append(row.position)
        return
    becomes_newest = version.is_newest and not row.is_newest
    if is_never:
        change.withdraw.append(row.position)
    elif becomes_newest or not moment.adds_nobody(value, row.justification):
        change.withdraw.append(row.position)
        change.append.append((version.key, form, value))
        change.instead[version.key, form] = row.position
    else:
        if value != row.justification:
            change.justify.setdefault(value, []).append(row.position)
        if row.is_newest and not version.is_newest:
            change.supersede.append(row.position)
        shown = version.shown(form)
        if row.shown != shown:
            change.show.setdefault(shown, []).append(row.position)


def _compare_deleted(change: RowChanges, version: ObjectVersion, value: Justification, row: LiveRow) -> None:
    """Keep in the row, which is no longer served, for whom the version stands."""
    if NEVER in value:
        (change.withdraw if row.is_served else change.forget).append(row.position)
        return
    if row.is_served:
        change.delete.append(row.position)
    if value != row.justification:
        change.justify.setdefault(value, []).append(row.position)
    if row.is_newest and not version.is_newest:
        change.supersede.append(row.position)
