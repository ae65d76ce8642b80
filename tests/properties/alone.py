"""Generated worlds played by hub/rules alone beside the oracle: lists in place of a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from hub.model import Member, MemberId, NationCode, StixId, Tlp, format_instant, version_key
from hub.rules.agreement.agreements import Step
from tests.nations import KINDS, registry
from tests.oracle import Oracle, ServedForm
from tests.policy import rules_player as rules
from tests.policy.rules_agreements import RulesAgreement, RulesAgreements
from tests.policy.rules_memory import RulesMemory, RulesRow
from tests.policy.rules_told import served
from tests.properties.playing import Play
from tests.properties.renditions import Form, RenditionPlay
from tests.properties.worlds import (
    ACCOUNTS,
    DEFAULTS,
    MEMBERS,
    NATION_OF,
    NATIONS,
    Agree,
    Delete,
    Resume,
    Sign,
    Suspend,
    Terminate,
    speaker,
)
from tests.stix_objects import INFORMATIVE, PUBLIC, Json, stamp, stix_id

_STEPS = {Suspend: Step.SUSPEND, Resume: Step.RESUME, Terminate: Step.TERMINATE}


@dataclass
class RulesAlone(RenditionPlay):
    """Plays each event by the oracle and by the rules, and sees that each outcome is the same.

    In `homes` what is unmarked stays at home. What the hub makes has no content here, only an id.
    """

    homes: Collection[str] = ()

    def __post_init__(self) -> None:
        levels = {code: Tlp.of(level) for code, level in DEFAULTS.items()}
        nations = registry({c: tlp for c, tlp in levels.items() if tlp is not None}, NATIONS, [*self.homes])
        self.memory = RulesMemory(nations, {MemberId(name): _member(name) for name in MEMBERS})
        self.rules_agreements = RulesAgreements(self.memory, partial(rules.prepare, self.memory))
        self.oracle = Oracle(
            ACCOUNTS,
            DEFAULTS,
            frozenset({INFORMATIVE}),
            NATION_OF,
            public_sources=frozenset({PUBLIC}),
            identities={name: speaker(name) for name in MEMBERS},
            titles={name: name.upper() for name in MEMBERS},
            homes={*self.homes},
            hub_identity=nations.hub_identity_id,
        )
        Play.__post_init__(self)

    @property
    def is_compared(self) -> bool:
        return True

    def _of(self, member: str) -> Member:
        return self.memory.members[MemberId(member)]

    def set_clock(self, now: datetime) -> None:
        super().set_clock(now)
        self._bring()

    def catch_up(self) -> None:
        self._bring()
        super().catch_up()

    def _bring(self) -> None:
        """Let what agreements bring of what was submitted before come when they begin."""
        for one in self.rules_agreements.taken_due(self.now):
            rules.bring(self.memory, one.agreement, one.origin, self.now)

    # --- what happens ---

    def submit(self, member: str, objects: list[Json]) -> None:
        super().submit(member, objects)
        told = rules.submit(self.memory, self._of(member), self.as_told(objects), self.now)
        said = self.outcomes[-1][1]
        assert [one.outcome.succeeded for one in told] == said, (member, objects, told)

    def _delete(self, event: Delete) -> None:
        super()._delete(event)
        key = None if event.version is None else version_key(stamp(event.version))
        done = rules.delete(self.memory, self._of(event.member), StixId(event.id), key, self.now)
        assert [done] == self.outcomes[-1][1], event

    def _propose(self, terms: Agree, parties: Sequence[str], amends: int | None, *, may: bool = True) -> None:
        super()._propose(terms, parties, amends, may=may)
        agreement, former = self.agreements[-1], None if amends is None else self.made[amends]
        if agreement is None:
            return
        document = {
            "id": f"agreement--{stix_id('x', len(self.made))[3:]}",
            "title": "Sharing",
            "parties": sorted(agreement.parties),
            "valid_from": format_instant(agreement.valid_from),
            "valid_until": format_instant(agreement.valid_until),
            "clauses": agreement.clauses,
        }
        document |= {} if former is None else {"supersedes": former.id}
        made = self.made[-1] = self.rules_agreements.propose(document, former, self.now)
        assert made is not None, document
        for nation in sorted(made.needed)[:-1]:
            self._take(made, Step.SIGN, nation, may=True)

    def _sign(self, n: int) -> None:
        agreement, made = self.agreements[n], self.made[n]
        assert agreement is not None
        before = agreement.signed_at
        super()._sign(n)
        self._take(made, Step.SIGN, max(made.needed), may=agreement.signed_at != before)

    def _live(self, event: Sign | Suspend | Resume | Terminate) -> None:
        agreement = self.agreements[event.agreement] if event.agreement < len(self.agreements) else None
        before = None if agreement is None else ([*agreement.suspensions], agreement.terminated_at)
        super()._live(event)
        if agreement is None or isinstance(event, Sign):
            return
        made, nation = (
            self.made[event.agreement],
            sorted(agreement.parties)[event.by % len(agreement.parties)],
        )
        may = (agreement.suspensions, agreement.terminated_at) != before
        self._take(made, _STEPS[type(event)], nation, may=may)

    def _take(self, made: RulesAgreement, step: Step, nation: str, *, may: bool) -> None:
        done = self.rules_agreements.take(made, step, NationCode(nation), self.now)
        assert done == may, (step, nation, made.lifecycle)

    # --- who is served what ---

    def _compare(self, reader: str, served_forms: set[ServedForm]) -> None:
        """See that the reader is served the same versions in the same forms, under ids that stay the same."""
        found = [(self._form_of(row), row) for row in served(self.memory, self._of(reader), self.now)]
        expected = {self._form(served_form): served_form for served_form in served_forms}
        told = Counter((form, row.is_newest) for form, row in found)
        said = Counter((form, self.oracle.is_newest(one.version)) for form, one in expected.items())
        assert told == said, (reader, "more", told - said, "less", said - told)
        for form, row in found:
            self.equal(self.oracle.id_of(expected[form]), row.id)

    def _form_of(self, row: RulesRow) -> Form:
        version = self.memory.versions[row.version]
        return version.member, version.id, version.version, row.form.label


def _member(name: str) -> Member:
    """The member with this id, which speaks as the oracle knows it."""
    return Member(
        MemberId(name), NationCode(name[:2].upper()), KINDS[name[3:]], name.upper(), StixId(speaker(name))
    )
