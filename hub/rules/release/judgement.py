"""For whom the versions of one nation stand, decided on what was loaded of them (policy 2.7 to 4, and 7).

All versions of a record are judged together, or none. What is judged again is what changed, and whatever of
the same member refers to a record that may look different, however far.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hub.model import (
    Class,
    Clearance,
    EqualVersion,
    Justification,
    Member,
    MemberId,
    NationCode,
    ObjectVersion,
    OriginalRow,
    Period,
    Reader,
    RecordKey,
    StixId,
    View,
)
from hub.rules.claims import is_unmarked_name
from hub.rules.marking.effective import EffectiveMarkings
from hub.rules.release.deciding import Candidate, binding, is_visible
from hub.rules.release.forms import ClausesInForce, to_audience
from hub.rules.release.references import (
    Judgement,
    Node,
    Settled,
    judge,
)
from hub.rules.release.row_changes import Moment

# Of copies, by their keys: for whom what they are copies of stands (policy 2.7).
Originals = Mapping[int, Mapping[NationCode, Sequence[Justification]]]


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """Where and when judgement is given: the nation, its members, all recipients, what binds at `now`."""

    origin: NationCode
    members: Mapping[MemberId, Member]
    recipients: Sequence[NationCode]
    periods: Sequence[Period]
    now: datetime

    @property
    def moment(self) -> Moment:
        return Moment.of(self.periods, self.now)

    @property
    def in_force(self) -> frozenset[int]:
        return self.moment.in_force

    @property
    def binding(self) -> frozenset[int]:
        """What is in force, and what takes over from it."""
        return binding(self.periods, self.now)

    def clearance(self, member: MemberId) -> Clearance:
        return self.members[member].reader.clearance

    def candidate(self, version: ObjectVersion) -> Candidate:
        return Candidate.of(version, self.origin, self.clearance(version.member))


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of that on which the judged versions hang, and is not judged with them.

    `settled` are the records that they refer to; `audiences`, by the key of an answer, for whom it is where
    it is about (policy 7).
    """

    settled: Sequence[Settled] = ()
    originals: Originals = field(default_factory=dict)
    audiences: Mapping[int, Justification] = field(default_factory=dict)


def originals(  # (hub/README: copy-as-judged)
    equals: Iterable[EqualVersion], members: Mapping[MemberId, Member], *, ever: bool = False
) -> Originals:
    """Return, for each copy, for whom the equal objects stand that its submitter had been shown (policy 2.7).

    What it was never shown is none of them: else what is hidden from it would decide where its objects go.
    `ever`: for whom they stood at any time, too. What others do later moves nothing: what was decided by them
    stays, and lies between that and nothing.
    """
    found: dict[int, dict[NationCode, list[Justification]]] = defaultdict(lambda: defaultdict(list))
    for one in equals:
        submitter = members[one.submitter].reader
        if any(row.recipient == submitter.nation and _reaches(row, submitter) for row in one.rows):
            for row in one.rows:
                if ever or (row.is_served and not one.is_deleted):
                    found[one.copy][row.recipient].append(row.justification)
    return found


def _reaches(row: OriginalRow, reader: Reader) -> bool:
    """Tell whether a row that stood so could be shown to the reader, whatever is in force."""
    periods = {g.period for grounds in row.justification for g in grounds if g.period is not None}
    return is_visible(row.justification, reader, periods)


def by_record(versions: Iterable[ObjectVersion]) -> dict[RecordKey, list[ObjectVersion]]:
    """Return the versions of each record, in order."""
    found: dict[RecordKey, list[ObjectVersion]] = defaultdict(list)
    for version in sorted(versions, key=lambda v: v.version_key):
        found[version.record].append(version)
    return found


