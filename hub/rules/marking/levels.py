"""How the hub handles a version: level, REL TO and closure, by its own markings and by containers (policy 2).

A handling is a value of a small order: a higher level, fewer nations, and closed are stricter. What is RED
and addressed to nobody hands that down, so that no other container addresses it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import reduce

from hub.model import (
    DefinitionKind,
    EffectiveMarking,
    Markings,
    NationCode,
    Reach,
    StixId,
    Taken,
    Tlp,
)

# A member's definitions that were accepted, each with the ids of which a configuration has to list one
# for it; None: it is a statement, which every configuration accepts.
Accepted = Mapping[StixId, frozenset[StixId] | None]

_NOBODY: frozenset[NationCode] = frozenset()


# --- the order of handlings -----------------------------------------------------------------------


def handed_down(effective: EffectiveMarking) -> EffectiveMarking:
    """Return what a container hands down: RED without REL TO is addressed to nobody (policy 6)."""
    if effective.tlp is Tlp.RED and effective.rel_to is None:
        return effective._replace(rel_to=_NOBODY)
    return effective


def strictest(handlings: Iterable[EffectiveMarking]) -> EffectiveMarking | None:
    """Return the handling that is as strict as all of these together; None: there are none (policy 2.3)."""
    return reduce(_stricter, handlings, None)


def _stricter(one: EffectiveMarking | None, other: EffectiveMarking) -> EffectiveMarking:
    if one is None:
        return other
    return EffectiveMarking(
        max(one.tlp, other.tlp), narrower(one.rel_to, other.rel_to), one.is_closed or other.is_closed
    )


def laxest(handlings: Collection[EffectiveMarking]) -> EffectiveMarking | None:
    """Return the laxest: of the open ones, else of all, the lowest level, for whomever one of these goes.

    None: there are none (policy 2.3, names).
    """
    givers = laxest_of(handlings)
    if not givers:
        return None
    nations = [one.rel_to for one in givers]
    wide = None if None in nations else frozenset().union(*(each for each in nations if each is not None))
    return EffectiveMarking(givers[0].tlp, wide, givers[0].is_closed)


def laxest_of(handlings: Collection[EffectiveMarking]) -> list[EffectiveMarking]:
    """Return those of the handlings that decide which one is the laxest (policy 2.3)."""
    candidates = [one for one in handlings if not one.is_closed] or list(handlings)
    lowest = min((one.tlp for one in candidates), default=None)
    return [one for one in candidates if one.tlp is lowest]


def is_stricter(one: EffectiveMarking, than: EffectiveMarking) -> bool:
    """Tell whether `one` is stricter in its level, in its REL TO or in its closure (policy 2.3)."""
    return (
        one.tlp > than.tlp
        or (one.is_closed and not than.is_closed)
        or narrower(one.rel_to, than.rel_to) != than.rel_to
    )


def narrower(  # (hub/README: rel-to-narrows)
    one: frozenset[NationCode] | None, other: frozenset[NationCode] | None
) -> frozenset[NationCode] | None:
    """Return the nations that both allow; None allows all (policy 6)."""
    if one is None or other is None:
        return one if other is None else other
    return one & other


def shared_reach(one: Reach | None, other: Reach | None) -> Reach | None:
    """Return where both let something go, from the higher clearance (policy 8); None: everywhere."""
    if one is None or other is None:
        return one if other is None else other
    ours, theirs = dict(one), dict(other)
    return frozenset((code, max(ours[code], theirs[code])) for code in ours.keys() & theirs.keys())


def taken_together(parts: Iterable[Taken]) -> Taken:
    """Return what a version takes over from all of these (policy 2.7 and 8)."""
    known = list(parts)
    effective = strictest(one.effective for one in known if one.effective is not None)
    return Taken(effective, reduce(shared_reach, (one.limits for one in known), None))


# --- what a version's own markings say ------------------------------------------------------------


def raised(effective: EffectiveMarking, level: Tlp | None) -> EffectiveMarking:
    """Return the handling with what labels and granular markings add: they raise, never lower (policy 2.1).

    What they raise to RED is addressed to nobody: REL TO of a container that is not RED does not address it.
    """
    if level is None or level <= effective.tlp:
        return effective
    return EffectiveMarking(level, _NOBODY if level is Tlp.RED else effective.rel_to, effective.is_closed)


def identity_exception(namers: Mapping[Tlp, int]) -> Tlp | None:
    """Return the level of an unmarked identity from how many open objects name it at each level (policy 2.4).

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


def listed_as(
    id: StixId, kind: DefinitionKind | None, extensions: frozenset[StixId], informative: frozenset[StixId]
) -> frozenset[StixId]:
    """Return the ids by which a configuration accepts this definition (policy 2.6).

    Empty: it accepts none, or always.
    """
    is_listed = is_accepted_definition(id, kind, extensions, informative)
    return extensions | {id} if is_listed and kind is not DefinitionKind.STATEMENT else frozenset()


def accepted_as(versions: Iterable[tuple[StixId, frozenset[StixId]]]) -> Accepted:
    """Return the definitions of which these versions were accepted, each with what it is listed by (2.6).

    Whichever of its versions a configuration lists, it accepts the definition; every one does if one of them
    is a statement, stored or new (policy 2.6: now or later).
    """
    found: dict[StixId, frozenset[StixId] | None] = {}
    for id, listed in versions:
        before = found.get(id, listed)
        found[id] = before | listed if before and listed else None
    return found


# (hub/README: two-configurations)
def accepted_by(accepted: Accepted, informative: frozenset[StixId]) -> frozenset[StixId]:
    """Return the definitions that close nothing under a configuration that lists these ids (policy 2.6).

    What was accepted as listed leaves open only what is submitted while it is listed, too.
    """
    return frozenset(
        id for id, listed in accepted.items() if listed is None or not listed.isdisjoint(informative)
    )


def unknown_markings(
    markings: Markings, accepted: Iterable[StixId], informative: frozenset[StixId]
) -> frozenset[StixId]:
    """Return the marking references that close the object (policy 2.6); empty: none does."""
    return markings.others - informative - frozenset(accepted)


# (hub/README: rel-to-narrows)
def with_rel_to_on_parts(markings: Markings, rel_to: Mapping[StixId, NationCode]) -> Markings:
    """Return `markings`, faulty if REL TO stands on a part, where it cannot be followed (policy 6)."""
    if markings.fault is None and markings.parts & rel_to.keys():
        fault = "REL TO stands on a part of the object; mark the whole of it in object_marking_refs"
        return replace(markings, fault=fault)
    return markings


def releasable_to(
    others: Iterable[StixId], rel_to: Mapping[StixId, NationCode]
) -> frozenset[NationCode] | None:
    """Return the nations that the REL TO markings among `others` name; None: there is none (policy 6)."""
    named = frozenset(rel_to[ref] for ref in others if ref in rel_to)
    return named or None
