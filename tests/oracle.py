"""The release policy said a second time: plainly, over the whole world at once, and from the text alone.

Nothing here is taken from the hub's rules. Every question loops over everything; worlds are small.
Sections are those of the policy. Where it leaves a choice, the choice stands in a comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

LEVELS = ["clear", "green", "amber", "amber+strict", "red"]
ORDER = ["partner", "agency", "cert"]
TLP_OF = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
    "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37": "amber+strict",
}


@dataclass(eq=False)
class Treaty:
    """An agreement as proposed, and what its parties have done to it (5)."""

    clauses: Sequence[Json]
    parties: frozenset[str]
    valid_from: datetime
    valid_until: datetime
    amends: Treaty | None = None
    signed_at: datetime | None = None  # the last signature that was needed
    terminated_at: datetime | None = None
    suspensions: list[tuple[str, datetime, datetime | None]] = field(default_factory=list)
    amendments: list[Treaty] = field(default_factory=list)

    @property
    def begins(self) -> datetime | None:
        """When it comes into force, should nothing end it before."""
        return None if self.signed_at is None else max(self.signed_at, self.valid_from)

    @property
    def takes_over_at(self) -> datetime | None:
        """When it supersedes what it amends; None: it never does, being terminated before.

        An amendment that is itself superseded before it begins still ends what it amends, on its day: all
        parties of that have signed so, and less is released.
        """
        is_called_off = self.terminated_at is not None and (self.begins or END) > self.terminated_at
        return None if is_called_off else self.begins

    @property
    def superseded_at(self) -> datetime | None:
        return min((t.takes_over_at for t in self.amendments if t.takes_over_at is not None), default=None)

    @property
    def ends(self) -> datetime:
        ends = (self.valid_until, self.terminated_at, self.superseded_at)
        return min(end for end in ends if end is not None)

    def has_ended(self, now: datetime) -> bool:
        # Terminated and expired are for ever, also of what was never signed.
        return now >= self.ends

    def has_begun(self, now: datetime) -> bool:
        return self.begins is not None and self.begins <= now and self.begins < self.ends

    def suspenders(self, now: datetime) -> set[str]:
        return {n for n, start, end in self.suspensions if start <= now and (end is None or now < end)}

    def is_in_force(self, now: datetime) -> bool:
        return self.has_begun(now) and not self.has_ended(now) and not self.suspenders(now)

    def start(self, origin: str, recipient: str) -> datetime | None:
        """Since when this agreement, or those that it follows without a break, has this direction (4).

        Every agreement of the chain must have it: what one left out begins anew.
        """
        if self.begins is None or not any(c["from"] == origin and recipient in c["to"] for c in self.clauses):
            return None
        former = self.amends
        if former is None or not former.has_begun(self.begins):
            return self.begins
        # A suspended agreement is superseded like any other. One that expired or was terminated was not.
        is_broken = former.valid_until < self.begins or (former.terminated_at or END) < self.begins
        return self.begins if is_broken else former.start(origin, recipient) or self.begins


END = datetime.max.replace(tzinfo=UTC)
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Account:
    """A member: its nation and its kind (partner, agency or cert)."""

    nation: str
    kind: str


@dataclass(eq=False)
class Version:
    """One accepted version. `level` is what was enforced last, and so a floor for what comes later.

    So are `nations`, to which alone it is releasable abroad (6); None: to all that a clause names.
    """

    member: str
    id: str
    text: str
    at: datetime
    obj: Json
    predecessor: Version | None
    level: str | None = None
    floor: str | None = None
    nations: frozenset[str] | None = None
    is_deleted: bool = False
    stood_closed: bool | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.member, self.id, self.text

    @property
    def when(self) -> datetime:
        return datetime.fromisoformat(self.text)

    @property
    def tlp(self) -> str | None:
        return strictest(TLP_OF[ref] for ref in self.obj.get("object_marking_refs", []) if ref in TLP_OF)

    @property
    def raised(self) -> str | None:
        """Labels and granular markings raise, never lower (2.1, 2.5)."""
        refs = [m["marking_ref"] for m in self.obj.get("granular_markings", []) if "marking_ref" in m]
        labels = [re.fullmatch(r"tlp:(.+)", label.lower()) for label in self.obj.get("labels", [])]
        spelled = [match[1].replace("white", "clear") for match in labels if match]
        return strictest([*(TLP_OF[r] for r in refs if r in TLP_OF), *(s for s in spelled if s in LEVELS)])

    @property
    def is_revocation(self) -> bool:
        """A revoking version without TLP keeps its predecessor's (8)."""
        return self.obj.get("revoked") is True and self.tlp is None and self.predecessor is not None

    @property
    def is_accepted_definition(self) -> bool:
        return self.obj.get("definition_type") == "statement"

    def others(self) -> set[str]:
        """Marking references that are not TLP; a revoking version keeps its predecessor's."""
        refs = {*self.obj.get("object_marking_refs", []), *self.granular_refs()}
        if self.is_revocation and self.predecessor is not None:
            refs |= self.predecessor.others()
        return refs - TLP_OF.keys()

    def granular_refs(self) -> set[str]:
        """What parts are marked with; a revoking version keeps its predecessor's."""
        refs = {m["marking_ref"] for m in self.obj.get("granular_markings", []) if "marking_ref" in m}
        if self.is_revocation and self.predecessor is not None:
            refs |= self.predecessor.granular_refs()
        return refs

    def has_bad_selector(self) -> bool:
        """A selector that matches nothing closes the object (2.5); top-level ones are enough here."""
        selectors = [s for m in self.obj.get("granular_markings", []) for s in m["selectors"]]
        kept = self.is_revocation and self.predecessor is not None and self.predecessor.has_bad_selector()
        return kept or any(selector not in self.obj for selector in selectors)

    def contains(self) -> set[str]:
        is_container = self.obj["type"] in ("report", "grouping")
        return set(self.obj["object_refs"]) - {self.id} if is_container else set()

    def refers(self) -> set[str]:
        return set(_references(self.obj)) - {self.id}


