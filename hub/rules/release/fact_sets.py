"""Collects the facts that decide on a version: its own, and those of every version that it depends on.

A version is visible only with its later versions and with the own records that it refers to (policy 2.7, 4).
So versions with equal sets of facts have equal decisions under all clauses, and are counted, not read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from hub.model import (
    DecidingFacts,
    FactSet,
    NationCode,
    ObjectVersion,
    Period,
    RecordKey,
    SettledFacts,
)
from hub.rules.claims import is_unmarked_name
from hub.rules.release.deciding import is_directed
from hub.rules.release.forms import is_altering
from hub.rules.release.judgement import by_record

_MOST: Final = 64  # facts of one set: larger sets would hardly have two versions
_UNDECIDED: Final = 1  # the bit for "facts alone do not decide"


def are_altered(periods: Iterable[Period], origin: NationCode, recipients: Collection[NationCode]) -> bool:
    """Tell whether a clause serves these recipients versions in forms other than as submitted (policy 7)."""
    return any(
        is_altering(p.clause) and is_directed(p.clause, origin, recipient)
        for p in periods
        for recipient in recipients
    )


def deciding_facts(version: ObjectVersion) -> DecidingFacts:
    """Return the own facts of the version, as `Candidate.of` reads them (policy 3, 4, 6 and 8)."""
    is_closed = version.is_closed or version.is_home
    return DecidingFacts(
        version.member, version.type, version.tlp, is_closed, version.rel_to, version.taken.limits
    )


def fact_sets(
    versions: Mapping[int, ObjectVersion], settled: Mapping[RecordKey, SettledFacts]
) -> dict[int, FactSet | None]:
    """Return the set of each version, by key (policy 2.7); None: facts alone do not decide.

    `versions` has all versions of a record or none, `settled` the records outside that `versions` refer to;
    a record in neither does not exist. Facts alone do not decide on copies, on answers, on versions with very
    many different facts, and on what depends on one of these.
    """
    return _Dependencies(versions, settled).sets()


class _Dependencies:
    """The versions that depend on each other. A set of facts is an integer with a bit for each fact."""

    def __init__(
        self, versions: Mapping[int, ObjectVersion], settled: Mapping[RecordKey, SettledFacts]
    ) -> None:
        self._versions = versions
        self._settled = settled
        self._newest = {v.record: v for v in versions.values() if v.is_newest}
        self._bits: dict[DecidingFacts, int] = {}
        self._own = {key: deciding_facts(v) for key, v in versions.items()}
        self._others = dict.fromkeys(versions, 0)
        self._oldest = {key: v.submitted_at for key, v in versions.items()}
        self._dependents: dict[int, list[int]] = defaultdict(list)
        for record in by_record(versions.values()).values():
            for version, later in zip(record, [*record[1:], None], strict=True):
                self._add(version, later)

    def sets(self) -> dict[int, FactSet | None]:
        self._propagate()
        facts = {bit: one for one, bit in self._bits.items()}
        known: dict[int, frozenset[DecidingFacts] | None] = {}
        found: dict[int, FactSet | None] = {}
        for key, mask in self._others.items():
            if mask not in known:
                is_decided = not mask & _UNDECIDED and mask.bit_count() <= _MOST
                known[mask] = frozenset(facts[bit] for bit in _single(mask)) if is_decided else None
            others = known[mask]
            found[key] = None if others is None else FactSet(self._own[key], others, self._oldest[key])
        return found

    def _bit(self, facts: DecidingFacts) -> int:
        return self._bits.setdefault(facts, _UNDECIDED << (len(self._bits) + 1))

    def _add(self, version: ObjectVersion, later: ObjectVersion | None) -> None:
        """Record what the version depends on."""
        key = version.key
        # Policy 2.7: a copy withholds nothing from readers of its original. Policy 7: answers have forms.
        if version.is_copy or version.about is not None:
            self._others[key] |= _UNDECIDED
        # INVARIANT: an earlier version needs every later one (policy 4), as `references.judge` has it.
        if later is not None:
            self._dependents[later.key].append(key)
        # Policy 2.7: a container with TLP of its own is not withheld for an unmarked name in it.
        inside = frozenset() if version.markings.tlp is None else version.contains
        for id in version.refers:
            record = version.member, id  # own records alone withhold (policy 2.7)
            if (newest := self._newest.get(record)) is not None:
                if not (id in inside and is_unmarked_name(newest)):
                    self._dependents[newest.key].append(key)
                continue
            outside = self._settled.get(record)
            if outside is not None and not (id in inside and outside.is_unmarked_name):
                self._add_settled(key, outside.facts)

    def _add_settled(self, key: int, facts: FactSet | None) -> None:
        if facts is None:
            self._others[key] |= _UNDECIDED
            return
        for one in (facts.own, *facts.others):
            self._others[key] |= self._bit(one)
        self._oldest[key] = min(self._oldest[key], facts.oldest_at)

    def _propagate(self) -> None:
        # Sets only grow and instants only fall, so that cycles of references end.
        waiting = list(self._versions)
        while waiting:
            key = waiting.pop()
            passed, oldest = self._others[key] | self._bit(self._own[key]), self._oldest[key]
            for dependent in self._dependents.get(key, ()):
                if passed & ~self._others[dependent] or oldest < self._oldest[dependent]:
                    self._others[dependent] |= passed
                    self._oldest[dependent] = min(oldest, self._oldest[dependent])
                    waiting.append(dependent)


def _single(mask: int) -> Iterator[int]:
    """Yield each bit of the mask."""
    while mask:
        bit = mask & -mask
        yield bit
        mask ^= bit
