"""Judges together the objects of one member that refer to each other (policy 2.7).

A version is visible to a reader only while every own record in `refers`, and every later version of the same
record, is visible to that reader. The rule asks for the largest consistent set, computed as a closure: the
justification of a version is the union of the classes of every reachable version. Other members' records are
not judged here: `rules.submission.taking` decides once about these.

Two kinds of reference bind nothing: from a report or grouping with TLP of its own to an unmarked name inside;
and to an own copy, for a reader of the copied object.

Where an agreement hides the submitting member, references among such versions are judged in anonymised form.
Redactions and answers, the forms without referrers, are judged by the targets of the references (policy 7).
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
from hub.rules.release.justifications import NEVER, simplify

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Node(Generic[K]):
    """A version to be judged: the own class for each recipient, the references, the next later version.

    `is_newest` marks the version that references to the record are judged by. `others` are the own classes in
    forms other than as submitted, `left` the references of each redaction. `is_masked`: a reference from one
    such version in anonymised form leads to the anonymised form. `sources` are the identities replaced there
    by the nation's cert. `unbound` are the ids in a container with TLP of its own: unmarked names among these
    do not hold back the container. `originals`, for a copy alone: the justifications of the original.
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
    """A record outside this judgement: the justification of the newest version for each recipient and form.

    A missing view is withheld. `originals`, for a copy alone: the justifications of the original.
    """

    member: MemberId
    id: StixId
    justifications: Mapping[View, Justification]
    is_masked: bool = False
    is_unmarked_name: bool = False
    originals: Mapping[NationCode, Sequence[Justification]] = field(default_factory=dict)

    def is_visible(self, recipient: NationCode, form: Form = SUBMITTED) -> Justification:
        # Every doubt closes: an unknown view counts as withheld.
        return self.justifications.get(View(recipient, form), frozenset({NEVER}))


Judgement = dict[View, Justification]


def judge(
    nodes: Mapping[K, Node[K]], settled: Iterable[Settled], recipients: Iterable[NationCode]
) -> dict[K, Judgement]:
    """Return the justification of every node for every recipient, in every form (policy 2.7, 4 and 7).

    A justification with the empty class never holds: the version is withheld.
    """
    graph = _Graph(nodes, settled)
    found: dict[K, Judgement] = {key: {} for key in nodes}
    for recipient in recipients:
        # As submitted first: unmasked versions keep this justification in the anonymised closure.
        plain = graph.closure(recipient)
        for key, value in plain.items():
            found[key][View(recipient)] = value
        for key, judgement in graph.in_other_forms(recipient, plain).items():
            found[key].update(judgement)
    return found


def reached(nodes: Mapping[K, Node[K]], marked: Iterable[K], most: int) -> dict[K, list[K]]:
    """Return the `marked` nodes reachable from each node, without the node: the least `most` of these.

    A node is visible only while every reachable node is. The cost is at most `most` + 1 visits to each node,
    however many nodes are marked.
    """
    # Walks backwards from each mark: the cost follows the marks, and no justification is computed.
    referrers: dict[K, list[K]] = defaultdict(list)
    for key, targets in _Graph(nodes, ()).targets.items():
        for target in targets:
            referrers[target].append(key)
    found: dict[K, list[K]] = {key: [] for key in nodes}
    for mark in sorted(marked):  # type: ignore[type-var] # keys of one kind are in order
        waiting, visited = [mark], {mark}
        while waiting:
            key = waiting.pop()
            if len(found[key]) > most:
                continue  # enough are found, for every referrer too
            found[key].append(mark)
            new = [one for one in referrers.get(key, ()) if one not in visited]
            visited.update(new)
            waiting += new
    return {key: [mark for mark in marks if mark != key][:most] for key, marks in found.items()}


def either(one: Justification, other: Justification) -> Justification:
    """Return the condition that one of two holds: each class of the first or each class of the second."""
    return simplify(ours | theirs for ours in one for theirs in other)


