"""Compares a judgement with the rows of the ledgers, and returns the changes of the rows.

A row stays in place only while the change shows the version to no additional reader, now or later: a polling
client has passed the row (policy 5, I4). An ended period never binds again, and a successor begins at the end
of the continued period. So a row loses readers with time, and every present reader could see the row from the
start.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
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
    PlainVersion,
    RowChanges,
    View,
    redaction_for,
)
from hub.rules.release.justifications import NEVER, in_force_part, narrows
from hub.rules.release.references import Judgement
from hub.rules.release.row_order import as_dated, clearance_of

# Every decision is written or given up within this time: an idle transaction is ended after 5 minutes.
_WRITTEN_WITHIN: Final = timedelta(minutes=15)


class Moment(NamedTuple):
    """The periods in force at a decision, and the periods among these with a distant end.

    If the clock ended a period before the decision is written, a client polling between would miss the row.
    """

    in_force: frozenset[int]
    lasting: frozenset[int]

    @classmethod
    def of(cls, periods: Iterable[Period], now: datetime) -> Moment:
        """Return the moment of these periods.

        A decision depending on the moment is void when the moment changes.
        """
        in_force = [p for p in periods if p.is_in_force(now)]
        # INVARIANT: a period ending within 15 minutes counts as over for old rows, so that readers get a new
        # row instead of a silent change (I4).
        lasting = frozenset(p.id for p in in_force if now + _WRITTEN_WITHIN < p.until)
        return cls(frozenset(p.id for p in in_force), lasting)

    def adds_nobody(self, new: Justification, old: Justification) -> bool:  # (hub/README: row-in-place)
        """Tell whether the step from `old` to `new` shows the version to no new reader, now or later."""
        # INVARIANT: only True permits a change in place (I4). Either for every future state of the periods,
        # or for the readers of this moment.
        return narrows(new, old) or narrows(_seen_by(new, self.in_force), _seen_by(old, self.lasting))


def _seen_by(value: Justification, periods: AbstractSet[int]) -> Justification:
    """Return the clearances and members admitted while these periods are in force, without the clauses."""
    return frozenset(
        frozenset(Ground(None, ground.clearance, ground.member) for ground in alternatives)
        for alternatives in in_force_part(value, periods)
    )


def up_to(change: RowChanges, clearance: Clearance) -> tuple[RowChanges, bool]:
    """Return the changes without new rows above `clearance`, and whether any were left out (policy 9).

    Rows to be replaced by left-out rows stay. With the highest clearance nothing is left out.
    """
    if clearance is max(Clearance):
        return change, False
    kept = [row for row in change.append if clearance_of(row[2]) <= clearance]
    later = [row for row in change.append if clearance_of(row[2]) > clearance]
    # A row is withdrawn only together with its replacement, so no reader loses the version between (I2, I4).
    stay = {change.instead[key, form] for key, form, _ in later if (key, form) in change.instead}
    withdraw = [position for position in change.withdraw if position not in stay]
    return replace(change, append=kept, withdraw=withdraw), bool(later)


@dataclass(frozen=True, slots=True)
class LedgerChanges:
    """The judged versions, by key, and the changes of each recipient's ledger.

    `alike` are further versions with changes, judged by their likeness: their other values are not loaded.
    """

    versions: Mapping[int, ObjectVersion]
    changes: Mapping[NationCode, RowChanges]
    alike: Mapping[int, PlainVersion] = field(default_factory=dict)

    @property
    def hides(self) -> bool:
        """Tell whether a served row is withdrawn, or may be served to fewer readers."""
        return any(change.hides for change in self.changes.values())


def changes_to(
    recipients: Sequence[NationCode],
    versions: Mapping[int, ObjectVersion],
    judgements: Mapping[int, Judgement],
    live: Collection[LiveRow],
    moment: Moment,
) -> dict[NationCode, RowChanges]:
    """Return the changes that bring the `live` rows of these versions to the judgements, by nation.

    Visible versions are not served again: a row showing the version to no additional reader stays in place.
    """
    rows = {(row.version, View(row.recipient, row.form)): row for row in live}
    # INVARIANT: a view without a judgement is withheld. So a full poll equals the released versions (I5).
    withheld: Justification = frozenset({NEVER})
    order = sorted(versions)
    others: dict[tuple[int, NationCode], set[Form]] = defaultdict(set)
    for version, view in chain(rows, ((key, view) for key in order for view in judgements[key])):
        # Rows stored in a form that no clause serves any more are compared too, and withdrawn.
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
        # Policy 9: order by clearance and references, decided before positions are taken.
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
    """Return the changes that keep the `live` rows valid when an amendment takes over in one step (policy 5).

    Nothing is appended: rows not matching the present judgement are left to the history work.
    """
    # The take-over checks again whether the continued period is in force then, however soon that period ends.
    found = changes_to(recipients, versions, judgements, live, moment._replace(lasting=moment.in_force))
    return {recipient: RowChanges(justify=change.justify) for recipient, change in found.items()}


def _replaced(
    change: RowChanges, versions: Mapping[int, ObjectVersion], leaves: Collection[LiveRow]
) -> set[int]:
    """Return the withdrawn rows among `leaves` replaced by a later row that shows no less to every reader."""
    withdrawn = set(change.withdraw)
    gone = [(row, versions[row.version]) for row in leaves if row.position in withdrawn]
    if not gone:
        return set()
    # By member and id, not by version: the redactions of all versions of a record share one id (policy 7).
    later = {
        (versions[key].member, versions[key].id, form): (versions[key], value)
        for key, form, value in change.append
        if form.is_leaf
    }
    found: set[int] = set()
    for row, version in gone:
        new, value = later.get((version.member, version.id, row.form), (version, frozenset({NEVER})))
        # Policy 8: such a redaction is replaced, not recalled. Fewer readers or more removed parts: a recall.
        if new != version and narrows(row.justification, value) and _taken(new, row) <= _taken(version, row):
            found.add(row.position)
    return found


def _taken(version: ObjectVersion, row: LiveRow) -> frozenset[str]:
    """Return the selectors removed by the redaction of the version in the row's form."""
    redaction = redaction_for(row.form, version.redactions)
    return frozenset() if redaction is None else redaction.taken


