"""Plays a case: each step in the hub and in the oracle beside it, and asks both what the case expects.

`rules_play.py` plays the same cases by the rules alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from hub.actions.agreement import simulate
from hub.actions.operation import work
from hub.model import Receipt, format_instant
from tests.nations import KINDS, registry
from tests.oracle import Oracle, OracleAccount, OracleOutcome
from tests.oracle.contents import made_id
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
from tests.properties import worlds
from tests.properties.playing import Play
from tests.properties.renditions import Form, RenditionPlay, forms
from tests.properties.test_simulate import AUDITOR, Lowest, changes, lowest, said
from tests.properties.unrecorded import unrecorded
from tests.stix_objects import INFORMATIVE, PUBLIC

_DAY = 86_400
_YEAR = 365 * _DAY


@dataclass(frozen=True)
class Terms:
    """One clause, in the words of an agreement."""

    said: Json

    @property
    def origin(self) -> str:
        return str(self.said["from"])

    @property
    def to(self) -> list[str]:
        to: str | list[str] = self.said["to"]
        return [to] if isinstance(to, str) else to

    def build(self) -> Json:
        return self.said | {"to": self.to}


@dataclass(frozen=True)
class Gone(worlds.Delete):
    """A deletion by id."""

    named: str = ""

    @property
    def id(self) -> str:
        return self.named


@dataclass
class CasePlay(RenditionPlay):
    """One case under way."""

    case: PolicyCase = None  # type: ignore[assignment]
    case_objects: CaseObjects = None  # type: ignore[assignment]
    names: dict[str, int] = field(default_factory=dict)  # of agreements, by place
    expected: Sequence[str] = ()  # of the push under way
    place: str = ""
    polled: dict[str, list[tuple[Form, str, Json]]] = field(default_factory=dict)
    promised: dict[str, Lowest] = field(default_factory=dict)  # who was served what when it was simulated

    def __post_init__(self) -> None:
        assert self.world is not None
        members = {m: self.world.callers[m].member for m in MEMBERS}
        nations = registry(codes=CODES).nations.values()
        self.oracle = Oracle(
            {m: OracleAccount(m[:2].upper(), KINDS[m[3:]].value) for m in MEMBERS},
            dict.fromkeys(CODES, "amber") | dict(self.case.defaults),
            frozenset({INFORMATIVE}),
            {n.rel_to_id: n.code for n in nations},
            public_sources=frozenset({PUBLIC}),
            identities={name: member.identity for name, member in members.items()},
            titles={name: member.name for name, member in members.items()},
        )
        Play.__post_init__(self)
        self.case_objects = CaseObjects(
            self.case.place,
            {n.code: n.rel_to_id for n in nations},
            lambda member: members[member].identity,
            self._made,
        )

    def tell(self) -> None:
        """Let all steps happen, and hold every step to what the case expects of it."""
        for n, step in enumerate(self.case.steps, start=1):
            self.place = f"{self.case.place}, step {n}"
            self.polled.clear()
            self._happen(kind_of(step), step)
        self.polled.clear()

    def _happen(self, kind: str, step: Json) -> None:
        match kind:
            case "pushes":
                self._say(step)
            case "deletes":
                self._remove(step)
            case "polls":
                assert self.world is not None
                self.wait(1)
                self.world.see(step["member"])
            case "agreed" | "proposed":
                self._propose_in_case(kind, step)
            case "signed":
                self.step(worlds.Sign(self._which(step["signed"])))
                self._keep_promise(step["signed"])
            case "suspended" | "resumed" | "terminated":
                acts = {"suspended": worlds.Suspend, "resumed": worlds.Resume, "terminated": worlds.Terminate}
                which = self._which(step[kind])
                self.step(acts[kind](which, sorted(self._agreement(which).parties).index(step["by"])))
            case "passes":
                self.wait(seconds(self.place, step["passes"]))
            case "now_sees":
                self.hold_to(step["now_sees"])

    # --- submissions ---

    def _say(self, step: Json) -> None:
        if any("(anonymised)" in str(one) for one in step["pushes"]):
            self.compare(step["member"])  # it must have learnt the ids to use them
        objects = [self.case_objects.build(one) for one in step["pushes"]]
        outcome = step.get("outcome", "accepted")
        self.expected = [outcome] * len(objects) if isinstance(outcome, str) else outcome
        if len(self.expected) != len(objects):
            raise UnreadableCase(f"{self.place}: {len(self.expected)} outcomes for {len(objects)} objects")
        self.wait(1)
        self.submit(step["member"], objects)
        self.catch_up()

    def agree(
        self, member: str, objects: list[Json], judged: Sequence[OracleOutcome], receipt: Receipt
    ) -> None:
        """See that hub and oracle take each object as the case says, and the hub with its words."""
        for obj, words, one, other in zip(objects, self.expected, judged, receipt.outcomes, strict=True):
            kind, _, reason = words.partition(": ")
            oracles = {"equal": "unchanged"}.get(one.kind, one.kind)
            hubs = "accepted" if other.succeeded else "refused"
            is_as_said = hubs == kind or (kind, hubs) == ("unchanged", "accepted")
            if oracles != kind or not is_as_said or reason not in (other.message or ""):
                told = f"oracle: {oracles}: {one.why}\n  hub:    {hubs}: {other.message}"
                raise Deviates(f"{self.place}: {self._name(obj['id'])}\n  case:   {words}\n  {told}")

    def _remove(self, step: Json) -> None:
        id = self.case_objects.id(step["deletes"])
        self.step(Gone(step["member"], 0, step.get("version"), named=id))
        done = "deleted" if self.outcomes[-1][1] == [True] else "refused"
        if done != step.get("outcome", "deleted"):
            raise Deviates(f"{self.place}: case: {step.get('outcome', 'deleted')}, hub and oracle: {done}")

    # --- agreements ---

    def _propose_in_case(self, kind: str, step: Json) -> None:
        clauses = [step, *step.get("and", [])]
        terms = tuple(Terms({k: v for k, v in one.items() if k in _CLAUSE}) for one in clauses)
        begins, lasts = (self._time(step, name) for name in ("begins_in", "lasts"))
        agree = worlds.Agree(terms, begins=begins, lasts=lasts or _YEAR)  # type: ignore[arg-type]
        self.names[step[kind]] = len(self.agreements)
        if "promises" in step:
            self.wait(1)
            self._promise(step, agree)
        former = self._which(step["replaces"]) if "replaces" in step else None
        if kind == "proposed":
            self.wait(1)
            self._propose(agree, agree.parties, former)
            self.catch_up()
        elif former is not None:
            self.step(worlds.Amend(former, agree))
        else:
            self.step(agree)
        if kind == "agreed":
            self._keep_promise(step[kind])

    def _promise(self, step: Json, agree: worlds.Agree) -> None:
        """See that a simulation says what the case does, and keep who was served what before."""
        assert self.world is not None
        former = {"supersedes": self.made[self._which(step["replaces"])]["id"]} if "replaces" in step else {}
        document = {
            "title": "Sharing",
            "parties": agree.parties,
            "valid_from": format_instant(self.now - timedelta(seconds=60)),
            "valid_until": format_instant(self.now + timedelta(days=365)),
            "clauses": [clause.build() for clause in agree.clauses],
        }
        body = json.dumps(document | former).encode()
        answer = simulate.simulate(self.world.service, AUDITOR, body)
        told = {part: said(answer, part) for part in ("released", "withdrawn")}
        lines = {
            f"{_promised(part)} {count} {stix_type} {tlp.upper()} of {origin} to {to}, from {clearance} up"
            for part, found in told.items()
            for (origin, to, stix_type, tlp, clearance), count in found.items()
        }
        if lines != set(step["promises"]):
            raise Deviates(f"{self.place}: simulated\n  case: {step['promises']}\n  hub:  {sorted(lines)}")
        name = step.get("agreed", step.get("proposed"))
        with unrecorded():
            self.promised[name] = lowest(self.world, CODES)
        self.said_before = told

    def _keep_promise(self, name: str) -> None:
        """See that what was simulated is what then happens."""
        if name not in self.promised:
            return
        assert self.world is not None
        with unrecorded():
            happened = changes(self.world, self.promised[name], lowest(self.world, CODES))
        if happened != self.said_before:
            raise Deviates(f"{self.place}: simulated {self.said_before}, happened {happened}")

    def _time(self, step: Json, name: str) -> int:
        return seconds(self.place, step[name]) if name in step else 0

    def _which(self, name: str) -> int:
        if name not in self.names:
            raise UnreadableCase(f"{self.place}: {name} was never agreed; known are {[*self.names]}")
        return self.names[name]

    def _agreement(self, which: int) -> Any:
        agreement = self.agreements[which]
        if agreement is None:
            raise UnreadableCase(f"{self.place}: this agreement was refused when it was proposed")
        return agreement

    # --- who sees what ---

    @cached_property
    def readers(self) -> list[str]:
        """Every member of the nations that the case speaks of; of the others the cert, who sees most."""
        told = json.dumps([self.case.steps, [*self.case.sees], self.case.home])
        spoken_of = [code for code in CODES if f'"{code}"' in told or f"{code.lower()}-" in told]
        return [m for m in MEMBERS if m[:2].upper() in spoken_of or m.endswith("-cert")]

    def hold_to(self, table: Mapping[str, Sequence[str]]) -> None:
        """See that each reader that is named sees exactly this, by the oracle and by a poll of the hub.

        Of all others oracle and hub say the same. What the oracle is said to lack it must lack still.
        """
        wanted = readers_of(self.place, table, MEMBERS)
        hubs = differences(wanted, self.seen_by_hub(wanted))
        oracles = differences(wanted, self.seen_by_oracle())
        if self.case.oracle_lacks:
            oracles = [] if oracles else ["knows it now: take oracle_lacks out of the case"]
        if lines := [f"hub: {line}" for line in hubs] + [f"oracle: {line}" for line in oracles]:
            raise Deviates("\n  ".join([f"{self.place}:", *lines]))
        if not self.case.oracle_lacks:
            self._compare_others()

    def _compare_others(self) -> None:
        """See that hub and oracle agree about all readers of whom the case says nothing, and on contents."""
        if lines := differences(self.seen_by_oracle(), self.seen_by_hub(self.readers)):
            raise Deviates("\n  ".join([f"{self.place}: the hub differs from the oracle", *lines]))
        self.compare(*self.readers)

    def seen_by_oracle(self) -> dict[str, set[str]]:
        served_forms = self.oracle.served_forms(self.in_order(), self.now)
        return {
            reader: self._labels((*s.version.key, s.form) for s in seen)
            for reader, seen in served_forms.items()
        }

    def seen_by_hub(self, readers: Iterable[str]) -> dict[str, set[str]]:
        return {reader: self._labels(form for form, _, _ in self.served(reader)) for reader in readers}

    def served(self, reader: str) -> list[tuple[Form, str, Json]]:
        """What a poll of the reader returns now, unrecorded; asked once until something happens."""
        assert self.world is not None
        if reader not in self.polled:
            with unrecorded():
                self.polled[reader] = forms(self.world, reader)
        return self.polled[reader]

    def _labels(self, found: Iterable[tuple[str, str, str, str]]) -> set[str]:
        return {self.label(*one) for one in found}

    def label(self, member: str, id: str, text: str, form: str = "") -> str:
        """Name a version as the case does: "report R, version 2 of us-agency (redacted)"."""
        held = [v.text for v in self.oracle.record(member, id)]
        number = self.case_objects.numbers.get((id, text)) or held.index(text) + 1
        owners = {v.member for v in self.oracle.versions if v.id == id}
        return "".join(
            [
                self._name(id),
                "" if number == 1 else f", version {number}",
                f" of {member}" if len(owners) > 1 else "",
                f" ({form.partition(':')[0]})" if form else "",
            ]
        )

    def _name(self, id: str) -> str:
        return next((name for name, known in self.case_objects.ids.items() if known == id), id)

    def _made(self, id: str, form: str) -> str:
        """The oracle's id of what the hub made; `as_told` puts the hub's in its place."""
        nation = next(v for v in self.oracle.versions if v.id == id)
        return made_id(self.oracle.nation(nation), id, form)

    def work(self) -> None:
        assert self.world is not None
        assert work.work(self.world.service).is_done


_CLAUSE = ("from", "to", "max_tlp", "audience", "types", "history", "granular", "anonymise")


def _promised(part: str) -> str:
    return "shows" if part == "released" else "hides"