class _Graph(Generic[K]):
    """The references among nodes, and from nodes to settled records."""

    def __init__(self, nodes: Mapping[K, Node[K]], settled: Iterable[Settled]) -> None:
        self.nodes = nodes
        self.newest = {(node.member, node.id): key for key, node in nodes.items() if node.is_newest}
        self.settled = {(record.member, record.id): record for record in settled}
        self.targets: dict[K, list[K]] = {key: self._edges_of(node) for key, node in nodes.items()}

    def _edges_of(self, node: Node[K]) -> list[K]:
        # Policy 2.7: only the submitter's own records are judged again, so the member is part of the key.
        found = (self.newest.get((node.member, id)) for id in node.refers)
        targets = [k for k in found if k is not None and self._binds(node, self.nodes[k])]
        # INVARIANT: the newest version decides (policy 4): an earlier version needs every later
        # version, as if it referred to the next.
        return targets if node.later is None else [node.later, *targets]

    def _binds(self, node: Node[K], referred: Node[K] | Settled) -> bool:
        # Policy 2.7: a marked report is not withheld for an unmarked name inside; only the name is.
        return not (referred.is_unmarked_name and referred.id in node.unbound)

    def closure(self, recipient: NationCode) -> dict[K, Justification]:
        """Return for every node the union of the classes of all reachable nodes."""
        starts = {key: self._start(node, recipient) for key, node in self.nodes.items()}
        return self._propagated(starts, self.targets, recipient)

    def in_other_forms(
        self, recipient: NationCode, plain: Mapping[K, Justification]
    ) -> dict[K, dict[View, Justification]]:
        """Return the justifications of the forms other than as submitted, for `recipient`.

        `plain` are the justifications as submitted.
        """
        asked = {
            key: [view for view in node.others if view.recipient == recipient]
            for key, node in self.nodes.items()
            if node.others
        }
        # No clause in force alters a version for this recipient: no second closure is needed.
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
                    # Policy 7: the `derived-from` link only for a reader that may know the original id.
                    link = form._replace(is_link=True)
                    values[View(recipient, link)] = simplify(values[view] | plain[key])
        return found

    # (hub/README: no-reference-to-redaction)
    def _leaf(self, key: K, view: View, whole: Mapping[K, Justification]) -> Justification:
        """Return the justification of a form without referrers.

        `whole` are the justifications of whole nodes.
        """
        node, form = self.nodes[key], view.form
        # Only references left after the redaction bind: a removed part refers to nothing (policy 7).
        refers = node.refers if form.ceiling is None else node.left[form.ceiling]
        # The national cert takes the place of these identities, so the reference is gone (policy 7).
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
        """Return the justifications in anonymised form; unmasked versions are served as submitted."""
        starts: dict[K, set[Class]] = {}
        for key, node in self.nodes.items():
            # Only masked versions change here. All others keep the
            # justification as submitted, already a closure.
            if node.is_masked:
                # Every doubt closes: without a class of its own the anonymised form, and every
                # referrer in that form, is withheld.
                own = set(node.others.get(View(recipient, ANONYMISED), {NEVER}))
                refers = node.refers - node.sources
                starts[key] = own | self._settled(node, refers, recipient, is_anonymised=True)
            else:
                starts[key] = set(plain[key])
        # Edges from masked nodes alone: the other nodes start with a complete closure.
        edges = {key: self._edges(key, node.sources) for key, node in self.nodes.items() if node.is_masked}
        return self._propagated(starts, edges, recipient)

    def _edges(self, key: K, but: frozenset[StixId] = frozenset()) -> list[K]:
        """Return the targets of the references, except these ids, and the next later version."""
        later = self.nodes[key].later
        return [target for target in self.targets[key] if target == later or self.nodes[target].id not in but]

    def _as_referred(self, target: K, value: Justification, recipient: NationCode) -> Justification:
        """Return the condition added by a reference: a copy withholds nothing from the original's readers."""
        return _or_originals(value, self.nodes[target].originals.get(recipient, ()))

    def _propagated(
        self, starts: Mapping[K, set[Class]], edges: Mapping[K, Iterable[K]], recipient: NationCode
    ) -> dict[K, Justification]:
        """Return for every node the classes at the start of all nodes reachable along the edges.

        Classes are few, so a set of classes is an integer with a bit for each class.
        """
        # One recipient at a time: the classes of a nation are few, so the masks stay short.
        bits = _Bits()
        reached = {key: bits.of(classes) for key, classes in starts.items()}
        referrers: dict[K, list[K]] = defaultdict(list)
        for key, targets in edges.items():
            for target in targets:
                referrers[target].append(key)
        # INVARIANT: masks only grow, so cycles of references end with the
        # largest consistent set (policy 2.7).
        waiting = list(self.nodes)
        while waiting:
            key = waiting.pop()
            passed = reached[key]
            if self.nodes[key].originals.get(recipient):
                passed = bits.of(self._as_referred(key, bits.justification(passed), recipient))
            # A referrer needs all classes of the target: more classes, fewer readers (policy 2.7).
            for referrer in referrers.get(key, ()):
                is_later = self.nodes[referrer].later == key  # a copy's earlier version is no reference to it
                added = reached[key] if is_later else passed
                if added & ~reached[referrer]:
                    reached[referrer] |= added
                    waiting.append(referrer)
        return {key: bits.justification(mask) for key, mask in reached.items()}

    def _start(self, node: Node[K], recipient: NationCode) -> set[Class]:
        own = {node.own.get(recipient, NEVER)}
        return own | self._settled(node, node.refers, recipient, is_anonymised=False)

    def _settled(
        self, node: Node[K], refers: Iterable[StixId], recipient: NationCode, *, is_anonymised: bool
    ) -> set[Class]:
        """Return the classes from settled records in the references of `node`."""
        classes: set[Class] = set()
        for id in refers:
            record = self.settled.get((node.member, id))
            if record is not None and self._binds(node, record):
                # Policy 7: in anonymised form the reference leads to the
                # anonymised object, never to the agency's id.
                is_hidden = is_anonymised and record.is_masked
                value = record.is_visible(recipient, ANONYMISED if is_hidden else SUBMITTED)
                classes |= _or_originals(value, record.originals.get(recipient, ()))
        return classes


def _or_originals(value: Justification, originals: Sequence[Justification]) -> Justification:
    # Policy 2.7: an own copy withholds nothing from a reader of the copied object, so OR, not AND.
    for one in originals:
        value = either(value, one)
    return value


class _Bits:
    """Classes numbered in order of arrival, so that unions are integer operations."""

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
