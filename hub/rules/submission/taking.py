"""What a version takes over, once, from others' objects that it refers to (policy 2.7 and 8)."""

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
    """Return what `item` takes over from what others submitted and its submitter knows of (policy 2.7 and 8).

    `others` are those by id, in the order in which they were submitted; `own` are the ids of which the
    submitter has a living record that is no copy. None of the others' later acts changes it.
    """
    parts: list[Taken] = []
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
    """Tell whether a cert's version names what only other members of its nation submitted, by their own ids.

    Where an agreement hides them, these ids stay at home (policy 7). Common ids tell of nobody.
    """
    return any(
        one.origin == submitter.nation and not _is_aside(item, one, registered)
        for id in item.refers - frozenset(own)
        for one in first_of_equals(others.get(id, ()))
    )


def _is_aside(item: ObjectVersion, one: OthersVersion, registered: Registered) -> bool:
    """Tell whether references to the id bind nothing: many use it for one thing (policy 2.7)."""
    if is_marked_name(one):
        return False
    # As what is referred to has its creator, so would what is submitted under the id.
    common = is_common(one.id, one.type, one.creator, one, registered)
    if item.type != _TRANSLATION:
        return common
    return common and registered.is_public(one.creator, one)


def _of_colleagues(
    counted: Iterable[OthersVersion], submitter: Member, registered: Registered
) -> Iterable[Taken]:
    """Give how the own nation's records of strongest claim are handled; a cert decides for its nation."""
    if submitter.kind is Kind.CERT:
        return
    judged = [one for record in records(counted) for one in judged_by(record)]
    strongest = max((registered.claim_of(one) for one in judged), default=None)
    for one in judged:
        if registered.claim_of(one) is strongest:
            # What is not seen any more counts as it was shown last: what hides it now was shown to nobody.
            last = EffectiveMarking(one.shown.tlp, one.shown.rel_to, one.shown.is_closed)
            yield Taken(handed_down(one.effective if one.is_seen else last), one.limits)


def _of_allies(counted: Iterable[OthersVersion], submitter: Member) -> Iterable[Taken]:
    """Give where each ally's record lets what refers to it go (policy 8)."""
    for one in (form for record in records(counted) for form in judged_by(record)):
        if not one.is_bound:
            continue
        if one.is_seen:
            yield Taken(None, one.reach)
            continue
        needed = clearance_for(one.shown.tlp)
        home = max(needed, submitter.kind.clearance or Clearance.CERT)
        nation = submitter.nation or NationCode("")
        yield Taken(None, frozenset({(one.origin, needed), (nation, home)}))
