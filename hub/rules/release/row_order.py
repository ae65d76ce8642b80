"""In which order new rows take their positions and dates, so that these tell little (policy 9).

What more readers see comes first: a reader's rows of one commit then follow each other without a gap,
whatever else is hidden from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Final

from hub.model import Clearance, Form, Justification, ObjectVersion, StixId

Appended = tuple[int, Form, Justification]
_Order = tuple[bool, int, bool, str]

_BY_NAME: Final = max(Clearance) + 1  # to no clearance, but to members that are named


def as_dated(rows: Sequence[Appended], versions: Mapping[int, ObjectVersion]) -> list[Appended]:
    """Return the rows by clearance, the widest first; among equals, referents before what refers to them.

    Where references leave the choice, objects with spec_version come first: a poller may tell the version of
    STIX by the first object of a page.
    """
    by_clearance: dict[int, list[Appended]] = defaultdict(list)
    for row in rows:
        by_clearance[clearance_of(row[2])].append(row)
    return [row for _, some in sorted(by_clearance.items()) for row in _referents_first(some, versions)]


def clearance_of(justification: Justification) -> int:
    """Return from which clearance up a new row is seen; what only named members see counts as above all."""
    lowest = (
        min((ground.clearance for ground in alternatives if ground.member is None), default=_BY_NAME)
        for alternatives in justification
    )
    return max(lowest, default=Clearance.PARTNER)


def _referents_first(rows: Iterable[Appended], versions: Mapping[int, ObjectVersion]) -> list[Appended]:
    """Return the rows so that those of an id come after those of the ids that its versions hold.

    By ids, not by rows: what many versions have in common is looked at once. A circle is in one piece, and
    begins with what would come first without references.
    """
    by_id: dict[StixId, list[Appended]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: _priority(row, versions)):
        by_id[versions[row[0]].id].append(row)
    first = {id: _priority(some[0], versions) for id, some in by_id.items()}
    waits_for = {
        id: {other for key, _, _ in some for other in versions[key].refers if other in by_id and other != id}
        for id, some in by_id.items()
    }
    return [row for id in _ordered(waits_for, first) for row in by_id[id]]


def _priority(row: Appended, versions: Mapping[int, ObjectVersion]) -> _Order:
    key, form, _ = row
    return not versions[key].has_spec_version, key, form.is_link, form.label


def _ordered(waits_for: Mapping[StixId, set[StixId]], first: Mapping[StixId, _Order]) -> list[StixId]:
    """Return the ids so that each comes after those that it waits for, unless these wait for it, too."""
    cycle = _cycles(waits_for)
    inside: dict[StixId, list[StixId]] = defaultdict(list)
    for id in sorted(waits_for, key=first.__getitem__):
        inside[cycle[id]].append(id)
    between = {
        one: {cycle[other] for id in ids for other in waits_for[id]} - {one} for one, ids in inside.items()
    }
    ordered: list[StixId] = []
    for one in _topological(between, {one: first[ids[0]] for one, ids in inside.items()}):
        members = set(inside[one])
        ordered += _topological({id: waits_for[id] & members for id in inside[one]}, first)
    return ordered


def _cycles(waits_for: Mapping[StixId, set[StixId]]) -> dict[StixId, StixId]:
    """Return for every id one that stands for all that wait for each other with it (strong components).

    By H. N. Gabow, Path-based depth-first search (2000), without recursion: chains may be of any length.
    """
    place: dict[StixId, int] = {}
    found: dict[StixId, StixId] = {}
    path: list[StixId] = []
    bounds: list[StixId] = []
    for root in waits_for:
        ways = [] if root in place else [(root, iter(waits_for[root]))]
        if ways:
            _enter(root, place, path, bounds)
        while ways:
            id, others = ways[-1]
            other = next(others, None)
            if other is None:
                ways.pop()
                _leave(id, found, path, bounds)
            elif other not in place:
                _enter(other, place, path, bounds)
                ways.append((other, iter(waits_for[other])))
            elif other not in found:
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


def _topological(waits_for: Mapping[StixId, set[StixId]], first: Mapping[StixId, _Order]) -> list[StixId]:
    """Return the ids so that each comes after those that it waits for; of a circle its first goes first."""
    waited_for_by: dict[StixId, list[StixId]] = defaultdict(list)
    for id, others in waits_for.items():
        for other in others:
            waited_for_by[other].append(id)
    left = {id: len(others) for id, others in waits_for.items()}
    ready = [(first[id], id) for id, count in left.items() if not count]
    heapify(ready)
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
