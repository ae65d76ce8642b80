"""A member submits STIX 2.1: verified, read, decided for every nation, and stored in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from hub.actions.access import accept
from hub.actions.access.signatures import verify_writer
from hub.actions.release.basis import Basis, hold, observe
from hub.actions.release.judging import context_of, judge_again, write_rows
from hub.actions.release.turn import in_turn
from hub.actions.service.service import Service
from hub.actions.submission import pending_recalls
from hub.actions.submission.markings import load
from hub.actions.submission.others import load_others
from hub.errors import TooLarge, Unprocessable
from hub.model import (
    Member,
    MemberId,
    NationCode,
    ObjectVersion,
    Receipt,
    StixId,
    StixObject,
    Submission,
    Unreadable,
    VerifiedSubmission,
)
from hub.proofs import canonical
from hub.rules.claims import Registered
from hub.rules.marking.effective import EffectiveMarkings, effective_of_new
from hub.rules.release.forms import names_of
from hub.rules.release.judgement import DecisionContext
from hub.rules.release.row_changes import LedgerChanges
from hub.rules.submission.acceptance import Reserved
from hub.rules.submission.drafting import DraftContext, Drafts, draft
from hub.rules.submission.others import KnownOthers
from hub.rules.submission.status import receipted, with_remarks
from hub.stix import bodies, reading
from hub.store.database.connection import Connection
from hub.store.ledger import derived_objects, ends
from hub.store.members import members
from hub.store.records import fact_sets, marking_facts, objects, submissions

Items = Sequence[StixObject | Unreadable]

_FEW: Final = 10  # objects: other nations seldom submit during a decision on so few
_MAX_HELD: Final = 100_000  # versions, at about a tenth of a millisecond each (hub/README: post-limits)


def submit(service: Service, submission: Submission) -> Receipt:
    """Store the acceptable objects of a submission and return the outcome of each object.

    1. The caller may write to this collection, and the request's signature is valid.
    2. The body is strict JSON, except inside the objects; each object is read, or fails with a sentence.
    3. In the nation's turn, outcomes, markings and releases are decided, without the locks of the ledgers.
    4. In one transaction: member, token and key are still valid and the nonce is new. If agreements,
       identities, the nation's own submissions or visible objects of other members have changed since, the
       submission is decided again. Objects, releases, evidence and recalls are written.

    An object is stored although other objects fail. Raises Forbidden, Unauthenticated, BadSignature,
    TooLarge, BadJson, BadRequest or Unprocessable, all without any effect; Unavailable without the database.
    """
    verified = verify(service, submission)  # 1
    items = read(service, verified)  # 2

    def first(connection: Connection) -> SubmissionDecision:
        return decide(service, connection, verified, items)

    def again(connection: Connection, decision: SubmissionDecision) -> SubmissionDecision:
        return renewed(service, connection, verified, items, decision)

    # Verified and read before the turn: these steps of several submissions run at once.
    with in_turn(service, verified.origin, first, again if len(items) > _FEW else None) as decided:  # 3
        return write(service, verified, items, decided)  # 4


# --- 1: the sender ----------------------------------------------------------------------------


def verify(service: Service, submission: Submission) -> VerifiedSubmission:
    """Return the submission with the evidence of its sender (RFC 9421)."""
    # The size comes first: a digest over a huge body would cost CPU time for any token.
    if len(submission.request.body) > service.limits.max_body_bytes:
        raise TooLarge(f"The body is larger than {service.limits.max_body_bytes} bytes; split it.")
    evidence = verify_writer(service, submission.caller, submission.origin, submission.request)
    return VerifiedSubmission(submission.caller, submission.origin, submission.request.body, evidence)


# --- 2: the objects ---------------------------------------------------------------------------


def read(service: Service, verified: VerifiedSubmission) -> Items:
    """Return each object of the body, or `Unreadable` with the reason in a sentence.

    The type of `verified` makes sure that nothing is parsed before the signature is verified.
    """
    found = bodies.objects_of(verified.body, service.limits.max_objects)
    names, limit = names_of(verified.caller.member), service.limits.max_object_bytes
    items: list[StixObject | Unreadable] = []
    found.reverse()  # so that `pop` frees each JSON value once its object is read
    while found:
        item = found.pop()
        is_flawed = isinstance(item, Unreadable)
        items.append(item if is_flawed else reading.read(item, len(items), limit, canonical.digest, names))
    return items


# --- 3: the decision --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SubmissionDecision:
    """The outcomes, markings and row changes of a submission, with the basis of the decision.

    `at` is the present when the basis was compared last: the instant of the rows.
    """

    basis: Basis
    ledgers: Mapping[NationCode, tuple[int, int]]  # position and revision: equal, if no ledger changed
    now: datetime
    at: datetime
    members: Sequence[Member]
    draft_context: DraftContext
    drafts: Drafts
    handled: EffectiveMarkings
    ledger_changes: LedgerChanges


def decide(
    service: Service, connection: Connection, verified: VerifiedSubmission, items: Items
) -> SubmissionDecision:
    """Return the decision on every item, and for every nation on every affected version."""
    # An object without dates gets the clock's instant as its version (policy 8). The decision uses `now`,
    # never before a committed decision, should the clock have stepped back.
    basis, now, clock, ledgers = observe(service, connection, verified.origin)
    member = verified.caller.member.id
    held = _held(connection, member, _ids(items))
    context = context_of(service, connection, verified.origin, now, basis.generation)
    known = [*context.members.values()]
    draft_context = _draft_context(service, connection, verified, items, context)
    drafts = draft(replace(draft_context, accepted_at=clock), items, held)
    facts = load(service, connection, (verified.origin, member), held, drafts)
    # A newer unmarked version that would be handled more strictly is refused (policy 2.3).
    handled, stricter = effective_of_new(facts, drafts.fresh)
    drafts = drafts.without(stricter)
    ledger_changes = judge_again(connection, context, handled)
    return SubmissionDecision(basis, ledgers, now, now, known, draft_context, drafts, handled, ledger_changes)


def renewed(
    service: Service,
    connection: Connection,
    verified: VerifiedSubmission,
    items: Items,
    decision: SubmissionDecision,
) -> SubmissionDecision:
    """Return the decision as valid in this transaction: unchanged as long as its basis is unchanged.

    Other members' objects are loaded again only after a change of a ledger. So the check is cheap under the
    locks, while other nations wait (policy 8).
    """
    basis, now, _, ledgers = observe(service, connection, verified.origin)
    # Registering an identity begins no new generation, so identities are compared by themselves.
    known = members.members(connection)
    if basis != decision.basis or (
        known != decision.members
        and Registered.of(service.registry, known) != decision.draft_context.registered
    ):
        return decide(service, connection, verified, items)
    # Never before the decision: else a row would be dated before the instant by which the row is visible.
    decision = replace(decision, at=max(now, decision.now))
    if ledgers == decision.ledgers:
        return decision
    # A ledger changed: what the submitter sees of others may be the same all the same.
    context = context_of(service, connection, verified.origin, now, basis.generation)
    if _known_others(service, connection, verified, items, context) == decision.draft_context.others:
        return replace(decision, ledgers=ledgers)
    return decide(service, connection, verified, items)


def _held(connection: Connection, member: MemberId, ids: set[StixId]) -> Collection[ObjectVersion]:
    """Return all versions of the member's records with these ids.

    Raises Unprocessable above `_MAX_HELD` versions, except for a single record: every record stays revocable.
    """
    if len(ids) > 1:
        count = objects.count_versions(connection, member, ids)
        if not count:
            return ()
        if count > _MAX_HELD:
            raise Unprocessable(
                f"The objects of this submission have {count} earlier versions here, and {_MAX_HELD} are "
                "looked at at once; send fewer objects in one submission."
            )
    return objects.versions_of(connection, member, ids)


def _ids(items: Items) -> set[StixId]:
    return {item.id for item in items if isinstance(item, StixObject)}


def _referred(items: Items) -> set[StixId]:
    return {id for item in items if isinstance(item, StixObject) for id in item.refers}


def _draft_context(
    service: Service,
    connection: Connection,
    verified: VerifiedSubmission,
    items: Items,
    context: DecisionContext,
) -> DraftContext:
    """Return all that drafting needs for `items`: others' records, identities, reserved and own ids."""
    member, referred, registry = verified.caller.member, _referred(items), service.registry
    known = _known_others(service, connection, verified, items, context)
    return DraftContext(
        submitter=member,
        reserved=Reserved(
            frozenset({registry.hub_identity_id}) | known.of_the_hub,
            registry.rel_to,
            registry.hub_identity_id,
        ),
        informative=registry.informative_markings,
        registered=Registered.of(registry, context.members.values()),
        others=known,
        own=frozenset(objects.undeleted_own(connection, member.id, referred)),
        originals=derived_objects.originals(connection, verified.origin, referred),
        now=context.now,
        accepted_at=context.now,
    )


