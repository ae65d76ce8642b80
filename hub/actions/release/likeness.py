"""Judges the next versions of a history: by likeness where this is possible, else one by one.

Most versions of a nation are alike: equal deciding values, equal rows. One version of each group is judged as
any version is; the others get the same changes. The groups are remembered from step to step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hub.actions.release.judging import HistoryJudging, judge_for_history
from hub.model import NationCode, PlainVersion, RowChanges, StixId, to_microseconds
from hub.rules.release.judgement import DecisionContext
from hub.rules.release.likeness import GroupChanges, group_changes
from hub.rules.release.row_changes import LedgerChanges
from hub.rules.release.row_order import DatedVersion, as_dated
from hub.store.agreement.agreements import Generation
from hub.store.database.connection import Connection
from hub.store.ledger import row_states
from hub.store.ledger.row_states import RowStates
from hub.store.records.likenesses import Likenesses, NextVersions

_KEPT_GROUPS: Final = 20_000
_NO_ROWS: Final = RowStates()
_UNKNOWN: Final[GroupChanges] = {}

_Alike = Mapping[Hashable, Sequence[tuple[PlainVersion, RowStates]]]  # the versions of each group


@dataclass(slots=True)
class DecidedGroups:
    """The changes of each group, for one state of agreements, members and clock."""

    _state: Hashable = None
    _members: object = None
    _known: dict[Hashable, GroupChanges] = field(default_factory=dict)

    def of(
        self, context: DecisionContext, generation: Generation, *, is_ahead: bool
    ) -> dict[Hashable, GroupChanges]:
        """Return the groups decided in this context, to be added to; empty if the context is another."""
        # INVARIANT: all that a decision depends on beside the version and its rows. A group is never judged
        # by what was in force before (I1, I3). The generation has the epoch, so ids of rows keep the meaning.
        takes_over = tuple(p.takes_over(context.now) for p in context.periods)
        recipients = tuple(context.recipients)
        state = (context.origin, recipients, generation, context.moment, takes_over, is_ahead)
        is_same = (state, context.members) == (self._state, self._members)
        if not is_same or len(self._known) > _KEPT_GROUPS:
            self._state, self._members, self._known = state, context.members, {}
        return self._known


def likenesses_in(context: DecisionContext) -> Likenesses:
    """Return what the likeness of versions depends on in this context."""
    starts = {to_microseconds(at) for period in context.periods for at in period.since.values()}
    identities = {id: member.identity for id, member in context.members.items()}
    return Likenesses(sorted(starts), identities)


def judge_next(
    connection: Connection,
    context: DecisionContext,
    found: NextVersions,
    known: dict[Hashable, GroupChanges],
    *,
    is_ahead: bool,
) -> LedgerChanges:
    """Return the row changes that make these versions visible by the present decision.

    `known` are the groups decided before in this context; new groups are added.
    """
    alike, ids = _grouped(connection, context, found, known)
    new = {group: some[0][0] for group, some in alike.items() if group not in known}
    judged = [judge_for_history(connection, context, ids, new.values(), is_ahead=is_ahead)]
    for group, version in new.items():
        known[group] = group_changes(judged[0].changes([version.key]))
    # A group with other forms is judged one by one: each version has derived objects of its own.
    left = {
        version.id
        for group in new
        if known[group] is None
        for version, _ in alike[group]
        if version.key not in judged[0].versions
    }
    if left:
        judged.append(judge_for_history(connection, context, left, is_ahead=is_ahead))
    return _joined(judged, alike, known)


def _grouped(
    connection: Connection,
    context: DecisionContext,
    found: NextVersions,
    known: Mapping[Hashable, GroupChanges],
) -> tuple[_Alike, set[StixId]]:
    """Return the plain versions by group, and the ids of the versions to be judged one by one."""
    states = row_states.of(connection, [v.key for v in found.plain], context.recipients)
    groups: dict[Hashable, list[tuple[PlainVersion, RowStates]] | None] = {}
    ids = set(found.others)
    for version in found.plain:
        rows = states.get(version.key, _NO_ROWS)
        if not rows.is_plain:
            ids.add(version.id)
            continue
        group = version.likeness, rows.likeness
        if group not in groups:
            groups[group] = None if known.get(group, _UNKNOWN) is None else []
        if (some := groups[group]) is None:
            ids.add(version.id)
        else:
            some.append((version, rows))
    return {group: some for group, some in groups.items() if some}, ids


def _joined(
    judged: Sequence[HistoryJudging], alike: _Alike, known: Mapping[Hashable, GroupChanges]
) -> LedgerChanges:
    """Return the changes of the versions judged one by one, and of the other versions of each group."""
    versions = {key: version for one in judged for key, version in one.versions.items()}
    changes: dict[NationCode, RowChanges] = defaultdict(RowChanges)
    for one in judged:
        for recipient, change in one.changes().items():
            _extend(changes[recipient], change)
    others: dict[int, PlainVersion] = {}
    for group, some in alike.items():
        if not (of_group := known[group]):
            continue
        for version, rows in some:
            if version.key in versions:
                continue
            others[version.key] = version
            for recipient, one_change in of_group.items():
                one_change.add_to(changes[recipient], version.key, rows.position(recipient))
    every: dict[int, DatedVersion] = {**versions, **others}
    for change in changes.values():
        # Policy 9: the order of all rows of the step, whichever way they were judged.
        change.append = as_dated(change.append, every)
    return LedgerChanges(versions, changes, others)


def _extend(changes: RowChanges, more: RowChanges) -> None:
    changes.append += more.append
    changes.withdraw += more.withdraw
    changes.delete += more.delete
    changes.forget += more.forget
    changes.supersede += more.supersede
    changes.replaced |= more.replaced
    changes.instead |= more.instead
    for value, positions in more.justify.items():
        changes.justify.setdefault(value, []).extend(positions)
    for shown, positions in more.show.items():
        changes.show.setdefault(shown, []).extend(positions)
