"""Generated worlds played: as the oracle sees them, and in the hub beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from hub.actions.agreement import amend
from hub.actions.operation import work
from hub.actions.release import history
from hub.actions.service.present import present
from hub.errors import Conflict, Forbidden, NotFound, Unavailable
from hub.model import Receipt, VersionFilter, version_key
from hub.store.ledger import histories
from hub.store.ledger.histories import History, HistoryKind
from tests.oracle import Oracle, OracleAgreement, OracleOutcome, OracleVersion
from tests.properties.unrecorded import unrecorded
from tests.properties.worlds import (
    ACCOUNTS,
    DEFAULTS,
    NATION_OF,
    Agree,
    Amend,
    Delete,
    Event,
    HistoryStep,
    Nothing,
    Push,
    Resume,
    Sign,
    Suspend,
    Terminate,
    Wait,
    Work,
    speaker,
)
from tests.stix_objects import INFORMATIVE, PUBLIC, Json, stamp
from tests.world import START, World

View = frozenset[tuple[str, str, str]]


@dataclass
class Play:
    """A world as the oracle sees it, and, unless `world` is None, the hub beside it.

    Due histories are brought to their end at once, unless it `lags`: then by HistoryStep and Work alone.
    """

    world: World | None = None
    lags: bool = False
    oracle: Oracle = field(
        default_factory=lambda: Oracle(
            ACCOUNTS, DEFAULTS, frozenset({INFORMATIVE}), NATION_OF, public_sources=frozenset({PUBLIC})
        )
    )
    agreements: list[OracleAgreement | None] = field(default_factory=list)
    made: list[Any] = field(default_factory=list)
    now: datetime = START
    outcomes: list[tuple[str, list[bool]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Let the oracle know who speaks as whom, and where what is unmarked stays at home."""
        if self.world is None:
            for member in self.oracle.accounts:
                self.oracle.register(member, speaker(member))
            return
        for member, caller in self.world.callers.items():
            for identity in {caller.member.identity, *caller.member.identities}:
                self.oracle.register(member, identity)
        registry = self.world.service.registry
        self.oracle.hub_identity = registry.hub_identity_id
        self.oracle.homes |= {n.code for n in registry.nations.values() if n.unmarked_stays_home}

    def play(self, events: Sequence[Event]) -> Play:
        for event in events:
            self.step(event)
        return self

    def step(self, event: Event) -> None:
        """Let a second pass, then the event happen."""
        self.wait(1)
        match event:
            case Push():
                self._push(event)
            case Delete():
                self._delete(event)
            case Agree():
                self._agree(event)
            case Amend():
                self._amend(event)
            case Sign() | Suspend() | Resume() | Terminate():
                self._live(event)
            case Wait():
                self.wait(event.seconds)
            case Work():
                self._work()
            case HistoryStep():
                self._advance(event)
            case Nothing():
                self.agreements.append(None)
                self.made.append(None)
        self.catch_up()

    def wait(self, seconds: int) -> None:
        """Let time pass, and stop at whatever the clock alone begins or ends."""
        until = self.now + timedelta(seconds=seconds)
        edges = {
            edge for agreement in self.in_order() for edge in (agreement.valid_from, agreement.valid_until)
        }
        for edge in sorted(edge for edge in edges if self.now < edge <= until):
            self.set_clock(edge - timedelta(microseconds=1))
            self.change(lambda edge=edge: self.set_clock(edge))  # type: ignore[misc]
            self.catch_up()
        self.set_clock(until)

    def set_clock(self, now: datetime) -> None:
        self.now = now
        if self.world is not None:
            self.world.clock.now = now

    def change(self, act: Callable[[], None]) -> None:
        """Do what may let an amendment take over; to be watched."""
        act()

    def catch_up(self) -> None:
        if self.world is not None and not self.lags and self.histories(HistoryKind.APPEND):
            assert work.work(self.world.service).is_done
        self.observe()

    def observe(self) -> None:
        """Take note of what everybody could be served at this moment (policy 1: shown)."""
        served = None
        if self.world is not None and self.histories(HistoryKind.APPEND):
            # What history has yet to bring, nobody can have received.
            with unrecorded():
                rows = {member: self.world.released(member) for member in self.oracle.accounts}
            served = {member: {(row.id, row.version) for row in found} for member, found in rows.items()}
        self.oracle.observe(self.in_order(), self.now, served)

    def histories(self, kind: HistoryKind) -> list[History]:
        """What is under way in the hub."""
        if self.world is None:
            return []
        with self.world.service.store.read() as connection:
            now = present(self.world.service, connection)
            return [one for one in histories.unfinished(connection, kind) if one.due_at <= now]

    def _work(self) -> None:
        if self.world is not None:
            assert work.work(self.world.service).is_done

    def _advance(self, event: HistoryStep) -> None:
        jobs = [*self.histories(HistoryKind.PREPARE), *self.histories(HistoryKind.APPEND)]
        if jobs and self.world is not None:
            history._step(self.world.service, jobs[event.job % len(jobs)])

    def _push(self, event: Push) -> None:
        self.submit(event.member, event.objects())

    def submit(self, member: str, objects: list[Json]) -> None:
        judged = self.oracle.submit(member, objects, self.now, self.in_order())
        expected = [outcome.succeeded for outcome in judged]
        self.outcomes.append((member, expected))
        if self.world is not None:
            receipt = self.world.push(member, *self.as_told(objects))
            self.agree(member, objects, judged, receipt)

    def agree(
        self, member: str, objects: list[Json], judged: Sequence[OracleOutcome], receipt: Receipt
    ) -> None:
        """See that the hub takes and refuses what the oracle does."""
        told = [outcome.succeeded for outcome in receipt.outcomes]
        assert told == [outcome.succeeded for outcome in judged], (member, judged, receipt.outcomes)

    def as_told(self, objects: list[Json]) -> list[Json]:
        """The objects as they are sent to the hub."""
        return objects

    def _delete(self, event: Delete) -> None:
        texts = None if event.version is None else [stamp(event.version)]
        expected = self.oracle.delete(event.member, event.id, texts)
        self.outcomes.append((event.member, [expected]))
        if self.world is not None:
            keys = frozenset(key for text in texts or [] if (key := version_key(text)))
            filters = {"selections": frozenset[VersionFilter](), "versions": keys} if texts else {}
            try:
                self.world.delete(event.member, event.id, **filters)
                deleted = True
            except (NotFound, Forbidden):
                deleted = False
            assert deleted == expected

    # --- agreements ---

    def _agree(self, event: Agree) -> None:
        self._propose(event, event.parties, None)
        self.change(lambda: self._sign(-1))

    def _amend(self, event: Amend) -> None:
        former = self.agreements[event.agreement]
        if former is None:
            self.agreements.append(None)
            self.made.append(None)
            return
        told = former.parties | (former.amends.parties if former.amends else set())
        parties = sorted(event.terms.parties, key=lambda nation: (nation not in told, nation))
        may = parties[0] in former.parties and self._may_supersede(former)
        self._propose(event.terms, parties, event.agreement, may=may)
        if may and not event.hesitates:
            self.change(lambda: self._sign(-1))
        elif may:
            self._hesitate()

    def _may_supersede(self, former: OracleAgreement) -> bool:
        is_signed = former.begins is not None and not former.has_ended(self.now)
        return is_signed and former.superseded_at is None

    def _propose(self, terms: Agree, parties: Sequence[str], amends: int | None, *, may: bool = True) -> None:
        """Propose, and let all sign but the last who must."""
        start = self.now + timedelta(seconds=terms.begins)
        until = start + timedelta(seconds=terms.lasts)
        built = [clause.build() for clause in terms.clauses]
        former = None if amends is None else self.agreements[amends]
        if may:
            agreement = OracleAgreement(built, frozenset(parties), start, until, former)
            if former is not None:
                former.amendments.append(agreement)
        self.agreements.append(agreement if may else None)
        made = None
        if self.world is not None:
            supersedes = None if amends is None else self.made[amends]["id"]
            dates = {"valid_from": start, "valid_until": until, "supersedes": supersedes}
            world = self.world
            made = self._attempt(lambda: world.agree(parties, *built, **dates, signers=[]), may=may)
            for nation in made["to_sign"][:-1] if made else []:
                world.sign(made, nation)
        self.made.append(made)

    def _sign(self, n: int) -> None:
        """Let the last sign, if it can be signed."""
        agreement = self.agreements[n]
        assert agreement is not None
        former = agreement.amends
        may = agreement.signed_at is None and not agreement.has_ended(self.now)
        may = may and (former is None or self._may_supersede(former))
        if self.world is not None:
            world, made = self.world, self.made[n]
            self._attempt(lambda: world.sign(made, made["to_sign"][-1]), may=may)
        if may:
            agreement.signed_at = self.now

    def _hesitate(self) -> None:
        """Let the last signature begin to prepare the amendment, and be asked for again."""
        if self.world is None:
            return

        def prepare(*arguments: Any) -> None:
            prepared(*arguments)
            raise Unavailable("asked for again")

        prepared, made = amend.prepare, self.made[-1]
        with patch.object(amend, "_PATIENCE_SECONDS", 0.0), patch.object(amend, "prepare", prepare):
            try:
                self.world.sign(made, made["to_sign"][-1])
            except Unavailable:
                return
        raise AssertionError("it was not to be signed yet")

    def _live(self, event: Sign | Suspend | Resume | Terminate) -> None:
        agreement = self.agreements[event.agreement] if event.agreement < len(self.agreements) else None
        if agreement is None:
            return
        if isinstance(event, Sign):
            self.change(lambda: self._sign(event.agreement))
            return
        nation = sorted(agreement.parties)[event.by % len(agreement.parties)]
        suspenders = agreement.suspenders(self.now)
        is_alive = not agreement.has_ended(self.now)
        act = type(event).__name__.lower()
        match event:
            case Suspend():
                may = is_alive and agreement.has_begun(self.now) and nation not in suspenders
            case Resume():
                may = is_alive and nation in suspenders
            case Terminate():
                may = is_alive
        if self.world is not None:
            do, made = getattr(self.world, act), self.made[event.agreement]
            self._attempt(lambda: do(made, nation), may=may)
        if not may:
            return
        match event:
            case Suspend():
                agreement.suspensions.append((nation, self.now, None))
            case Resume():
                agreement.suspensions = [
                    (by, start, self.now if by == nation and end is None else end)
                    for by, start, end in agreement.suspensions
                ]
            case Terminate():
                agreement.terminated_at = self.now

    def _attempt(self, act: Callable[[], Json], *, may: bool) -> Json | None:
        """Do it in the hub, which must refuse it if it may not be."""
        done = refusal = None
        try:
            done = act()
        except (NotFound, Conflict) as error:
            refusal = error
        assert (refusal is None) == may, refusal
        return done

    def in_order(self) -> list[OracleAgreement]:
        return [agreement for agreement in self.agreements if agreement is not None]

    # --- what is to be seen ---

    def visible(self, reader: str) -> set[OracleVersion]:
        return self.oracle.visible(reader, self.in_order(), self.now)

    def views(self) -> dict[str, frozenset[tuple[str, ...]]]:
        """What the oracle lets every reader see, as values that can be compared between worlds."""
        seen = self.oracle.everybody(self.in_order(), self.now)
        return {
            reader: frozenset((*v.key, str(sorted(v.obj.items(), key=str))) for v in versions)
            for reader, versions in seen.items()
        }