def _compare(
    change: RowChanges,
    version: ObjectVersion,
    value: Justification,
    stored: tuple[Form, LiveRow | None],
    moment: Moment,
) -> None:
    # Each branch keeps I4: append for additional readers, withdraw for none, justify in place otherwise.
    is_never = NEVER in value
    form, row = stored
    if row is None:
        if not is_never:
            change.append.append((version.key, form, value))
        return
    # Policy 8: a deletion marks rows and never removes these, so that positions keep the meaning.
    if version.deleted_at is not None:
        if not form.is_leaf:
            _compare_deleted(change, version, value, row)
        elif row.is_served:
            change.delete.append(row.position)
        return
    # Policy 8: a version that becomes the newest by a deletion gets new rows.
    becomes_newest = version.is_newest and not row.is_newest
    if is_never:
        change.withdraw.append(row.position)
    elif becomes_newest or not moment.adds_nobody(value, row.justification):
        change.withdraw.append(row.position)
        change.append.append((version.key, form, value))
        # `up_to` needs the pair: the old row stays while the new row waits for a later step.
        change.instead[version.key, form] = row.position
    else:
        if value != row.justification:
            change.justify.setdefault(value, []).append(row.position)
        if row.is_newest and not version.is_newest:
            change.supersede.append(row.position)
        shown = version.shown(form)
        # Policy 1, "shown": passing on asks later for the level shown, so the row keeps the present level.
        if row.shown != shown:
            change.show.setdefault(shown, []).append(row.position)


def _compare_deleted(change: RowChanges, version: ObjectVersion, value: Justification, row: LiveRow) -> None:
    """Keep the justification of a deleted version in the row, which is no longer served."""
    if NEVER in value:
        # Policy 4: a deleted version restricts earlier versions as before, so
        # the justification stays up to date.
        (change.withdraw if row.is_served else change.forget).append(row.position)
        return
    if row.is_served:
        change.delete.append(row.position)
    if value != row.justification:
        change.justify.setdefault(value, []).append(row.position)
    if row.is_newest and not version.is_newest:
        change.supersede.append(row.position)
