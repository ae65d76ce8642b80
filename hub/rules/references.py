"""Joint judgement of objects that refer to each other (policy 2.7).

A version stands for a reader only while everything it refers to stands for that reader, and while
every later version of its record does. That largest consistent set is computed as a closure: the
justification of a version is the union of the classes of all that can be reached from it.

Whether a reference to another member's record counts depends on whether the referring member may
see that record itself, inside the nation. Those edges are found first, on the home justifications.

Where an agreement hides which member submitted a version, references among such versions are judged in that
form, and a redaction or an answer, to which nothing refers, on what it refers to (policy 7).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from hub.model import (
    SUBMITTED,
    Class,
    Clearance,
    Justification,
    MemberId,
    NationCode,
    Reader,
    Rendition,
    StixId,
    Tlp,
    View,
)
from hub.rules.release import NEVER, simplify, stands

K = TypeVar("K", bound=Hashable)

ANONYMISED: Final = Rendition(is_anonymised=True)


@dataclass(frozen=True, slots=True)
class Node(Generic[K]):
    """A version to be judged: its own class for each recipient, what it refers to, the next later version.

    `is_newest` marks the version by which references to the record are judged. `others` are its own classes
    in other forms than as submitted, `left` what each redaction refers to; `is_masked`: references among such
    versions are judged in anonymised form where the referring one appears so. `sources` are the identities
    that its nation's cert stands for there.
    """

    member: MemberId
    id: StixId
    own: Mapping[NationCode, Class]
    refers: frozenset[StixId]
    later: K | None
    is_newest: bool
    others: Mapping[View, Justification] = field(default_factory=dict)
    left: Mapping[Tlp, frozenset[StixId]] = field(default_factory=dict)
    is_masked: bool = False
    sources: frozenset[StixId] = frozenset()


@dataclass(frozen=True, slots=True)
class Settled:
    """A record that is not judged now: the justification of its newest version for each recipient and form.

    A view that is missing is one that is withheld.
    """

    member: MemberId
    id: StixId
    justifications: Mapping[View, Justification]
    is_masked: bool = False

    def stands(self, recipient: NationCode, rendition: Rendition = SUBMITTED) -> Justification:
        return self.justifications.get(View(recipient, rendition), frozenset({NEVER}))


@dataclass(frozen=True, slots=True)
class Circle:
    """Where the judgement takes place: the nation, its members' clearances, and all recipients."""

    home: NationCode
    clearances: Mapping[MemberId, Clearance]
    recipients: Sequence[NationCode]

    def reader(self, member: MemberId) -> Reader:
        return Reader(member, self.home, self.clearances[member])


Judgement = dict[View, Justification]


def judge(nodes: Mapping[K, Node[K]], settled: Iterable[Settled], circle: Circle) -> dict[K, Judgement]:
    """Return the justification of every node for every recipient of `circle`, in every form that it may have.

    A justification that holds the empty class never stands: the version is withheld.
    """
    graph = _Graph(nodes, settled, circle)
    graph.settle_foreign_edges()
    found: dict[K, Judgement] = {key: {} for key in nodes}
    for recipient in circle.recipients:
        plain = graph.closure(recipient)
        for key, value in plain.items():
            found[key][View(recipient)] = value
        for key, judgement in graph.in_other_forms(recipient, plain).items():
            found[key].update(judgement)
    return found


def needed(key: K, nodes: Mapping[K, Node[K]], circle: Circle) -> set[K]:
    """Return the nodes without which the one at `key` does not stand: all that can be reached from it.

    Whatever it refers to is among `nodes`, however far.
    """
    graph = _Graph(nodes, (), circle)
    graph.settle_foreign_edges()
    return graph.reached_from(key)


