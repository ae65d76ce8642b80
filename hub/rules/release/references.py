"""Joint judgement of the objects of one member that refer to each other (policy 2.7).

A version stands for a reader only while every own record that it refers to stands for that reader, and while
every later version of its record does. That largest consistent set is computed as a closure: the
justification of a version is the union of the classes of all that can be reached from it. Others' records
are not looked at here: what is taken over from them is decided once, in `rules.submission.taking`.

Two references bind nothing: of a report or grouping with TLP of its own to an unmarked name in it; and, for a
reader who may see what it is a copy of, to an own copy.

Where an agreement hides which member submitted a version, references among such versions are judged in that
form, and a redaction or an answer, to which nothing refers, on what it refers to (policy 7).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from hub.model import (
    ANONYMISED,
    SUBMITTED,
    Class,
    Form,
    Justification,
    MemberId,
    NationCode,
    StixId,
    Tlp,
    View,
)
from hub.rules.release.deciding import NEVER, simplify

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Node(Generic[K]):
    """A version to be judged: its own class for each recipient, what it refers to, the next later version.

    `is_newest` marks the version by which references to the record are judged. `others` are its own classes
    in other forms than as submitted, `left` what each redaction refers to; `is_masked`: references among such
    versions are judged in anonymised form where the referring one appears so. `sources` are the identities
    that its nation's cert stands for there. `unbound` are the ids of a container with TLP of its own, which
    unmarked names among them do not hold back. `originals`, of a copy: for whom the original stands.
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
    unbound: frozenset[StixId] = frozenset()
    is_unmarked_name: bool = False
    originals: Mapping[NationCode, Sequence[Justification]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settled:
    """A record that is not judged now: the justification of its newest version for each recipient and form.

    A view that is missing is one that is withheld. `originals`, of a copy: for whom the original stands.
    """

    member: MemberId
    id: StixId
    justifications: Mapping[View, Justification]
    is_masked: bool = False
    is_unmarked_name: bool = False
    originals: Mapping[NationCode, Sequence[Justification]] = field(default_factory=dict)

    def is_visible(self, recipient: NationCode, form: Form = SUBMITTED) -> Justification:
        return self.justifications.get(View(recipient, form), frozenset({NEVER}))


Judgement = dict[View, Justification]


def judge(
    nodes: Mapping[K, Node[K]], settled: Iterable[Settled], recipients: Iterable[NationCode]
) -> dict[K, Judgement]:
    """Return the justification of every node for every recipient, in every form (policy 2.7, 4 and 7).

    A justification that holds the empty class never stands: the version is withheld.
    """
    graph = _Graph(nodes, settled)
    found: dict[K, Judgement] = {key: {} for key in nodes}
    for recipient in recipients:
        plain = graph.closure(recipient)
        for key, value in plain.items():
            found[key][View(recipient)] = value
        for key, judgement in graph.in_other_forms(recipient, plain).items():
            found[key].update(judgement)
    return found


def reached(nodes: Mapping[K, Node[K]], marked: Iterable[K], most: int) -> dict[K, list[K]]:
    """Return which `marked` nodes can be reached from each node, itself aside: the least `most` of them.

    Without all that can be reached from it a node does not stand. Whatever nodes refer to is among them,
    however far. It costs at most `most` + 1 visits to each node, however many are asked about.
    """
    referrers: dict[K, list[K]] = defaultdict(list)
    for key, targets in _Graph(nodes, ()).targets.items():
        for target in targets:
            referrers[target].append(key)
    found: dict[K, list[K]] = {key: [] for key in nodes}
    for mark in sorted(marked):  # type: ignore[type-var] # keys of one kind are in order
        waiting, met = [mark], {mark}
        while waiting:
            key = waiting.pop()
            if len(found[key]) > most:
                continue  # whatever refers to it has had as many already
            found[key].append(mark)
            new = [one for one in referrers.get(key, ()) if one not in met]
            met.update(new)
            waiting += new
    return {key: [mark for mark in marks if mark != key][:most] for key, marks in found.items()}


def either(one: Justification, other: Justification) -> Justification:
    """Return the condition that one of two holds: each class of the one or each of the other."""
    return simplify(ours | theirs for ours in one for theirs in other)


class _Graph(Generic[K]):
    """The references among nodes, and from nodes to settled records."""

    def __init__(self, nodes: Mapping[K, Node[K]], settled: Iterable[Settled]) -> None:
        self.nodes = nodes
        self.newest = {(node.member, node.id): key for key, node in nodes.items() if node.is_newest}
        self.settled = {(record.member, record.id): record for record in settled}
        self.targets: dict[K, list[K]] = {key: self._edges_of(node) for key, node in nodes.items()}

    def _edges_of(self, node: Node[K]) -> list[K]:
        found = (self.newest.get((node.member, id)) for id in node.refers)
        targets = [k for k in found if k is not None and self._binds(node, self.nodes[k])]
        return targets if node.later is None else [node.later, *targets]

    def _binds(self, node: Node[K], referred: Node[K] | Settled) -> bool:
        return not (referred.is_unmarked_name and referred.id in node.unbound)

    def closure(self, recipient: NationCode) -> dict[K, Justification]:
        """Return for every node the union of the classes that can be reached from it."""
        starts = {key: self._start(node, recipient) for key, node in self.nodes.items()}
        return self._spread(starts, self.targets, recipient)

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
                form = view.form
                if form == ANONYMISED:
                    values[view] = hidden[key]
                    continue
                values[view] = self._leaf(key, view, hidden if form.is_anonymised else plain)
                if form.ceiling is not None and not form.is_anonymised:
                    link = form._replace(is_link=True)
                    values[View(recipient, link)] = simplify(values[view] | plain[key])
        return found

    # (hub/README: no-reference-to-redaction)
    def _leaf(self, key: K, view: View, whole: Mapping[K, Justification]) -> Justification:
        """Return the justification of a form to which nothing refers; `whole` are those of all others."""
        node, form = self.nodes[key], view.form
        refers = node.refers if form.ceiling is None else node.left[form.ceiling]
        if form.is_anonymised:
            refers -= node.sources
        classes = set(node.others[view])
        for target in self.targets[key]:
            if self.nodes[target].id in refers:
                classes |= self._as_referred(target, whole[target], view.recipient)
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
        return self._spread(starts, edges, recipient)

    def _edges(self, key: K, but: frozenset[StixId] = frozenset()) -> list[K]:
        """Return what the node refers to, but for these ids, and its next later version."""
        later = self.nodes[key].later
        return [target for target in self.targets[key] if target == later or self.nodes[target].id not in but]

    def _as_referred(self, target: K, value: Justification, recipient: NationCode) -> Justification:
        """Return by what a reference to the node stands: a copy withholds nothing that is seen elsewhere."""
        return _or_originals(value, self.nodes[target].originals.get(recipient, ()))

    def _spread(
        self, starts: Mapping[K, set[Class]], edges: Mapping[K, Iterable[K]], recipient: NationCode
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
            passed = reached[key]
            if self.nodes[key].originals.get(recipient):
                passed = bits.of(self._as_referred(key, bits.justification(passed), recipient))
            for referrer in referrers.get(key, ()):
                is_later = self.nodes[referrer].later == key  # a copy's earlier version is no reference to it
                news = reached[key] if is_later else passed
                if news & ~reached[referrer]:
                    reached[referrer] |= news
                    waiting.append(referrer)
        return {key: bits.justification(mask) for key, mask in reached.items()}

    def _start(self, node: Node[K], recipient: NationCode) -> set[Class]:
        own = {node.own.get(recipient, NEVER)}
        return own | self._settled(node, node.refers, recipient, is_anonymised=False)

    def _settled(
        self, node: Node[K], refers: Iterable[StixId], recipient: NationCode, *, is_anonymised: bool
    ) -> set[Class]:
        """Return the classes by which what `node` refers to stands, of what is not judged now."""
        classes: set[Class] = set()
        for id in refers:
            record = self.settled.get((node.member, id))
            if record is not None and self._binds(node, record):
                is_hidden = is_anonymised and record.is_masked
                value = record.is_visible(recipient, ANONYMISED if is_hidden else SUBMITTED)
                classes |= _or_originals(value, record.originals.get(recipient, ()))
        return classes


def _or_originals(value: Justification, originals: Sequence[Justification]) -> Justification:
    for one in originals:
        value = either(value, one)
    return value


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
