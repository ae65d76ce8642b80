"""What level the hub enforces for a version, and whether an unknown marking closes it (policy 2).

Two properties keep this exact without looking at old containers again: a container that arrives
later can only tighten, so a stored level is a floor; and every version of a container counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from hub.model import DefinitionKind, Markings, NationCode, StixId, Tlp


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around an object that carries no TLP marking of its own.

    `floor` is what was enforced for it before (or for the version that it revokes); `containers` the
    strictest level of the reports and groupings that name it; `exception` the level of policy 2.4
    for an accepted marking-definition or a named identity; `default` the nation's.
    """

    default: Tlp
    floor: Tlp | None = None
    containers: Tlp | None = None
    exception: Tlp | None = None


def effective_tlp(markings: Markings, around: Around) -> Tlp:
    """Return the level to enforce (policy 2.1 to 2.5).

    Own markings win; then containers and the floor, the stricter; then the exception; then the
    default. Labels and granular markings raise the result and never lower it.
    """
    base = markings.tlp
    if base is None:
        base = _strictest((around.floor, around.containers))
    if base is None:
        base = around.default if around.exception is None else around.exception
    return base if markings.raised is None else max(base, markings.raised)


def identity_exception(namers: Mapping[Tlp, int]) -> Tlp | None:
    """Return the level of an unmarked identity from how many objects name it at each level (policy 2.4).

    The laxest of them, never below green; None when nothing names it, so that the default applies.
    """
    levels = [level for level, count in namers.items() if count > 0]
    return max(Tlp.GREEN, min(levels)) if levels else None


def is_accepted_definition(
    id: StixId, kind: DefinitionKind | None, extensions: frozenset[StixId], informative: frozenset[StixId]
) -> bool:
    """Tell whether a submitted marking-definition leaves the objects that carry it open (policy 2.6)."""
    if kind is None:
        return False
    return kind is DefinitionKind.STATEMENT or id in informative or bool(extensions & informative)


def unknown_markings(
    markings: Markings, accepted: Iterable[StixId], informative: frozenset[StixId]
) -> frozenset[StixId]:
    """Return the marking references that close the object (policy 2.6); empty: none does."""
    return markings.others - informative - frozenset(accepted)


def with_rel_to_on_parts(markings: Markings, rel_to: Mapping[StixId, NationCode]) -> Markings:
    """Return `markings`, faulty if REL TO stands on a part: it can be neither followed nor left out."""
    if markings.fault is None and markings.parts & rel_to.keys():
        fault = "REL TO stands on a part of the object; mark the whole of it in object_marking_refs"
        return replace(markings, fault=fault)
    return markings


def taken_over(markings: Markings, predecessor: Markings, rel_to: Mapping[StixId, NationCode]) -> Markings:
    """Return the markings of a revoking version without TLP, which keeps its predecessor's (policy 8).

    REL TO of its own stands instead of the predecessor's: together they would name more nations than either.
    """
    kept = predecessor.others - rel_to.keys() if markings.others & rel_to.keys() else predecessor.others
    return replace(markings, others=markings.others | kept, fault=markings.fault or predecessor.fault)


def releasable_to(
    others: Iterable[StixId], rel_to: Mapping[StixId, NationCode]
) -> frozenset[NationCode] | None:
    """Return the nations that the REL TO markings among `others` name; None: there is none (policy 6)."""
    named = frozenset(rel_to[ref] for ref in others if ref in rel_to)
    return named or None


def narrower(
    one: frozenset[NationCode] | None, other: frozenset[NationCode] | None
) -> frozenset[NationCode] | None:
    """Return the nations that both allow; None allows all."""
    if one is None or other is None:
        return one if other is None else other
    return one & other


def _strictest(levels: Iterable[Tlp | None]) -> Tlp | None:
    return max((level for level in levels if level is not None), default=None)
