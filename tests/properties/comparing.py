"""Generated worlds with shared ids, played by the hub beside the oracle, and what they say differently.

`python -m tests.properties.comparing --worlds 300` plays so many and lists every kind of difference, how
often it comes first in a world, and for each the smallest world that was found.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pprint import pformat
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from hub.model import Receipt, Tlp
from tests.oracle import OracleOutcome, OracleVersion
from tests.oracle.contents import replaced
from tests.properties import shared_ids
from tests.properties.playing import Play
from tests.properties.shared_ids import Say
from tests.properties.unrecorded import unrecorded
from tests.properties.worlds import DEFAULTS, NATIONS, Event, speaker
from tests.stix_objects import Json
from tests.world import Copies

HOMES = ("JP",)
_TRIALS = 80  # for making one example smaller


class Differs(AssertionError):
    """The hub and the oracle say different things; `kind` names which, without the world's particulars."""

    def __init__(self, kind: str, detail: object) -> None:
        super().__init__(f"{kind}\n{pformat(detail, width=100)}")
        self.kind = kind


def copies() -> Copies:
    """Worlds in which Japan keeps at home what is unmarked."""
    defaults = {code: Tlp.of(level) for code, level in DEFAULTS.items()}
    return Copies(codes=NATIONS, defaults=defaults, homes=HOMES)


@dataclass
class Comparison(Play):
    """Plays such worlds, and compares every outcome, and after every event what every reader is served."""

    speakers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.world is not None:
            # Members speak as whom their hub lets them.
            for member, caller in self.world.callers.items():
                self.speakers[speaker(member)] = caller.member.identity
        else:
            self.oracle.homes |= {*HOMES}
            self.oracle.hub_identity = shared_ids.HUB

    def submit(self, member: str, objects: list[Json]) -> None:
        super().submit(member, [replaced(obj, lambda id: self.speakers.get(id, id)) for obj in objects])

    def agree(
        self, member: str, objects: list[Json], judged: Sequence[OracleOutcome], receipt: Receipt
    ) -> None:
        for obj, one, other in zip(objects, judged, receipt.outcomes, strict=True):
            if one.succeeded != other.succeeded:
                said = one.why or one.kind
                told = "accepted" if other.succeeded else "refused"
                raise Differs(f"item: oracle {said}, hub {told}", (member, obj, other.message))

    def step(self, event: Event) -> None:
        super().step(event)
        self.compare()

    def compare(self) -> None:
        """Every reader is served exactly what the oracle says."""
        if self.world is None:
            return
        for reader, versions in self.oracle.everybody(self.in_order(), self.now).items():
            with unrecorded():
                rows = self.world.released(reader)
            told = Counter((str(r.id), r.version, canonical(json.loads(r.body))) for r in rows)
            said = Counter((v.id, v.text, canonical(v.obj)) for v in versions)
            for kind, more in (("more", told - said), ("less", said - told)):
                if more:
                    raise Differs(
                        self._kind(reader, kind, more), (reader, sorted(more), self._handlings(more))
                    )

    def _kind(self, reader: str, kind: str, more: Counter[tuple[str, str, str]]) -> str:
        id, text, body = min(more)
        found = [v for v in self._versions(id) if canonical(v.obj) == body]
        if any(v.text != text for v in found) and not any(v.text == text for v in found):
            return "view: an observable's version"
        if not found:
            return f"view: hub shows {kind}, of what the oracle refused"
        homes = {self.oracle.nation(v) for v in found}
        where = "at home" if reader[:2].upper() in homes else "abroad"
        return f"view: hub shows {kind} {where}: {_why(found[0])}"

    def _versions(self, id: str) -> list[OracleVersion]:
        return [version for version in self.oracle.versions if version.id == id]

    def _handlings(self, more: Counter[tuple[str, str, str]]) -> list[Any]:
        ids = {id for id, _, _ in more}
        return [(v.key, v.full, v.given, v.is_home) for id in sorted(ids) for v in self._versions(id)]


def _why(version: OracleVersion) -> str:
    """What may have decided about it, for telling differences apart."""
    told = {
        "limited": version.full.limits is not None,
        "takes over": version.taken.level is not None,
        "once": version.given is not None,
        "home": version.is_home,
        "follows": version.follows is not None,
        "default": version.is_default,
        "closed": version.is_closed,
        "revoking": version.is_revoking,
        "refers": bool(version.refers()),
    }
    return ", ".join(name for name, holds in told.items() if holds) or "plain"


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


# --- a survey -------------------------------------------------------------------------------------


@dataclass
class DifferenceSurvey:
    """Counts first differences by kind, and keeps the smallest world of each."""

    copies: Copies
    kinds: Counter[str] = field(default_factory=Counter)
    smallest: dict[str, Sequence[Event]] = field(default_factory=dict)
    until: float = math.inf  # by time.monotonic()

    def play(self, events: Sequence[Event]) -> Differs | None:
        world = self.copies.copy()
        try:
            Comparison(world).play(events)
        except Differs as difference:
            return difference
        except Exception as error:  # noqa: BLE001 - whatever it is, the survey goes on
            return Differs(f"error: {type(error).__name__}", str(error)[:2_000])
        finally:
            self.copies.discard(world)
        return None

    def add(self, events: Sequence[Event]) -> None:
        if time.monotonic() > self.until:
            return
        difference = self.play(events)
        kind = "none" if difference is None else difference.kind
        self.kinds[kind] += 1
        known = self.smallest.get(kind)
        if difference is not None and (known is None or size(events) < size(known)):
            self.smallest[kind] = events

    def reduce(self, kind: str) -> Sequence[Event]:
        """Leave out what the difference does not need."""
        events = list(self.smallest[kind])
        trials = iter(range(_TRIALS))
        n = len(events)
        while n > 0:
            n -= 1
            for fewer in _without(events, n):
                if next(trials, None) is None:
                    return events
                found = self.play(fewer)
                if found is not None and found.kind == kind:
                    events = fewer
                    break
        return events


def _without(events: list[Event], n: int) -> Iterator[list[Event]]:
    """The events without one, or with a smaller one in its place."""
    yield events[:n] + events[n + 1 :]
    event = events[n]
    if isinstance(event, Say) and len(event.drafts) > 1:
        for piece in event.drafts:
            yield [*events[:n], Say(event.member, (piece,)), *events[n + 1 :]]
        for piece in event.drafts:
            rest = tuple(other for other in event.drafts if other is not piece)
            yield [*events[:n], Say(event.member, rest), *events[n + 1 :]]


def size(events: Sequence[Event]) -> int:
    return sum(len(event.drafts) if isinstance(event, Say) else 1 for event in events)


def survey(worlds: int, number: int, seconds: float) -> DifferenceSurvey:
    """Play so many worlds, which follow from the number, or as many as there is time for."""
    found = DifferenceSurvey(copies(), until=time.monotonic() + seconds)

    @seed(number)
    @settings(
        max_examples=worlds,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(shared_ids.event_lists)
    def play(events: list[Event]) -> None:
        found.add(events)

    play()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", action="store_true", help="print the smallest world of each kind")
    parser.add_argument("--seconds", type=float, default=300, help="play no further world after these")
    arguments = parser.parse_args()
    found = survey(arguments.worlds, arguments.seed, arguments.seconds)
    for kind, count in found.kinds.most_common():
        print(f"{count:6} {kind}")
    for kind in found.smallest if arguments.examples else ():
        events = found.reduce(kind)
        print(f"\n=== {kind}", *events, found.play(events), sep="\n")


if __name__ == "__main__":
    main()
