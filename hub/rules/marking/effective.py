"""How a member's objects are handled after a submission or a deletion, as one value (policy 2.1 to 2.7).

Containers, definitions and defaults decide first (`rules.marking.containers`); then an unmarked identity
follows the objects that name it as their creator (2.4), and a name that would be stricter than what stands
fails (2.3).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from hub.model import EffectiveMarking, ObjectVersion, StixId, Tlp
from hub.rules.claims import is_decided_once
from hub.rules.marking.containers import (
    MarkingFacts,
    predecessors,
    settle,
    with_taken,
)
from hub.rules.marking.levels import (
    Accepted,
    handed_down,
    identity_exception,
    is_stricter,
    raised,
)

CreatorDeltas = Mapping[tuple[StixId, Tlp], int]


@dataclass(frozen=True, slots=True)
class EffectiveMarkings:
    """Every version that was looked at, as it is now to be handled, and how it was stored before.

    All versions of a record are there or none. `before` lacks the versions that are new. `accepted` are the
    definitions that leave what carries them open, as a configuration lists them.
    """

    now: Mapping[int, ObjectVersion]
    before: Mapping[int, ObjectVersion]
    creator_deltas: CreatorDeltas
    accepted: Accepted = field(default_factory=dict)

    def changed(self) -> list[ObjectVersion]:
        """Return the stored versions of which something is to be recorded anew."""
        return [
            v
            for key, v in self.now.items()
            if key in self.before and v is not self.before[key] and v != self.before[key]
        ]


def together(parts: Iterable[EffectiveMarkings]) -> EffectiveMarkings:
    """Return what was handled for several members, to be judged at once; the counts are each member's own."""
    now: dict[int, ObjectVersion] = {}
    before: dict[int, ObjectVersion] = {}
    for part in parts:
        now.update(part.now)
        before.update(part.before)
    return EffectiveMarkings(now, before, {})


def with_deletions(
    versions: Iterable[ObjectVersion], deleted: Mapping[int, datetime]
) -> dict[int, ObjectVersion]:
    """Return whole records of one member with the newest version of each marked (policy 4, 8).

    `deleted` are the versions, by key, that are deleted now, and when.
    """
    records: dict[StixId, list[ObjectVersion]] = defaultdict(list)
    for version in versions:
        at = deleted.get(version.key, version.deleted_at)
        records[version.id].append(version.altered(deleted_at=at))
    found: dict[int, ObjectVersion] = {}
    for record in records.values():
        newest = max(record, key=lambda v: v.rank)
        found.update((v.key, v.altered(is_newest=v is newest)) for v in record)
    return found


def effective(facts: MarkingFacts) -> EffectiveMarkings:
    """Return how all versions are handled: level, REL TO and closure (policy 2.1 to 2.7)."""
    now = settle(facts)
    deltas = creator_deltas(now, facts.before)
    news: dict[StixId, dict[Tlp, int]] = defaultdict(dict)
    for (identity, tlp), delta in deltas.items():
        news[identity][tlp] = delta
    elsewhere = {key: v for key, v in facts.identities.items() if v.id in news}
    now |= elsewhere
    for version in [v for v in now.values() if follows_namers(v)]:
        namers: Counter[Tlp] = Counter(facts.namers.get(version.id, {}))
        namers.update(news.get(version.id, {}))
        stored = facts.before.get(version.key) or elsewhere.get(version.key)
        now[version.key] = following_namers(version, stored, namers)
    return EffectiveMarkings(now, {**facts.before, **elsewhere}, deltas, facts.accepted)


def effective_of_new(
    facts: MarkingFacts, fresh: Collection[ObjectVersion]
) -> tuple[EffectiveMarkings, dict[int, Tlp]]:
    """Return how all are handled without the new names that are refused, and at which level these stand.

    Refused is an unmarked name that says something new and would be handled more strictly (policy 2.3).
    Without one another may be stricter than what stands then: so it is asked until none is.
    """
    refused: dict[int, Tlp] = {}
    while True:
        handled = effective(facts)
        kept = [version for version in fresh if version.key not in refused]
        stricter = stricter_names(handled.now, kept, handled.before.keys())
        if not stricter:
            return handled, refused
        refused |= stricter
        left = with_deletions((v for key, v in facts.now.items() if key not in stricter), {})
        facts = replace(facts, now=left, present=facts.present - stricter.keys())


# --- names that would be handled more strictly ----------------------------------------------------


def stricter_names(
    handled: Mapping[int, ObjectVersion], fresh: Sequence[ObjectVersion], before: Collection[int]
) -> dict[int, Tlp]:
    """Return the new unmarked names that would be handled more strictly than what stands, and its level.

    Each is compared with the newest version of its record that is not deleted, as it comes (policy 2.3). One
    that revokes is handled as what it revokes (policy 8), and is taken though its own REL TO is narrower.
    """
    newest: dict[StixId, ObjectVersion] = {}
    asked = {v.id for v in fresh if is_decided_once(v)}
    records = (v for v in handled.values() if v.id in asked)
    following = predecessors(sorted(records, key=lambda v: (v.id, v.version_key)))
    for version in handled.values():
        if version.id in asked and version.key in before and version.deleted_at is None:
            held = newest.get(version.id)
            newest[version.id] = version if held is None or version.version_key > held.version_key else held
    found: dict[int, Tlp] = {}
    for draft in fresh:
        version = handled[draft.key]
        held = newest.get(version.id)
        is_newer = held is not None and version.version_key > held.version_key
        if (
            held is not None
            and is_newer
            and is_decided_once(version)
            and version.key not in following
            and is_stricter(_handling(version), _handling(held))
        ):
            found[version.key] = held.tlp
            continue
        if version.id in asked and (held is None or is_newer):
            newest[version.id] = version
    return found


def _handling(version: ObjectVersion) -> EffectiveMarking:
    return handed_down(EffectiveMarking(version.tlp, version.rel_to, version.is_closed or version.is_home))


# --- identities that follow their namers ----------------------------------------------------------


def follows_namers(version: ObjectVersion) -> bool:
    """Tell whether the version is an unmarked identity to which rule 2.3 gives nothing (policy 2.4)."""
    is_unmarked = version.type == "identity" and version.markings.tlp is None
    return is_unmarked and not version.is_contained and version.deleted_at is None


def names_creator(version: ObjectVersion) -> bool:  # (hub/README: namers)
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
    base = EffectiveMarking(level, version.base_rel_to, version.is_closed)
    named = replace(version, base=with_taken(version, base).tlp, is_home=False)
    return with_taken(named, raised(base, version.markings.raised))
