"""Judges the versions of one nation on loaded data, for every recipient (policy 2.7 to 4, and 7).

All versions of a record are judged together, or none. Judged again are the changed records, and every record
of the same member with a direct or indirect reference to a record judged on other facts than before.
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
from hub.rules.release.deciding import Candidate, binding
from hub.rules.release.forms import ClausesInForce, to_audience
from hub.rules.release.justifications import is_visible
from hub.rules.release.references import (
    Judgement,
    Node,
    Settled,
    judge,
)
from hub.rules.release.row_changes import Moment

# By key of a copy: the justifications of the original, for each nation (policy 2.7).
Originals = Mapping[int, Mapping[NationCode, Sequence[Justification]]]


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """The surroundings of a judgement: nation, members, all recipients, periods, the instant `now`."""

    origin: NationCode
    members: Mapping[MemberId, Member]
    recipients: Sequence[NationCode]
    periods: Sequence[Period]
    now: datetime

    @property
    def moment(self) -> Moment:
        # One instant for all rules: `now` is an argument, and no rule reads a clock.
        return Moment.of(self.periods, self.now)

    @property
    def in_force(self) -> frozenset[int]:
        return self.moment.in_force

    @property
    def binding(self) -> frozenset[int]:
        """The periods in force, and the periods taking over from these."""
        return binding(self.periods, self.now)

    def clearance(self, member: MemberId) -> Clearance:
        # The present kind of the member counts, also for versions submitted earlier (policy 3).
        return self.members[member].reader.clearance

    def candidate(self, version: ObjectVersion) -> Candidate:
        return Candidate.of(version, self.origin, self.clearance(version.member))


@dataclass(frozen=True, slots=True)
class Stored:
    """The stored data beside the judged versions: the referenced records, and the audiences of answers.

    `settled` are the referenced records. `audiences`, by the key of an answer: the permitted readers of the
    answer in the nation of the originals (policy 7).
    """

    settled: Sequence[Settled] = ()
    originals: Originals = field(default_factory=dict)
    audiences: Mapping[int, Justification] = field(default_factory=dict)


def originals(  # (hub/README: copy-as-judged)
    equals: Iterable[EqualVersion], members: Mapping[MemberId, Member], *, ever: bool = False
) -> Originals:
    """Return, for each copy, the justifications of the equal objects shown to the submitter (policy 2.7).

    Objects never shown to the submitter are left out: otherwise hidden objects would decide about the
    submitter's objects. `ever`: with the justifications of the past. Later acts of other members move
    nothing: a past decision stays, and lies between the present originals and none.
    """
    found: dict[int, dict[NationCode, list[Justification]]] = defaultdict(lambda: defaultdict(list))
    for one in equals:
        # INVARIANT: only rows shown to the submitter count, so that hidden objects change no answer (I6).
        submitter = members[one.submitter].reader
        if any(row.recipient == submitter.nation and _could_show(row, submitter) for row in one.rows):
            for row in one.rows:
                # Policy 2.7: a copy withholds nothing from the present readers of the original.
                if ever or (row.is_served and not one.is_deleted):
                    found[one.copy][row.recipient].append(row.justification)
    return found


def _could_show(row: OriginalRow, reader: Reader) -> bool:
    """Tell whether a row with this justification could be shown to the reader, whatever is in force."""
    # Policy 1, "shown": an ended agreement counts, so every named period is taken as in force.
    periods = {g.period for grounds in row.justification for g in grounds if g.period is not None}
    return is_visible(row.justification, reader, periods)


def by_record(versions: Iterable[ObjectVersion]) -> dict[RecordKey, list[ObjectVersion]]:
    """Return the versions of each record, in order."""
    found: dict[RecordKey, list[ObjectVersion]] = defaultdict(list)
    for version in sorted(versions, key=lambda v: v.version_key):
        found[version.record].append(version)
    return found


class Judging:
    """The versions judged together, and the own classes of each, without references."""

    def __init__(self, context: DecisionContext, versions: Mapping[int, ObjectVersion]) -> None:
        self.context = context
        self.versions = dict(versions)
        # One cache for the whole judgement: equal candidates are decided once.
        self._clauses = ClausesInForce(context.recipients, context.periods, context.now)
        # By key, with the version: a stored version and its re-marked state have the same key.
        self._known: dict[int, tuple[ObjectVersion, tuple[Candidate, Mapping[NationCode, Class]]]] = {}

    @classmethod
    def of_changed(cls, context: DecisionContext, handled: EffectiveMarkings) -> Judging:
        """Return the judging of the changed and new records; the caller adds the referrers (`add`)."""
        changed = {v.record for v in handled.changed()}
        # A new version changes no stored version, so `changed` does not name the record.
        changed |= {v.record for key, v in handled.now.items() if key not in handled.before}
        return cls(context, {key: v for key, v in handled.now.items() if v.record in changed})

    def add(self, versions: Iterable[ObjectVersion]) -> None:
        """Judge these versions too; each record must be complete."""
        for version in versions:
            self.versions.setdefault(version.key, version)

    # --- data to load before judgement ---

    def differing(self, handled: EffectiveMarkings) -> Mapping[MemberId, set[StixId]]:
        """Return the ids of the records judged on other facts than before, by member.

        No referrer of another record can be affected.
        """
        before, now = by_record(handled.before.values()), by_record(handled.now.values())
        found: dict[MemberId, set[StixId]] = defaultdict(set)
        for member, id in {v.record for v in self.versions.values()}:
            former = before.get((member, id))
            if former is None or self._facts(former) != self._facts(now[member, id]):
                found[member].add(id)
        return found

    def _facts(self, record: Sequence[ObjectVersion]) -> list[tuple[object, ...]]:
        """Return the facts of the newest version and of later, deleted versions, in order."""
        # References are judged by the newest version. Deleted later versions
        # restrict all the same (policy 4, 8).
        newest = next((v.version_key for v in record if v.is_newest), "")
        return [
            (self._own(v), self._others(v, is_last=True), v.refers, is_unmarked_name(v), v.is_copy)
            for v in record
            if v.version_key >= newest
        ]

    def answers(self) -> list[ObjectVersion]:
        """Return the versions served to a nation with its own ids, if the audience permits (policy 7)."""
        return [
            version
            for version, later in self._in_order()
            if version.about is not None
            and any(view.form.is_answer for view in self._others(version, is_last=_is_last(version, later)))
        ]

    def copies(self) -> list[ObjectVersion]:
        """Return the copies by which references to the record are judged (policy 2.7)."""
        # References are judged by the newest version of a record, so older copies play no part.
        return [v for v in self.versions.values() if v.is_copy and v.is_newest]

    def referred(self) -> Mapping[MemberId, set[StixId]]:
        """Return the referenced ids by member, without the records judged here."""
        judged = {v.record for v in self.versions.values()}
        found: dict[MemberId, set[StixId]] = defaultdict(set)
        for version in self.versions.values():
            found[version.member].update(id for id in version.refers if (version.member, id) not in judged)
        return found

    # --- judgement ---

    def judge(self, stored: Stored) -> dict[int, Judgement]:
        """Return the justification of each version, for each recipient and form (policy 2.7, 4 and 7)."""
        return judge(self.nodes(stored), stored.settled, self.context.recipients)

    def nodes(self, stored: Stored) -> dict[int, Node[int]]:
        """Return the versions as nodes for `references.judge`, by key."""
        return {version.key: self._node(version, later, stored) for version, later in self._in_order()}

    def _node(self, version: ObjectVersion, later: int | None, stored: Stored) -> Node[int]:
        """Return the node of the version, before the `later` one, with the own classes."""
        others = self._others(version, is_last=_is_last(version, later))
        # Policy 7: the cert replaces the creator and the submitter. Both references are gone in that form.
        identities = version.creator, self.context.members[version.member].identity
        return Node(
            *(version.member, version.id, self._own(version), version.refers, later),
            is_newest=version.is_newest,
            # INVARIANT: an answer has the own class and the audience, so
            # neither alone admits a reader (policy 7).
            others=to_audience(others, stored.audiences.get(version.key, frozenset())),
            left={redaction.ceiling: redaction.refers for redaction in version.redactions},
            is_masked=self._candidate(version).is_masked,
            sources=frozenset(filter(None, identities)),
            # Policy 2.7: only a container with TLP of its own is free from the unmarked names inside.
            unbound=frozenset() if version.markings.tlp is None else version.contains,
            is_unmarked_name=is_unmarked_name(version),
            originals=stored.originals.get(version.key, {}),
        )

    def _in_order(self) -> Iterator[tuple[ObjectVersion, int | None]]:
        """Yield each version with the key of the next later version of the record, if any."""
        for ordered in by_record(self.versions.values()).values():
            yield from zip(ordered, [*(v.key for v in ordered[1:]), None], strict=True)

    def _own(self, version: ObjectVersion) -> Mapping[NationCode, Class]:
        return self._decided(version)[1]

    def _candidate(self, version: ObjectVersion) -> Candidate:
        return self._decided(version)[0]

    def _decided(self, version: ObjectVersion) -> tuple[Candidate, Mapping[NationCode, Class]]:
        known = self._known.get(version.key)
        if known is None or known[0] is not version:
            known = version, self._clauses.shared(self.context.candidate(version))
            self._known[version.key] = known
        return known[1]

    def _others(self, version: ObjectVersion, *, is_last: bool) -> Mapping[View, Class]:
        return self._clauses.in_other_forms(self._candidate(version), is_last=is_last)


def _is_last(version: ObjectVersion, later: int | None) -> bool:
    """Tell whether redactions and answers are made from this version (policy 4 and 7)."""
    # The newest version decides (policy 4): a later version may mark parts higher, and an earlier
    # redaction would still show these parts.
    return later is None and version.deleted_at is None
