"""What is accepted (policy 2.2, 2.3, 8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.oracle import markings
from tests.oracle.levels import Levels
from tests.oracle.markings import TLP_OF, Json
from tests.oracle.records import NAMED, RELAYED, LastShown, canonical
from tests.oracle.versions import OracleOutcome, OracleVersion

ACCEPTED, EQUAL = OracleOutcome("accepted"), OracleOutcome("equal")
DAY = timedelta(hours=24)
HUB = "identity--4a1d3a0c-1f0e-4c55-9c68-2f9a7fb0a001"
# Names are repeated equal but for these: MISP dates its galaxies by the event (2.3).
_ASIDE = ("created", "modified", "created_by_ref")


def refused(why: str) -> OracleOutcome:
    return OracleOutcome("refused", why)


@dataclass
class Acceptance(Levels):
    """Judges each item by what is held when it comes; the reasons are named in tests alone."""

    hub_identity: str = HUB
    drawn: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # what each made id stands for

    def accept(self, member: str, obj: Json, at: datetime) -> tuple[OracleOutcome, OracleVersion | None]:
        """Say what becomes of an item, and give the version that it is or, being equal, repeats."""
        outcome = self._unreadable(obj, at)
        if outcome is not None:
            return outcome, None
        outcome, version = self._repeated(member, obj)
        if outcome is not None:
            return outcome, version
        why = self._forged(member, obj)
        if why:
            return refused(why), None
        newest = self._name_repeated(member, obj)
        if newest is not None:
            return EQUAL, newest
        why = (
            self._inconsistent(member, obj) or self._overwriting(member, obj) or self._passing_on(member, obj)
        )
        if why:
            return refused(why), None
        return ACCEPTED, self._version(member, obj, at)

    # --- readable, and no copy of the hub's ---

    def _unreadable(self, obj: Json, at: datetime) -> OracleOutcome | None:
        if markings.has_id_in_other_case(obj):
            return refused("id not in lower case")
        if obj["type"] == "marking-definition":
            claimed = markings.levels_claimed(obj)
            if obj["id"] in TLP_OF:
                return EQUAL if claimed == {TLP_OF[obj["id"]]} else refused("disagrees with its id")
            if claimed:
                return refused("claims TLP under another id")
        if obj["id"] == self.hub_identity or self._is_made(obj["id"]):
            return refused("the hub's")
        if obj.get("created_by_ref") == self.hub_identity:
            return refused("the hub's")
        dates = [datetime.fromisoformat(obj[name]) for name in ("created", "modified") if name in obj]
        return refused("far ahead") if any(date > at + DAY for date in dates) else None

    def _is_made(self, id: str) -> bool:
        """Links, redactions and answers; anonymised objects are taken for their nation's cert's (7)."""
        return id in self.drawn and self.drawn[id][2] != "anonymised"

    # --- the same again ---

    def _repeated(self, member: str, obj: Json) -> tuple[OracleOutcome | None, OracleVersion | None]:
        held = self.record(member, obj["id"])
        text = text_of(obj)
        if text is None:
            latest = held[-1] if held else None
            is_same = latest is not None and not latest.is_deleted and is_equal(latest.obj, obj)
            return (EQUAL, latest) if is_same else (None, None)
        for version in held:
            if version.when != datetime.fromisoformat(text):
                continue
            if version.is_deleted:
                return refused("deleted"), None
            if is_equal(version.obj, obj):
                return EQUAL, version
            if self._name_repeated(member, obj) is None:
                return refused("different under the same version"), None
        return None, None

    def _name_repeated(self, member: str, obj: Json) -> OracleVersion | None:
        """The newest version of the record, if it is said again unmarked and equal (2.3)."""
        held = self.record(member, obj["id"])
        if not held or held[-1].is_deleted or not markings.is_once(obj) or markings.tlp_of(obj):
            return None
        one, other = ({k: v for k, v in o.items() if k not in _ASIDE} for o in (held[-1].obj, obj))
        return held[-1] if is_equal(one, other) else None

    def _version(self, member: str, obj: Json, at: datetime) -> OracleVersion:
        held = self.record(member, obj["id"])
        text = text_of(obj)
        if text is None:
            # The time of its submission, and later than what is held though the clock stood.
            when = max([at, *(version.when + timedelta(microseconds=1) for version in held)])
            text = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        living = self.living(member, obj["id"])
        copied = tuple(
            v for v in self.seen_ever.get(member, ()) if _is_copy(obj, v) and not self.is_of_own(member, v)
        )
        begins_as_copy = living[0].begins_as_copy if living else bool(copied)
        order = self.submissions
        return OracleVersion(
            member, obj["id"], text, at, obj, order, copies=copied, begins_as_copy=begins_as_copy
        )

    # --- nobody speaks for another (8) ---

    def _forged(self, member: str, obj: Json) -> str | None:
        ids = {obj["id"], obj.get("created_by_ref")}
        if all(self.may_speak_as(member, id) for id in ids if self.is_registered(id)):
            return None
        if any(_is_copy(obj, version) for version in self.seen_now.get(member, ())):
            return None
        return "speaks for another"

    # --- versions of one record (8) ---

    def _inconsistent(self, member: str, obj: Json) -> str | None:
        text = text_of(obj)
        if text is None:
            # Other content in the same submission would be the same version.
            is_there = any(v.order == self.submissions for v in self.record(member, obj["id"]))
            return "different under the same version" if is_there else None
        when = datetime.fromisoformat(text)
        for version in self.record(member, obj["id"]):
            if version.is_revoking and when > version.when:
                return "revoked"
            if obj.get("revoked") is True and when < version.when:
                return "revokes what is older than a version"
            if obj["type"] not in markings.NAMES and not self._agree(member, obj, version, when):
                return "created or created_by_ref changed"
        if obj["type"] in markings.NAMES and markings.tlp_of(obj) is not None:
            return self._changes_a_marked_name(member, obj, when)
        return None

    def _changes_a_marked_name(self, member: str, obj: Json, when: datetime) -> str | None:
        """Names without TLP are dated by the event at hand; two marked ones, side by side, agree."""
        held = self.record(member, obj["id"])
        earlier, later = [v for v in held if v.when < when], [v for v in held if v.when > when]
        beside = [
            max(earlier, key=lambda v: v.when, default=None),
            min(later, key=lambda v: v.when, default=None),
        ]
        marked = [v for v in beside if v is not None and markings.tlp_of(v.obj) is not None]
        return (
            None
            if all(self._agree(member, obj, v, when) for v in marked)
            else "created or created_by_ref changed"
        )

    def _agree(self, member: str, obj: Json, held: OracleVersion, when: datetime) -> bool:
        if obj.get("created") != held.obj.get("created"):
            return False
        former, latter = held.creator, obj.get("created_by_ref")
        if when < held.when:
            former, latter = latter, former
        # Absence may become an identity that the submitter may use.
        return former == latter or (former is None and self.may_speak_as(member, latter))

    # --- nobody overwrites another (8) ---

    def _overwriting(self, member: str, obj: Json) -> str | None:
        id = obj["id"]
        if self.is_registered(id) and self.may_speak_as(member, id):
            return None
        if any(_is_copy(obj, version) for version in self.seen_ever.get(member, ())):
            return None
        others = [s for s in self.others(member, id) if not self.is_common(s.version, obj)]
        judge = self._outranks if self.owns(member, id) else self._overwrites
        return "overwrites another" if any(judge(member, obj, s.version) for s in others) else None

    def _outranks(self, member: str, obj: Json, other: OracleVersion) -> bool:
        """Whether another's named record stops a version, that is not, of a record that is there."""
        is_its_cert = self._is_cert_of(member, other)
        mine, its = self.claim(member, obj), self.claim(other.member, other.obj)
        return mine != NAMED and its == NAMED and not is_its_cert

    def _overwrites(self, member: str, obj: Json, other: OracleVersion) -> bool:
        mine, its = self.claim(member, obj), self.claim(other.member, other.obj)
        if its < mine:
            return False
        if mine == its == RELAYED and obj.get("created_by_ref") == other.creator:
            return False
        if mine == its == NAMED and markings.is_derived(obj["id"]):
            return False
        if self._is_cert_of(member, other) and self._is_later(member, obj):
            return False
        return self.accounts[member].kind != "cert" or its == NAMED

    def _is_cert_of(self, member: str, other: OracleVersion) -> bool:
        account = self.accounts[member]
        return account.kind == "cert" and account.nation == self.nation(other)

    def _is_later(self, member: str, obj: Json) -> bool:
        """Later than any version under the id that it may see."""
        text = text_of(obj)
        seen = [v.when for v in self.seen_now.get(member, ()) if v.id == obj["id"]]
        return text is not None and all(datetime.fromisoformat(text) > when for when in seen)

    # --- passing on (8) ---

    def _passing_on(self, member: str, obj: Json) -> str | None:
        if self.owns(member, obj["id"]) and not self._was_announced(member, obj["id"]):
            return None
        found = self.first_of_equal(self.others(member, obj["id"]))
        return "passing on" if any(self._passes_on(member, obj, s) for s in found) else None

    def _passes_on(self, member: str, obj: Json, shown: LastShown) -> bool:
        other = shown.version
        if self.nation(other) == self.accounts[member].nation or not shown.was_above:
            return False
        both = {self.claim(member, obj), self.claim(other.member, other.obj)}
        if both == {NAMED} and markings.is_derived(obj["id"]):
            return False
        if self.is_common(other, obj) and not self.is_marked_name(other):
            return False
        return not self._was_named_before(member, other)

    def _was_named_before(self, member: str, other: OracleVersion) -> bool:
        """Whether a record of the submitter's nation referred to the id before that came, and before any
        other nation's that it was shown."""
        seen = self.seen_ever.get(member, set())
        came = [v.order for v in seen if (v.member, v.id) == (other.member, other.id)]
        own, foreign = self._namings(member, other.id)
        return bool(own) and min(own) < min([*came, *foreign])

    def _was_announced(self, member: str, id: str) -> bool:
        """Whether another nation named the id before the member's record came, and before its own did."""
        own, foreign = self._namings(member, id)
        first = min(v.order for v in self.living(member, id))
        return bool(foreign) and min(foreign) < first and not (own and min(own) < min(foreign))

    def _namings(self, member: str, id: str) -> tuple[list[int], list[int]]:
        """When records of the own nation, and of others, referred to the id, as the member knows."""
        nation, seen = self.accounts[member].nation, self.seen_ever.get(member, set())
        foreign = [v.order for v in seen if self.nation(v) != nation and id in v.refers()]
        own = [
            v.order
            for v in self.versions
            if self.nation(v) == nation and id in v.refers() and (v.member == member or v in seen)
        ]
        return own, foreign

    # --- what stands (2.3) ---

    def stands(self, version: OracleVersion) -> bool:
        """Whether the newest version of its record stands in its place, being laxer."""
        if not version.is_once or self.kept_from(version) is not None:
            return False
        mine = self.versions.index(version)
        older = [v for v in self.living(version.member, version.id) if self.versions.index(v) < mine]
        if not older or version.when < older[-1].when:
            return False
        return version.full.is_stricter_than(older[-1].full)


def text_of(obj: Json) -> str | None:
    text: str | None = obj.get("modified", obj.get("created"))
    return text


def is_equal(one: Json, other: Json) -> bool:
    return canonical(one) == canonical(other)


def _is_copy(obj: Json, version: OracleVersion) -> bool:
    """An equal copy of what another submitted."""
    return version.id == obj["id"] and is_equal(version.obj, obj)
