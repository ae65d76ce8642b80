"""The plan of a push: objects that share a POST, because the POST decides about unmarked objects.

1. Definitions go first: a marking known to the hub closes no object (policy 2.6).
2. A container shares a POST with its contents and with containers of the same contents, if all fit.
3. Otherwise a name goes with the laxest container around the name, which settles the level once. Any other
   content goes with or after the last container, because the strictest level counts.
4. Objects outside containers keep the given order.

Policy 2.3 is the reason for 2 and 3. The same objects give the same POSTs, so a repeated push is harmless.
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
MOST_OBJECTS: Final = 10_000  # the hub's limit for one POST
# A POST of this size takes no further group: a failed POST then repeats little.
_ENOUGH_OBJECTS: Final = 1_000
_UNMARKED: Final = Tlp.AMBER  # the default of policy 2.4; the nation's own default is not known here


def size_of(sizes: Iterable[int]) -> int:
    """Return an upper bound for the bytes of an envelope: the last body counts a comma, too."""
    return len(HEAD) + len(TAIL) + sum(size + len(COMMA) for size in sizes)


# (hub/README: push-plan)
def posts(
    pieces: Sequence[SpooledItem], most_bytes: int, most: int = MOST_OBJECTS
) -> Iterator[list[SpooledItem]]:
    """Yield every piece once, in POSTs of at most `most` pieces and `most_bytes` bytes as an envelope.

    Each single piece must fit. Versions of one object keep the given order. So do unmarked containers in a
    cycle that does not fit one POST.
    """
    post: list[SpooledItem] = []
    left = _Capacity(most_bytes, most)
    # INVARIANT: the plan depends on the pieces alone, not on time or on answers. A repeated push makes the
    # same POSTs.
    for block in _blocks(pieces, _Capacity(most_bytes, most)):
        if post and (len(post) >= _ENOUGH_OBJECTS or not left.takes(block)):
            yield post
            post, left = [], _Capacity(most_bytes, most)
        for piece in block:
            if post and not left.takes([piece]):
                yield post
                post, left = [], _Capacity(most_bytes, most)
            post.append(piece)
            left = left.after(piece)
    if post:
        yield post


@dataclass(frozen=True, slots=True)
class _Capacity:
    """The free part of a POST."""

    size: int  # bytes, as an envelope
    count: int

    def takes(self, block: Sequence[SpooledItem]) -> bool:
        return len(block) <= self.count and size_of(piece.size for piece in block) <= self.size

    def after(self, piece: SpooledItem) -> _Capacity:
        return _Capacity(self.size - piece.size - len(COMMA), self.count - 1)


@dataclass(slots=True)
class _Container:
    """A report or grouping with all its versions, and the objects placed behind it."""

    versions: list[SpooledItem] = field(default_factory=list)
    level: Tlp = _UNMARKED
    names: list[SpooledItem] = field(default_factory=list)
    parts: list[SpooledItem] = field(default_factory=list)

    @property
    def is_unmarked(self) -> bool:
        return any(version.level is None for version in self.versions)

    @property
    def named_ids(self) -> dict[str, None]:
        """The ids that the container names, as a set with an order."""
        return dict.fromkeys(name for version in self.versions for name in version.names)

    @property
    def laxness(self) -> tuple[Tlp, bool, bool]:
        """The sort key of containers, the laxest first.

        Labels, and markings other than TLP, are not read, so a container may be stricter than the key. Names
        are then handled more strictly than necessary, never more freely.
        """
        return self.level, any(version.has_others for version in self.versions), self.is_unmarked

    def block(self) -> list[SpooledItem]:
        return [*self.versions, *self.names, *self.parts]


def _blocks(pieces: Sequence[SpooledItem], capacity: _Capacity) -> Iterator[Sequence[SpooledItem]]:
    """Yield blocks that should share a POST, each in an order that allows a cut."""
    containers = _outer_first(_containers(pieces))
    holders: dict[str, list[str]] = defaultdict(list)  # by named id, outer containers first
    for id, container in containers.items():
        for name in container.named_ids:
            holders[name].append(id)
    _set_levels(containers, holders)
    contents, loose = _contents(pieces, holders)
    _place(contents, containers, holders)
    yield from ([piece] for piece in loose if piece.role is Role.DEFINITION)
    yield from _groups(containers, contents, holders, capacity)
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
    """Return the contents of containers by id, with all versions, and all other objects."""
    contents: dict[str, list[SpooledItem]] = defaultdict(list)
    loose: list[SpooledItem] = []
    for piece in pieces:
        if piece.role is not Role.CONTAINER:
            # A definition goes first, also inside a container.
            is_content = piece.id in holders and piece.role is not Role.DEFINITION
            (contents[piece.id] if is_content else loose).append(piece)
    return contents, loose


def _outer_first(containers: Mapping[str, _Container]) -> dict[str, _Container]:
    """Return the containers in order, but each unmarked container after the containers around it.

    In a cycle, and in its contents, the first container in order goes first.
    """
    # Policy 2.3: an unmarked container takes over from the containers around it, which must be there by then.
    inner = {
        id: [n for n in one.named_ids if n != id and n in containers and containers[n].is_unmarked]
        for id, one in containers.items()
    }
    waiting = Counter(name for names in inner.values() for name in names)
    ids = list(containers)
    place = {id: number for number, id in enumerate(ids)}
    ready = [place[id] for id in ids if not waiting[id]]  # sorted, so a heap
    ordered: dict[str, _Container] = {}
    for first in range(len(ids)):
        if not ready and ids[first] not in ordered:  # a cycle: no member is ready first
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
    """Set each container's level: the laxest of all versions; unmarked versions take the outer level."""
    for id, container in containers.items():
        given = max([_UNMARKED, *(containers[one].level for one in holders.get(id, ()) if one != id)])
        container.level = min(given if one.level is None else one.level for one in container.versions)


