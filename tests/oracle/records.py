"""Records, who speaks as whom, and what every member was shown (policy 1)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

from tests.oracle.markings import DEFINITIONS, LEVELS, Json, is_derived, is_observable, marks_of, type_of
from tests.oracle.versions import Handling, OracleAccount, OracleVersion

NAMED, BARE, RELAYED = 2, 1, 0


@dataclass(frozen=True)
class Served:
    """What somebody is served of another's record; a rendition counts as its record, at its own level (8).

    `version` is how it appears: as it was submitted, or what was made of it (7), under the id that it is
    known by and from whom it seems to be. `original` is of what that was made; `ceiling`, above what parts
    are gone.
    """

    version: OracleVersion
    handling: Handling
    original: OracleVersion
    ceiling: str | None = None


@dataclass(frozen=True)
class LastShown:
    """What was served of another's record when it was shown last: of its newest version then.

    `is_now`: it may still be seen. `was_above`: at some time it was above GREEN, with REL TO or limited.
    `noted` counts when that was.
    """

    served: Served
    is_now: bool
    was_above: bool
    noted: int = 0

    @property
    def version(self) -> OracleVersion:
        return self.served.version

    @property
    def handling(self) -> Handling:
        return self.served.handling

    @property
    def record(self) -> tuple[str, str]:
        """Whose it seems to be, under which id: who sees it can't tell more records apart."""
        return self.version.member, self.version.id

    @property
    def when(self) -> tuple[bool, int, datetime]:
        """By what the record is judged: the newest version that is seen, or else that was shown last."""
        return self.is_now, 0 if self.is_now else self.noted, self.version.when


@dataclass(frozen=True)
class Configured:
    """What the configuration said: until it changes, for what is submitted."""

    defaults: Mapping[str, str]
    informative: frozenset[str]
    public_sources: frozenset[str]


