"""Builds the explanation of a version in one form, as far as the caller may see (policy 5)."""

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
    """A version with its origin, in the form of the question: as submitted, or a form with a made id."""

    origin: NationCode
    version: ObjectVersion
    form: Form = SUBMITTED

    @property
    def place(self) -> Place:
        return self.version.key, self.form


def explanations_of(
    service: Service, connection: Connection, caller: Caller, found: Collection[AskedVersion]
) -> dict[Place, Explanation]:
    """Return the explanation of each found version, in its form, for the caller.

    The versions of one origin are judged together: the number of statements grows with the number of
    submitters, not with the number of versions.
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
        # The hub's own objects are not judged: their rows alone decide.
        anew = None if origin == HUB else _judge_anew(connection, context, versions.values())
        for one in own:
            key = one.version.key
            known[one.place] = Explanation(caller, one, context, anew, rows[key], made[key])
    return known


def _judge_anew(
    connection: Connection, context: DecisionContext, versions: Collection[ObjectVersion]
) -> JudgedAnew:
    """Return the new judgement of these versions with all referred objects, in a few statements."""
    # All versions of each record: the newest version decides (policy 4).
    ids: dict[MemberId, set[StixId]] = defaultdict(set)
    for version in versions:
        ids[version.member].add(version.id)
    whole = (objects.versions_of(connection, *own) for own in ids.items())
    judging = Judging(context, with_referred(connection, chain.from_iterable(whole)))
    return JudgedAnew(judging, stored_around(connection, judging))


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one version in one form, for one caller. `anew` is None for the hub's own
    objects."""

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

    # INVARIANT: decisions for other nations are for callers that may see the origin's agreements (policy 5).
    @property
    def sees_all_nations(self) -> bool:
        return may_know(self.caller) and (self.is_home or self.caller.member.kind is Kind.AUDITOR)

    @property
    def sees_submitter(self) -> bool:
        is_cert = self.caller.member.kind is Kind.CERT and self.is_home
        return self.caller.member.kind is Kind.AUDITOR or is_cert or self._is_own(self.version)

    def submitter(self) -> JsonObject:
        """Return the submitter of the record, for permitted callers; polls name no submitter."""
        return {"member": self.version.member} if self.sees_submitter else {}

    def view(self, recipient: NationCode | None) -> JsonObject | None:  # (hub/README: recipient-told)
        """Return the explanation for the caller; None to answer as for an unknown object."""
        nations = self.context.recipients if self.sees_all_nations else [self.caller.member.nation]
        asked = [nation for nation in nations if nation is not None and recipient in (None, nation)]
        form = self.found.form
        decisions = [
            self._decision(nation) if form == SUBMITTED else self._released(nation, form) for nation in asked
        ]
        sees_reasons = self.sees_all_nations or self.is_home
        if not sees_reasons and any(one["decision"] == "withhold" for one in decisions):
            return None  # the reason for withholding is for the origin alone
        sees_abroad = self.is_home and (self.sees_all_nations or self._is_own(self.version))
        return {
            "object": self.version.id if form == SUBMITTED else self.made[form],
            "version": self.version.version,
            "origin": self.origin,
            "effective_tlp": self._level(form).label,
            "decisions": decisions,
            **({"abroad": self._abroad()} if sees_abroad else {}),
        }

    def _abroad(self) -> JsonObject:
        """Return whether the version leaves its nation in any form, and the obstacles if not (policy 5)."""
        nations = [nation for nation in self.context.recipients if nation != self.origin]
        if self.anew is None or any(self._leaves_to(nation) for nation in nations):
            return {"decision": "leaves", "because": []}
        because = [word.value for word in self.anew.stays_by(self.version, nations)]
        return {"decision": "stays at home", "because": because}

    def _leaves_to(self, nation: NationCode) -> bool:
        """Return whether the rules release the version in any form, even if no row serves the version yet."""
        return not any(self._reasons(nation)) or bool(self._in_other_forms(nation))

    def _decision(self, nation: NationCode) -> JsonObject:
        """Return the decision on the version as submitted, and for permitted callers on other forms."""
        decision = self._as_submitted(nation)
        others = self._in_other_forms(nation) if self.sees_all_nations else []
        if others and decision["decision"] == "withhold":
            widest_one = min(others, key=lambda one: Clearance[one["clearance"].upper()])
            decision |= {"decision": "release", "reason": None}
            decision |= {name: widest_one[name] for name in ("clearance", "agreement", "clause")}
        renditions = [one for one in others if "rendition" in one]
        return decision | ({"renditions": renditions} if renditions else {})

    def _as_submitted(self, nation: NationCode) -> JsonObject:
        if reasons := [*self._reasons(nation)]:
            return _decision(nation, reason="; ".join(reasons))
        return self._released(nation, SUBMITTED)

    def _in_other_forms(self, nation: NationCode) -> list[JsonObject]:
        views = [view for view in self.rows if view.recipient == nation and view.form != SUBMITTED]
        decided = [(view.form, self._released(nation, view.form)) for view in views]
        return [
            # An answer counts as the object itself, as if no source were hidden (policy 7).
            ({} if form.is_answer else {"rendition": form.label, "object": self.made[form]})
            | {name: one[name] for name in ("clearance", "agreement", "clause")}
            for form, one in sorted(decided, key=lambda pair: pair[0].label)
            if one["decision"] == "release"
        ]

    def _released(self, nation: NationCode, form: Form) -> JsonObject:  # (hub/README: explain-both)
        """Return the decision on a form released by the rules, compared with the served row."""
        # INVARIANT: "released" needs the rules and a served row: an explanation never says more than a poll.
        clearance = self._clearance(View(nation, form))
        if clearance is None and self.anew is None:
            return self._notice_decision(nation)
        if clearance is None:
            return _decision(nation, reason=_NOT_SERVED_YET)
        period = None
        if self.anew is not None and may_know(self.caller):
            whole = self.context.candidate(self.version)
            judged = SUBMITTED if form.is_link else form  # readers of a link see the original too
            candidate = whole.left(judged) or whole
            period = widest(candidate, nation, self.context.periods, self.context.now, judged)
        clause = None if period is None else period.clause_index + 1  # as people count
        return _decision(nation, clearance, None if period is None else period.agreement_id, clause)

    def _level(self, form: Form) -> Tlp:
        return self.version.tlp if form.is_link else self.version.shown(form).tlp

    def _clearance(self, view: View) -> Clearance | None:
        """Return the lowest clearance with the version served; None if no reader is served yet."""
        row = self.rows.get(view)
        if row is None or not row.is_served:
            return None
        value: Justification = row.justification
        if self.anew is not None:
            # An AND of both: the row's justification and the new judgement.
            value |= self.anew.judgements[self.version.key].get(view, frozenset({NEVER}))
        return lowest_clearance(value, self.context.in_force)

    def _notice_decision(self, nation: NationCode) -> JsonObject:
        """Return the decision on a recall note, made by the hub for certain members of a nation."""
        # Neither the members nor their number is named: nobody learns who fetched the object (policy 8).
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
        """Yield every reason for withholding the version from the nation; no reason means release."""
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