def _known_others(
    service: Service,
    connection: Connection,
    verified: VerifiedSubmission,
    items: Items,
    context: DecisionContext,
) -> KnownOthers:
    ids = _ids(items), _referred(items)
    return load_others(connection, context, verified.caller.member, *ids, service.registry.rel_to.keys())


# --- 4: the transaction -----------------------------------------------------------------------


def write(
    service: Service,
    verified: VerifiedSubmission,
    items: Items,
    decided: Callable[[Connection], SubmissionDecision],
) -> Receipt:
    """Commit the submission and return its receipt; the receipt is of the committed decision.

    `decided` returns the decision, in the transaction. Each new try of the transaction (`accept.once`) renews
    the decision.
    """
    status_id, member = accept.new_receipt(), verified.caller.member.id

    def act(connection: Connection) -> Receipt:
        # INVARIANT: after the nonce, before the generation: the order of locks.
        return _commit(service, connection, verified, items, (decided(connection), status_id))

    sentence = f"the submission with the status {status_id}, of {member}"
    return accept.once(service, verified.evidence, act, receipt=status_id, sentence=sentence)


def _commit(
    service: Service,
    connection: Connection,
    verified: VerifiedSubmission,
    items: Items,
    decided: tuple[SubmissionDecision, str],
) -> Receipt:
    """Write the submission and its receipt under the locks; `decided` has the decision and the status id."""
    evidence, member = verified.evidence, verified.caller.member.id
    # INVARIANT: nonce (`accept.once`), turn (`in_turn`), generation, `hub_state`, origin, ledgers, rows: the
    # order of locks.
    hold(service, connection, verified.origin, (verified.caller, evidence))
    ends.lock(connection, service.registry.recipients)  # what others submit moves no more
    # INVARIANT: only a decision renewed under all locks is written.
    decision = renewed(service, connection, verified, items, decided[0])
    receipt = _receipt(service, verified, items, decision, decided[1])
    # The evidence is stored also where every object failed: the status answers from the evidence.
    submissions.open_submission(connection, receipt.id, member, verified.origin, decision.now, evidence)
    submissions.close_submission(connection, receipt)
    if decision.drafts.fresh:
        if not decision.drafts.repeats_deleted:  # it would be there again, in clear
            submissions.keep_body(connection, receipt.id, verified.body)
        _write_objects(service, connection, verified.origin, receipt.id, decision)
        # INVARIANT: every stored version counts the origin on, so that decisions of the same nation on an
        # older snapshot are decided again.
        submissions.advance(connection, verified.origin)
    return receipt


