"""Decides the effective markings of a member's objects after a submission or a deletion (policy 2.1 to 2.7).

Containers, definitions and defaults decide first (`rules.marking.containers`). Then an unmarked identity
follows the objects naming the identity as creator (2.4), and a name stricter than the visible version fails
(2.3).
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
    """Every judged version with the new effective marking, and as stored before.

    `now` has all versions of a record or none. `before` lacks new versions. `accepted` are the definitions
    that leave marked objects open, as listed by a configuration.
    """

    now: Mapping[int, ObjectVersion]
    before: Mapping[int, ObjectVersion]
    creator_deltas: CreatorDeltas
    accepted: Accepted = field(default_factory=dict)

    def changed(self) -> list[ObjectVersion]:
        """Return the stored versions with a change to record."""
        # Identity first: most versions are the same object, and the comparison of all fields costs far more.
        return [
            v
            for key, v in self.now.items()
            if key in self.before and v is not self.before[key] and v != self.before[key]
        ]


def together(parts: Iterable[EffectiveMarkings]) -> EffectiveMarkings:
    """Return the markings of several members in one value, to be judged at once; the counts stay separate."""
    # Keys are unique in the hub, so members cannot collide.
    now: dict[int, ObjectVersion] = {}
    before: dict[int, ObjectVersion] = {}
    for part in parts:
        now.update(part.now)
        before.update(part.before)
    return EffectiveMarkings(now, before, {})


def with_deletions(
    versions: Iterable[ObjectVersion], deleted: Mapping[int, datetime]
) -> dict[int, ObjectVersion]:
    """Return whole records of one member, with the newest version of each marked (policy 4, 8).

    `deleted` are the versions to be deleted, by key, with the instant.
    """
    records: dict[StixId, list[ObjectVersion]] = defaultdict(list)
    for version in versions:
        at = deleted.get(version.key, version.deleted_at)
        records[version.id].append(version.altered(deleted_at=at))
    found: dict[int, ObjectVersion] = {}
    for record in records.values():
        # Policy 4: the newest version decides: the last version not deleted, else the last of all.
        newest = max(record, key=lambda v: v.rank)
        found.update((v.key, v.altered(is_newest=v is newest)) for v in record)
    return found


def effective(facts: MarkingFacts) -> EffectiveMarkings:
    """Return the effective marking of all versions: level, REL TO and closure (policy 2.1 to 2.7)."""
    now = settle(facts)
    # Identities last: the levels of the naming objects must be known (policy 2.4).
    deltas = creator_deltas(now, facts.before)
    # Counted with the stored counts: the submission's own objects are not stored yet.
    changes: dict[StixId, dict[Tlp, int]] = defaultdict(dict)
    for (identity, tlp), delta in deltas.items():
        changes[identity][tlp] = delta
    elsewhere = {key: v for key, v in facts.identities.items() if v.id in changes}
    now |= elsewhere
    for version in [v for v in now.values() if follows_namers(v)]:
        namers: Counter[Tlp] = Counter(facts.namers.get(version.id, {}))
        namers.update(changes.get(version.id, {}))
        # An identity stored before may be outside the submission: a new object
        # naming it loosens it (policy 2.4).
        stored = facts.before.get(version.key) or elsewhere.get(version.key)
        now[version.key] = following_namers(version, stored, namers)
    return EffectiveMarkings(now, {**facts.before, **elsewhere}, deltas, facts.accepted)


def effective_of_new(
    facts: MarkingFacts, fresh: Collection[ObjectVersion]
) -> tuple[EffectiveMarkings, dict[int, Tlp]]:
    """Return the effective markings without refused names, and the level of the version that remains.

    Refused is an unmarked name with new content and a stricter marking (policy 2.3). Without a refused name,
    another name may become stricter than the version then newest: so the rule is asked until no name is
    refused.
    """
    refused: dict[int, Tlp] = {}
    # Each round refuses at least one name, so the loop ends after as many rounds as names at most.
    while True:
        handled = effective(facts)
        kept = [version for version in fresh if version.key not in refused]
        stricter = stricter_names(handled.now, kept, handled.before.keys())
        if not stricter:
            return handled, refused
        refused |= stricter
        # The refused version leaves completely: without it another version may be the newest.
        left = with_deletions((v for key, v in facts.now.items() if key not in stricter), {})
        facts = replace(facts, now=left, present=facts.present - stricter.keys())


# --- names that would be handled more strictly ----------------------------------------------------


def stricter_names(
    handled: Mapping[int, ObjectVersion], fresh: Sequence[ObjectVersion], before: Collection[int]
) -> dict[int, Tlp]:
    """Return the new unmarked names stricter than the newest version held, with the level of that version.

    Each new version is compared with the newest version of the record not deleted, in order of arrival
    (policy 2.3). A revoking version has the marking of the revoked one (policy 8), and is accepted although
    own REL TO is narrower.
    """
    # Policy 2.3: otherwise a report would take back a name from readers that have the name already.
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
        # An older version is not compared: an older version hides nothing (policy 4).
        if (
            held is not None
            and is_newer
            and is_decided_once(version)
            and version.key not in following
            and is_stricter(_marking_at_home(version), _marking_at_home(held))
        ):
            found[version.key] = held.tlp
            continue
        if version.id in asked and (held is None or is_newer):
            newest[version.id] = version
    return found


def _marking_at_home(version: ObjectVersion) -> EffectiveMarking:
    # Policy 2.4: a version kept at home counts as closed in rules 3 and 7.
    return handed_down(EffectiveMarking(version.tlp, version.rel_to, version.is_closed or version.is_home))


# --- identities that follow the objects naming them ------------------------------------------------


def follows_namers(version: ObjectVersion) -> bool:
    """Tell whether the version is an unmarked identity without any container (policy 2.3, 2.4)."""
    is_unmarked = version.type == "identity" and version.markings.tlp is None
    return is_unmarked and not version.is_contained and version.deleted_at is None


def names_creator(version: ObjectVersion) -> bool:  # (hub/README: namers)
    """Tell whether the version's level counts for the identity in `created_by_ref` (policy 2.4).

    Counted are newest versions, open and not deleted. An unmarked identity is not counted: the level there
    comes from other objects.
    """
    is_unmarked_identity = version.type == "identity" and version.markings.tlp is None
    is_there = version.is_newest and version.deleted_at is None
    # INVARIANT: closed objects and objects kept at home do not open an identity (policy 2.4; I2).
    is_open = not (version.is_closed or version.is_home)
    return is_there and is_open and version.creator != version.id and not is_unmarked_identity


def creator_deltas(
    now: Mapping[int, ObjectVersion], before: Mapping[int, ObjectVersion]
) -> dict[tuple[StixId, Tlp], int]:
    """Return the changes of the counts of objects naming each identity, by level (policy 2.4)."""
    deltas: Counter[tuple[StixId, Tlp]] = Counter()
    for key, version in now.items():
        # Differences, not totals: no submission counts the whole collection.
        for counted, sign in ((version, 1), (before.get(key), -1)):
            if counted is not None and counted.creator is not None and names_creator(counted):
                deltas[counted.creator, counted.tlp] += sign
    return {key: delta for key, delta in deltas.items() if delta}


def following_namers(
    version: ObjectVersion,
    stored: ObjectVersion | None,
    namers: Mapping[Tlp, int],
) -> ObjectVersion:
    """Return the identity at the laxest level of the objects naming it.

    Later objects only loosen (policy 2.4).
    """
    level = identity_exception(namers)
    if level is None:
        return version
    if stored is not None:
        if stored.is_home and level > stored.base:  # else stricter abroad than at home
            return version
        # Policy 2.4: "later ones only loosen it, and none that goes tightens it".
        level = min(level, stored.base)
    base = EffectiveMarking(level, version.base_rel_to, version.is_closed)
    named = replace(version, base=with_taken(version, base).tlp, is_home=False)
    return with_taken(named, raised(base, version.markings.raised))
