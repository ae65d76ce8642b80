"""Why does a nation see a version, or not: the rules asked again, for whoever may know the answer.

An answer is worth what polls are: a version is said to be released from a clearance up exactly when a poll of
a member of that clearance would be served it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from hub.actions import abroad, authenticate
from hub.actions.candidates import candidate_of, parts_of
from hub.actions.house import House
from hub.actions.judging import Bench, Inquiry, inquire, recipients
from hub.actions.lives import may_know
from hub.actions.present import present
from hub.errors import Forbidden, NotFound
from hub.model import (
    HUB,
    SUBMITTED,
    Caller,
    Clearance,
    Ground,
    JsonObject,
    Justification,
    Kind,
    LiveRow,
    MemberId,
    NationCode,
    ObjectVersion,
    Query,
    Reader,
    Rendition,
    StixId,
    Tlp,
    VersionFilter,
    View,
    Withhold,
    format_instant,
)
from hub.rules.release import NEVER, Candidate, decide, obstacles, stands, widest
from hub.store import objects, pages, releases, renditions
from hub.store.connection import Connection

_NOBODY: Final = MemberId("")  # a reader of whom no ground speaks
_EVERY_VERSION: Final = frozenset({VersionFilter.ALL})
_UNKNOWN: Final = "There is no such object, or no such version of it, for this member to ask about."
_SEEN_OTHERWISE: Final = "an agreement that hides its source gives it under another id alone"
_ADDRESSED: Final = "it is the hub's to the members who fetched what it recalls, and to no others"
_NOT_SERVED_YET: Final = (
    "released, and not served yet: the hub is going through what was submitted before; poll again shortly"
)


@dataclass(frozen=True, slots=True)
class Question:
    """Which version of an object, by its key (None: the newest), and for which nation (None: for all)."""

    id: StixId
    version_key: str | None = None
    recipient: NationCode | None = None


class Found(NamedTuple):
    """A version with its origin, and in which form it was asked about: as submitted, or by a made id."""

    origin: NationCode
    version: ObjectVersion
    rendition: Rendition = SUBMITTED


def explain(house: House, caller: Caller, question: Question) -> JsonObject:
    """Return, for each record of the id that the caller may ask about, the decision for each nation.

    1. Members ask about what they are served; the submitter and its nation's cert also about what was
       deleted; auditors about everything.
    2. Of each record that is left, the newest version or the one that is named.
    3. It is judged anew, with all that it refers to, and held against what is served.
    4. Who sees the origin's agreements is told of every nation and by which agreement, others of their own
       nation alone; of its own object a member also whether it leaves its nation, and if not, by what
       (policy 5).

    One record is returned as it is, several as a list under `records`. Raises Forbidden for operators and
    for a token without the read scope; NotFound for what the caller may not ask about, as for what is not
    there.
    """
    if caller.member.kind is Kind.OPERATOR:
        raise Forbidden("Operators read health and metadata only.")
    with house.store.read() as connection:
        if caller.member.kind is Kind.AUDITOR:  # 1
            found = list(_everywhere(house, connection, question.id))
        else:
            found = list(_of_member(house, connection, authenticate.reader(caller), question.id))
        asked = _chosen(found, question.version_key)  # 2
        accounts = [_Account.of(house, connection, caller, one) for one in asked]  # 3
        records = [(one, view) for one in accounts if (view := one.view(question.recipient)) is not None]  # 4
    if not records:
        raise NotFound(_UNKNOWN)
    if len(records) == 1:
        return records[0][1]
    return {"records": [view | one.submitter() for one, view in records]}


def _everywhere(house: House, connection: Connection, id: StixId) -> Iterator[Found]:
    for origin in (*recipients(house), HUB):
        for version in objects.versions_by_id(connection, origin, [id]):
            yield Found(origin, version)
    forms = renditions.versions_with(connection, id)
    for version in objects.versions_by_key(connection, forms.keys()):
        for origin, form in forms[version.key]:
            yield Found(origin, version, form)


def _of_member(house: House, connection: Connection, reader: Reader, id: StixId) -> Iterator[Found]:
    """Give what the reader is served now, and what was deleted of its own or, to a cert, of its nation's."""
    now = present(house, connection, reader.nation)
    standing = house.bindings.standing(connection, reader, now).ids
    query = Query(reader, None, limit=1, ids=frozenset({id}), selections=_EVERY_VERSION)
    served = {row.version: row for row in pages.served(connection, query, standing)}
    for version in objects.versions_by_key(connection, served.keys()):
        row = served[version.key]
        origin = HUB if version.member == MemberId(HUB) else row.origin
        yield Found(origin, version, row.rendition)
    for version in _own(connection, reader, id):
        if version.deleted_at is not None:
            yield Found(reader.nation, version)


