"""Decides item by item on readable objects: accepted as new versions, equal, or refused (policy 8).

Rules on single objects are in `acceptance`, markings taken over in `taking`. The effective marking is not
decided here, but in `rules.marking.effective`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from hub.model import (
    DefinitionKind,
    Kind,
    Member,
    NationCode,
    ObjectVersion,
    OriginalId,
    Outcome,
    SourceHiding,
    StixId,
    StixObject,
    Tlp,
    Unreadable,
    format_instant,
    version_key,
)
from hub.rules.claims import Registered
from hub.rules.marking.levels import is_accepted_definition, listed_as, with_rel_to_on_parts
from hub.rules.submission.acceptance import (
    AHEAD,
    Accept,
    Case,
    Known,
    Refuse,
    Reserved,
    Unchanged,
    accept,
)
from hub.rules.submission.others import KnownOthers, Naming
from hub.rules.submission.taking import names_colleagues, taken_over

_MICROSECOND: Final = timedelta(microseconds=1)
_STRICTER: Final = "stands as {}; mark this version, or leave it out"
_LAST_INSTANT: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DraftContext:
    """The data loaded before the items are drafted.

    `accepted_at` is the version of objects without a version. `own` are the ids in the items' references with
    a record of the submitter's own, not deleted and no copy. `originals` are the originals of made ids for
    other nations' objects.
    """

    submitter: Member
    reserved: Reserved
    informative: frozenset[StixId]
    registered: Registered
    others: KnownOthers
    own: frozenset[StixId]
    originals: Mapping[StixId, OriginalId]
    now: datetime
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class Drafts:
    """The result of drafting: an outcome for each item, new versions with negative keys, and the bodies.

    `index` is the item of each new version. `present` are the stored versions repeated by items, `repeated`
    the repeated names among these. `repeats_deleted`: an item was refused as deleted. `named_at` are the
    places where a new version names the submitter.
    """

    outcomes: Sequence[Outcome]
    fresh: Sequence[ObjectVersion]
    bodies: Mapping[bytes, bytes]
    index: Mapping[int, int]
    present: frozenset[int]
    repeated: frozenset[int]
    repeats_deleted: bool
    named_at: Mapping[int, Sequence[str]]

    def without(self, refused: Mapping[int, Tlp]) -> Drafts:
        """Return the drafts without these new names; by key, the level of the version held (policy 2.3)."""
        outcomes = list(self.outcomes)
        for key, tlp in refused.items():
            former, message = outcomes[self.index[key]], _STRICTER.format(tlp.label.upper())
            outcomes[self.index[key]] = Outcome(former.id, former.version, succeeded=False, message=message)
        # Bodies go too: a refused text is not stored (policy 2.3).
        fresh = [version for version in self.fresh if version.key not in refused]
        bodies = {version.digest: self.bodies[version.digest] for version in fresh}
        index = {key: n for key, n in self.index.items() if key not in refused}
        return replace(self, outcomes=outcomes, fresh=fresh, bodies=bodies, index=index)


NO_DRAFTS: Final = Drafts((), (), {}, {}, frozenset(), frozenset(), repeats_deleted=False, named_at={})


def draft(
    draft_context: DraftContext, items: Sequence[StixObject | Unreadable], held: Collection[ObjectVersion]
) -> Drafts:
    """Decide on each item in turn (policy 8); a refused item never affects another item.

    `held` are all stored versions of the member's records of these ids.
    """
    drafting = _Drafting(draft_context, len(items), held)
    # In order of the submission: an item counts for the items after it, as in separate submissions.
    outcomes = [drafting.outcome(n, item) for n, item in enumerate(items)]
    return Drafts(
        outcomes=outcomes,
        fresh=drafting.with_taken(),
        bodies=drafting.bodies,
        index=drafting.index,
        present=frozenset(drafting.present),
        repeated=frozenset(drafting.repeated),
        repeats_deleted=drafting.repeats_deleted,
        named_at=drafting.named_at,
    )


class _Record:
    """The versions of one record, indexed so that one more version costs little."""

    def __init__(self) -> None:
        self._keys: list[str] = []  # in order
        self._by_key: dict[str, ObjectVersion] = {}
        self._revoked_key: str | None = None
        self._newest: ObjectVersion | None = None
        self._first_at: datetime | None = None

    def add(self, version: ObjectVersion) -> None:
        key = version.version_key
        insort(self._keys, key)
        self._by_key[key] = version
        # Policy 8: a revoking version is final, "deleted or not", so the earliest counts.
        if version.revoked and (self._revoked_key is None or key < self._revoked_key):
            self._revoked_key = key
        if version.deleted_at is None:
            self._first_at = min(version.submitted_at, self._first_at or version.submitted_at)
        if version.deleted_at is None and (self._newest is None or key > self._newest.version_key):
            self._newest = version

    def known(self, key: str | None) -> Known:
        """Return the record as compared with a version of this key; None: an object without a version."""
        last_key = self._keys[-1] if self._keys else None
        if key is None:
            return Known(
                newest=self._newest,
                last_key=last_key,
                revoked_key=self._revoked_key,
                first_at=self._first_at,
            )
        at = bisect_left(self._keys, key)
        same = self._by_key.get(key)
        after = at if same is None else at + 1
        return Known(
            same=same,
            before=self._by_key[self._keys[at - 1]] if at else None,
            after=self._by_key[self._keys[after]] if after < len(self._keys) else None,
            newest=self._newest,
            last_key=last_key,
            revoked_key=self._revoked_key,
            first_at=self._first_at,
        )

    def last(self) -> ObjectVersion | None:
        """Return the latest version, deleted or not."""
        return self._by_key[self._keys[-1]] if self._keys else None


class _Drafting:
    def __init__(self, draft_context: DraftContext, count: int, held: Collection[ObjectVersion]) -> None:
        self.draft_context = draft_context
        self.count = count
        # Keys compare as text in the order of time, so the bound is a key too.
        self.latest_key = version_key(format_instant(draft_context.now + AHEAD)) or ""
        self.records: dict[StixId, _Record] = defaultdict(_Record)
        for version in held:
            self.records[version.id].add(version)
        self.fresh: list[ObjectVersion] = []
        self.bodies: dict[bytes, bytes] = {}
        self.index: dict[int, int] = {}
        self.present: set[int] = set()
        self.repeated: set[int] = set()
        self.repeats_deleted = False
        self.named_at: dict[int, Sequence[str]] = {}

    def outcome(self, n: int, item: StixObject | Unreadable) -> Outcome:
        # TAXII 2.1 section 4.3.1 wants a version in every status detail, of an unreadable item too.
        fallback = format_instant(self.draft_context.now)
        if isinstance(item, Unreadable):
            return Outcome(item.id, item.version or fallback, succeeded=False, message=item.message)
        # Policy 2.2: a copy of a standard definition succeeds and is not stored.
        if item.definition is DefinitionKind.TLP_COPY:
            return Outcome(item.id, item.version or fallback, succeeded=True)
        # The record includes the versions of earlier items in this submission.
        known = self.records[item.id].known(item.version_key)
        result = accept(item, self._case(item, known))
        if isinstance(result, Refuse):
            # The raw body of such a submission is not kept: the erased text would be stored again (policy 8).
            self.repeats_deleted |= result.is_deleted
            return Outcome(item.id, result.version or fallback, succeeded=False, message=result.message)
        # Equal and refused items store nothing; `markings.remark` reaches the submitter either way.
        if isinstance(result, Accept):
            self._add(n, item, result)
        else:
            self._note_repeated(result, known)
        return Outcome(item.id, result.version, succeeded=True, message=item.markings.remark)

    def _case(self, item: StixObject, known: Known) -> Case:
        known_others = self.draft_context.others
        return Case(
            submitter=self.draft_context.submitter,
            known=known,
            others=known_others.by_id.get(item.id, ()),
            naming=known_others.naming.get(item.id, Naming()),
            registered=self.draft_context.registered,
            reserved=self.draft_context.reserved,
            now=self.draft_context.now,
            latest_key=self.latest_key,
            accepted_as=None if item.version_key else self._accepted_as(item.id),
        )

    def _note_repeated(self, result: Unchanged, known: Known) -> None:
        # Policy 2.3: a repeated name beside a laxer container loosens the stored
        # version, so the version counts as present.
        said = known.newest if result.is_repeated else known.same
        if said is not None:
            self.present.add(said.key)
            if result.is_repeated:
                self.repeated.add(said.key)

    def _accepted_as(self, id: StixId) -> tuple[str, str] | None:
        """Return version and key for an object without a version: the time of acceptance of the submission.

        Always after the earlier versions of the record; None when no later time exists. The same for all
        objects of a submission: otherwise versions would disclose the number of objects between (policy 9).
        """
        instant = self.draft_context.accepted_at
        last = self.records[id].last()
        if last is not None:
            latest = datetime.fromisoformat(last.version)
            if latest == _LAST_INSTANT:
                return None
            is_before = last.key > 0  # an earlier item of this submission has the same version
            instant = max(instant, latest + _MICROSECOND if is_before else latest)
        text = format_instant(instant)
        return text, version_key(text) or text

    def _add(self, n: int, item: StixObject, result: Accept) -> None:
        key = n - self.count  # negative, and in the order of the submission
        version = _version(self.draft_context, key, item, result)
        self.records[item.id].add(version)
        self.fresh.append(version)
        self.bodies[item.digest] = item.body
        self.index[key] = n
        self.named_at[key] = item.named_at

    def with_taken(self) -> list[ObjectVersion]:
        """Return the new versions with everything taken over, once all items are known (policy 2.7, 8)."""
        by_id, registered = self.draft_context.others.by_id, self.draft_context.registered
        found = []
        for version in self.fresh:
            # Records of this submission count too, so the order of the items plays no part (policy 2.7).
            own = {id for id in version.refers if id in self.draft_context.own or self._is_own(id)}
            around = (version, self.draft_context.submitter, by_id, own, registered)
            source_hiding = version.source_hiding
            # Policy 7: a cert is never hidden, but a cert's object may name a hidden member's object.
            if self.draft_context.submitter.kind is Kind.CERT:
                source_hiding = SourceHiding.NONE if names_colleagues(*around) else SourceHiding.RENAMED
            found.append(version.altered(taken=taken_over(*around), source_hiding=source_hiding))
        return found

    def _is_own(self, id: StixId) -> bool:
        return id in self.records and self.records[id].known(None).is_own


def _version(draft_context: DraftContext, key: int, item: StixObject, result: Accept) -> ObjectVersion:
    return ObjectVersion(
        key=key,
        member=draft_context.submitter.id,
        id=item.id,
        type=item.type,
        version=result.version,
        version_key=result.version_key,
        # INVARIANT: `submitted_at` is the instant of this decision, never of
        # the request (policy 4, start; I1).
        submitted_at=draft_context.now,
        has_spec_version=item.has_spec_version,
        is_newest=False,
        digest=item.digest,
        # Not decided here: which unknown markings close. That may change with later definitions (policy 2.6).
        markings=with_rel_to_on_parts(item.markings, draft_context.reserved.rel_to),
        refers=item.refers,
        contains=item.contains,
        creator=item.creator,
        is_accepted_definition=is_accepted_definition(
            item.id, item.definition, item.definition_extensions, draft_context.informative
        ),
        # Every doubt closes: RED and closed until `rules.marking` has decided.
        tlp=Tlp.RED,
        is_closed=True,
        is_contained=False,
        listed=listed_as(item.id, item.definition, item.definition_extensions, draft_context.informative),
        redactions=item.redactions,
        source_hiding=item.source_hiding,
        about=_about(draft_context, item),
        created=item.created,
        same=item.same,
        revoked=item.revoked,
        is_copy=result.is_copy,
    )


def _about(draft_context: DraftContext, item: StixObject) -> NationCode | None:
    """Return the nation of the originals behind the item's made ids.

    Empty: several nations, None: no made id.
    """
    behind = [draft_context.originals[id] for id in item.refers if id in draft_context.originals]
    nations = {original.origin for original in behind}
    if not nations:
        return None
    # Two made ids of one original would become equal: such an item is no answer either (policy 7).
    # Every doubt closes: without a plain answer the empty nation is served no answer.
    is_plain = len(nations) == 1 and len(set(behind)) == len(behind) and not item.has_id_keys
    return nations.pop() if is_plain else NationCode("")
