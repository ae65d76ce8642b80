"""Decides once the markings and limits taken over from other members' objects (policy 2.7 and 8)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from hub.model import (
    Clearance,
    EffectiveMarking,
    Kind,
    Member,
    NationCode,
    ObjectVersion,
    OthersVersion,
    StixId,
    Taken,
)
from hub.rules.claims import Registered, is_common, is_marked_name
from hub.rules.marking.levels import handed_down, taken_together
from hub.rules.release.deciding import clearance_for
from hub.rules.submission.others import first_of_equals, judged_by, records

_TRANSLATION = "language-content"


def taken_over(
    item: ObjectVersion,
    submitter: Member,
    others: Mapping[StixId, Sequence[OthersVersion]],
    own: Collection[StixId],
    registered: Registered,
) -> Taken:
    """Return everything taken over by `item` from other members' known objects (policy 2.7 and 8).

    `others` are these objects by id, in order of submission. `own` are the ids of the submitter's own
    records, copies and deleted records aside. No later act of another member changes the result.
    """
    # INVARIANT: decided once. Later acts of other members move nothing (policy 2.7), so no member can make
    # another member's object disappear.
    parts: list[Taken] = []
    # Policy 2.7: aside are ids with a record of the submitter's own that is no copy.
    for id in item.refers - frozenset(own):
        counted = [one for one in first_of_equals(others.get(id, ())) if not _is_aside(item, one, registered)]
        parts += _of_colleagues([n for n in counted if n.origin == submitter.nation], submitter, registered)
        parts += _of_allies([n for n in counted if n.origin != submitter.nation], submitter)
    return taken_together(parts)


def names_colleagues(  # (hub/README: cert-names-agency)
    item: ObjectVersion,
    submitter: Member,
    others: Mapping[StixId, Sequence[OthersVersion]],
    own: Collection[StixId],
    registered: Registered,
) -> bool:
    """Tell whether a cert's version names objects submitted by other members of the nation alone.

    Under an agreement hiding these members the ids stay at home (policy 7). Common ids disclose no member.
    """
    return any(
        one.origin == submitter.nation and not _is_aside(item, one, registered)
        for id in item.refers - frozenset(own)
        for one in first_of_equals(others.get(id, ()))
    )


def _is_aside(item: ObjectVersion, one: OthersVersion, registered: Registered) -> bool:
    """Tell whether references to the id bind nothing, because many members use the id (policy 2.7)."""
    # Policy 2.7: "but for a name that itself carries a level above GREEN, or REL TO".
    if is_marked_name(one):
        return False
    # One creator for both sides of the comparison: the creator of the referenced object (policy 1).
    common = is_common(one.id, one.type, one.creator, one, registered)
    if item.type != _TRANSLATION:
        return common
    # Policy 2.7: a translation repeats the text, so only a public source's object is aside.
    return common and registered.is_public(one.creator, one)


def _of_colleagues(
    counted: Iterable[OthersVersion], submitter: Member, registered: Registered
) -> Iterable[Taken]:
    """Yield the markings of the own nation's records with the strongest claim; a cert takes over nothing."""
    # Policy 2.7: "the cert decides for its nation".
    if submitter.kind is Kind.CERT:
        return
    judged = [one for record in records(counted) for one in judged_by(record)]
    # Policy 2.7: a weaker claim cannot tighten, else any colleague could tighten by copying an id.
    strongest = max((registered.claim_of(one) for one in judged), default=None)
    for one in judged:
        if registered.claim_of(one) is strongest:
            # INVARIANT: an object no longer visible counts as shown last: the marking that hides
            # the object now was never shown (I6).
            last = EffectiveMarking(one.shown.tlp, one.shown.rel_to, one.shown.is_closed)
            yield Taken(handed_down(one.effective if one.is_seen else last), one.limits)


def _of_allies(counted: Iterable[OthersVersion], submitter: Member) -> Iterable[Taken]:
    """Yield the limits of each ally's record for objects referring to the record (policy 8)."""
    for one in (form for record in records(counted) for form in judged_by(record)):
        # Policy 8: only records above GREEN, with REL TO, or limited by this rule.
        if not one.is_bound:
            continue
        # Visible: the nations and clearances reached by agreements of the submitter's own nation (policy 8).
        if one.is_seen:
            yield Taken(None, one.reach)
            continue
        needed = clearance_for(one.shown.tlp)
        # Policy 8: no longer visible: back to the ally alone, at the level last shown.
        home = max(needed, submitter.kind.clearance or Clearance.CERT)
        nation = submitter.nation or NationCode("")
        yield Taken(None, frozenset({(one.origin, needed), (nation, home)}))
