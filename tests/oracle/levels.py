"""What is accepted, and how it is handled for what it says and what stands around it (policy 2 and 8)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.oracle.versions import LEVELS, NOBODY, Account, Json, Version, common, strictest


@dataclass
class Handling:
    """Everything that was submitted so far, and at which level and to whom alone it may be shown."""

    accounts: Mapping[str, Account]
    defaults: Mapping[str, str]
    informative: frozenset[str]
    rel_to: Mapping[str, str]  # the nation that each of the hub's definitions names (6)
    versions: list[Version] = field(default_factory=list)

    # --- section 8: what is accepted ---

    def take(
        self, member: str, objects: Sequence[Json], at: datetime, visible: set[Version]
    ) -> tuple[list[bool], list[Version]]:
        """Take a submission: tell for each object whether it succeeds, and give the versions that are new.

        `visible` is what the member can have received so far.
        """
        fresh: list[Version] = []
        outcomes = []
        for obj in objects:
            outcome, version = self._accept(member, obj, at, visible)
            outcomes.append(outcome)
            if version is not None:
                fresh.append(version)
                self.versions.append(version)
        self._settle(member)
        return outcomes, fresh

    def _accept(
        self, member: str, obj: Json, at: datetime, visible: set[Version]
    ) -> tuple[bool, Version | None]:
        text = obj.get("modified", obj.get("created"))
        held = self.record(member, obj["id"])
        if text is None:
            there = [version for version in held if not version.is_deleted]
            if there and _is_equal(there[-1].obj, obj):
                return True, None
        else:
            for version in held:
                if version.text == text:
                    return not version.is_deleted and _is_equal(version.obj, obj), None
            if not held and self._is_foreign_above_green(member, obj["id"], visible):
                return False, None
        if text is None:  # an id that comes twice in one submission has two versions all the same
            when = max([at, *(version.when + timedelta(microseconds=1) for version in held)])
            text = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        earlier = [v for v in held if v.when < datetime.fromisoformat(text)]
        return True, Version(member, obj["id"], text, at, obj, earlier[-1] if earlier else None)

    def _is_foreign_above_green(self, member: str, id: str, visible: set[Version]) -> bool:
        """Passing on: no bar to a member that holds the id already.

        Judged by the newest version, and by deleted ones that no living version came after.
        """
        return any(
            v.id == id
            and self.nation(v) != self.accounts[member].nation
            and v.level not in ("clear", "green")
            and (self.is_newest(v) or (v.is_deleted and not self._is_followed(v)))
            for v in visible
        )

    def _is_followed(self, version: Version) -> bool:
        later = [v for v in self.record(version.member, version.id) if v.when > version.when]
        return any(not v.is_deleted for v in later)

    def record(self, member: str, id: str) -> list[Version]:
        """The versions of a record, oldest first."""
        return sorted(
            (v for v in self.versions if (v.member, v.id) == (member, id)), key=lambda version: version.when
        )

    def is_newest(self, version: Version) -> bool:
        return self.newest(version.member, version.id) is version

    def newest(self, member: str, id: str) -> Version:
        """The version by which a record is judged: the last that is not deleted, or else the last."""
        record = self.record(member, id)
        return [*([v for v in record if not v.is_deleted] or record)][-1]

    def delete(self, member: str, id: str, texts: Sequence[str] | None) -> bool:
        """Delete versions (all: None) of the member's record; a cert, of every record of its nation."""
        account = self.accounts[member]
        doomed = [
            v
            for v in self.versions
            if v.id == id
            and not v.is_deleted
            and (texts is None or v.text in texts)
            and (v.member == member or (account.kind == "cert" and self.nation(v) == account.nation))
        ]
        for version in doomed:
            version.stood_closed = self.is_closed(version)
        for version in doomed:
            version.is_deleted = True
        for owner in sorted({version.member for version in doomed}):
            self._settle(owner)
        return bool(doomed)

    def nation(self, version: Version) -> str:
        return self.accounts[version.member].nation

    # --- section 2: the effective level ---

    def _settle(self, member: str) -> None:
        """Judge the levels of all that the member holds, after a submission of its own."""
        mine = [v for v in self.versions if v.member == member]
        for version in mine:
            version.floor = version.level
        levels: dict[Version, str] = {}
        rest = [v for v in mine if v.tlp is None and not v.is_deleted]
        for version in mine:
            if version.is_deleted:
                assert version.level is not None
                levels[version] = version.level  # as it stood (2.7)
            elif version.tlp is not None:
                levels[version] = _raise(version.tlp, version)
        followers = [v for v in rest if self._is_follower(v)]
        rest = [v for v in rest if v not in followers]
        default = self.defaults[self.accounts[member].nation]
        self._spread(levels, rest, default)
        # Containers that name each other and that nothing else names have the nation's default.
        for version in rest:
            if version not in levels and version.contains():
                levels[version] = _raise(default, version)
        self._spread(levels, rest, default)
        for version, level in levels.items():
            version.level = level
        for version in followers:
            # A named identity whose namers are gone is not laxer for it, until a living object names it.
            unnamed = strictest([default, version.floor]) or default
            version.level = _raise(self._level_of_namers(version) or unnamed, version)
        for version in mine:
            if not version.is_deleted:
                version.base = self._base(version, version in followers)
        self._address(mine, followers)

    def _base(self, version: Version, is_follower: bool) -> str:
        """The level without the version's own granular markings and labels (7)."""
        default = self.defaults[self.accounts[version.member].nation]
        if version.tlp is not None:
            return version.tlp
        if is_follower:
            return self._level_of_namers(version) or strictest([default, version.base]) or default
        # What containers enforce counts, as for the whole.
        sources = [version.base, *(container.level for container in self.containers(version))]
        if version.is_revocation and version.predecessor is not None and version.base is None:
            sources.append(version.predecessor.level)
        return strictest(sources) or ("green" if version.is_accepted_definition else default)

    def _address(self, mine: Sequence[Version], followers: Sequence[Version]) -> None:
        """Judge to whom alone each is releasable: to whom all say that have a say (2.3, 6)."""
        judged = [v for v in mine if not v.is_deleted]
        # An identity that goes by its namers may follow them down, too; another stays what it was.
        stays = [v for v in judged if v.tlp is None and v not in followers]
        was_unaddressed = {v for v in stays if v.floor == "red" and v.nations is None}
        for version in judged:
            version.nations = common(
                [self._own_nations(version), *([version.nations] if version in stays else [])]
            )
        self._carry_down(judged)
        # RED that is addressed to nobody stays so whatever container comes later, for that can only tighten.
        # So does what is in it, unless it says itself to whom it goes.
        unaddressed = {v for v in mine if v.level == "red" and v.nations is None} | was_unaddressed
        for version in stays:
            is_unaddressed = version in was_unaddressed or not unaddressed.isdisjoint(self._above(version))
            if is_unaddressed and version.nations is not None and self._own_nations(version) is None:
                version.nations = NOBODY
        self._carry_down(judged)

    def _own_nations(self, version: Version) -> frozenset[str] | None:
        named = {self.rel_to[ref] for ref in version.obj.get("object_marking_refs", []) if ref in self.rel_to}
        if not named and version.is_revocation and version.predecessor is not None:
            return self._own_nations(version.predecessor)
        return frozenset(named) or None

    def _above(self, version: Version) -> list[Version]:
        """What something without TLP of its own takes its handling from."""
        revoked = [version.predecessor] if version.is_revocation and version.predecessor else []
        return [*self.containers(version), *revoked] if version.tlp is None else []

    def _carry_down(self, judged: Sequence[Version]) -> None:
        """Let the nations of containers, and of what is revoked, hold for what has no TLP of its own."""
        changes = True
        while changes:
            changes = False
            for version in judged:
                nations = common([version.nations, *(source.nations for source in self._above(version))])
                changes = changes or nations != version.nations
                version.nations = nations

    def _spread(self, levels: dict[Version, str], rest: Sequence[Version], default: str) -> None:
        """Let levels follow from levels, until nothing changes any more."""
        changes = True
        while changes:
            changes = False
            for version in rest:
                level = self._unmarked_level(version, levels, default)
                if level is not None and level != levels.get(version):
                    levels[version], changes = level, True

    def _unmarked_level(self, version: Version, levels: Mapping[Version, str], default: str) -> str | None:
        # Every version of a container counts, and what a container enforces counts, not what it says.
        containers = self.containers(version)
        sources = [levels.get(container) for container in containers] + [version.floor]
        if version.is_revocation and version.floor is None:
            predecessor = version.predecessor
            assert predecessor is not None
            sources.append(levels.get(predecessor, predecessor.floor))
        known = strictest(sources)
        if known is not None:
            return _raise(known, version)
        if containers:
            return levels.get(version)
        return _raise("green" if version.is_accepted_definition else default, version)

    def containers(self, version: Version) -> list[Version]:
        return [v for v in self.versions if v.member == version.member and version.id in v.contains()]

    def _is_follower(self, version: Version) -> bool:
        """An unmarked identity in no container, whose level its namers give (2.4)."""
        is_identity = version.obj["type"] == "identity" and version.tlp is None
        return is_identity and not self.containers(version) and not version.is_revocation

    def _level_of_namers(self, identity: Version) -> str | None:
        # Newest versions alone are namers, and unmarked identities are none.
        levels = [
            v.level
            for v in self.versions
            if v.member == identity.member
            and v.obj.get("created_by_ref") == identity.id != v.id
            and not (v.obj["type"] == "identity" and v.tlp is None)
            and self.is_newest(v)
            and not v.is_deleted
        ]
        if not levels:
            return None
        laxest = min((level for level in levels if level), key=LEVELS.index)
        return strictest(["green", laxest])

    def is_closed(self, version: Version, above: tuple[Version, ...] = ()) -> bool:
        """Whether a marking that nobody knows, its own or a container's, keeps it at home (2.3, 2.5, 2.6)."""
        if version.stood_closed is not None:
            return version.stood_closed
        accepted = {
            v.id for v in self.versions if v.member == version.member and v.is_accepted_definition
        } | self.informative
        # REL TO on a part alone can neither be followed nor ignored.
        on_parts = self.rel_to.keys() & version.granular_refs()
        if version.has_bad_selector() or version.others() - accepted - self.rel_to.keys() or on_parts:
            return True
        if version.tlp is not None:
            return False
        outer = [v for v in self.containers(version) if v not in above]
        return any(self.is_closed(container, (*above, version)) for container in outer)


def _raise(level: str, version: Version) -> str:
    raised = strictest([level, version.raised])
    assert raised is not None
    return raised


def _is_equal(one: Json, other: Json) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