def strictest(levels: Iterable[str | None]) -> str | None:
    return max((level for level in levels if level is not None), key=LEVELS.index, default=None)


def common(found: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """The nations that all name that name any; None: none does."""
    named = [nations for nations in found if nations is not None]
    return frozenset.intersection(*named) if named else None


def _references(value: Any) -> Iterable[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("created_by_ref", "object_marking_refs", "granular_markings"):
                continue
            if re.search("_refs?$", key):
                yield from [item] if isinstance(item, str) else item
            else:
                yield from _references(item)


@dataclass
class Oracle:
    """What the hub should say, given everything that was submitted so far."""

    accounts: Mapping[str, Account]
    defaults: Mapping[str, str]
    informative: frozenset[str]
    rel_to: Mapping[str, str]  # the nation that each of the hub's definitions names (6)
    versions: list[Version] = field(default_factory=list)

    # --- section 8: what is accepted ---

    def submit(
        self,
        member: str,
        objects: Sequence[Json],
        at: datetime,
        treaties: Sequence[Treaty],
        served: Collection[tuple[str, str]] | None = None,
    ) -> list[bool]:
        """Take a submission, and return for each object whether it succeeds.

        `served`, if given, are the ids and versions that the member can have received so far.
        """
        # Deleted ones too: a copy of them may be held still.
        visible = self._largest(member, treaties, at, self._at_home())
        if served is not None:
            visible = {version for version in visible if (version.id, version.text) in served}
        fresh: list[Version] = []
        outcomes = []
        for n, obj in enumerate(objects):
            outcome, version = self._accept(member, obj, at + timedelta(microseconds=n), visible)
            outcomes.append(outcome)
            if version is not None:
                # All of a submission is submitted at one time; only an SCO's version tells them apart.
                version.at = at
                fresh.append(version)
                self.versions.append(version)
        self._settle(member, fresh)
        return outcomes

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
        text = text or at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
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
            self._settle(owner, [])
        return bool(doomed)

    def nation(self, version: Version) -> str:
        return self.accounts[version.member].nation

    # --- section 2: the effective level ---

    def _settle(self, member: str, fresh: Sequence[Version]) -> None:
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
        self._address(mine, followers)

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

    # --- sections 3 and 4: who sees it, references aside ---

    def _may_see(self, version: Version, reader: str, treaties: Sequence[Treaty], now: datetime) -> bool:
        account = self.accounts[reader]
        if version.member == reader:
            return True
        assert version.level is not None
        if account.nation == self.nation(version):
            return ORDER.index(account.kind) >= ORDER.index(_lowest(version.level))
        if self.is_closed(version) or not self._is_releasable(version, account.nation):
            return False
        return any(
            self._matches(version, clause, account, treaty)
            for treaty in treaties
            if treaty.is_in_force(now)
            for clause in treaty.clauses
        )

    def _is_releasable(self, version: Version, nation: str) -> bool:
        """RED must be addressed to the nation; anything else only if it is addressed at all (6)."""
        if version.level == "red" and version.nations is None:
            return False
        return version.nations is None or nation in version.nations

    def _matches(self, version: Version, clause: Json, account: Account, treaty: Treaty) -> bool:
        assert version.level is not None
        if clause["from"] != self.nation(version) or account.nation not in clause["to"]:
            return False
        if LEVELS.index(version.level) > LEVELS.index(clause["max_tlp"]):
            return False
        start = treaty.start(self.nation(version), account.nation)
        if not clause.get("history", False) and (start is None or version.at < start):
            return False
        stix_type = version.obj["type"]
        if stix_type not in [*clause.get("types", [stix_type]), "identity", "marking-definition"]:
            return False
        narrower = max(clause.get("audience", "agency"), _lowest(version.level), key=ORDER.index)
        return ORDER.index(account.kind) >= ORDER.index(narrower)

    # --- 2.7 and "the newest version decides" ---

    def visible(self, reader: str, treaties: Sequence[Treaty], now: datetime) -> set[Version]:
        """Every version that the reader is served."""
        return _there(self._largest(reader, treaties, now, self._at_home()))

    def everybody(self, treaties: Sequence[Treaty], now: datetime) -> dict[str, set[Version]]:
        """What every member is served."""
        counts = self._at_home()
        return {member: _there(self._largest(member, treaties, now, counts)) for member in self.accounts}

    def _at_home(self) -> Callable[[str, Version], bool]:
        """Tell of any member whether it sees a record, by its newest version, inside its own nation.

        Whose references count depends on who sees what, and that on whose references count. With
        more references less is seen: the two bounds close in; where they do not meet, less is seen.
        """
        long_ago = datetime.min.replace(tzinfo=UTC)

        def at_home(counts: Callable[[str, Version], bool]) -> dict[str, set[Version]]:
            return {member: self._largest(member, (), long_ago, counts) for member in self.accounts}

        seen = at_home(lambda _member, _version: True)
        while True:
            more = at_home(lambda member, version, seen=seen: version in seen[member])  # type: ignore[misc]
            again = at_home(lambda member, version, more=more: version in more[member])  # type: ignore[misc]
            if again == seen:
                # Reading less means counting more references.
                return lambda member, version: version in more[member]
            seen = again

    def _largest(
        self, reader: str, treaties: Sequence[Treaty], now: datetime, counts: Callable[[str, Version], bool]
    ) -> set[Version]:
        seen = {v for v in self.versions if self._may_see(v, reader, treaties, now)}
        newest = {(v.member, v.id): self.newest(v.member, v.id) for v in self.versions}
        needed: dict[Version, list[Version]] = {}
        for version in seen:
            record = self.record(version.member, version.id)
            nation = [member for member, a in self.accounts.items() if a.nation == self.nation(version)]
            targets = [newest.get((member, id)) for member in nation for id in version.refers()]
            counted = [target for target in targets if target and counts(version.member, target)]
            needed[version] = [*record[record.index(version) + 1 :], *counted]
        while True:
            gone = {v for v in seen if v.member != reader and not seen.issuperset(needed[v])}
            if not gone:
                return seen
            seen -= gone


def _there(versions: set[Version]) -> set[Version]:
    """A deleted version is served to nobody, and goes on restricting as it stood (8)."""
    return {version for version in versions if not version.is_deleted}


def _raise(level: str, version: Version) -> str:
    raised = strictest([level, version.raised])
    assert raised is not None
    return raised


def _lowest(level: str) -> str:
    """The lowest kind of member that the level allows."""
    return {"clear": "partner", "green": "partner", "amber": "agency"}.get(level, "cert")


def _is_equal(one: Json, other: Json) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
