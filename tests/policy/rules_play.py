"""Plays a case by the rules alone, and holds them to what it says, as `playing.py` does hub and oracle."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from hub.model import (
    SUBMITTED,
    Form,
    Kind,
    Member,
    MemberId,
    NationCode,
    ObjectVersion,
    Registry,
    StixId,
    Tlp,
    format_instant,
    version_key,
)
from hub.rules.agreement.agreements import Step
from tests.nations import KINDS, START, registry
from tests.policy import rules_player as rules
from tests.policy.case_objects import CaseObjects
from tests.policy.cases import (
    CODES,
    MEMBERS,
    Deviates,
    Json,
    PolicyCase,
    UnreadableCase,
    differences,
    kind_of,
    readers_of,
    seconds,
)
from tests.policy.rules_agreements import RulesAgreement, RulesAgreements
from tests.policy.rules_memory import RulesMemory, made_id
from tests.policy.rules_told import owner_hears, served, told
from tests.stix_objects import stamp, stix_id

_YEAR = timedelta(days=365)
_SECOND = timedelta(seconds=1)
_TERMS = ("from", "to", "max_tlp", "audience", "types", "history", "granular", "anonymise")
_STEPS = {"suspended": Step.SUSPEND, "resumed": Step.RESUME, "terminated": Step.TERMINATE}


@dataclass
class RulesPlay:
    """One case under way; what of it is no matter of the rules is left out (README.md)."""

    case: PolicyCase
    now: datetime = START
    place: str = ""
    agreements: dict[str, RulesAgreement | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        levels = {code: Tlp.of(level) for code, level in self.case.defaults.items()}
        nations = registry(
            {code: tlp for code, tlp in levels.items() if tlp is not None}, CODES, self.case.home
        )
        members = {MemberId(name): _member(nations, name) for name in MEMBERS}
        self.memory = RulesMemory(nations, members)
        self.rules_agreements = RulesAgreements(self.memory, partial(rules.prepare, self.memory))
        rel_to = {nation.code: nation.rel_to_id for nation in nations.nations.values()}
        self.case_objects = CaseObjects(
            self.case.place, rel_to, lambda name: self._member(name).identity, self._made
        )

    # --- the steps ---

    def tell(self) -> None:
        """Let all steps happen, and hold every step to what the case expects of it."""
        for n, step in enumerate(self.case.steps, start=1):
            self.place = f"{self.case.place}, step {n}"
            self._pass(self.now + _SECOND)
            self._happen(kind_of(step), step)
            self._pass(self.now)
        self.place = self.case.place

    def _happen(self, kind: str, step: Json) -> None:
        match kind:
            case "pushes":
                self._push(step)
            case "deletes":
                self._delete(step)
            case "agreed" | "proposed":
                self._propose(kind, step)
            case "signed":
                self._sign(self._which(step["signed"]))
            case "suspended" | "resumed" | "terminated":
                agreement = self._which(step[kind])
                if agreement is not None:
                    self.rules_agreements.take(agreement, _STEPS[kind], NationCode(step["by"]), self.now)
            case "passes":
                self._pass(self.now + timedelta(seconds=seconds(self.place, step["passes"])))
            case "now_sees":
                self.hold_to_readers(step["now_sees"])

    def _pass(self, until: datetime) -> None:
        """Let time pass; what agreements bring of what was submitted before comes when they begin."""
        for one in self.rules_agreements.taken_due(until):
            rules.bring(self.memory, one.agreement, one.origin, max(self.now, one.due_at))
        self.now = until

    def _push(self, step: Json) -> None:
        objects = [self.case_objects.build(one) for one in step["pushes"]]
        outcome = step.get("outcome", "accepted")
        expected = [outcome] * len(objects) if isinstance(outcome, str) else outcome
        told = rules.submit(self.memory, self._member(step["member"]), objects, self.now)
        for obj, words, one in zip(objects, expected, told, strict=True):
            kind, _, reason = words.partition(": ")
            done = "refused" if not one.outcome.succeeded else "accepted" if one.is_new else "unchanged"
            # What the hub has a copy of itself is accepted, and not stored (policy 2.2).
            is_as_said = done == kind or (done, kind, obj["type"]) == (
                "unchanged",
                "accepted",
                "marking-definition",
            )
            if not is_as_said or reason not in (one.outcome.message or ""):
                told_so = f"{done}: {one.outcome.message}"
                raise Deviates(f"{self.place}: {self._name(obj['id'])}\n  case:  {words}\n  rules: {told_so}")

    def _delete(self, step: Json) -> None:
        key = version_key(stamp(step["version"])) if "version" in step else None
        id, member = StixId(self.case_objects.id(step["deletes"])), self._member(step["member"])
        done = "deleted" if rules.delete(self.memory, member, id, key, self.now) else "refused"
        if done != step.get("outcome", "deleted"):
            raise Deviates(f"{self.place}: case: {step.get('outcome', 'deleted')}, rules: {done}")

    def _propose(self, kind: str, step: Json) -> None:
        clauses = [{k: v for k, v in one.items() if k in _TERMS} for one in (step, *step.get("and", []))]
        clauses = [one | {"to": [one["to"]] if isinstance(one["to"], str) else one["to"]} for one in clauses]
        start = self.now + timedelta(seconds=seconds(self.place, step.get("begins_in", "0 seconds")))
        lasts = timedelta(seconds=seconds(self.place, step["lasts"])) if "lasts" in step else _YEAR
        document = {
            "id": f"agreement--{stix_id('x', len(self.agreements))[3:]}",
            "title": step[kind],
            "parties": sorted({nation for one in clauses for nation in (one["from"], *one["to"])}),
            "valid_from": format_instant(start),
            "valid_until": format_instant(start + lasts),
            "clauses": clauses,
        }
        former = self._which(step["replaces"]) if "replaces" in step else None
        document |= {"supersedes": former.id} if former else {}
        agreement = self.agreements[step[kind]] = self.rules_agreements.propose(document, former, self.now)
        for nation in sorted(agreement.needed)[:-1] if agreement else ():
            self.rules_agreements.take(agreement, Step.SIGN, nation, self.now)
        if kind == "agreed":
            self._sign(agreement)

    def _sign(self, agreement: RulesAgreement | None) -> None:
        """Let the last nation sign, if it can."""
        if agreement is not None:
            self.rules_agreements.take(agreement, Step.SIGN, max(agreement.needed), self.now)

    def _which(self, name: str) -> RulesAgreement | None:
        if name not in self.agreements:
            raise UnreadableCase(f"{self.place}: {name} was never agreed; known are {[*self.agreements]}")
        return self.agreements[name]

    # --- who sees what, and why ---

    def hold_to_the_end(self) -> None:
        """See that at the end everybody sees what the case says, and for the reasons that it gives."""
        self.hold_to_readers(self.case.sees)
        for label, level in self.case.levels.items():
            self._hold(f"level of {label}", level, self._version(label).tlp.label)
        for question, words in self.case.why.items():
            label, _, nation = question.rpartition(" to ")
            names = {
                agreement.id: name for name, agreement in self.agreements.items() if agreement is not None
            }
            said = told(self.memory, self._version(label), NationCode(nation), names, self.now)
            self._hold(question, words, words if words in said else said)
        for label, words in self.case.owner_hears.items():
            said = owner_hears(self.memory, self._version(label), self.now)
            self._hold(f"the submitter of {label} hears", words, said)

    def _hold(self, what: str, words: str, said: str) -> None:
        if words != said:
            raise Deviates(f"{self.place}: {what}\n  case:  {words}\n  rules: {said}")

    def hold_to_readers(self, table: Mapping[str, Sequence[str]]) -> None:
        """See that each reader that is named sees exactly this."""
        wanted = readers_of(self.place, table, MEMBERS)
        if lines := differences(wanted, self.seen(wanted)):
            raise Deviates("\n  ".join([f"{self.place}:", *lines]))

    def seen(self, readers: Iterable[str]) -> dict[str, set[str]]:
        """What each of these is served, as the case names it."""
        rows = {name: served(self.memory, self._member(name), self.now) for name in readers}
        versions = self.memory.versions
        return {
            name: {self._label(versions[row.version], row.form) for row in own} for name, own in rows.items()
        }

    # --- names ---

    def _label(self, version: ObjectVersion, form: Form = SUBMITTED) -> str:
        """Name a version as the case does: "report R, version 2 of us-agency (redacted)"."""
        versions = self.memory.versions.values()
        record = sorted(v.version_key for v in versions if v.record == version.record)
        number = self.case_objects.numbers.get((version.id, version.version))
        number = number or record.index(version.version_key) + 1
        is_shared = len({v.member for v in versions if v.id == version.id}) > 1
        return "".join(
            [
                self._name(version.id),
                "" if number == 1 else f", version {number}",
                f" of {version.member}" if is_shared else "",
                f" ({form.label.partition(':')[0]})" if form.label else "",
            ]
        )

    def _name(self, id: str) -> str:
        return next((name for name, known in self.case_objects.ids.items() if known == id), id)

    def _version(self, label: str) -> ObjectVersion:
        found = [v for v in self.memory.versions.values() if self._label(v) == label]
        if len(found) != 1:
            known = sorted(map(self._label, self.memory.versions.values()))
            raise UnreadableCase(f"{self.place}: {label} is not one of {known}")
        return found[0]

    def _member(self, name: str) -> Member:
        return self.memory.members[MemberId(name)]

    def _made(self, id: str, form: str) -> str:
        """The id that the hub gave an object of a case."""
        nation = next(self.memory.nation(v.member) for v in self.memory.versions.values() if v.id == id)
        return made_id(nation, StixId(id), Form.of(form))


def _member(nations: Registry, name: str) -> Member:
    """The member with this id, as tests.world enrols it."""
    code, _, kind = name.partition("-")
    nation = nations.nations[NationCode(code.upper())]
    identity = StixId(stix_id("identity", 1_000 + zlib.crc32(name.encode())))
    own = nation.identity_id if KINDS[kind] is Kind.CERT else identity
    return Member(MemberId(name), nation.code, KINDS[kind], name.upper(), own)
