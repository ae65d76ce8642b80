"""What the rules are given to decide on, put together from memory in the order in which it is asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from hub.model import (
    ANONYMISED,
    SUBMITTED,
    EffectiveMarking,
    EqualVersion,
    Justification,
    Kind,
    LiveRow,
    Member,
    MemberId,
    Mention,
    NationCode,
    ObjectVersion,
    OriginalId,
    OriginalRow,
    OthersVersion,
    ShownRow,
    StixId,
    StixObject,
    Tlp,
    Unreadable,
    View,
)
from hub.model.tlp_ids import TLP_IDS
from hub.rules.claims import Registered, is_unmarked_name
from hub.rules.marking.containers import MarkingDefaults, MarkingFacts
from hub.rules.marking.effective import creator_deltas, with_deletions
from hub.rules.marking.levels import accepted_as
from hub.rules.release.deciding import is_masked
from hub.rules.release.forms import answered, audience
from hub.rules.release.judgement import (
    DecisionContext,
    Judging,
    Originals,
    Stored,
)
from hub.rules.release.judgement import originals as decided_originals
from hub.rules.release.justifications import in_force_part
from hub.rules.release.references import Settled
from hub.rules.submission.acceptance import Known, Reserved
from hub.rules.submission.drafting import NO_DRAFTS, DraftContext, Drafts
from hub.rules.submission.others import KnowledgeOfOthers, KnownOthers, StoredOthers
from tests.policy.rules_memory import RulesMemory, RulesRow, made_id

Items = Sequence[StixObject | Unreadable]


# --- what is known of others, and whose ids are whose (rules/submission) ---------------------


def draft_context(memory: RulesMemory, member: Member, items: Items, now: datetime) -> DraftContext:
    """What is known before the items are looked at."""
    readable = [item for item in items if isinstance(item, StixObject)]
    ids, referred = {item.id for item in readable}, {id for item in readable for id in item.refers}
    around, registry = others(memory, member, ids, referred, now), memory.registry
    living = (v for v in memory.of(member.id) if v.is_newest and v.deleted_at is None)
    own = {version.id for version in living if Known(newest=version).is_own}
    return DraftContext(
        submitter=member,
        reserved=Reserved(around.of_the_hub, registry.rel_to, registry.hub_identity_id),
        informative=registry.informative_markings,
        registered=Registered.of(registry, memory.members.values()),
        others=around,
        own=frozenset(own & referred),
        originals=originals(memory, memory.nation(member.id), referred),
        now=now,
        accepted_at=now,
    )


def others(
    memory: RulesMemory, member: Member, ids: Collection[StixId], referred: Collection[StixId], now: datetime
) -> KnownOthers:
    """What a member knows of the ids that it submits or refers to, and of who named these."""
    others = [*_neighbours(memory, member, {*ids, *referred})]
    foreign = {one.version for one in others if one.origin != member.nation}
    around = StoredOthers(
        others=others,
        showings=[
            ShownRow(row.version, row.recipient, row.form, row.justification)
            for row in memory.rows
            if row.version in foreign and row.withdrawn_at is None
        ],
        periods=memory.periods,
        own_agreements=frozenset(id for id, parties in memory.parties.items() if member.nation in parties),
        certs={m.nation: m for m in memory.members.values() if m.kind is Kind.CERT and m.nation},
    )
    known = KnowledgeOfOthers(around, member.reader, now)
    naming = known.naming(_mentions(memory, member, known.bound(ids)))
    of_the_hub = frozenset(id for id in ids if _is_the_hubs(memory, id))
    return KnownOthers(known.by_id, naming, of_the_hub)


def _is_the_hubs(memory: RulesMemory, id: StixId) -> bool:
    registry = memory.registry
    is_made = id in memory.made and memory.made[id].form != ANONYMISED
    return is_made or id in TLP_IDS or id in registry.rel_to or id == registry.hub_identity_id


def _neighbours(memory: RulesMemory, member: Member, ids: Collection[StixId]) -> Iterator[OthersVersion]:
    """Give the rows by which the nation knows these ids: a redaction by its own and by its original's."""
    for row in memory.ledger(member.nation):
        version = memory.versions[row.version]
        is_cut = row.form.ceiling is not None and not (row.form.is_link or row.form.is_anonymised)
        known_as = {row.id, version.id} if is_cut else {row.id}
        if version.member != member.id and not _is_copy_of(memory, member.id, version):
            yield from (_neighbour(memory, row, id) for id in sorted(known_as & {*ids}))


