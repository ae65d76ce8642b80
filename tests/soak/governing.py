"""The nations' certs: they propose, sign, let expire and terminate agreements without end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.client import ClientError, Hub, Unreachable
from tests.patience import PATIENCE_SECONDS
from tests.soak.journal import KINDS, LEVELS, STOP_WRITING, Journal, Json, Setup, now

READY = "governor-ready"
NATIONS = ("AU", "IN", "JP", "KR", "US")
_LONG_SECONDS = 86_400.0
_MOST_LIVE = 7
_TYPES = (None, None, None, ["malware", "relationship", "report"], ["indicator", "malware", "grouping"])


@dataclass
class SoakAgreement:
    """An agreement that binds, or will."""

    id: str
    parties: list[str]
    until: float
    digest: str


class Governor:
    """All certs in one process: an agreement needs each of them."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._journal = Journal(setup, "governor")
        self._chance = random.Random(f"{setup.seed}/governor")
        self._hubs = {code: self._hub(code) for code in NATIONS}
        self._live: list[SoakAgreement] = []

    def _hub(self, code: str) -> Hub:
        member = self._setup.members[f"{code.lower()}-cert"]
        return Hub(self._setup.url, member.token, member.agreement_key.encode())

    def run(self) -> None:
        """Begin with something that lasts; then govern until told to stop."""
        while not self._live:
            self._agree(list(NATIONS), now() - 60, now() + _LONG_SECONDS, max_tlp="green", audience="partner")
        self._live.clear()  # it is not for termination: to the end something crosses
        self._agree(["JP", "KR", "US"], now() - 60, now() + _LONG_SECONDS, max_tlp="amber")
        self._setup.raise_flag(READY)
        while not self._setup.has(STOP_WRITING):
            self._once()
            time.sleep(self._chance.uniform(0.1, 0.5) * self._setup.pace)

    def _once(self) -> None:
        self._live = [pact for pact in self._live if now() < pact.until]
        if len(self._live) > _MOST_LIVE or (len(self._live) > 3 and self._chance.random() < 0.4):
            self._terminate(self._live.pop(self._chance.randrange(len(self._live))))
            return
        parties = self._chance.sample(NATIONS, self._chance.choice([2, 2, 3, 5]))
        begin = now() + self._chance.choice([-60, -60, -60, 1.0])
        lasting = self._chance.choice([_LONG_SECONDS, 1.0 * self._setup.pace, 2.5 * self._setup.pace])
        self._agree(parties, begin, max(begin, now()) + lasting)

    def _agree(self, parties: list[str], begin: float, until: float, **terms: str) -> None:
        document = {
            "title": f"Between {', '.join(parties)}",
            "parties": parties,
            "valid_from": _instant(begin),
            "valid_until": _instant(until),
            "clauses": self._clauses(parties, terms),
        }
        try:
            proposed = self._hubs[parties[0]].propose(document)
        except Unreachable:
            return  # whether it was proposed or not, nobody has signed it
        id = proposed["id"]
        pact = SoakAgreement(id, parties, until, proposed["digest"])
        for party in parties:
            if party == parties[-1]:
                times = {"begin": begin, "until": until, "sent": now()}
                self._journal.note("agreement", id=id, clauses=document["clauses"], **times)
            if not self._sign(party, pact):
                return  # it has expired meanwhile
        self._live.append(pact)

    def _sign(self, party: str, pact: SoakAgreement) -> bool:
        hub = self._hubs[party]
        return self._done(
            lambda id: hub.sign(id, digest=pact.digest), pact, lambda view: party in view["signed_by"]
        )

    def _clauses(self, parties: list[str], terms: dict[str, str]) -> list[Json]:
        clauses: list[Json] = []
        for origin in parties:
            to = [nation for nation in parties if nation != origin]
            clause: Json = {"from": origin, "to": self._chance.sample(to, self._chance.randint(1, len(to)))}
            clause["max_tlp"] = self._chance.choice(LEVELS[1:])
            clause["audience"] = self._chance.choice(KINDS)
            if types := self._chance.choice(_TYPES):
                clause["types"] = types
            if terms:
                clause = {"from": origin, "to": to, "max_tlp": "green", **terms}
            clauses.append(clause)
        return clauses

    def _terminate(self, pact: SoakAgreement) -> None:
        party = self._chance.choice(pact.parties)
        if self._done(self._hubs[party].terminate, pact, lambda view: view["state"] == "ended"):
            self._journal.note("ended", id=pact.id, answered=now())

    def _done(self, act: Callable[[str], Json], pact: SoakAgreement, is_done: Callable[[Json], Any]) -> bool:
        """Do a step until the agreement shows that it is done; False when the agreement expired instead."""
        deadline = now() + PATIENCE_SECONDS
        while now() < deadline:
            try:
                act(pact.id)
            except Unreachable:
                pass  # it may have been done
            except ClientError:
                view = self._show(pact, deadline)
                if is_done(view):
                    return True
                if view["state"] == "ended":
                    return False
                raise
            else:
                return True
        raise TimeoutError(f"{pact} could not be changed")

    def _show(self, pact: SoakAgreement, deadline: float) -> Json:
        while now() < deadline:
            try:
                return self._hubs[pact.parties[0]].agreement(pact.id)
            except Unreachable:
                pass  # a worker is killed now and then
        raise TimeoutError(f"{pact} could not be looked at")


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
