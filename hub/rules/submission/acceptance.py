"""Decides whether a member may submit an object, and as which version (policy 2.2, 6 and 8).

The order of the checks: ids of the hub; the clock; the same version again; speaking for another; a repeated
name; STIX 2.1 section 3 on versions; passing on; overwriting. Not checked here: whether the object is valid
STIX (`hub.stix.validity`), and the level (`rules.marking`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hub.model import (
    Kind,
    Member,
    MemberId,
    NationCode,
    ObjectVersion,
    OthersVersion,
    StixId,
    StixObject,
    format_instant,
)
from hub.rules.claims import NAMES, Claim, Registered, are_both_named, is_common, is_marked_name
from hub.rules.submission.others import Naming, first_of_equals

AHEAD: Final = timedelta(hours=24)  # how far created and modified may lie ahead of the hub's clock


@dataclass(frozen=True, slots=True)
class Known:
    """The submitter's own record, seen from the submitted version.

    `same` has the same version; `before` and `after` are next to it; `newest` is the last not deleted;
    `last_key` the last of all. `revoked_key` belongs to a revoking version, deleted or not. `first_at` is the
    submission of the first version not deleted.
    """

    same: ObjectVersion | None = None
    before: ObjectVersion | None = None
    after: ObjectVersion | None = None
    newest: ObjectVersion | None = None
    last_key: str | None = None
    revoked_key: str | None = None
    first_at: datetime | None = None

    @property
    def is_own(self) -> bool:
        """Tell whether a record exists, not deleted and no copy (policy 2.7 and 8)."""
        return self.newest is not None and not self.newest.is_copy


@dataclass(frozen=True, slots=True)
class Accept:
    """A new version of the record, to be stored. `is_copy`: the record began as an equal copy (policy 8)."""

    version: str
    version_key: str
    is_copy: bool = False


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Equal to the stored version: a success without a change.

    `is_repeated`: a repeated name (policy 2.3).
    """

    version: str
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """A failure of this object alone."""

    version: str | None
    message: str
    is_deleted: bool = False  # because this version was deleted


ItemDecision = Accept | Unchanged | Refuse


@dataclass(frozen=True, slots=True)
class Reserved:
    """The ids of the hub: the hub's own objects, and the REL TO definitions by nation."""

    own: frozenset[StixId]
    rel_to: Mapping[StixId, NationCode]
    identity: StixId


@dataclass(frozen=True, slots=True)
class Case:
    """The data deciding on one object, beside the object.

    `others` are other members' versions under the id, in order of submission. `accepted_as` is the version,
    as text and key, of an object without a version; None: no time is left.
    """

    submitter: Member
    known: Known
    others: Sequence[OthersVersion]
    naming: Naming
    registered: Registered
    reserved: Reserved
    now: datetime
    latest_key: str  # of the last instant that `created` and `modified` may have
    accepted_as: tuple[str, str] | None


def accept(obj: StixObject, case: Case) -> ItemDecision:
    """Decide on a readable object: a new version, unchanged or refused (policy 8)."""
    # The order of the checks fixes the answer: the first refusal decides, and equal content succeeds decided.
    decided = _belongs_to_the_hub(obj, case) or _is_ahead(obj, case) or _same_version(obj, case.known)
    if decided is not None:
        return decided
    # Policy 8, "Nobody speaks for another": refused before a repeated name could succeed.
    refusal = _speaks_for_another(obj, case)
    newest = case.known.newest
    # Policy 2.3: a repeated name succeeds and stores nothing, even with other dates or creator.
    if refusal is None and newest is not None and _is_repeated(obj, newest):
        return Unchanged(newest.version, is_repeated=True)
    refusal = refusal or _is_different(case.known) or _breaks_the_record(obj, case) or _passes_on(obj, case)
    refusal = refusal or _overwrites(obj, case)
    if refusal is not None:
        return Refuse(obj.version, refusal)
    # (hub/README: copy-stays-copy)
    # A record begun as a copy stays a copy: else it would permit passing on later versions of the original.
    is_copy = _is_equal_to_others(obj, case) if newest is None else newest.is_copy
    return _accepted(obj, case, is_copy=is_copy)


def _accepted(obj: StixObject, case: Case, *, is_copy: bool) -> ItemDecision:
    if obj.version is not None and obj.version_key is not None:
        return Accept(obj.version, obj.version_key, is_copy)
    # The version of such an object is the time of acceptance (policy 8).
    if case.accepted_as is None:
        return Refuse(None, "no time is left after the version that the hub holds; use another id.")
    if case.known.last_key == case.accepted_as[1]:
        message = "it stands in this submission with other content already; submit one of the two."
        return Refuse(None, message)
    return Accept(*case.accepted_as, is_copy)


