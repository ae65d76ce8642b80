"""What a hub does, with the rules alone: load what is known, decide on values, write what follows.

The memory is plain lists and time an argument: no database, no action. So this is the shortest way to read
how the rules fit together: `submit`, `delete`, `bring` and `prepare` for agreements, `inquire` for
explanations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hub.model import (
    Clearance,
    Kind,
    Member,
    NationCode,
    ObjectVersion,
    Outcome,
    RowChanges,
    StixId,
)
from hub.proofs.canonical import digest
from hub.rules.marking.effective import (
    EffectiveMarkings,
    effective,
    effective_of_new,
    together,
)
from hub.rules.release.explanation import JudgedAnew
from hub.rules.release.forms import names_of
from hub.rules.release.judgement import DecisionContext, Judging
from hub.rules.release.row_changes import changes_ahead, changes_to, up_to
from hub.rules.submission.drafting import draft
from hub.rules.submission.status import with_remarks
from hub.stix import reading
from tests.policy import rules_loading as load
from tests.policy.cases import Json
from tests.policy.rules_memory import RulesMemory

_MAX_BYTES = 2_097_152

Changes = Mapping[NationCode, RowChanges]


@dataclass(frozen=True)
class Told:
    """What became of an item, and whether a version was stored for it."""

    outcome: Outcome
    is_new: bool


# --- a submission ---------------------------------------------------------------------------------


def submit(memory: RulesMemory, member: Member, objects: Sequence[Json], now: datetime) -> list[Told]:
    """Take objects from a member, and return what became of each.

    1. Each object is read, or gets a sentence.
    2. What is known of others is loaded; each item is new, equal or refused.
    3. The member's own objects are loaded; all are handled by their markings and containers. A name that
       would be stricter than what stands is refused.
    4. What refers to what changed is loaded; for every nation it is judged who sees what.
    5. Versions and rows are written.
    """
    items = _read(member, objects)  # 1
    draft_context = load.draft_context(memory, member, items, now)  # 2
    ids = {item.id for item in items}
    drafts = draft(draft_context, items, [version for version in memory.of(member.id) if version.id in ids])
    facts = load.facts(memory, member.id, drafts)  # 3
    handled, stricter = effective_of_new(facts, drafts.fresh)
    drafts = drafts.without(stricter)
    context = load.context(memory, memory.nation(member.id), now)  # 4
    changes = _judge_again(memory, context, handled)
    keys = memory.keep(handled.now, [version.key for version in drafts.fresh])  # 5
    memory.write(context.origin, changes, keys, now)
    markings = draft_context.informative, frozenset(draft_context.reserved.rel_to)
    outcomes = with_remarks(drafts, handled, member, draft_context.registered, *markings)
    return [Told(outcome, n in drafts.index.values()) for n, outcome in enumerate(outcomes)]


def _read(member: Member, objects: Sequence[Json]) -> load.Items:
    """Return each object as read, with where it names its submitter."""
    names = names_of(member)
    return [reading.read(obj, n, _MAX_BYTES, digest, names) for n, obj in enumerate(objects)]


def _judge_again(memory: RulesMemory, context: DecisionContext, handled: EffectiveMarkings) -> Changes:
    """Return the row changes that follow for what changed, and for all that refers to it (policy 2.7, 4)."""
    judging = Judging.of_changed(context, handled)
    for member, ids in judging.differing(handled).items():
        own = [version for version in handled.now.values() if version.member == member]
        reached = _referring(own, ids)
        judging.add(version for version in own if version.id in reached)
    return _changes(memory, judging)


def _referring(own: Sequence[ObjectVersion], ids: set[StixId]) -> set[StixId]:
    """Return the ids of what refers to these, however far."""
    reached = set(ids)
    while more := {v.id for v in own if not v.refers.isdisjoint(reached)} - reached:
        reached |= more
    return reached


def _changes(memory: RulesMemory, judging: Judging, decide: Callable[..., Changes] = changes_to) -> Changes:
    """Judge, and compare with the rows that are there."""
    context, versions = judging.context, judging.versions
    judgements = judging.judge(load.stored(memory, judging))
    live = load.live_rows(memory, versions, context.recipients)
    return decide(context.recipients, versions, judgements, live, context.moment)


# --- a deletion -----------------------------------------------------------------------------------


def delete(memory: RulesMemory, member: Member, id: StixId, version_key: str | None, now: datetime) -> bool:
    """Delete the versions of the member's record, a cert's of every record of its nation; tell whether any.

    `version_key` None: all of them. What is deleted goes on restricting as it stood (policy 8).
    """
    nation = memory.nation(member.id)
    own = memory.of_nation(nation) if member.kind is Kind.CERT else memory.of(member.id)
    deleted = {
        version.key: now
        for version in own
        if version.id == id and version.deleted_at is None and version_key in (None, version.version_key)
    }
    owners = sorted({memory.versions[key].member for key in deleted})
    handled = together(effective(load.facts(memory, owner, deleted=deleted)) for owner in owners)
    changes = _judge_again(memory, load.context(memory, nation, now), handled)
    memory.keep(handled.now)
    memory.write(nation, changes, {}, now)
    return bool(deleted)


# --- agreements -----------------------------------------------------------------------------------


def bring(memory: RulesMemory, agreement: str, origin: NationCode, now: datetime) -> None:
    """Let what a nation submitted before stand for whom an agreement lets it stand now (policy 5).

    New rows are given by clearance, the widest first (policy 9).
    """
    for clearance in Clearance:
        judging = _judging_of_all(memory, agreement, origin, now)
        found = _changes(memory, judging).items()
        changes = {nation: up_to(change, clearance)[0] for nation, change in found}
        memory.write(origin, changes, {}, now)


def prepare(memory: RulesMemory, agreement: str, origin: NationCode, now: datetime) -> None:
    """Let rows stand by an amendment, too, that is to take over from what they stand by; append nothing."""
    judging = _judging_of_all(memory, agreement, origin, now)
    memory.write(origin, _changes(memory, judging, changes_ahead), {}, now)


def _judging_of_all(memory: RulesMemory, agreement: str, origin: NationCode, now: datetime) -> Judging:
    """Return all that a nation submitted, to be judged for those to whom the agreement lets it go."""
    context = load.context(memory, origin, now)
    clauses = [p.clause for p in context.periods if p.agreement_id == agreement and p.clause.origin == origin]
    reached = {origin}.union(*(clause.recipients for clause in clauses))
    return Judging(replace(context, recipients=sorted(reached)), {v.key: v for v in memory.of_nation(origin)})


# --- what is asked ----------------------------------------------------------------------------------


def inquire(memory: RulesMemory, origin: NationCode, now: datetime) -> JudgedAnew:
    """Return all of a nation's objects judged anew, to be asked why they are seen, or not."""
    versions = {version.key: version for version in memory.of_nation(origin)}
    judging = Judging(load.context(memory, origin, now), versions)
    return JudgedAnew(judging, load.stored(memory, judging))