class Judging:
    """The versions that are judged together, and by which classes each stands, references aside."""

    def __init__(self, context: DecisionContext, versions: Mapping[int, ObjectVersion]) -> None:
        self.context = context
        self.versions = dict(versions)
        self._clauses = ClausesInForce(context.recipients, context.periods, context.now)

    @classmethod
    def of_changed(cls, context: DecisionContext, handled: EffectiveMarkings) -> Judging:
        """Return the judging of the records that changed, or are new; their referrers are to be added."""
        changed = {v.record for v in handled.changed()}
        changed |= {v.record for key, v in handled.now.items() if key not in handled.before}
        return cls(context, {key: v for key, v in handled.now.items() if v.record in changed})

    def add(self, versions: Iterable[ObjectVersion]) -> None:
        """Judge these, too, which are all of their records."""
        for version in versions:
            self.versions.setdefault(version.key, version)

    # --- what has to be known for it ---

    def differing(self, handled: EffectiveMarkings) -> Mapping[MemberId, set[StixId]]:
        """Return the ids of the records, by member, that are judged on other facts than before.

        Of all others nothing that refers to them can be affected.
        """
        before, now = by_record(handled.before.values()), by_record(handled.now.values())
        found: dict[MemberId, set[StixId]] = defaultdict(set)
        for member, id in {v.record for v in self.versions.values()}:
            if self._facts(before.get((member, id), ())) != self._facts(now[member, id]):
                found[member].add(id)
        return found

    def _facts(self, record: Sequence[ObjectVersion]) -> list[tuple[object, ...]]:
        """Return what the newest version is judged on, and the deleted ones after it, in order."""
        newest = next((v.version_key for v in record if v.is_newest), "")
        return [
            (self._own(v), self._others(v, is_last=True), v.refers, is_unmarked_name(v), v.is_copy)
            for v in record
            if v.version_key >= newest
        ]

    def answers(self) -> list[ObjectVersion]:
        """Return the versions that some nation sees with the ids which it knows, if it is told (policy 7)."""
        return [
            version
            for version, later in self._in_order()
            if version.about is not None
            and any(view.form.is_answer for view in self._others(version, is_last=_is_last(version, later)))
        ]

    def copies(self) -> list[ObjectVersion]:
        """Return the copies by which references to their records are judged (policy 2.7)."""
        return [v for v in self.versions.values() if v.is_copy and v.is_newest]

    def referred(self) -> Mapping[MemberId, set[StixId]]:
        """Return the ids that are referred to, by member, but for the records that are judged."""
        judged = {v.record for v in self.versions.values()}
        found: dict[MemberId, set[StixId]] = defaultdict(set)
        for version in self.versions.values():
            found[version.member].update(id for id in version.refers if (version.member, id) not in judged)
        return found

    # --- judgement ---

    def judge(self, stored: Stored) -> dict[int, Judgement]:
        """Return by what each version stands for each recipient, in each form (policy 2.7, 4 and 7)."""
        return judge(self.nodes(stored), stored.settled, self.context.recipients)

    def nodes(self, stored: Stored) -> dict[int, Node[int]]:
        """Return the versions as what is judged, by key."""
        return {version.key: self._node(version, later, stored) for version, later in self._in_order()}

    def _node(self, version: ObjectVersion, later: int | None, stored: Stored) -> Node[int]:
        """Return the version, before the `later` one, with the classes by which it stands itself."""
        others = self._others(version, is_last=_is_last(version, later))
        identities = version.creator, self.context.members[version.member].identity
        return Node(
            *(version.member, version.id, self._own(version), version.refers, later),
            is_newest=version.is_newest,
            others=to_audience(others, stored.audiences.get(version.key, frozenset())),
            left={redaction.ceiling: redaction.refers for redaction in version.redactions},
            is_masked=self.context.candidate(version).is_masked,
            sources=frozenset(filter(None, identities)),
            unbound=frozenset() if version.markings.tlp is None else version.contains,
            is_unmarked_name=is_unmarked_name(version),
            originals=stored.originals.get(version.key, {}),
        )

    def _in_order(self) -> Iterator[tuple[ObjectVersion, int | None]]:
        """Give each version with the key of the next later one of its record, if there is one."""
        for ordered in by_record(self.versions.values()).values():
            yield from zip(ordered, [*(v.key for v in ordered[1:]), None], strict=True)

    def _own(self, version: ObjectVersion) -> Mapping[NationCode, Class]:
        return self._clauses.as_submitted(self.context.candidate(version))

    def _others(self, version: ObjectVersion, *, is_last: bool) -> Mapping[View, Class]:
        return self._clauses.in_other_forms(self.context.candidate(version), is_last=is_last)


def _is_last(version: ObjectVersion, later: int | None) -> bool:
    """Tell whether forms are made of it that are made of the last version alone (policy 4 and 7)."""
    return later is None and version.deleted_at is None