# --- checks without other members' records --------------------------------------------------------


def _belongs_to_the_hub(obj: StixObject, case: Case) -> Refuse | None:
    reserved = case.reserved
    # Policy 2.2 and 6: the hub serves its own copy; a member's copy could differ.
    if obj.id in reserved.own or obj.id in reserved.rel_to:
        return Refuse(
            obj.version, "this id belongs to the hub, which serves its own copy; leave the object out."
        )
    # Policy 8: the hub's own notes, links and redactions cannot be forged.
    if obj.creator == reserved.identity:
        message = (
            "created_by_ref names the hub, and only the hub submits in its name; name your own identity."
        )
        return Refuse(obj.version, message)
    return None


def _is_ahead(obj: StixObject, case: Case) -> Refuse | None:
    late = [
        name
        for name, key in (("created", obj.created), ("modified", obj.version_key))
        # Policy 8: a version far ahead would remain the newest for every client.
        if key is not None and key > case.latest_key
    ]
    if not late:
        return None
    clock = format_instant(case.now)
    message = (
        f"{late[-1]} lies more than a day in the future of the hub's clock ({clock}); correct the clock."
    )
    return Refuse(obj.version, message)


def _same_version(obj: StixObject, known: Known) -> ItemDecision | None:
    # An object without `modified` and `created` is compared by content alone (policy 8).
    if obj.version is None:
        if known.newest is not None and known.newest.digest == obj.digest:
            return Unchanged(known.newest.version, is_repeated=obj.markings.tlp is None)
        return None
    if known.same is None:
        return None
    # Policy 8: a deleted version is never accepted again, equal or not.
    if known.same.deleted_at is not None:
        at = format_instant(known.same.deleted_at)
        message = f"deleted on {at}; submit a new version, with a later modified."
        return Refuse(obj.version, message, is_deleted=True)
    # INVARIANT: equality is that of the RFC 8785 form, so equal JSON values are one version (policy 8; I7).
    if known.same.digest == obj.digest:
        is_newest = known.newest is not None and known.newest.key == known.same.key
        is_repeated = is_newest and obj.type in NAMES and obj.markings.tlp is None
        return Unchanged(obj.version, is_repeated=is_repeated)
    return None


def _is_different(known: Known) -> str | None:
    # Policy 8: "Different: a failure that says so". Consumers know a version by id and `modified`.
    if known.same is None:
        return None
    return (
        "the hub holds different content under this id and version; "
        "submit a changed object with a later modified."
    )


def _is_repeated(obj: StixObject, newest: ObjectVersion) -> bool:
    """Tell whether a name is repeated, dates and creator aside (policy 2.3)."""
    is_name = obj.type in NAMES and obj.markings.tlp is None
    return is_name and obj.same is not None and newest.same == obj.same


# --- nobody speaks for another --------------------------------------------------------------------


def _speaks_for_another(obj: StixObject, case: Case) -> str | None:
    # Policy 8: both the identity itself and `created_by_ref` speak as the identity.
    named = [id for id in (obj.id, obj.creator) if id is not None and id in case.registered.nations]
    others = [id for id in named if not case.registered.may_use(case.submitter.id, id)]
    # Policy 8: an equal copy of a visible object is no false claim. Visible now, not only shown once.
    if not others or any(n.is_seen and n.digest == obj.digest for n in case.others):
        return None
    # Policy 8: sentences name the nation, never the member.
    nation = case.registered.nations[others[0]]
    if others[0] == obj.id:
        return f"this is an identity of {nation}; only it submits it. Leave the object out."
    return f"created_by_ref names an identity of {nation}; only it submits in its name."


# --- versions of one record -----------------------------------------------------------------------


def _breaks_the_record(obj: StixObject, case: Case) -> str | None:
    """Return the violation of STIX 2.1 sections 3.2 and 3.6; None: none."""
    known, key = case.known, obj.version_key
    if key is None:
        return None
    # Policy 8: no version is later than a revoking version, deleted or not.
    if known.revoked_key is not None and key > known.revoked_key:
        return "a version of this object revoked it, and that is final; use a new id."
    # Policy 8: no revoking version is earlier than a version held.
    if obj.revoked and known.last_key is not None and key < known.last_key:
        return (
            "it revokes the object and is earlier than a version that the hub holds; give a later modified."
        )
    return _changes_its_creation(obj, case)


