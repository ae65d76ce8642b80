"""The records of one member, as they are handled after each submission (policy 2.3 to 2.6)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hub.model import EffectiveMarking, Markings, NationCode, ObjectVersion, StixId, Tlp
from hub.rules.claims import is_decided_once
from hub.rules.marking.containers import MarkingDefaults, MarkingFacts, settle
from hub.rules.marking.effective import stricter_names
from tests.rules.around import DAY, JP, KR, NOW, sid, version

CLEAR, GREEN, AMBER, STRICT, RED = Tlp
ONE, NAME, IDENTITY, SCO = sid("indicator"), sid("malware"), sid("identity"), sid("ipv4-addr", 1, 5)
REPORT, OTHER, OUTER = sid("report"), sid("report", 2), sid("grouping")
TO_JP, TO_KR, UNKNOWN = (sid("marking-definition", n) for n in (1, 2, 3))
NOBODY: frozenset[NationCode] = frozenset()
AT_DEFAULT = EffectiveMarking(AMBER)


@dataclass
class MemberRecords:
    """What one member has submitted, as it is handled after each submission."""

    default: Tlp = AMBER
    home: bool = False
    held: dict[int, ObjectVersion] = field(default_factory=dict)

    def push(self, *items: ObjectVersion, again: tuple[StixId, ...] = ()) -> dict[StixId, EffectiveMarking]:
        """Submit new versions, and these names and containers again; return how each id is handled."""
        fresh = {-n: replace(one, key=-n) for n, one in enumerate(items, 1)}
        repeated = frozenset(v.key for v in self.held.values() if v.id in again and v.is_newest)
        defaults = MarkingDefaults(self.default, self.home, frozenset(), {TO_JP: JP, TO_KR: KR})
        facts = MarkingFacts(
            defaults=defaults,
            now=_newest_marked({**self.held, **fresh}),
            before=dict(self.held),
            present=repeated | fresh.keys(),
            repeated=frozenset(key for key in repeated if is_decided_once(self.held[key])),
            around={},
            closed_around={},
            accepted={},
        )
        self.settled = settle(facts)
        self.stricter = stricter_names(self.settled, list(fresh.values()), self.held.keys())
        kept = [one for key, one in self.settled.items() if key not in self.stricter]
        self.held = {n: replace(one, key=n) for n, one in enumerate(kept, 1)}
        return self.handled()

    def delete(self, id: StixId) -> None:
        self.held = {
            key: replace(one, deleted_at=NOW) if one.id == id else one for key, one in self.held.items()
        }

    def handled(self) -> dict[StixId, EffectiveMarking]:
        ordered = sorted(self.held.values(), key=lambda v: v.version_key)
        return {v.id: EffectiveMarking(v.tlp, v.rel_to, v.is_closed or v.is_home) for v in ordered}


def _newest_marked(versions: dict[int, ObjectVersion]) -> dict[int, ObjectVersion]:
    newest = {v.id: v.version_key for v in sorted(versions.values(), key=lambda v: v.version_key)}
    return {key: replace(v, is_newest=newest[v.id] == v.version_key) for key, v in versions.items()}


def made(id: StixId, own: Tlp | None = None, *others: StixId, n: int = 1, **more: Any) -> ObjectVersion:
    """The n-th version of an object with this TLP and these other markings."""
    raised, fault = more.pop("raised", None), more.pop("fault", None)
    markings = Markings(own, raised, frozenset(others), fault=fault)
    return version(id, markings=markings, key=f"{DAY}.{n}", digest=f"{id}{n}".encode(), **more)


def box(
    id: StixId, tlp: Tlp | None, *marks: StixId, of: tuple[StixId, ...] = (ONE, NAME), **more: Any
) -> Any:
    return made(id, tlp, *marks, contains=frozenset(of), **more)