def _write_objects(
    service: Service,
    connection: Connection,
    origin: NationCode,
    submission_id: str,
    decision: SubmissionDecision,
) -> None:
    drafts, handled, ledger_changes = decision.drafts, decision.handled, decision.ledger_changes
    contents = objects.insert_contents(connection, origin, drafts.bodies)
    fresh = [
        replace(handled.now[v.key], content_id=contents[v.digest], size=len(drafts.bodies[v.digest]))
        for v in drafts.fresh
    ]
    # INVARIANT: first the old version loses `is_newest`, then the new version gets the mark: no record ever
    # has two newest versions (policy 4).
    objects.update_handling(connection, handled.changed())
    stored = objects.insert_versions(connection, origin, submission_id, fresh)
    # New records that nothing refers to leave all known facts right; most submissions have no others.
    if any(key > 0 for key in ledger_changes.versions):
        fact_sets.forget(connection, origin, ledger_changes.versions.values())
    member = drafts.fresh[0].member
    marking_facts.add_creators(connection, member, handled.creator_deltas)
    # INVARIANT: a recall compares the rows before and after `write_rows`, in this transaction (policy 8).
    # Most submissions hide nothing, and are spared the comparison.
    pending = (
        pending_recalls.prepare(service, connection, origin, ledger_changes, [handled])
        if ledger_changes.hides
        else None
    )
    write_rows(service, connection, origin, ledger_changes, stored, decision.at)
    if pending is not None:
        pending.record(connection, decision.at)


def _receipt(
    service: Service, verified: VerifiedSubmission, items: Items, decision: SubmissionDecision, id: str
) -> Receipt:
    registry, submitter = service.registry, verified.caller.member
    markings = registry.informative_markings, frozenset(registry.rel_to)
    outcomes = with_remarks(
        *(decision.drafts, decision.handled, submitter, decision.draft_context.registered), *markings
    )
    return Receipt(id, decision.now, receipted(outcomes, items, len(verified.body)))
