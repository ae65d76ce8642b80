"""Orders new rows before positions and dates are taken, so that both disclose little (policy 9).

Rows with more readers come first: for each reader, the rows of one commit then follow without a gap, whatever
else is hidden.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

from hub.model import Clearance, Form, Justification, StixId

Appended = tuple[int, Form, Justification]
_Order = tuple[bool, int, bool, str]

_BY_NAME: Final = max(Clearance) + 1  # rows for single members: after all clearances


class DatedVersion(Protocol):
    """The values of a version that order its row."""

    @property
    def id(self) -> StixId: ...
    @property
    def refers(self) -> frozenset[StixId]: ...
    @property
    def has_spec_version(self) -> bool: ...


def as_dated(rows: Sequence[Appended], versions: Mapping[int, DatedVersion]) -> list[Appended]:
    """Return the rows by clearance, the widest first; among equals, referents before referrers.

    Where references leave a choice, objects with spec_version come first: a client may derive the version of
    STIX from the first object of a page.
    """
    # INVARIANT: hidden rows come after every visible row of the commit, so no
    # gap in dates discloses how many (I6).
    clearances = {value: clearance_of(value) for value in {row[2] for row in rows}}
    by_clearance: dict[int, list[Appended]] = defaultdict(list)
    for row in rows:
        by_clearance[clearances[row[2]]].append(row)
    return [row for _, some in sorted(by_clearance.items()) for row in _referents_first(some, versions)]


def clearance_of(justification: Justification) -> int:
    """Return the lowest clearance that sees a new row; rows for single members count as above all."""
    # The narrowest class decides, as in `is_visible`. Periods play no part: all are in force or about to be.
    lowest = (
        min((ground.clearance for ground in alternatives if ground.member is None), default=_BY_NAME)
        for alternatives in justification
    )
    return max(lowest, default=Clearance.PARTNER)


def _referents_first(rows: Iterable[Appended], versions: Mapping[int, DatedVersion]) -> list[Appended]:
    """Return the rows so that the rows of an id follow the rows of all ids in `refers`.

    Works on ids, not rows: references shared by many versions are followed once. A cycle stays together, and
    begins with the row that comes first without references.
    """
    # Only rows of one clearance are compared: referents with fewer readers
    # come later all the same (policy 9).
    by_id: dict[StixId, list[Appended]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: _priority(row, versions)):
        by_id[versions[row[0]].id].append(row)
    waits_for: dict[StixId, set[StixId]] = {}
    for id, some in by_id.items():
        for key, _, _ in some:
            if found := {other for other in versions[key].refers if other in by_id and other != id}:
                waits_for.setdefault(id, set()).update(found)
    first = {id: n for n, id in enumerate(by_id)}
    return [row for id in _ordered(waits_for, first) for row in by_id[id]]


def _priority(row: Appended, versions: Mapping[int, DatedVersion]) -> _Order:
    key, form, _ = row
    # The key follows the order of the submission, so that the order is the submitter's own choice.
    return not versions[key].has_spec_version, key, form.is_link, form.label


def _ordered(waits_for: Mapping[StixId, set[StixId]], first: Mapping[StixId, int]) -> Iterable[StixId]:
    """Give the ids in `first` so that each follows all ids in `waits_for`, except within a cycle.

    `first` has the place of each id without references, rising. Ids that wait for nothing are left out of
    `waits_for`.
    """
    bound = {*waits_for, *(other for others in waits_for.values() for other in others)}
    # Most ids are free: only the bound ids are ordered among each other.
    free = [id for id in first if id not in bound]
    at = 0
    for block in _blocks({id: waits_for.get(id, set()) for id in first if id in bound}, first):
        earliest = min(first[id] for id in block)
        while at < len(free) and first[free[at]] < earliest:
            yield free[at]
            at += 1
        yield from block
    yield from free[at:]


def _blocks(
    waits_for: Mapping[StixId, set[StixId]], first: Mapping[StixId, int]
) -> Iterable[Sequence[StixId]]:
    """Give the ids so that each follows all ids in `waits_for`; the ids of a cycle together."""
    if not any(waits_for[other] for others in waits_for.values() for other in others):
        yield from ([id] for id in _topological(waits_for, first))  # no chain, so no cycle
        return
    cycle = _cycles(waits_for)
    inside: dict[StixId, list[StixId]] = defaultdict(list)
    for id in waits_for:
        inside[cycle[id]].append(id)
    # Cycles are ordered among each other first, then the ids inside each cycle.
    between = {
        one: {cycle[other] for id in ids for other in waits_for[id]} - {one} for one, ids in inside.items()
    }
    for one in _topological(between, {one: first[ids[0]] for one, ids in inside.items()}):
        members = set(inside[one])
        if len(members) == 1:
            yield inside[one]
        else:
            yield _topological({id: waits_for[id] & members for id in inside[one]}, first)


def _cycles(waits_for: Mapping[StixId, set[StixId]]) -> dict[StixId, StixId]:
    """Return for every id the representative of its strong component: ids waiting for each other.

    By H. N. Gabow, Path-based depth-first search (2000), without recursion: chains may have any length.
    """
    # Submitters choose the references: recursion would end at Python's limit,
    # a naive search takes time squared.
    place: dict[StixId, int] = {}
    found: dict[StixId, StixId] = {}
    path: list[StixId] = []
    bounds: list[StixId] = []
    for root in waits_for:
        branches = [] if root in place else [(root, iter(waits_for[root]))]
        if branches:
            _enter(root, place, path, bounds)
        while branches:
            id, others = branches[-1]
            other = next(others, None)
            if other is None:
                branches.pop()
                _leave(id, found, path, bounds)
            elif other not in place:
                _enter(other, place, path, bounds)
                branches.append((other, iter(waits_for[other])))
            elif other not in found:
                # A path back to an open id joins all components above that id into one.
                while place[bounds[-1]] > place[other]:
                    bounds.pop()
    return found


def _enter(id: StixId, place: dict[StixId, int], path: list[StixId], bounds: list[StixId]) -> None:
    place[id] = len(place)
    path.append(id)
    bounds.append(id)


def _leave(id: StixId, found: dict[StixId, StixId], path: list[StixId], bounds: list[StixId]) -> None:
    if bounds[-1] == id:
        bounds.pop()
        while id not in found:
            found[path.pop()] = id


def _topological(waits_for: Mapping[StixId, set[StixId]], first: Mapping[StixId, int]) -> list[StixId]:
    """Return the ids so that each follows the ids in `waits_for`; of a cycle the first by priority leads."""
    waited_for_by: dict[StixId, list[StixId]] = defaultdict(list)
    for id, others in waits_for.items():
        for other in others:
            waited_for_by[other].append(id)
    left = {id: len(others) for id, others in waits_for.items()}
    # A heap, because sets have no order: the result must be the same on every run.
    ready = [(first[id], id) for id, count in left.items() if not count]
    heapify(ready)
    # Asked only when no id is ready: then each remaining id waits for a cycle.
    in_cycles = iter(sorted((first[id], id) for id in waits_for))
    ordered: dict[StixId, None] = {}
    while len(ordered) < len(left):
        _, id = heappop(ready) if ready else next(in_cycles)
        if id in ordered:
            continue
        ordered[id] = None
        for other in waited_for_by[id]:
            left[other] -= 1
            if not left[other] and other not in ordered:
                heappush(ready, (first[other], other))
    return list(ordered)
