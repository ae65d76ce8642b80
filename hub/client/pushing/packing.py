"""Which objects go in which POST, for that decides how unmarked ones are handled (policy 2.3).

1. Definitions go first: a marking that the hub knows closes nothing.
2. A container goes with what it names, and with the containers that name the same, where one POST takes all.
3. Else a name goes with the laxest container that names it, for its level is settled once, by that one;
   any other part goes with or after the last of its containers, for it takes the strictest.
4. What no container names follows in its order.

The same pieces give the same POSTs, so that a push that is repeated says the same again.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hub.client.input.reading import Role
from hub.client.pushing.spool import SpooledItem
from hub.model import Tlp

HEAD: Final = b'{"objects":['
TAIL: Final = b"]}"
COMMA: Final = b","
MOST_OBJECTS: Final = 10_000  # that a hub takes in one POST
# A POST with so many takes nothing more that does not belong to it: a failed one then repeats little.
_ENOUGH_OBJECTS: Final = 1_000
_UNMARKED: Final = Tlp.AMBER  # the default when a nation sets none; what it sets is not known here


def size_of(sizes: Iterable[int]) -> int:
    """Return an upper bound of the bytes of an envelope: it counts a comma after the last body, too."""
    return len(HEAD) + len(TAIL) + sum(size + len(COMMA) for size in sizes)


# (hub/README: push-plan)
def posts(pieces: Sequence[SpooledItem], room: int, most: int = MOST_OBJECTS) -> Iterator[list[SpooledItem]]:
    """Yield every piece once, in POSTs of at most `most` pieces and `room` bytes as an envelope.

    Each piece must fit by itself. Versions of one object stay in their order. Unmarked containers that name
    each other in a circle, and do not fit one POST, go in the order in which they come.
    """
    post: list[SpooledItem] = []
    left = _Room(room, most)
    for block in _blocks(pieces, _Room(room, most)):
        if post and (len(post) >= _ENOUGH_OBJECTS or not left.takes(block)):
            yield post
            post, left = [], _Room(room, most)
        for piece in block:
            if post and not left.takes([piece]):
                yield post
                post, left = [], _Room(room, most)
            post.append(piece)
            left = left.after(piece)
    if post:
        yield post


@dataclass(frozen=True, slots=True)
class _Room:
    """What a POST still takes."""

    size: int  # bytes, as an envelope
    count: int

    def takes(self, block: Sequence[SpooledItem]) -> bool:
        return len(block) <= self.count and size_of(piece.size for piece in block) <= self.size

    def after(self, piece: SpooledItem) -> _Room:
        return _Room(self.size - piece.size - len(COMMA), self.count - 1)


@dataclass(slots=True)
class _Container:
    """A report or grouping, all its versions together, and what is placed behind it."""

    versions: list[SpooledItem] = field(default_factory=list)
    level: Tlp = _UNMARKED
    names: list[SpooledItem] = field(default_factory=list)
    parts: list[SpooledItem] = field(default_factory=list)

    @property
    def is_unmarked(self) -> bool:
        return any(version.level is None for version in self.versions)

    @property
    def held(self) -> dict[str, None]:
        """The ids that it names, as a set with an order."""
        return dict.fromkeys(name for version in self.versions for name in version.names)

    @property
    def laxness(self) -> tuple[Tlp, bool, bool]:
        """What orders containers, from the laxest on.

        What labels add is not looked at, nor what markings other than TLP mean. A container may so be
        stricter than it seems: then a name is handled more strictly than it might be, never less.
        """
        return self.level, any(version.has_others for version in self.versions), self.is_unmarked

    def block(self) -> list[SpooledItem]:
        return [*self.versions, *self.names, *self.parts]


def _blocks(pieces: Sequence[SpooledItem], room: _Room) -> Iterator[Sequence[SpooledItem]]:
    """Yield what is to be in one POST if that takes it, in an order in which it may also be cut."""
    containers = _outer_first(_containers(pieces))
    holders: dict[str, list[str]] = defaultdict(list)  # by what they name, the outer first
    for id, container in containers.items():
        for name in container.held:
            holders[name].append(id)
    _set_levels(containers, holders)
    contents, loose = _contents(pieces, holders)
    _place(contents, containers, holders)
    yield from ([piece] for piece in loose if piece.role is Role.DEFINITION)
    yield from _groups(containers, contents, holders, room)
    yield from ([piece] for piece in loose if piece.role is not Role.DEFINITION)


def _containers(pieces: Iterable[SpooledItem]) -> dict[str, _Container]:
    found: dict[str, _Container] = defaultdict(_Container)
    for piece in pieces:
        if piece.role is Role.CONTAINER:
            found[piece.id].versions.append(piece)
    return dict(found)


def _contents(
    pieces: Iterable[SpooledItem], holders: Mapping[str, Sequence[str]]
) -> tuple[dict[str, list[SpooledItem]], list[SpooledItem]]:
    """Return what containers name, all versions of it by its id, and the rest; neither has containers."""
    contents: dict[str, list[SpooledItem]] = defaultdict(list)
    loose: list[SpooledItem] = []
    for piece in pieces:
        if piece.role is not Role.CONTAINER:
            is_content = piece.id in holders and piece.role is not Role.DEFINITION
            (contents[piece.id] if is_content else loose).append(piece)
    return contents, loose


def _outer_first(containers: Mapping[str, _Container]) -> dict[str, _Container]:
    """Return the containers in their order, but unmarked ones after those that name them.

    Of a circle, and of what it names, the first that comes goes first.
    """
    inner = {
        id: [n for n in one.held if n != id and n in containers and containers[n].is_unmarked]
        for id, one in containers.items()
    }
    waiting = Counter(name for names in inner.values() for name in names)
    ids = list(containers)
    place = {id: number for number, id in enumerate(ids)}
    ready = [place[id] for id in ids if not waiting[id]]  # sorted, so a heap
    ordered: dict[str, _Container] = {}
    for first in range(len(ids)):
        if not ready and ids[first] not in ordered:
            ready.append(first)
        while ready:
            id = ids[heapq.heappop(ready)]
            ordered[id] = containers[id]
            for name in inner[id]:
                waiting[name] -= 1
                if not waiting[name] and name not in ordered:
                    heapq.heappush(ready, place[name])
    return ordered


def _set_levels(containers: Mapping[str, _Container], holders: Mapping[str, Sequence[str]]) -> None:
    """Give every container its level: of several versions the laxest, of an unmarked one what it is given."""
    for id, container in containers.items():
        given = max([_UNMARKED, *(containers[one].level for one in holders.get(id, ()) if one != id)])
        container.level = min(given if one.level is None else one.level for one in container.versions)


def _place(
    contents: Mapping[str, Sequence[SpooledItem]],
    containers: Mapping[str, _Container],
    holders: Mapping[str, Sequence[str]],
) -> None:
    """Put names behind the laxest container that names them, all else behind the last."""
    for id, versions in contents.items():
        if _is_name(versions):
            laxest = min((containers[one] for one in holders[id]), key=lambda one: one.laxness)
            laxest.names += versions
        else:
            containers[holders[id][-1]].parts += versions


def _is_name(versions: Iterable[SpooledItem]) -> bool:
    return any(version.role is Role.NAME for version in versions)


# --- what belongs together ------------------------------------------------------------------------


def _groups(
    containers: Mapping[str, _Container],
    contents: Mapping[str, Sequence[SpooledItem]],
    holders: Mapping[str, Sequence[str]],
    room: _Room,
) -> Iterator[Sequence[SpooledItem]]:
    """Yield containers with all that is placed behind them: as many together as share something and fit.

    Those that share any object, else those that share more than names, else each by itself.
    """
    nested = [[*holders[id], id] for id in containers if id in holders]
    by_names = [holders[id] for id, versions in contents.items() if _is_name(versions)]
    by_parts = [holders[id] for id, versions in contents.items() if not _is_name(versions)]
    wide = _joined(containers, [*nested, *by_parts, *by_names])
    narrow = _joined(containers, [*nested, *by_parts])
    for group in _gathered(containers, wide):
        if room.takes(block := _block(containers, group)):
            yield block
            continue
        for part in _gathered(group, narrow):
            if room.takes(block := _block(containers, part)):
                yield block
            else:
                yield from (containers[id].block() for id in part)


def _joined(ids: Iterable[str], ties: Iterable[Sequence[str]]) -> Mapping[str, str]:
    """Return for every id one that stands for all that are tied to it, directly or through others."""
    above = {id: id for id in ids}

    def top(id: str) -> str:
        while above[id] != id:
            above[id] = above[above[id]]
            id = above[id]
        return id

    for first, *others in ties:
        for other in others:
            above[top(other)] = top(first)
    return {id: top(id) for id in above}


def _gathered(ids: Iterable[str], joined: Mapping[str, str]) -> Iterable[Sequence[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for id in ids:
        groups[joined[id]].append(id)
    return groups.values()


def _block(containers: Mapping[str, _Container], ids: Iterable[str]) -> list[SpooledItem]:
    return [piece for id in ids for piece in containers[id].block()]
