"""What there is to say of a version, in one form, to whoever asks about it (policy 5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple

from hub.actions.access.authenticate import may_know
from hub.actions.release.judging import context_of, stored_around, with_referred
from hub.actions.service.present import present
from hub.actions.service.service import Service
from hub.model import (
    HUB,
    SUBMITTED,
    Caller,
    Clearance,
    Form,
    Ground,
    JsonObject,
    Justification,
    Kind,
    LiveRow,
    MemberId,
    NationCode,
    ObjectVersion,
    StixId,
    Tlp,
    View,
    format_instant,
)
from hub.rules.release.deciding import widest
from hub.rules.release.explanation import JudgedAnew
from hub.rules.release.judgement import DecisionContext, Judging
from hub.rules.release.justifications import NEVER, lowest_clearance
from hub.store.database.connection import Connection
from hub.store.ledger import derived_objects, releases
from hub.store.records import objects

_ADDRESSED: Final = "it is the hub's to the members who fetched what it recalls, and to no others"
_NOT_SERVED_YET: Final = (
    "released, and not served yet: the hub is going through what was submitted before; poll again shortly"
)

Place = tuple[int, Form]  # ObjectVersion.key, and the form


class AskedVersion(NamedTuple):
    """A version with its origin, and in which form it was asked about: as submitted, or by a made id."""

    origin: NationCode
    version: ObjectVersion
    form: Form = SUBMITTED

    @property
    def place(self) -> Place:
        return self.version.key, self.form


def accounts(
    service: Service, connection: Connection, caller: Caller, found: Collection[AskedVersion]
) -> dict[Place, Explanation]:
    """Return the account of each version that was found, in its form, for the caller.

    Those of one origin are judged together. How many statements it takes follows from how many members
    submitted them, not from how many they are.
    """
    keys = {one.version.key for one in found}
    rows: dict[int, dict[View, LiveRow]] = defaultdict(dict)
    for row in releases.live_rows(connection, keys):
        rows[row.version][View(row.recipient, row.form)] = row
    made: dict[int, dict[Form, StixId]] = defaultdict(dict)
    for (key, form), served in derived_objects.stored(connection, keys).items():
        made[key][form] = served.id
    now = present(service, connection)
    known: dict[Place, Explanation] = {}
    for origin in sorted({one.origin for one in found}):
        own = [one for one in found if one.origin == origin]
        context = context_of(service, connection, origin, now)
        versions = {one.version.key: one.version for one in own}
        anew = None if origin == HUB else _judge_anew(connection, context, versions.values())
        for one in own:
            key = one.version.key
            known[one.place] = Explanation(caller, one, context, anew, rows[key], made[key])
    return known


def _judge_anew(
    connection: Connection, context: DecisionContext, versions: Collection[ObjectVersion]
) -> JudgedAnew:
    """Return the inquiry into these versions and all that they refer to. It costs a few statements."""
    ids: dict[MemberId, set[StixId]] = defaultdict(set)
    for version in versions:
        ids[version.member].add(version.id)
    whole = (objects.versions_of(connection, *own) for own in ids.items())
    judging = Judging(context, with_referred(connection, chain.from_iterable(whole)))
    return JudgedAnew(judging, stored_around(connection, judging))


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say of one version, in one form, and to whom. Of the hub's own nothing is judged."""

    caller: Caller
    found: AskedVersion
    context: DecisionContext
    anew: JudgedAnew | None
    rows: Mapping[View, LiveRow]
    made: Mapping[Form, StixId]

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

    def view(self, recipient: NationCode | None) -> JsonObject | None:  # (hub/README: recipient-told)
        """Return what the caller is told; None: nothing at all."""
        nations = self.context.recipients if self.is_told_all else [self.caller.member.nation]
        asked = [nation for nation in nations if nation is not None and recipient in (None, nation)]
        form = self.found.form
        decisions = [
            self._decision(nation) if form == SUBMITTED else self._told(nation, form) for nation in asked
        ]
        is_told_why = self.is_told_all or self.is_home
        if not is_told_why and any(one["decision"] == "withhold" for one in decisions):
            return None  # why it is withheld is its origin's to know
        is_told_whether = self.is_home and (self.is_told_all or self._is_own(self.version))
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
        nations = [nation for nation in self.context.recipients if nation != self.origin]
        if self.anew is None or any(self._leaves_to(nation) for nation in nations):
            return {"decision": "leaves", "because": []}
        because = [word.value for word in self.anew.stays_by(self.version, nations)]
        return {"decision": "stays at home", "because": because}

    def _leaves_to(self, nation: NationCode) -> bool:
        """Tell whether the nation is served the version, or is about to be."""
        return not any(self._reasons(nation)) or bool(self._in_other_forms(nation))

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
        if reasons := [*self._reasons(nation)]:
            return _decision(nation, reason="; ".join(reasons))
        return self._told(nation, SUBMITTED)

    def _in_other_forms(self, nation: NationCode) -> list[JsonObject]:
        views = [view for view in self.rows if view.recipient == nation and view.form != SUBMITTED]
        told = [(view.form, self._told(nation, view.form)) for view in views]
        return [
            # An answer is told as the object itself, which it would be if no source were hidden (policy 7).
            ({} if form.is_answer else {"rendition": form.label, "object": self.made[form]})
            | {name: one[name] for name in ("clearance", "agreement", "clause")}
            for form, one in sorted(told, key=lambda pair: pair[0].label)
            if one["decision"] == "release"
        ]

    def _told(self, nation: NationCode, form: Form) -> JsonObject:  # (hub/README: explain-both)
        """Return the decision on what the rules release in this form, held against what is served."""
        clearance = self._clearance(View(nation, form))
        if clearance is None and self.anew is None:
            return self._named(nation)
        if clearance is None:
            return _decision(nation, reason=_NOT_SERVED_YET)
        period = None
        if self.anew is not None and may_know(self.caller):
            whole = self.context.candidate(self.version)
            judged = SUBMITTED if form.is_link else form  # a link stands by the narrower of what it links
            candidate = whole.left(judged) or whole
            period = widest(candidate, nation, self.context.periods, self.context.now, judged)
        clause = None if period is None else period.clause_index + 1  # as people count
        return _decision(nation, clearance, None if period is None else period.agreement_id, clause)

    def _level(self, form: Form) -> Tlp:
        return self.version.tlp if form.is_link else self.version.shown(form).tlp

    def _clearance(self, view: View) -> Clearance | None:
        """Return from which clearance up the version is served; None: to nobody yet."""
        row = self.rows.get(view)
        if row is None or not row.is_served:
            return None
        value: Justification = row.justification
        if self.anew is not None:
            value |= self.anew.judgements[self.version.key].get(view, frozenset({NEVER}))
        return lowest_clearance(value, self.context.in_force)

    def _named(self, nation: NationCode) -> JsonObject:
        """Return the decision on what the hub made for some members of a nation alone."""
        row = self.rows.get(View(nation))
        grounds = frozenset[Ground]() if row is None else frozenset().union(*row.justification)
        clearances = [
            self.context.clearance(ground.member) for ground in grounds if ground.member is not None
        ]
        if not clearances:
            return _decision(nation, reason=_ADDRESSED)
        own = self.caller.member.kind.clearance
        return _decision(nation, min(clearances) if own is None else own)

    # --- why not ---

    def _reasons(self, nation: NationCode) -> Iterator[str]:
        """Give every reason for which the version is withheld from the nation; none: it is not."""
        if self.version.deleted_at is not None:
            yield f"deleted on {format_instant(self.version.deleted_at)}; submit a new version"
        if self.anew is not None:
            yield from self.anew.reasons(self.version, nation)

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