def _is_copy_of(memory: RulesMemory, member: MemberId, version: ObjectVersion) -> bool:
    """Tell whether it equals what the member itself submitted before, and not as a copy."""
    return any(
        own.id == version.id and own.digest == version.digest and own.key < version.key and not own.is_copy
        for own in memory.of(member)
    )


def _neighbour(memory: RulesMemory, row: RulesRow, id: StixId) -> OthersVersion:
    version = memory.versions[row.version]
    carried = [level for level in (version.markings.tlp, version.markings.raised) if level is not None]
    return OthersVersion(
        id=id,
        origin=row.origin,
        member=version.member,
        type=version.type,
        version_key=version.version_key,
        digest=row.digest,
        creator=version.creator,
        submitted_at=version.submitted_at,
        position=row.position,
        shown=row.shown,
        is_seen=False,
        carried=max(carried, default=None),
        carries_rel_to=not version.markings.others.isdisjoint(memory.registry.rel_to),
        effective=EffectiveMarking(version.tlp, version.rel_to, version.is_closed or version.is_home),
        limits=version.taken.limits,
        version=version.key,
        form=row.form,
        date_added=row.date,
        justified_by=row.justified_by,
    )


def _mentions(memory: RulesMemory, member: Member, ids: Collection[StixId]) -> Iterator[Mention]:
    """Give who named these ids: the member itself, and others in what its nation's ledger has."""
    for version in memory.of(member.id):
        for id in version.refers & {*ids}:
            yield Mention(id, memory.nation(member.id), version.submitted_at, None, ())
    for row in memory.ledger(member.nation):
        version = memory.versions[row.version]
        if version.member != member.id:
            for id in _named_in(memory, row) & {*ids}:
                yield Mention(id, row.origin, version.submitted_at, row.date, row.justified_by)


def _named_in(memory: RulesMemory, row: RulesRow) -> set[StixId]:
    """The ids that the row's object names: a redaction what is left, an anonymised one the made ids."""
    version, form = memory.versions[row.version], row.form
    left = (cut.refers for cut in version.redactions if cut.ceiling == form.ceiling)
    refers = version.refers if form.ceiling is None else next(left, frozenset())
    if not form.is_anonymised:
        return {*refers}
    hidden = {id: made_id(row.origin, id, ANONYMISED) for id in refers}
    return {made if made in memory.made else id for id, made in hidden.items()}


def originals(memory: RulesMemory, nation: NationCode, ids: Iterable[StixId]) -> dict[StixId, OriginalId]:
    """What stands behind those of the ids that the hub made of other nations' objects."""
    found = {id: memory.made[id] for id in ids if id in memory.made}
    return {id: OriginalId(one.origin, one.id) for id, one in found.items() if one.origin != nation}


# --- how a member's objects are handled (rules/marking) --------------------------------------------


def facts(
    memory: RulesMemory,
    member: MemberId,
    drafts: Drafts = NO_DRAFTS,
    deleted: Mapping[int, datetime] | None = None,
) -> MarkingFacts:
    """All of the member's objects, with what a submission brings, and without what is deleted now.

    As all are looked at together, nothing stored is left around them.
    """
    held, said = memory.of(member), memory.registry.nations[memory.nation(member)]
    markings = memory.registry.informative_markings, memory.registry.rel_to
    return MarkingFacts(
        defaults=MarkingDefaults(said.default_tlp, said.unmarked_stays_home, *markings),
        now=with_deletions((*held, *drafts.fresh), deleted or {}),
        before={version.key: version for version in held},
        present=drafts.present | {version.key for version in drafts.fresh},
        repeated=drafts.repeated,
        around={},
        closed_around={},
        accepted=accepted_as(
            (version.id, version.listed)
            for version in (*held, *drafts.fresh)
            if version.is_accepted_definition
        ),
        namers=_namers(held),
    )


