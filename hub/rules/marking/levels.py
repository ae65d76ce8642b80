"""Compares and combines effective markings: level, REL TO and closure, own and of containers (policy 2).

Effective markings have an order: a higher level, fewer nations, and closed are stricter. RED addressed to
nobody is handed down as addressed to nobody, so that no other container addresses the object.

Levels are resolved from ids before, in `hub.stix.marking`. The clearance of a level is not decided here, but
in `rules.release.deciding.clearance_for`.
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

# A member's accepted definitions. A configuration must list at least one of the ids to accept the
# definition; None: a statement, accepted by every configuration.
Accepted = Mapping[StixId, frozenset[StixId] | None]

_NOBODY: frozenset[NationCode] = frozenset()


# --- the order of effective markings --------------------------------------------------------------


def handed_down(effective: EffectiveMarking) -> EffectiveMarking:
    """Return the marking handed down by a container: RED without REL TO is addressed to nobody (policy 6)."""
    # INVARIANT: RED without REL TO never becomes addressed by a REL TO of another container (policy 6; I2).
    if effective.tlp is Tlp.RED and effective.rel_to is None:
        return effective._replace(rel_to=_NOBODY)
    return effective


def strictest(markings: Iterable[EffectiveMarking]) -> EffectiveMarking | None:
    """Return the marking as strict as all of these together; None: `markings` is empty (policy 2.3)."""
    # The order of arrival plays no part: maximum, intersection and OR commute (policy 2.3, "whenever").
    return reduce(_stricter, markings, None)


def _stricter(one: EffectiveMarking | None, other: EffectiveMarking) -> EffectiveMarking:
    if one is None:
        return other
    # INVARIANT: each component only tightens, so a stricter marking never reveals an object (I2).
    return EffectiveMarking(
        max(one.tlp, other.tlp), narrower(one.rel_to, other.rel_to), one.is_closed or other.is_closed
    )


def laxest(markings: Collection[EffectiveMarking]) -> EffectiveMarking | None:
    """Return the laxest marking: of the open ones, else of all, the lowest level, to all nations of these.

    None: `markings` is empty (policy 2.3, names).
    """
    lowest_markings = laxest_of(markings)
    if not lowest_markings:
        return None
    # Policy 2.3: the name goes "to whomever one of these goes", so the union, and no REL TO means all.
    nations = [one.rel_to for one in lowest_markings]
    wide = None if None in nations else frozenset().union(*(each for each in nations if each is not None))
    return EffectiveMarking(lowest_markings[0].tlp, wide, lowest_markings[0].is_closed)


def laxest_of(markings: Collection[EffectiveMarking]) -> list[EffectiveMarking]:
    """Return the markings that decide the laxest one (policy 2.3)."""
    # Closed markings count only where no open marking exists: a closed report does not close a name that an
    # open report names too (policy 2.3).
    candidates = [one for one in markings if not one.is_closed] or list(markings)
    lowest = min((one.tlp for one in candidates), default=None)
    return [one for one in candidates if one.tlp is lowest]


def is_stricter(one: EffectiveMarking, than: EffectiveMarking) -> bool:
    """Tell whether `one` is stricter in level, in REL TO or in closure (policy 2.3)."""
    return (
        one.tlp > than.tlp
        or (one.is_closed and not than.is_closed)
        # Fewer nations or other nations: both count as stricter, for both take a nation away.
        or narrower(one.rel_to, than.rel_to) != than.rel_to
    )


def narrower(  # (hub/README: rel-to-narrows)
    one: frozenset[NationCode] | None, other: frozenset[NationCode] | None
) -> frozenset[NationCode] | None:
    """Return the nations allowed by both; None allows all (policy 6)."""
    if one is None or other is None:
        return one if other is None else other
    # INVARIANT: REL TO narrows, perhaps to nobody, and never widens (policy 6; I2).
    return one & other


def shared_reach(one: Reach | None, other: Reach | None) -> Reach | None:
    """Return the nations allowed by both, from the higher clearance (policy 8); None: everywhere."""
    if one is None or other is None:
        return one if other is None else other
    # Policy 8: of several records, "where all allow, which may be nowhere".
    ours, theirs = dict(one), dict(other)
    return frozenset((code, max(ours[code], theirs[code])) for code in ours.keys() & theirs.keys())


def taken_together(parts: Iterable[Taken]) -> Taken:
    """Return the combination of everything taken over by a version (policy 2.7 and 8)."""
    known = list(parts)
    effective = strictest(one.effective for one in known if one.effective is not None)
    return Taken(effective, reduce(shared_reach, (one.limits for one in known), None))


# --- a version's own markings ---------------------------------------------------------------------


def raised(effective: EffectiveMarking, level: Tlp | None) -> EffectiveMarking:
    """Return the marking with the level of labels and granular markings: these never lower (policy 2.1).

    A level raised to RED is addressed to nobody: REL TO of a container below RED does not address the object.
    """
    # INVARIANT: labels and granular markings raise and never lower the level (policy 2.1, 2.5; I2).
    if level is None or level <= effective.tlp:
        return effective
    return EffectiveMarking(level, _NOBODY if level is Tlp.RED else effective.rel_to, effective.is_closed)


def identity_exception(namers: Mapping[Tlp, int]) -> Tlp | None:
    """Return the level of an unmarked identity from the levels of the open objects naming it (policy 2.4).

    `namers` is the number of these objects at each level. The laxest level counts, never below green. None
    when no object names the identity: then the default applies.
    """
    levels = [level for level, count in namers.items() if count > 0]
    # Policy 2.4: never below GREEN. Unmarked never means public, not for an identity of CLEAR objects either.
    return max(Tlp.GREEN, min(levels)) if levels else None


def is_accepted_definition(
    id: StixId, kind: DefinitionKind | None, extensions: frozenset[StixId], informative: frozenset[StixId]
) -> bool:
    """Tell whether a submitted marking-definition leaves objects with this marking open (policy 2.6)."""
    # Every doubt closes: an unknown definition, ACS included, closes each
    # object with that marking (policy 2.6).
    if kind is None:
        return False
    return kind is DefinitionKind.STATEMENT or id in informative or bool(extensions & informative)


def listed_as(
    id: StixId, kind: DefinitionKind | None, extensions: frozenset[StixId], informative: frozenset[StixId]
) -> frozenset[StixId]:
    """Return the ids by which a configuration accepts this definition (policy 2.6).

    Empty: accepted by none, or by all.
    """
    is_listed = is_accepted_definition(id, kind, extensions, informative)
    return extensions | {id} if is_listed and kind is not DefinitionKind.STATEMENT else frozenset()


def accepted_as(versions: Iterable[tuple[StixId, frozenset[StixId]]]) -> Accepted:
    """Return these accepted definitions, each with the ids a configuration may list (policy 2.6).

    A configuration listing any version accepts the definition. A statement among the versions, stored or new,
    makes every configuration accept the definition (policy 2.6: now or later).
    """
    found: dict[StixId, frozenset[StixId] | None] = {}
    for id, listed in versions:
        before = found.get(id, listed)
        # An empty set and None both say "statement": then no configuration needs to list the definition.
        found[id] = before | listed if before and listed else None
    return found


# (hub/README: two-configurations)
def accepted_by(accepted: Accepted, informative: frozenset[StixId]) -> frozenset[StixId]:
    """Return the definitions that close nothing under a configuration with this list (policy 2.6).

    A listed definition leaves open only objects submitted while the definition is listed, too.
    """
    return frozenset(
        id for id, listed in accepted.items() if listed is None or not listed.isdisjoint(informative)
    )


def unknown_markings(
    markings: Markings, accepted: Iterable[StixId], informative: frozenset[StixId]
) -> frozenset[StixId]:
    """Return the marking references that close the object (policy 2.6); empty: none."""
    # Every doubt closes: a reference not known to be harmless closes. TLP ids are not among `others`.
    return markings.others - informative - frozenset(accepted)


# (hub/README: rel-to-narrows)
def with_rel_to_on_parts(markings: Markings, rel_to: Mapping[StixId, NationCode]) -> Markings:
    """Return `markings` with a fault if REL TO marks a part: the hub cannot follow that (policy 6)."""
    # Every doubt closes: to ignore a REL TO would release, to follow one on a part is not possible.
    if markings.fault is None and markings.parts & rel_to.keys():
        fault = "REL TO stands on a part of the object; mark the whole of it in object_marking_refs"
        return replace(markings, fault=fault)
    return markings


def releasable_to(
    others: Iterable[StixId], rel_to: Mapping[StixId, NationCode]
) -> frozenset[NationCode] | None:
    """Return the nations named by the REL TO markings among `others`; None: no REL TO (policy 6)."""
    # Several REL TO markings of one object add up: releasable to each named nation (policy 6).
    named = frozenset(rel_to[ref] for ref in others if ref in rel_to)
    return named or None