@dataclass
class Records:
    """Everything that was submitted so far, by whom, and what they have seen of each other's."""

    accounts: Mapping[str, OracleAccount]
    defaults: Mapping[str, str]
    informative: frozenset[str]
    rel_to: Mapping[str, str]  # the nation that each of the hub's definitions names (6)
    public_sources: frozenset[str] = frozenset()
    homes: set[str] = field(default_factory=set)  # the nations with `unmarked = "home"` (2.4)
    registered: dict[str, set[str]] = field(default_factory=dict)  # the identities that each speaks as
    suspended: set[str] = field(default_factory=set)
    versions: list[OracleVersion] = field(default_factory=list)
    shown: dict[str, dict[OracleVersion, LastShown]] = field(default_factory=dict)
    notes: int = 0
    seen_ever: dict[str, set[OracleVersion]] = field(default_factory=dict)
    seen_now: dict[str, set[OracleVersion]] = field(default_factory=dict)
    submissions: int = 0
    earlier: list[tuple[int, Configured]] = field(default_factory=list)  # each until after which submission

    # --- what was configured ---

    def reconfigure(
        self,
        defaults: Mapping[str, str],
        informative: frozenset[str],
        public_sources: frozenset[str],
        homes: Iterable[str],
    ) -> None:
        """Let the operator apply other values, for what is submitted from now on."""
        self.earlier.append(
            (self.submissions, Configured(self.defaults, self.informative, self.public_sources))
        )
        self.defaults, self.informative, self.public_sources = defaults, informative, public_sources
        self.homes = {*homes}

    def configured(self, version: OracleVersion) -> Configured:
        """What was configured when it was submitted."""
        now = Configured(self.defaults, self.informative, self.public_sources)
        return next((one for last, one in self.earlier if version.order <= last), now)

    # --- records ---

    def nation(self, version: OracleVersion) -> str:
        return self.accounts[version.member].nation

    def record(self, member: str, id: str) -> list[OracleVersion]:
        """The versions of a record, oldest first."""
        return sorted((v for v in self.versions if (v.member, v.id) == (member, id)), key=lambda v: v.when)

    def living(self, member: str, id: str) -> list[OracleVersion]:
        return [version for version in self.record(member, id) if not version.is_deleted]

    def is_newest(self, version: OracleVersion) -> bool:
        return self.newest(version.member, version.id) is version

    def newest(self, member: str, id: str) -> OracleVersion:
        """The version by which a record is judged: the last that is not deleted, or else the last."""
        return (self.living(member, id) or self.record(member, id))[-1]

    def owns(self, member: str, id: str) -> bool:
        """Whether it has a living record of its own that is no copy (2.7, 8).

        A record that began with a copy is a copy until all of it is deleted.
        """
        living = self.living(member, id)
        return bool(living) and not living[0].begins_as_copy

    def predecessor(self, version: OracleVersion) -> OracleVersion | None:
        """Deleted ones count as they stood (8)."""
        earlier = [v for v in self.record(version.member, version.id) if v.when < version.when]
        return earlier[-1] if earlier else None

    def kept_from(self, version: OracleVersion) -> OracleVersion | None:
        """What a revoking version without TLP keeps its handling from (8)."""
        return self.predecessor(version) if version.is_revoking and version.tlp is None else None

    # --- who speaks as whom ---

    def register(self, member: str, identity: str) -> None:
        self.registered.setdefault(member, set()).add(identity)

    def is_registered(self, id: str | None) -> bool:
        return any(id in identities for identities in self.registered.values())

    def may_speak_as(self, member: str, id: str | None) -> bool:
        """Those that it is registered to, and their nation's cert (8)."""
        account = self.accounts[member]
        return any(
            id in identities
            and (
                owner == member or (account.kind == "cert" and self.accounts[owner].nation == account.nation)
            )
            for owner, identities in self.registered.items()
        )

    def claim(self, member: str, obj: Json) -> int:
        """Named, bare or relayed, by what is registered when it is asked (8)."""
        creator = obj.get("created_by_ref")
        if self.may_speak_as(member, obj["id"]) or self.may_speak_as(member, creator):
            return NAMED
        return BARE if creator is None else RELAYED

    def is_common(self, other: OracleVersion, item: Json | None = None) -> bool:
        """Whether many use the id for one thing; `item` is what is submitted under it, if that is asked."""
        if self.is_registered(other.id):
            return False
        if other.is_name:
            return is_derived(other.id) or self.claim(other.member, other.obj) != NAMED
        if is_observable(other.obj) or type_of(other.id) in DEFINITIONS:
            return True
        return self.was_public(other) and (item is None or self.is_public(item))

    def is_marked_name(self, version: OracleVersion) -> bool:
        """A name that itself carries a level above GREEN, or REL TO (2.7, 8)."""
        levels = [level for level in (version.tlp, version.raised) if level is not None]
        is_above = any(LEVELS.index(level) > LEVELS.index("green") for level in levels)
        return version.is_name and (is_above or not self.rel_to.keys().isdisjoint(marks_of(version.obj)))

    def was_public(self, version: OracleVersion) -> bool:
        """Whether its creator is a public source, and was one when it was submitted."""
        then = self.configured(version).public_sources
        return self.is_public(version.obj) and version.obj["created_by_ref"] in then

    def is_public(self, obj: Json) -> bool:
        return obj.get("created_by_ref") in self.public_sources

    # --- what was shown ---

    def take_note(self, seen: Mapping[str, Iterable[Served]]) -> None:
        """Keep what every member may see now of what others submitted."""
        self.notes += 1
        for member, all_served in seen.items():
            is_away = member in self.suspended
            found = [s for s in all_served if s.original.member != member and not is_away]
            self.seen_now[member] = {one.version for one in found}
            self.seen_ever.setdefault(member, set()).update(self.seen_now[member])
            shown = self.shown.setdefault(member, {})
            for key, old in shown.items():
                shown[key] = replace(old, is_now=False)
            for one in found:
                key = one.version
                was_above = one.handling.is_above or (key in shown and shown[key].was_above)
                shown[key] = LastShown(one, is_now=True, was_above=was_above, noted=self.notes)

    def others(self, member: str, id: str) -> list[LastShown]:
        """What it may see, or was once shown, of others' records of an id; copies of its own are none.

        Each record is there as it was shown last; in all forms in which that version was.
        """
        found = [s for s in self.shown.get(member, {}).values() if s.version.id == id]
        found = sorted(found, key=lambda s: (s.record, s.when))
        last = []
        for _, shown in groupby(found, key=lambda s: s.record):
            record = list(shown)
            was_above = any(one.was_above for one in record)
            last += [replace(s, was_above=was_above) for s in record if s.when == record[-1].when]
        last = [s for s in last if not self.is_of_own(member, s.version)]
        return sorted(last, key=lambda s: s.version.order)

    def is_of_own(self, member: str, version: OracleVersion) -> bool:
        """Whether it is equal to what the member itself submitted before."""
        return any(
            own.order < version.order and canonical(own.obj) == canonical(version.obj)
            for own in self.record(member, version.id)
            if not own.begins_as_copy
        )

    def first_of_equal(self, found: Iterable[LastShown]) -> list[LastShown]:
        """Of equal objects of several members the one submitted first."""
        first: dict[str, LastShown] = {}
        for one in sorted(found, key=lambda s: s.version.order):
            first.setdefault(canonical(one.version.obj), one)
        return list(first.values())


def canonical(value: object) -> str:
    """One text for all equal objects, however their numbers are written (RFC 8785)."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