def _changes_its_creation(obj: StixObject, case: Case) -> str | None:  # (hub/README: names-dated-anew)
    """Return the difference in `created` or `created_by_ref` to the versions next to this one (section 3.2).

    Names without TLP are aside: exporters date these by the present event (policy 2.3, 8).
    """
    for other, is_earlier in ((case.known.before, True), (case.known.after, False)):
        if other is None or (obj.type in NAMES and None in (obj.markings.tlp, other.markings.tlp)):
            continue
        if other.created is not None and other.created != obj.created:
            return f"created must stay {other.created}Z in every version of an object (STIX 2.1 section 3.2)."
        former, later = (other.creator, obj.creator) if is_earlier else (obj.creator, other.creator)
        # Policy 8: "absence may become an identity that the submitter may use".
        is_claimed = former is None and case.registered.may_use(case.submitter.id, later)
        if former != later and not is_claimed:
            held = other.creator or "absent"
            return f"created_by_ref is {held} in another version, and only the creator makes versions."
    return None


# --- passing on -----------------------------------------------------------------------------------


def _passes_on(obj: StixObject, case: Case) -> str | None:
    """Return why the object may not be passed on (policy 8); None: permitted, or the submitter's own."""
    # (hub/README: named-before)
    # An own record under an id named first by another nation does not permit passing on (policy 8).
    if case.known.is_own and not case.naming.is_announced(case.known.first_at):
        return None
    first_shown: dict[tuple[NationCode, MemberId, StixId], datetime] = {}
    for one in case.others:
        first_shown.setdefault(one.record, one.submitted_at)
    # Policy 8: only other nations' records above GREEN, with REL TO or limited. Of equal objects
    # of several members the first counts.
    for one in first_of_equals(case.others):
        if one.origin == case.submitter.nation or not one.is_bound:
            continue
        # Policy 8: an id named by the own nation first is not received from the ally.
        if case.naming.is_before(first_shown[one.record]):
            continue
        # Policy 8: two members may derive one id from the same content.
        if are_both_named(obj, case.submitter.id, one, case.registered):
            continue
        common = is_common(obj.id, obj.type, obj.creator, one, case.registered)
        # Policy 8: common ids are aside, but for a name that itself carries a level above GREEN, or REL TO.
        if common and not is_marked_name(one):
            continue
        # INVARIANT: the sentence discloses a record already shown to the submitter, and no other (I6).
        return f"received from {one.origin}; only {one.origin} may share it."
    return None


# --- nobody overwrites another --------------------------------------------------------------------


def _overwrites(obj: StixObject, case: Case) -> str | None:
    """Return the refusal for overwriting another member's object; None: none, or an equal copy (policy 8)."""
    blocking = [one for one in case.others if _is_blocked_by(obj, one, case)]
    if not blocking or _is_equal_to_others(obj, case):
        return None
    nation = blocking[0].origin
    return (
        f"{nation}'s object; say it with an object of your own (opinion, note, relationship). "
        f"Only its creator in {nation} makes versions of it; an equal copy is taken."
    )


def _is_equal_to_others(obj: StixObject, case: Case) -> bool:
    """Tell whether the object equals another member's object shown to the submitter."""
    return any(one.digest == obj.digest for one in case.others)


def _is_blocked_by(obj: StixObject, one: OthersVersion, case: Case) -> bool:
    """Tell whether another member's record blocks a version under the same id, equal copies aside."""
    registered, submitter = case.registered, case.submitter
    is_shared = is_common(obj.id, obj.type, obj.creator, one, registered)
    if is_shared or registered.may_use(submitter.id, obj.id):  # an identity is taken from all who may use it
        return False
    mine, theirs = registered.claim(obj.id, obj.creator, submitter.id), registered.claim_of(one)
    is_cert, is_colleague = submitter.kind is Kind.CERT, one.origin == submitter.nation
    # Policy 8: an own record is stopped only by a named one, and only for a version that is not named.
    if case.known.is_own:
        return mine is not Claim.NAMED and theirs is Claim.NAMED and not (is_cert and is_colleague)
    # Policy 8: a weaker claim does not block; then the cases of "Taken all the same".
    is_taken = (
        theirs < mine
        or (is_cert and theirs is not Claim.NAMED)
        or (is_cert and is_colleague and _is_later(obj, case))
        or (mine is theirs is Claim.RELAYED and obj.creator == one.creator)
        or are_both_named(obj, submitter.id, one, registered)
    )
    return not is_taken


def _is_later(obj: StixObject, case: Case) -> bool:
    """Tell whether the version is later than all visible versions of the cert's nation (policy 8)."""
    seen = [n.version_key for n in case.others if n.is_seen and n.origin == case.submitter.nation]
    return obj.version_key is not None and obj.version_key > max(seen, default="")