def _own(connection: Connection, reader: Reader, id: StixId) -> Iterable[ObjectVersion]:
    # What is not the caller's is not even looked at: it would cost time, which tells that it is there.
    if reader.clearance is Clearance.CERT:
        return objects.versions_by_id(connection, reader.nation, [id])
    return objects.versions_of(connection, reader.member, [id])


def _chosen(found: Iterable[Found], version_key: str | None) -> list[Found]:
    """Return one version of each record at most, in the order in which they came."""
    records: dict[tuple[NationCode, MemberId, str], Found] = {}
    for one in found:
        record = (one.origin, one.version.member, one.rendition.label)
        best = records.get(record)
        is_asked = version_key in (None, one.version.version_key)
        if is_asked and (best is None or one.version.rank > best.version.rank):
            records[record] = one
    ordered = sorted(records.items(), key=lambda pair: (pair[0][0], pair[1].version.key))
    return [one for _, one in ordered]


@dataclass(frozen=True, slots=True)
class _Account:
    """What there is to say of one version, in one form, and to whom. Of the hub's own nothing is judged."""

    caller: Caller
    found: Found
    bench: Bench
    inquiry: Inquiry | None
    rows: Mapping[View, LiveRow]
    made: Mapping[Rendition, StixId]

    @classmethod
    def of(cls, house: House, connection: Connection, caller: Caller, found: Found) -> _Account:
        key = found.version.key
        bench = Bench.of(house, connection, found.origin, present(house, connection))
        inquiry = None if found.origin == HUB else inquire(connection, bench, found.version)
        live = releases.live_rows(connection, [key])
        rows = {View(row.recipient, row.rendition): row for row in live}
        made = {form: served.id for (_, form), served in renditions.stored(connection, [key]).items()}
        return cls(caller, found, bench, inquiry, rows, made)

    @property
    def version(self) -> ObjectVersion:
        return self.found.version

    @property
    def origin(self) -> NationCode:
        return self.found.origin

    @property
    def is_home(self) -> bool:
        return self.caller.member.nation == self.origin

    @property
    def is_told_all(self) -> bool:
        return may_know(self.caller) and (self.is_home or self.caller.member.kind is Kind.AUDITOR)

    @property
    def is_told_whose(self) -> bool:
        is_cert = self.caller.member.kind is Kind.CERT and self.is_home
        return self.caller.member.kind is Kind.AUDITOR or is_cert or self._is_own(self.version)

    def submitter(self) -> JsonObject:
        """Return who submitted the record, to those who may know: polls tell nobody."""
        return {"member": self.version.member} if self.is_told_whose else {}

    def view(self, recipient: NationCode | None) -> JsonObject | None:
        """Return what the caller is told; None: nothing at all."""
        nations = self.bench.recipients if self.is_told_all else [self.caller.member.nation]
        asked = [nation for nation in nations if nation is not None and recipient in (None, nation)]
        form = self.found.rendition
        decisions = [
            self._decision(nation) if form == SUBMITTED else self._told(nation, form) for nation in asked
        ]
        is_told_why = self.is_told_all or self.is_home
        if not is_told_why and any(one["decision"] == "withhold" for one in decisions):
            return None  # why it is withheld is its origin's to know
        is_told_whether = self.is_home and not self.is_told_all and self._is_own(self.version)
        return {
            "object": self.version.id if form == SUBMITTED else self.made[form],
            "version": self.version.version,
            "origin": self.origin,
            "effective_tlp": self._level(form).label,
            "decisions": decisions,
            **({"abroad": self._abroad()} if is_told_whether else {}),
        }

    def _abroad(self) -> JsonObject:
        """Return whether the version leaves its nation in some form, and if not, by what."""
        nations = [nation for nation in self.bench.recipients if nation != self.origin]
        if any(self._leaves_to(nation) for nation in nations):
            return abroad.leaving()
        agreed: list[frozenset[abroad.Obstacle]] = []
        others: list[frozenset[abroad.Obstacle]] = []
        for nation in nations:
            reasons, found = self._obstacles(self.version, nation), self._stopped_by(nation)
            (agreed if abroad.is_agreed(reasons) else others).append(found)
        return abroad.staying(agreed, others)

    def _leaves_to(self, nation: NationCode) -> bool:
        """Tell whether the nation is served the version, or is about to be."""
        return not any(self._reasons(nation)) or bool(self._in_other_forms(nation))

    def _stopped_by(self, nation: NationCode) -> frozenset[abroad.Obstacle]:
        found = self._words(self.version, self._obstacles(self.version, nation))
        for other, reasons in self._blaming(nation):
            is_later = self._is_of_record(other)
            found |= self._words(other, reasons) if is_later else {abroad.Obstacle.REFERENCE}
        return found

    def _words(self, version: ObjectVersion, reasons: Iterable[str]) -> frozenset[abroad.Obstacle]:
        return abroad.obstacles(reasons, self._candidate(version).closed)

    def _decision(self, nation: NationCode) -> JsonObject:
        """Return the decision on the version as submitted; who is told all is told of other forms, too."""
        decision = self._as_submitted(nation)
        others = self._in_other_forms(nation) if self.is_told_all else []
        if others and decision["decision"] == "withhold":
            widest_one = min(others, key=lambda one: Clearance[one["clearance"].upper()])
            decision |= {"decision": "release", "reason": None}
            decision |= {name: widest_one[name] for name in ("clearance", "agreement", "clause")}
        told = [one for one in others if "rendition" in one]
        return decision | ({"renditions": told} if told else {})

    def _as_submitted(self, nation: NationCode) -> JsonObject:
        if reasons := list(dict.fromkeys(self._reasons(nation))):
            return _decision(nation, reason="; ".join(reasons))
        return self._told(nation, SUBMITTED)

    def _in_other_forms(self, nation: NationCode) -> list[JsonObject]:
        views = [view for view in self.rows if view.recipient == nation and view.rendition != SUBMITTED]
        told = [(view.rendition, self._told(nation, view.rendition)) for view in views]
        return [
            # An answer is told as the object itself, which it would be if no source were hidden (policy 7).
            ({} if form.is_answer else {"rendition": form.label, "object": self.made[form]})
            | {name: one[name] for name in ("clearance", "agreement", "clause")}
            for form, one in sorted(told, key=lambda pair: pair[0].label)
            if one["decision"] == "release"
        ]

    def _told(self, nation: NationCode, form: Rendition) -> JsonObject:
        """Return the decision on what the rules release in this form, held against what is served."""
        clearance = self._clearance(View(nation, form))
        if clearance is None and self.inquiry is None:
            return self._named(nation)
        if clearance is None:
            return _decision(nation, reason=_NOT_SERVED_YET)
        period = None
        if self.inquiry is not None and may_know(self.caller):
            whole = self._candidate(self.version)
            judged = SUBMITTED if form.is_link else form  # a link stands by the narrower of what it links
            candidate = parts_of(self.version).left(judged, whole) or whole
            period = widest(candidate, nation, self.bench.periods, self.bench.now, judged)
        clause = None if period is None else period.clause_index + 1  # as people count
        return _decision(nation, clearance, None if period is None else period.agreement_id, clause)

    def _level(self, form: Rendition) -> Tlp:
        level = parts_of(self.version).level(form, self.version.tlp)
        return self.version.tlp if level is None or form.is_link else level

    def _clearance(self, view: View) -> Clearance | None:
        """Return from which clearance up the version is served; None: to nobody yet."""
        row = self.rows.get(view)
        if row is None or not row.is_served:
            return None
        value: Justification = row.justification
        if self.inquiry is not None:
            value |= self.inquiry.judgements[self.version.key].get(view, frozenset({NEVER}))
        return self._lowest(value, view.recipient)

    def _named(self, nation: NationCode) -> JsonObject:
        """Return the decision on what the hub made for some members of a nation alone."""
        row = self.rows.get(View(nation))
        grounds = frozenset[Ground]() if row is None else frozenset().union(*row.justification)
        clearances = [self.bench.clearance(ground.member) for ground in grounds if ground.member is not None]
        if not clearances:
            return _decision(nation, reason=_ADDRESSED)
        own = self.caller.member.kind.clearance
        return _decision(nation, min(clearances) if own is None else own)

    def _lowest(self, value: Justification, nation: NationCode) -> Clearance | None:
        in_force = self.bench.in_force
        readers = (Reader(_NOBODY, nation, clearance) for clearance in Clearance)
        return next((one.clearance for one in readers if stands(value, one, in_force)), None)

    # --- why not ---

    def _reasons(self, nation: NationCode) -> Iterator[str]:
        """Give every reason for which the version is withheld from the nation; none: it is not."""
        if self.version.deleted_at is not None:
            yield f"deleted on {format_instant(self.version.deleted_at)}; submit a new version"
        if self.inquiry is None:
            return
        yield from self._obstacles(self.version, nation)
        for other, own in self._blaming(nation):
            yield self._blamed(other, own)

    def _blaming(self, nation: NationCode) -> Iterator[tuple[ObjectVersion, list[str]]]:
        """Give what else the version is withheld for, with the reasons for which that is."""
        if self.inquiry is None or NEVER not in self.inquiry.judgements[self.version.key][View(nation)]:
            return
        for other in self.inquiry.needed:
            if own := self._obstacles(other, nation) or self._masked(other, nation):
                yield other, own

    def _candidate(self, version: ObjectVersion) -> Candidate:
        return candidate_of(version, self.origin, self.bench.clearance(version.member))

    def _obstacles(self, version: ObjectVersion, nation: NationCode) -> list[str]:
        return obstacles(self._candidate(version), nation, self.bench.periods, self.bench.now)

    def _masked(self, version: ObjectVersion, nation: NationCode) -> list[str]:
        candidate = self._candidate(version)
        decision = decide(candidate, nation, self.bench.periods, self.bench.now)
        return [_SEEN_OTHERWISE] if candidate.is_masked and isinstance(decision, Withhold) else []

    def _blamed(self, other: ObjectVersion, reasons: Sequence[str]) -> str:
        is_later = self._is_of_record(other)
        what = "a later version is withheld" if is_later else f"refers to a withheld object {other.id}"
        return f"{what}: {', '.join(reasons)}"

    def _is_of_record(self, other: ObjectVersion) -> bool:
        return (other.member, other.id) == (self.version.member, self.version.id)

    def _is_own(self, version: ObjectVersion) -> bool:
        return version.member == self.caller.member.id


def _decision(
    nation: NationCode,
    clearance: Clearance | None = None,
    agreement: str | None = None,
    clause: int | None = None,
    *,
    reason: str | None = None,
) -> JsonObject:
    return {
        "nation": nation,
        "decision": "release" if reason is None else "withhold",
        "clearance": None if clearance is None else clearance.label,
        "agreement": agreement,
        "clause": clause,
        "reason": reason,
    }
