"""An unmarked identity follows the objects that name it as their creator (policy 2.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from hub.model import Handling, ObjectVersion, StixId, Tlp
from hub.rules.handling import with_taken
from hub.rules.marking import identity_exception, raised

CreatorDeltas = Mapping[tuple[StixId, Tlp], int]


def follows_namers(version: ObjectVersion) -> bool:
    """Tell whether the version is an unmarked identity to which rule 2.3 gives nothing (policy 2.4)."""
    is_unmarked = version.type == "identity" and version.markings.tlp is None
    return is_unmarked and not version.is_contained and version.deleted_at is None


def names_creator(version: ObjectVersion) -> bool:
    """Tell whether the version's level counts for the identity that it names (policy 2.4).

    Newest versions alone do, while they are open and not deleted; an unmarked identity would only pass on
    what it takes from others.
    """
    is_unmarked_identity = version.type == "identity" and version.markings.tlp is None
    is_there = version.is_newest and version.deleted_at is None
    is_open = not (version.is_closed or version.is_home)
    return is_there and is_open and version.creator != version.id and not is_unmarked_identity


def creator_deltas(
    now: Mapping[int, ObjectVersion], before: Mapping[int, ObjectVersion]
) -> dict[tuple[StixId, Tlp], int]:
    """Return how the counts change of those that name each identity, by level (policy 2.4)."""
    deltas: Counter[tuple[StixId, Tlp]] = Counter()
    for key, version in now.items():
        for counted, sign in ((version, 1), (before.get(key), -1)):
            if counted is not None and counted.creator is not None and names_creator(counted):
                deltas[counted.creator, counted.tlp] += sign
    return {key: delta for key, delta in deltas.items() if delta}


def following_namers(
    version: ObjectVersion,
    stored: ObjectVersion | None,
    namers: Mapping[Tlp, int],
) -> ObjectVersion:
    """Return an identity at the laxest level of those that name it; they only ever loosen it (policy 2.4)."""
    level = identity_exception(namers)
    if level is None:
        return version
    if stored is not None:
        if stored.is_home and level > stored.base:  # it would be handled more strictly abroad than at home
            return version
        level = min(level, stored.base)
    base = Handling(level, version.base_rel_to, version.is_closed)
    named = replace(version, base=with_taken(version, base).tlp, is_home=False)
    return with_taken(named, raised(base, version.markings.raised))
