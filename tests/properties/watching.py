"""A world whose every moment is compared with the oracle, also while histories are on their way."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from unittest.mock import patch

from hub.actions.checks import check
from hub.actions.operation import work
from hub.actions.release import history
from hub.rules.release import row_changes
from hub.store.ledger.histories import HistoryKind
from tests.oracle import OracleAgreement, OracleVersion
from tests.properties.playing import Play
from tests.properties.unrecorded import unrecorded
from tests.properties.worlds import MEMBERS, NATIONS, Agree, Event, HistoryStep
from tests.world import Poller, World

Told = tuple[str, str, str]  # id, version, and the body as JSON in one form
Views = Mapping[str, Counter[Told]]


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def told(versions: Iterable[OracleVersion]) -> Counter[Told]:
    return Counter((v.id, v.text, canonical(v.obj)) for v in versions)


@contextmanager
def slow_histories() -> Iterator[None]:
    """Let histories come two versions further with each step."""
    with patch.object(history, "_VERSIONS_PER_STEP", 2), patch.object(history, "_GROWTH", 1):
        yield


@dataclass
class WatchedPlay(Play):
    """Compares what every reader is served after every event, and around every moment of the clock."""

    pollers: dict[str, Poller] = field(default_factory=dict)

    @property
    def hub(self) -> World:
        assert self.world is not None
        return self.world

    def follow(self, readers: Iterable[str]) -> None:
        self.pollers = {reader: self.hub.follow(reader) for reader in readers}

    def step(self, event: Event) -> None:
        before = self.served()
        is_known = len(self.agreements)
        super().step(event)
        self.compare()
        if isinstance(event, Agree) and is_known < len(self.agreements):
            self._adds(before)
        self._states()

    # --- moments ---

    def compare(self) -> None:
        """Nobody is served more than the policy allows (I1, I3, I7); with histories done, nor less (I5)."""
        served = self.served()
        is_behind = bool(self.histories(HistoryKind.APPEND))
        for reader, versions in self.oracle.everybody(self.in_order(), self.now).items():
            allowed = told(versions)
            assert served[reader] <= allowed, (reader, served[reader] - allowed)
            assert is_behind or served[reader] == allowed, (reader, allowed - served[reader])

    def served(self) -> Views:
        """What every reader would be served, looked at without being on record as disclosed."""
        with unrecorded():
            return self._served()

    def _served(self) -> Views:
        return {
            reader: Counter(
                (row.id, row.version, canonical(json.loads(row.body))) for row in self.hub.released(reader)
            )
            for reader in MEMBERS
        }

    def change(self, act: Callable[[], None]) -> None:
        """See that what an agreement and its amendment both release stays when that takes over."""
        self.compare()
        before, former = self.served(), self._in_force()
        act()
        self.compare()
        after, latter = self.served(), self._in_force()
        behind = {one.agreement_id for one in self.histories(HistoryKind.APPEND)}
        lasting = [t for t in latter if t in former and self._id(t) not in behind]
        for amendment in latter:
            if amendment.amends in former and amendment not in former:
                assert amendment.amends is not None
                one = self._allowed([*lasting, amendment.amends], former)
                two = self._allowed([*lasting, amendment], latter)
                for reader in MEMBERS:
                    both = one[reader] & two[reader] & before[reader]
                    assert both <= after[reader], (reader, both - after[reader])

    def _work(self) -> None:
        self._once(super()._work)

    def _advance(self, event: HistoryStep) -> None:
        self._once(partial(super()._advance, event))

    def _once(self, act: Callable[[], None]) -> None:
        """See that histories date anew only what somebody of the nation sees for the first time.

        The clock stands still meanwhile: so what it ends soon may count as what lasts.
        """
        before = self._dates()
        with patch.object(row_changes, "_WRITTEN_WITHIN", timedelta(0)):
            act()
        after = self._dates()
        for nation in NATIONS:
            own = [reader for reader in MEMBERS if reader.startswith(nation.lower())]
            if not any(reader.endswith("partner") for reader in own):
                continue  # what partners would see is dated anew, though there is none to tell
            shown = {one for reader in own for one in after[reader]}
            new = {one for one in shown if any(len(after[r][one]) > len(before[r][one]) for r in own)}
            for reader in own:
                again = [one for one in shown - new if after[reader][one] - before[reader][one]]
                assert not again, (reader, again)

    def _dates(self) -> Mapping[str, Mapping[Told, set[datetime]]]:
        found: dict[str, dict[Told, set[datetime]]] = {}
        with unrecorded():
            for reader in MEMBERS:
                known = found[reader] = defaultdict(set)
                for row in self.hub.released(reader):
                    known[row.id, row.version, canonical(json.loads(row.body))].add(row.date_added)
        return found

    def _in_force(self) -> list[OracleAgreement]:
        return [agreement for agreement in self.in_order() if agreement.is_in_force(self.now)]

    def _id(self, agreement: OracleAgreement) -> str:
        id: str = self.made[self.agreements.index(agreement)]["id"]
        return id

    def _allowed(self, agreements: list[OracleAgreement], in_force: list[OracleAgreement]) -> Views:
        """What these release, as if they were in force: which they were, or are."""
        assert all(agreement in in_force for agreement in agreements)
        with patch.object(OracleAgreement, "is_in_force", lambda _self, _now: True):
            everybody = self.oracle.everybody(agreements, self.now)
        return {reader: told(versions) for reader, versions in everybody.items()}

    def _adds(self, before: Views) -> None:
        """An agreement that supersedes none hides nothing (I2), time apart."""
        if not any(agreement.has_ended(self.now) for agreement in self.in_order()):
            after = self.served()
            assert all(before[reader] <= after[reader] for reader in MEMBERS)

    def _states(self) -> None:
        """What the parties are shown is the state that their events give."""
        for agreement, made in zip(self.agreements, self.made, strict=True):
            if agreement is not None:
                view = self.hub.show(made, min(agreement.parties))
                assert view["state"] == state(agreement, self), view

    # --- pollers ---

    def poll(self, reader: str) -> None:
        """Whatever is served to who comes back was visible then (I4)."""
        allowed = told(self.visible(reader))
        for row in self.pollers[reader].poll():
            if not self.hub.is_hubs_own(row):
                assert (row.id, row.version, canonical(json.loads(row.body))) in allowed

    def finish(self) -> None:
        """In the end nobody misses anything, and nothing came twice under one date (I4)."""
        assert work.work(self.hub.service).is_done
        assert not self.histories(HistoryKind.APPEND)
        self.compare()
        self.check()
        for reader, poller in self.pollers.items():
            self.poll(reader)
            received = Counter(
                (row.id, row.version, canonical(json.loads(row.body))) for row in poller.received
            )
            missed = self.served()[reader].keys() - received.keys()
            assert not missed, (reader, missed)
            dated = [(row.id, row.date_added) for row in poller.received]
            assert len(set(dated)) == len(dated), reader

    def check(self) -> None:
        faults = check.check(self.hub.service).faults
        assert not faults, faults


def state(agreement: OracleAgreement, play: Play) -> str:
    if agreement.has_ended(play.now):
        return "ended"
    if not agreement.has_begun(play.now):
        return "proposed"
    return "suspended" if agreement.suspenders(play.now) else "in force"
