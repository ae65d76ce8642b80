"""States the outcome of each item in the status of a submission (policy 2.3 to 2.8; TAXII 2.1 section 4.3.1).

Only the submitter is told the effective marking of an accepted object. The size of a status follows from the
size of the body.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from hub.model import Kind, Member, ObjectVersion, Outcome, StixId, StixObject, Taken, Tlp, Unreadable
from hub.rules.claims import DEFINITIONS, OBSERVABLES, Claim, Registered, is_unmarked_name
from hub.rules.marking.effective import EffectiveMarkings
from hub.rules.marking.levels import accepted_by, unknown_markings
from hub.rules.submission.drafting import Drafts

_UNKNOWN: Final = (
    "{} is neither TLP, nor a statement that you have submitted, "
    "nor one that the hub's configuration lists as informative."
)
_CONTAINED: Final = (
    "a report or grouping that contains it carries a marking that the hub cannot keep, "
    "or is unmarked and kept at home."
)
_TAKEN_OVER: Final = "what it refers to of your nation is closed, and it takes that over."
_HOME: Final = "unmarked, and your nation keeps what is unmarked at home"
_BARE: Final = "names no creator; created_by_ref with an identity of yours protects it"
_MAY_BE_PASSED_ON: Final = "stands as {}; mark it, or its text may be passed on"
_LIKE_OWN_NATION: Final = "handled as {}: it takes over how what it refers to of your nation is handled"
_LIKE_ALLIES: Final = "handled like what it refers to"
_STAYS_HOME: Final = "it does not leave by agreements that hide who submitted it; submit a version without"
_ALWAYS_LISTED: Final = 100
_BYTES_FOR_ONE: Final = 400  # the objects of real feeds have as many and more
_PLACES_SHOWN: Final = 5
_MESSAGE_CHARACTERS: Final = 1_000


def with_remarks(
    drafts: Drafts,
    handled: EffectiveMarkings,
    submitter: Member,
    registered: Registered,
    informative: frozenset[StixId],
    rel_to: frozenset[StixId],
) -> list[Outcome]:
    """Return the outcome of each item, with remarks to the submitter on accepted objects.

    `informative` are the markings listed by the configuration, `rel_to` the REL TO definitions.
    """
    outcomes = list(drafts.outcomes)
    # The same three sources as in `containers`: the status must give the reason of the decision (policy 2.6).
    known = informative | rel_to | accepted_by(handled.accepted, informative)
    for key, n in drafts.index.items():
        said = [] if outcomes[n].message is None else [outcomes[n].message]
        if places := drafts.named_at.get(key):
            said.append(f"tells of its submitter at {', '.join(places)}: {_STAYS_HOME}")
        said += remarks(handled.now[key], submitter, registered, known)
        outcomes[n] = replace(outcomes[n], message="; ".join(text for text in said if text) or None)
    return outcomes


def remarks(
    version: ObjectVersion, submitter: Member, registered: Registered, known: frozenset[StixId]
) -> Iterator[str]:
    """Yield the remarks on a new version (policy 2.7 and 8); `known` are markings that close nothing.

    Nations are named to the cert alone, members to nobody.
    """
    if version.taken.effective is not None and _adds_to_own_marking(version):
        yield _LIKE_OWN_NATION.format(version.tlp.label.upper())
    if version.taken.limits is not None:
        yield _like_allies(version.taken, submitter)
    if version.is_home:
        yield f"withheld from all other nations: {_HOME}"
    # Policy 8, passing on: an unmarked name above GREEN is a common id, so
    # another nation may submit the text.
    if is_unmarked_name(version) and version.tlp > Tlp.GREEN:
        yield _MAY_BE_PASSED_ON.format(version.tlp.label.upper())
    if _is_bare(version, registered):
        yield _BARE
    if version.is_closed:
        yield f"withheld from all other nations: {_closed_by(version, known)}"


def _adds_to_own_marking(version: ObjectVersion) -> bool:
    """Tell whether the marking taken over is stricter than the version's own marking."""
    taken, own = version.taken.effective, version.markings.tlp
    if taken is None:
        return False
    return own is None or taken.tlp > own or taken.rel_to is not None or taken.is_closed


def _like_allies(taken: Taken, submitter: Member) -> str:
    # Policy 8: the status names an ally's nations to the cert alone.
    if submitter.kind is not Kind.CERT:
        return _LIKE_ALLIES
    # Policy 8: where the ally lets the object go. The own nation is always among these.
    nations = sorted({code for code, _ in taken.limits or ()} - {submitter.nation})
    return f"{_LIKE_ALLIES}, which goes to {', '.join(nations) or 'no other nation'}"


def _is_bare(version: ObjectVersion, registered: Registered) -> bool:
    """Tell whether the object is bare and could be protected by a creator (policy 8)."""
    # Ids of these types are common: a creator protects nothing (policy 1).
    if version.type in OBSERVABLES or version.type in DEFINITIONS:
        return False
    return registered.claim(version.id, version.creator, version.member) is Claim.BARE


def _closed_by(version: ObjectVersion, known: frozenset[StixId]) -> str:
    # The first cause only: own faults, unknown markings, then what was taken over, then containers.
    if version.markings.fault:
        return version.markings.fault
    unknown = unknown_markings(version.markings, (), known)
    if unknown:
        return _UNKNOWN.format(", ".join(sorted(unknown)))
    taken = version.taken.effective
    return _TAKEN_OVER if taken is not None and taken.is_closed else _CONTAINED


# --- size of a status, by the size of the body ------------------------------------------------------


def receipted(
    outcomes: Iterable[Outcome], items: Sequence[StixObject | Unreadable], body_bytes: int
) -> tuple[Outcome, ...]:
    """Return the outcomes to keep and to answer, in the order of the submission.

    The first 100 unreadable items have an outcome each; in a larger body one item for each 400 bytes, the
    size of objects in real feeds. All other unreadable items share the last outcome, with the number and the
    first places. Messages are cut at 1,000 characters.
    """
    # A body of 10 MB may hold millions of unreadable items: the answer must not be larger than the request.
    left, listed, others = max(_ALWAYS_LISTED, body_bytes // _BYTES_FOR_ONE), [], []
    for n, (outcome, item) in enumerate(zip(outcomes, items, strict=True)):
        # Readable items always have an outcome each: their number is bounded by `max_objects`.
        if isinstance(item, Unreadable):
            if not left:
                others.append((n, outcome))
                continue
            left -= 1
        listed.append(_cut(outcome))
    if others:
        listed.append(_together(others))
    return tuple(listed)


def _together(others: Sequence[tuple[int, Outcome]]) -> Outcome:
    # One outcome in the store, with `count`: TAXII's totals count every item (section 4.3.1).
    first, outcome = others[0]
    places = ", ".join(f"item {n}" for n, _ in others[:_PLACES_SHOWN])
    more = ", …" if len(others) > _PLACES_SHOWN else ""
    message = (
        f"{len(others)} more items cannot be read: {places}{more}; item {first}: {outcome.message}; "
        "correct those that are listed, and send fewer at once to have each listed"
    )
    return _cut(replace(outcome, id=f"(item {first})", message=message, count=len(others)))


def _cut(outcome: Outcome) -> Outcome:
    if outcome.message is None or len(outcome.message) <= _MESSAGE_CHARACTERS:
        return outcome
    return replace(outcome, message=outcome.message[:_MESSAGE_CHARACTERS] + "…")
