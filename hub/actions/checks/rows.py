"""Compares the rows of every version with a new decision by the rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from hub.actions.checks import RESTORE, Fault, Inspection, named
from hub.actions.oversight.recall import visible_to
from hub.actions.release.judging import judge_afresh
from hub.model import (
    HUB,
    SUBMITTED,
    Clearance,
    Ground,
    Justification,
    MemberId,
    NationCode,
    ObjectVersion,
    Reader,
    ServedObject,
    View,
)
from hub.rules.release.judgement import DecisionContext, originals
from hub.rules.release.justifications import NEVER, NOBODY, is_visible
from hub.rules.release.references import Judgement
from hub.stix.derived.notes import NOTE
from hub.store.checks import integrity
from hub.store.checks.integrity import COPIED, StoredRow
from hub.store.ledger import derived_objects, recalls
from hub.store.ledger.recalls import RecallNote

_EVERYBODY: Final[Justification] = frozenset({frozenset({Ground(None, Clearance.PARTNER)})})
_WITHHELD: Final[Justification] = frozenset({NEVER})
_CLASSES: Final = {
    Clearance.PARTNER: "its partners",
    Clearance.AGENCY: "its agencies",
    Clearance.CERT: "its cert",
}

Justifications = Mapping[int, Justification | None]


@dataclass(slots=True)
class RowCheck:
    """The check of one origin's rows, with the results for pairs of justifications compared before."""

    inspection: Inspection
    context: DecisionContext
    justifications: Justifications
    notes: Mapping[int, RecallNote] = field(default_factory=dict)
    _compared: dict[tuple[Justification, Justification], tuple[list[str], list[str]]] = field(
        default_factory=dict
    )

    @classmethod
    def of(cls, inspection: Inspection, origin: NationCode, justifications: Justifications) -> RowCheck:
        """Return the check for the versions submitted in `origin`."""
        # As `InForce.periods`: a period ended before its time never binds again. Expired periods are left
        # in, for `now` decides on them.
        in_time = [period for period in inspection.periods if period.ended_at is None]
        context = DecisionContext(origin, inspection.members, inspection.recipients, in_time, inspection.now)
        return cls(inspection, context, justifications)

    def faults(self, versions: Mapping[int, ObjectVersion]) -> Iterator[Fault]:
        """Yield the faults of the rows of `versions`; `versions` has all objects referred to as well."""
        if self.context.origin == HUB:
            self.notes = recalls.notes(self.inspection.connection, versions)
        live: dict[tuple[int, View], StoredRow] = {}
        made = derived_objects.stored(self.inspection.connection, versions)
        for row in integrity.rows_of(self.inspection.connection, versions):
            yield from self._row_faults(row, versions[row.version], made.get((row.version, row.form)))
            # The row of a deleted version keeps the readers of that time (policy 2.7: judged as it stood).
            if not row.is_withdrawn or row.is_deleted:
                view = View(row.recipient, row.form)
                if (row.version, view) in live:
                    yield Fault(_place(row), f"is a second row of the same version; {RESTORE}")
                live[row.version, view] = row
        judged = {key: v for key, v in versions.items() if self._is_from_here(v)}
        for key in versions.keys() - judged.keys():
            yield Fault(named(versions[key]), f"is of nobody who submits in {self.context.origin}; {RESTORE}")
        shown: dict[int, set[View]] = defaultdict(set)
        for key, view in live:
            shown[key].add(view)
        most, least = self._judge(judged)
        for key in most:
            for view in sorted(most[key].keys() | least[key].keys() | shown[key], key=repr):
                if view.form.is_leaf and versions[key].deleted_at is not None:
                    continue  # nothing refers to a redaction, link or answer: its readers restrict nothing
                right = most[key].get(view, _WITHHELD), least[key].get(view, _WITHHELD)
                yield from self._compare(versions[key], view.recipient, right, live.get((key, view)))

    def _is_from_here(self, version: ObjectVersion) -> bool:
        if self.context.origin == HUB:
            return version.member == MemberId(HUB)
        member = self.context.members.get(version.member)
        return member is not None and member.nation == self.context.origin

    def _row_faults(
        self, row: StoredRow, version: ObjectVersion, made: ServedObject | None
    ) -> Iterator[Fault]:
        if row.form == SUBMITTED:
            made = ServedObject(version.id, version.type, version.content_id, version.size)
        if made is None:  # no derived object is made of a deleted version
            if not row.is_withdrawn:
                yield Fault(_place(row), f"shows what was never made of its version; {RESTORE}")
            return
        # A note is also in the collection of the recalled object's nation (hub/README: hub-objects-where).
        note = self.notes.get(version.key)
        origin = self.context.origin if note is None else note.recall.origin
        right = (
            *(made.id, made.type, version.version, version.version_key, version.member),
            *(origin, made.content_id, made.size, origin),
        )
        # INVARIANT: a row repeats these values of its version, so that one statement reads a page (I3).
        pairs = zip(COPIED, row.copied, right, strict=True)
        if differing := [name for name, copied, own in pairs if copied != own]:
            yield Fault(_place(row), f"has another {', '.join(differing)} than its version; {RESTORE}")
        if not row.is_withdrawn and row.is_newest != version.is_newest:
            word = "marked" if row.is_newest else "not marked"
            yield Fault(_place(row), f"is wrongly {word} as the newest of its record; {RESTORE}")
        if not row.is_withdrawn and row.shown not in (None, version.shown(row.form)):
            yield Fault(_place(row), f"shows it at another level than it is handled at; {RESTORE}")
        if not row.is_withdrawn and version.deleted_at is not None:
            yield Fault(_place(row), f"shown without ground: its version is deleted; {RESTORE}")

    def _judge(
        self, versions: Mapping[int, ObjectVersion]
    ) -> tuple[Mapping[int, Judgement], Mapping[int, Judgement]]:
        """Return the widest and the narrowest correct judgement of each version.

        Only own copies make a difference. When an object with a reference to a copy was decided, the original
        had more readers than now, or fewer; later acts of other members change nothing (policy 2.7).
        """
        if self.context.origin == HUB:
            judged = {key: self._judge_own(version) for key, version in versions.items()}
            return judged, judged
        place = self.inspection.connection, self.context, versions
        most = judge_afresh(*place, partial(originals, ever=True))
        if not any(version.is_copy for version in versions.values()):
            return most, most
        return most, judge_afresh(*place, lambda *_: {})

    def _judge_own(self, version: ObjectVersion) -> Judgement:
        """Return the readers of the hub's own object: every reader; of a note, its addressed members."""
        if version.type != NOTE:
            return dict.fromkeys(map(View, self.context.recipients), _EVERYBODY)
        judgement = dict.fromkeys(map(View, self.context.recipients), _WITHHELD)
        if version.key in self.notes:
            addressed = self.notes[version.key].members
            for nation in {self.context.members[id].nation for id in addressed & self.context.members.keys()}:
                if nation is not None:
                    judgement[View(nation)] = visible_to(addressed)
        return judgement

    def _compare(
        self,
        version: ObjectVersion,
        recipient: NationCode,
        right: tuple[Justification, Justification],
        row: StoredRow | None,
    ) -> Iterator[Fault]:
        """Yield the faults of `row`; `right` has the widest and the narrowest correct justification."""
        stored = _WITHHELD if row is None else self.justifications.get(row.justification)
        if stored is None or {stored} == set(right):
            return  # `ledgers.justification_faults` yields an unreadable one
        # Justifications differ in text and agree in readers, after a period has ended: so readers are
        # compared.
        for one in set(right):
            if (stored, one) not in self._compared:
                self._compared[stored, one] = self._differences(stored, one)
        most, least = right
        shown, withheld = self._compared[stored, most][0], self._compared[stored, least][1]
        is_there = version.deleted_at is None
        if shown:
            place = named(version) if row is None else f"{_place(row)}, {named(version)}"
            verb = "shown" if is_there else "deleted, and remembered as shown"
            what = f"{verb} without ground to {_listed(shown, recipient)}"
            yield Fault(place, f"{what}; stop serving and {RESTORE}")
        # An unfinished history has releases still to write (policy 5), so a missing row is no fault yet.
        if withheld and self.context.origin not in self.inspection.catching_up:
            verb = "withheld" if is_there else "deleted, and remembered as withheld"
            what = f"{verb} without ground from {_listed(withheld, recipient)}"
            yield Fault(named(version), f"{what}; let its member submit a new version, or {RESTORE}")

    def _differences(self, stored: Justification, right: Justification) -> tuple[list[str], list[str]]:
        """Return the names of readers by `stored` alone, and of readers by `right` alone."""
        in_force = self.context.in_force
        shown, withheld = [], []
        for reader, name in self._readers(stored | right):
            sees, may_see = (is_visible(value, reader, in_force) for value in (stored, right))
            if sees and not may_see:
                shown.append(name)
            if may_see and not sees:
                withheld.append(name)
        return shown, withheld

    def _readers(self, classes: Iterable[frozenset[Ground]]) -> Iterator[tuple[Reader, str]]:
        """Yield one reader of each clearance, and every member named in a ground."""
        for clearance, name in _CLASSES.items():
            yield Reader(NOBODY, self.context.origin, clearance), name
        for id in sorted({g.member for grounds in classes for g in grounds if g.member is not None}):
            member = self.context.members.get(id)
            if member is not None and member.kind.clearance is not None:
                yield Reader(id, self.context.origin, member.kind.clearance), id


def _place(row: StoredRow) -> str:
    return f"release {row.recipient}/{row.position}"


def _listed(names: Iterable[str], recipient: NationCode) -> str:
    return f"{recipient} ({', '.join(names)})"