class _Graph(Generic[K]):
    """The references among nodes, and from nodes to settled records, that count."""

    def __init__(self, nodes: Mapping[K, Node[K]], settled: Iterable[Settled], circle: Circle) -> None:
        self.nodes = nodes
        self.circle = circle
        self.newest: dict[StixId, list[K]] = defaultdict(list)
        self.settled: dict[StixId, list[Settled]] = defaultdict(list)
        for key, node in nodes.items():
            if node.is_newest:
                self.newest[node.id].append(key)
        for record in settled:
            self.settled[record.id].append(record)
        # Edges inside one member always count; those to other members' records are decided below.
        self.inner: dict[K, list[K]] = {key: self._inner_edges(node) for key, node in nodes.items()}
        self.outer: dict[K, list[K]] = {key: self._outer_edges(node) for key, node in nodes.items()}
        self.counted: dict[K, list[K]] = self.outer

    def _inner_edges(self, node: Node[K]) -> list[K]:
        targets = [
            k for id in node.refers for k in self.newest.get(id, ()) if self.nodes[k].member == node.member
        ]
        return targets if node.later is None else [node.later, *targets]

    def _outer_edges(self, node: Node[K]) -> list[K]:
        return [
            k for id in node.refers for k in self.newest.get(id, ()) if self.nodes[k].member != node.member
        ]

    def settle_foreign_edges(self) -> None:
        """Decide which edges to other members' records count.

        With more edges less is seen, and with less seen fewer edges count, so that the rounds
        close in on the answer from both sides. Should they not meet, the round with more edges
        stands, which withholds more.
        """
        if not any(self.outer.values()):
            return
        previous: dict[K, list[K]] | None = None
        while True:
            before, counted = self.counted, self._visible_outer_edges()
            if counted == before:
                return
            if counted == previous:
                self.counted = max(before, counted, key=lambda edges: sum(map(len, edges.values())))
                return
            previous, self.counted = before, counted

    def _visible_outer_edges(self) -> dict[K, list[K]]:
        home = self.closure(self.circle.home)
        readers: dict[MemberId, Reader] = {}

        def is_visible(key: K, member: MemberId) -> bool:
            reader = readers.setdefault(member, self.circle.reader(member))
            return stands(home[key], reader, frozenset())

        return {
            key: [target for target in targets if is_visible(target, self.nodes[key].member)]
            for key, targets in self.outer.items()
        }

    def closure(self, recipient: NationCode) -> dict[K, Justification]:
        """Return for every node the union of the classes that can be reached from it."""
        starts = {key: self._start(node, recipient) for key, node in self.nodes.items()}
        return self._spread(starts, {key: (*self.inner[key], *self.counted[key]) for key in self.nodes})

    def in_other_forms(
        self, recipient: NationCode, plain: Mapping[K, Justification]
    ) -> dict[K, dict[View, Justification]]:
        """Return the justifications of what `recipient` may see in other forms than as submitted.

        `plain` are those of what it sees as submitted.
        """
        asked = {
            key: [view for view in node.others if view.recipient == recipient]
            for key, node in self.nodes.items()
            if node.others
        }
        if not any(asked.values()):
            return {}
        hidden = self._hidden_closure(recipient, plain)
        found: dict[K, dict[View, Justification]] = {}
        for key, views in asked.items():
            values = found[key] = {}
            for view in views:
                form = view.rendition
                if form == ANONYMISED:
                    values[view] = hidden[key]
                    continue
                values[view] = self._leaf(key, view, hidden if form.is_anonymised else plain)
                if form.ceiling is not None and not form.is_anonymised:
                    link = form._replace(is_link=True)
                    values[View(recipient, link)] = simplify(values[view] | plain[key])
        return found

    def _leaf(self, key: K, view: View, whole: Mapping[K, Justification]) -> Justification:
        """Return the justification of a form to which nothing refers; `whole` are those of all others."""
        node, form = self.nodes[key], view.rendition
        refers = node.refers if form.ceiling is None else node.left[form.ceiling]
        if form.is_anonymised:
            refers -= node.sources
        classes = set(node.others[view])
        for target in (*self.inner[key], *self.counted[key]):
            if self.nodes[target].id in refers:
                classes |= whole[target]
        classes |= self._settled(node, refers, view.recipient, is_anonymised=form.is_anonymised)
        return simplify(classes)

    def _hidden_closure(
        self, recipient: NationCode, plain: Mapping[K, Justification]
    ) -> dict[K, Justification]:
        """Return the justifications in anonymised form; what is not masked is seen as submitted."""
        starts: dict[K, set[Class]] = {}
        for key, node in self.nodes.items():
            if node.is_masked:
                own = set(node.others.get(View(recipient, ANONYMISED), {NEVER}))
                refers = node.refers - node.sources
                starts[key] = own | self._settled(node, refers, recipient, is_anonymised=True)
            else:
                starts[key] = set(plain[key])
        edges = {key: self._edges(key, node.sources) for key, node in self.nodes.items() if node.is_masked}
        return self._spread(starts, edges)

    def _edges(self, key: K, but: frozenset[StixId] = frozenset()) -> list[K]:
        """Return what the node refers to, but for these ids, and its next later version."""
        found = (*self.inner[key], *self.counted[key])
        later = self.nodes[key].later
        return [target for target in found if target == later or self.nodes[target].id not in but]

    def _spread(
        self, starts: Mapping[K, set[Class]], edges: Mapping[K, Iterable[K]]
    ) -> dict[K, Justification]:
        """Return for every node the classes at the start of all that is reached along the edges.

        Classes are few, so a set of them is an integer with a bit for each.
        """
        bits = _Bits()
        reached = {key: bits.of(classes) for key, classes in starts.items()}
        referrers: dict[K, list[K]] = defaultdict(list)
        for key, targets in edges.items():
            for target in targets:
                referrers[target].append(key)
        waiting = list(self.nodes)
        while waiting:
            key = waiting.pop()
            for referrer in referrers.get(key, ()):
                if reached[key] & ~reached[referrer]:
                    reached[referrer] |= reached[key]
                    waiting.append(referrer)
        return {key: bits.justification(mask) for key, mask in reached.items()}

    def reached_from(self, key: K) -> set[K]:
        """Return all that can be reached from `key`, without it."""
        found, waiting = {key}, [key]
        while waiting:
            here = waiting.pop()
            new = {*self.inner[here], *self.counted[here]} - found
            found |= new
            waiting += new
        return found - {key}

    def _start(self, node: Node[K], recipient: NationCode) -> set[Class]:
        own = {node.own.get(recipient, NEVER)}
        return own | self._settled(node, node.refers, recipient, is_anonymised=False)

    def _settled(
        self, node: Node[K], refers: Iterable[StixId], recipient: NationCode, *, is_anonymised: bool
    ) -> set[Class]:
        """Return the classes by which what `node` refers to stands, of what is not judged now."""
        classes: set[Class] = set()
        for id in refers:
            for record in self.settled.get(id, ()):
                if self._counts(node, record):
                    is_hidden = is_anonymised and record.is_masked
                    classes |= record.stands(recipient, ANONYMISED if is_hidden else SUBMITTED)
        return classes

    def _counts(self, node: Node[K], record: Settled) -> bool:
        if record.member == node.member:
            return True
        return stands(record.stands(self.circle.home), self.circle.reader(node.member), frozenset())


class _Bits:
    """Classes numbered as they come, so that unions are integer operations."""

    def __init__(self) -> None:
        self._numbers: dict[Class, int] = {}
        self._known: dict[int, Justification] = {}

    def of(self, classes: Iterable[Class]) -> int:
        mask = 0
        for one in classes:
            mask |= 1 << self._numbers.setdefault(one, len(self._numbers))
        return mask

    def justification(self, mask: int) -> Justification:
        if mask not in self._known:
            self._known[mask] = simplify(one for one, n in self._numbers.items() if mask >> n & 1)
        return self._known[mask]
