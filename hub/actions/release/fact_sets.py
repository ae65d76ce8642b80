"""Determines the facts that decide on versions, after their submission, in short steps.

No release decision depends on these facts. A simulation counts versions by them, and reads the versions
without them one by one.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from hub.actions.service.service import Service
from hub.model import FactSet, MemberId, NationCode, ObjectVersion, RecordKey, SettledFacts, StixId
from hub.rules.release import fact_sets as rules
from hub.store.database.connection import Connection
from hub.store.records import fact_sets, objects, submissions

_VERSIONS_PER_STEP: Final = 300  # so that no submission waits long for its origin
_MOST_VERSIONS: Final = 3_000  # of a step, with undetermined versions that its versions depend on


def determine(service: Service, deadline: float) -> int:
    """Determine unknown facts until `deadline` (of `time.monotonic`); return the number of versions."""
    return sum(_determine_of(service, origin, deadline) for origin in sorted(service.registry.nations))


def _determine_of(service: Service, origin: NationCode, deadline: float) -> int:
    total = 0
    while time.monotonic() < deadline:
        with service.store.read() as connection:
            if not fact_sets.undetermined(connection, origin, 1):
                break
        with service.store.write() as connection:
            # INVARIANT: a change of a version forgets its facts under this lock, so the facts determined
            # here are those of the last change.
            submissions.hold(connection, origin)
            total += _step(connection, origin)
    return total


def _step(connection: Connection, origin: NationCode) -> int:
    last = fact_sets.last_determined(connection, origin)
    keys = fact_sets.undetermined(connection, origin, _VERSIONS_PER_STEP)
    found = determined(connection, origin, fact_sets.records_of(connection, keys))
    # INVARIANT: no version after the step's last gets its row ahead: rows leave no version out.
    end = max([last, *keys])
    kept = [one for one in found if one[0].key <= end]
    fact_sets.put(connection, origin, kept, last)
    return len(keys)


def determined(
    connection: Connection, origin: NationCode, records: Collection[RecordKey]
) -> list[tuple[ObjectVersion, FactSet | None]]:
    """Return the facts of all versions of these records, and of the undetermined records that these need."""
    versions: dict[int, ObjectVersion] = {}
    settled: dict[RecordKey, SettledFacts] = {}
    waiting = set(records)
    while waiting:
        for member, ids in _by_member(waiting).items():
            versions.update((v.key, v) for v in objects.versions_of(connection, member, ids))
        known = {v.record for v in versions.values()} | settled.keys()
        referred = {(v.member, id) for v in versions.values() for id in v.refers} - known
        waiting = set()
        for member, ids in _by_member(referred).items():
            for id, facts in fact_sets.settled(connection, origin, member, ids).items():
                if facts is not None:
                    settled[member, id] = facts
                # A long chain that came at once: its versions are judged one by one, which is right too.
                elif len(versions) > _MOST_VERSIONS:
                    settled[member, id] = SettledFacts(None, is_unmarked_name=False)
                else:
                    waiting.add((member, id))
    return [(versions[key], facts) for key, facts in rules.fact_sets(versions, settled).items()]


def _by_member(records: Iterable[RecordKey]) -> Mapping[MemberId, set[StixId]]:
    found: dict[MemberId, set[StixId]] = defaultdict(set)
    for member, id in records:
        found[member].add(id)
    return found