def _namers(versions: Iterable[ObjectVersion]) -> Mapping[StixId, Mapping[Tlp, int]]:
    """How many of these versions count for each identity that they name, at each level."""
    found: dict[StixId, Counter[Tlp]] = defaultdict(Counter)
    for (identity, tlp), count in creator_deltas({v.key: v for v in versions}, {}).items():
        found[identity][tlp] += count
    return found


# --- for whom versions stand (rules/release) --------------------------------------------------


def context(memory: RulesMemory, origin: NationCode, now: datetime) -> DecisionContext:
    unended = [period for period in memory.periods if period.ended_at is None]
    return DecisionContext(origin, memory.members, memory.nations, unended, now)


def live_rows(
    memory: RulesMemory, versions: Collection[int], recipients: Collection[NationCode]
) -> list[LiveRow]:
    return [
        row.live()
        for row in memory.rows
        if row.version in versions and row.recipient in recipients and row.is_live
    ]


def stored(memory: RulesMemory, judging: Judging) -> Stored:
    """That on which the judged versions hang, and which is not judged with them."""
    answers = {one.key: _audience(memory, judging.context.origin, one) for one in judging.answers()}
    return Stored([*_settled(memory, judging)], _originals_of(memory, judging.copies()), answers)


def _settled(memory: RulesMemory, judging: Judging) -> Iterator[Settled]:
    context = judging.context
    for member, ids in judging.referred().items():
        for version in memory.of(member):
            if version.id in ids and version.is_newest:
                rows = [row for row in memory.rows if row.version == version.key and row.is_live]
                yield Settled(
                    *(member, version.id),
                    {
                        View(r.recipient, r.form): in_force_part(r.justification, context.binding)
                        for r in rows
                    },
                    is_masked=is_masked(context.clearance(member), version.source_hiding),
                    is_unmarked_name=is_unmarked_name(version),
                    originals=_originals_of(memory, [version]).get(version.key, {}),
                )


def _originals_of(memory: RulesMemory, versions: Iterable[ObjectVersion]) -> Originals:
    """For whom the equal objects stand, that the submitters of copies among these had been shown."""
    equals = [
        EqualVersion(
            copy.key, copy.member, original.key, original.deleted_at is not None, _rows_of(memory, original)
        )
        for copy in versions
        for original in memory.versions.values()
        if copy.is_copy and original.digest == copy.digest and original.member != copy.member
        if copy.key < 0 or original.key < copy.key
    ]
    return decided_originals(equals, memory.members)


def _rows_of(memory: RulesMemory, version: ObjectVersion) -> list[OriginalRow]:
    """By what the rows of the version, as submitted, stand and stood."""
    return [
        OriginalRow(row.recipient, justified_by.until is None, justified_by.justification)
        for row in memory.rows
        if row.version == version.key and row.form == SUBMITTED
        for justified_by in row.justified_by
    ]


def _audience(memory: RulesMemory, origin: NationCode, answer: ObjectVersion) -> Justification:
    """For whom an answer is where it is about: who sees there what had been released before it came."""
    assert answer.about is not None
    behind = answered(originals(memory, origin, answer.refers), answer.about)
    ledger = memory.ledger(origin)
    came_at = min((row.position for row in ledger if row.version == answer.key), default=None)
    told: dict[tuple[MemberId, StixId], int] = {}
    for row in ledger:
        if row.id in behind and row.origin == answer.about:
            told.setdefault((memory.versions[row.version].member, row.id), row.position)
    valid = {
        version.record: row.justification
        for row in memory.ledger(answer.about)
        if row.withdrawn_at is None and row.form == SUBMITTED
        if (version := memory.versions[row.version]).is_newest
    }
    return audience(behind, told, came_at, valid)