def _place(
    contents: Mapping[str, Sequence[SpooledItem]],
    containers: Mapping[str, _Container],
    holders: Mapping[str, Sequence[str]],
) -> None:
    """Put each name behind the laxest container, and other contents behind the last container."""
    for id, versions in contents.items():
        # Policy 2.3: a name is settled once, by the laxest container; other contents take the strictest.
        if _is_name(versions):
            laxest = min((containers[one] for one in holders[id]), key=lambda one: one.laxness)
            laxest.names += versions
        else:
            containers[holders[id][-1]].parts += versions


def _is_name(versions: Iterable[SpooledItem]) -> bool:
    return any(version.role is Role.NAME for version in versions)


# --- groups of containers ------------------------------------------------------------------------


def _groups(
    containers: Mapping[str, _Container],
    contents: Mapping[str, Sequence[SpooledItem]],
    holders: Mapping[str, Sequence[str]],
    capacity: _Capacity,
) -> Iterator[Sequence[SpooledItem]]:
    """Yield containers with the objects placed behind them, as many together as fit and share something.

    First all containers with a common object, else containers with a common content other than a name, else
    each container by itself.
    """
    nested = [[*holders[id], id] for id in containers if id in holders]
    by_names = [holders[id] for id, versions in contents.items() if _is_name(versions)]
    by_parts = [holders[id] for id, versions in contents.items() if not _is_name(versions)]
    wide = _group_ids(containers, [*nested, *by_parts, *by_names])
    narrow = _group_ids(containers, [*nested, *by_parts])
    for group in _by_group(containers, wide):
        if capacity.takes(block := _block(containers, group)):
            yield block
            continue
        for part in _by_group(group, narrow):
            if capacity.takes(block := _block(containers, part)):
                yield block
            else:
                yield from (containers[id].block() for id in part)


def _group_ids(ids: Iterable[str], ties: Iterable[Sequence[str]]) -> Mapping[str, str]:
    """Return for every id the representative of a group: ids tied directly or through other ids."""
    parent = {id: id for id in ids}

    def representative(id: str) -> str:
        while parent[id] != id:
            parent[id] = parent[parent[id]]  # path halving keeps chains short
            id = parent[id]
        return id

    for first, *others in ties:
        for other in others:
            parent[representative(other)] = representative(first)
    return {id: representative(id) for id in parent}


def _by_group(ids: Iterable[str], group_ids: Mapping[str, str]) -> Iterable[Sequence[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for id in ids:
        groups[group_ids[id]].append(id)
    return groups.values()


def _block(containers: Mapping[str, _Container], ids: Iterable[str]) -> list[SpooledItem]:
    return [piece for id in ids for piece in containers[id].block()]
