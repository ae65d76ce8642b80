"""From readable objects to new versions: what is accepted, what is equal, what is refused, item by item."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from hub.model import (
    DefinitionKind,
    MemberId,
    NationCode,
    ObjectVersion,
    Outcome,
    StixId,
    StixObject,
    Tlp,
    Unreadable,
    format_instant,
)
from hub.rules.acceptance import Accept, Known, Refuse, Reserved, accept
from hub.rules.marking import is_accepted_definition, taken_over, with_rel_to_on_parts
from hub.stix.versions import version_key
from hub.store.renditions import Original

_MICROSECOND: Final = timedelta(microseconds=1)
_LAST_INSTANT: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Drawer:
    """What is known before the items are looked at.

    `received_from` maps an id that the submitter can see from another nation, above GREEN, to that nation;
    `originals` an id that the hub made of another nation's object to what stands behind it.
    """

    member: MemberId
    reserved: Reserved
    informative: frozenset[StixId]
    received_from: Mapping[StixId, NationCode]
    originals: Mapping[StixId, Original]
    now: datetime


@dataclass(frozen=True, slots=True)
class Drafts:
    """What a submission brings: an outcome per item, new versions with negative keys, and their bodies.

    `index` tells which item each new version came from; `kept` the predecessor
    whose level a revoking version takes over. `repeats_deleted`: an item was refused as deleted. `named_at`
    are the places where a new version names its submitter.
    """

    outcomes: Sequence[Outcome]
    fresh: Sequence[ObjectVersion]
    bodies: Mapping[bytes, bytes]
    index: Mapping[int, int]
    kept: Mapping[int, int]
    repeats_deleted: bool
    named_at: Mapping[int, Sequence[str]]


def draft(
    drawer: Drawer, items: Sequence[StixObject | Unreadable], held: Collection[ObjectVersion]
) -> Drafts:
    """Decide on each item in turn (policy 8); one bad item never takes a good one down.

    `held` are all versions that the member's records of these ids have already.
    """
    desk = _Drafting(drawer, len(items), held)
    outcomes = [desk.outcome(n, item) for n, item in enumerate(items)]
    facts = (desk.fresh, desk.bodies, desk.index, desk.kept, desk.repeats_deleted, desk.named_at)
    return Drafts(outcomes, *facts)


class _Record:
    """The versions of one record, kept so that one more costs little however many there are."""

    def __init__(self) -> None:
        self._keys: list[str] = []  # in order
        self._by_key: dict[str, ObjectVersion] = {}
        self._digests: dict[str, bytes] = {}
        self._versions: dict[str, str] = {}
        self._deleted: dict[str, datetime] = {}
        self._newest_key: str | None = None

    def add(self, version: ObjectVersion) -> None:
        key = version.version_key
        insort(self._keys, key)
        self._by_key[key] = version
        self._digests[key], self._versions[key] = version.digest, version.version
        if version.deleted_at is not None:
            self._deleted[key] = version.deleted_at
        elif self._newest_key is None or key > self._newest_key:
            self._newest_key = key

    def known(self) -> Known:
        return Known(self._digests, self._versions, self._newest_key, self._deleted)

    def last(self) -> ObjectVersion | None:
        """Return the latest version, deleted or not."""
        return self._by_key[self._keys[-1]] if self._keys else None

    def before(self, key: str) -> ObjectVersion | None:
        """Return the latest version earlier than `key`, deleted or not."""
        at = bisect_left(self._keys, key)
        return self._by_key[self._keys[at - 1]] if at else None


class _Drafting:
    def __init__(self, drawer: Drawer, count: int, held: Collection[ObjectVersion]) -> None:
        self.drawer = drawer
        self.count = count
        self.records: dict[StixId, _Record] = defaultdict(_Record)
        for version in held:
            self.records[version.id].add(version)
        self.fresh: list[ObjectVersion] = []
        self.bodies: dict[bytes, bytes] = {}
        self.index: dict[int, int] = {}
        self.kept: dict[int, int] = {}
        self.repeats_deleted = False
        self.named_at: dict[int, Sequence[str]] = {}

    def outcome(self, n: int, item: StixObject | Unreadable) -> Outcome:
        fallback = format_instant(self.drawer.now)
        if isinstance(item, Unreadable):
            return Outcome(item.id, item.version or fallback, succeeded=False, message=item.message)
        if item.definition is DefinitionKind.TLP_COPY:
            return Outcome(item.id, item.version or fallback, succeeded=True)  # the hub serves its own copy
        verdict = accept(
            item,
            self.records[item.id].known(),
            received_from=self.drawer.received_from.get(item.id),
            reserved=self.drawer.reserved,
            accepted_as=self._accepted_as(item.id),
        )
        if isinstance(verdict, Refuse):
            self.repeats_deleted |= verdict.is_deleted
            return Outcome(item.id, verdict.version or fallback, succeeded=False, message=verdict.message)
        if isinstance(verdict, Accept):
            self._add(n, item, verdict)
        return Outcome(item.id, verdict.version, succeeded=True, message=item.markings.remark)

    def _accepted_as(self, id: StixId) -> tuple[str, str] | None:
        """Return version and key for content that brings none: its time, the same for all of a submission.

        Else versions would tell how many objects lie between (policy 9). Never before the version that the
        record has, should the clock have stepped back or an id come twice; None when that is the last instant
        of the calendar.
        """
        instant = self.drawer.now
        last = self.records[id].last()
        if last is not None:
            latest = datetime.fromisoformat(last.version)
            if latest == _LAST_INSTANT:
                return None
            instant = max(instant, latest + _MICROSECOND)
        text = format_instant(instant)
        return text, version_key(text) or text

    def _add(self, n: int, item: StixObject, verdict: Accept) -> None:
        key = n - self.count  # negative, and in the order of the submission
        version = _version(self.drawer, key, item, verdict)
        predecessor = self.records[item.id].before(verdict.version_key)
        if item.revoked and item.markings.tlp is None and predecessor is not None:
            version = self._taking_over(version, predecessor)
        self.records[item.id].add(version)
        self.fresh.append(version)
        self.bodies[item.digest] = item.body
        self.index[key] = n
        self.named_at[key] = item.named_at

    def _taking_over(self, version: ObjectVersion, predecessor: ObjectVersion) -> ObjectVersion:
        """Let a revoking version without TLP keep how its predecessor is handled (policy 8)."""
        markings = taken_over(version.markings, predecessor.markings, self.drawer.reserved.rel_to)
        self.kept[version.key] = predecessor.key
        return replace(version, markings=markings)


def _version(drawer: Drawer, key: int, item: StixObject, verdict: Accept) -> ObjectVersion:
    return ObjectVersion(
        key=key,
        member=drawer.member,
        id=item.id,
        type=item.type,
        version=verdict.version,
        version_key=verdict.version_key,
        submitted_at=drawer.now,
        has_spec_version=item.has_spec_version,
        is_newest=False,
        digest=item.digest,
        markings=with_rel_to_on_parts(item.markings, drawer.reserved.rel_to),
        refers=item.refers,
        contains=item.contains,
        creator=item.creator,
        is_accepted_definition=is_accepted_definition(
            item.id, item.definition, item.definition_extensions, drawer.informative
        ),
        tlp=Tlp.RED,  # until it is judged
        is_closed=True,
        is_contained=False,
        cuts=item.cuts,
        guise=item.guise,
        about=_about(drawer, item),
    )


def _about(drawer: Drawer, item: StixObject) -> NationCode | None:
    """Return to which nation's objects the item refers by made ids; empty: to several nations'."""
    behind = [drawer.originals[id] for id in item.refers if id in drawer.originals]
    nations = {original.origin for original in behind}
    if not nations:
        return None
    # Two ids that would become one are no plain reference to it either.
    is_plain = len(nations) == 1 and len(set(behind)) == len(behind) and not item.has_id_keys
    return nations.pop() if is_plain else NationCode("")
