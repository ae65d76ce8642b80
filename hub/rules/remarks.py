"""What a submitter is told of how its accepted objects are handled (policy 2.3 to 2.7 and 8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.model import Kind, Member, ObjectVersion, StixId, Taken, Tlp
from hub.rules.claims import Claim, Registered
from hub.rules.marking import unknown_markings
from hub.rules.names import DEFINITIONS, OBSERVABLES, is_unmarked_name

_UNKNOWN: Final = (
    "{} is neither TLP, nor a statement that you have submitted, "
    "nor one that the hub's configuration lists as informative."
)
_CONTAINED: Final = "a report or grouping that contains it carries a marking that the hub cannot keep."
_TAKEN_OVER: Final = "what it refers to of your nation is closed, and it takes that over."
_HOME: Final = "unmarked, and your nation keeps what is unmarked at home"
_BARE: Final = "names no creator; created_by_ref with an identity of yours protects it"
_PASSED_ON: Final = "stands as {}; mark it, or its text may be passed on"
_LIKE_NEIGHBOURS: Final = "handled as {}: it takes over how what it refers to of your nation is handled"
_LIKE_ALLIES: Final = "handled like what it refers to"


def remarks(
    version: ObjectVersion, submitter: Member, registered: Registered, known: frozenset[StixId]
) -> Iterator[str]:
    """Give what the status says of a new version (policy 2.7 and 8); `known` are markings that close nothing.

    It names nations to the cert alone, and no member.
    """
    if version.taken.handling is not None and _tells(version):
        yield _LIKE_NEIGHBOURS.format(version.tlp.label.upper())
    if version.taken.limits is not None:
        yield _like_allies(version.taken, submitter)
    if version.is_home:
        yield f"withheld from all other nations: {_HOME}"
    if is_unmarked_name(version) and version.tlp > Tlp.GREEN:
        yield _PASSED_ON.format(version.tlp.label.upper())
    if _is_bare(version, registered):
        yield _BARE
    if version.is_closed:
        yield f"withheld from all other nations: {_closed_by(version, known)}"


def _tells(version: ObjectVersion) -> bool:
    """Tell whether what was taken over says more than the version's own marking does."""
    taken, own = version.taken.handling, version.markings.tlp
    if taken is None:
        return False
    return own is None or taken.tlp > own or taken.rel_to is not None or taken.is_closed


def _like_allies(taken: Taken, submitter: Member) -> str:
    if submitter.kind is not Kind.CERT:
        return _LIKE_ALLIES
    nations = sorted({code for code, _ in taken.limits or ()} - {submitter.nation})
    return f"{_LIKE_ALLIES}, which goes to {', '.join(nations) or 'no other nation'}"


def _is_bare(version: ObjectVersion, registered: Registered) -> bool:
    if version.type in OBSERVABLES or version.type in DEFINITIONS:
        return False
    return registered.claim(version.id, version.creator, version.member) is Claim.BARE


def _closed_by(version: ObjectVersion, known: frozenset[StixId]) -> str:
    if version.markings.fault:
        return version.markings.fault
    unknown = unknown_markings(version.markings, (), known)
    if unknown:
        return _UNKNOWN.format(", ".join(sorted(unknown)))
    taken = version.taken.handling
    return _TAKEN_OVER if taken is not None and taken.is_closed else _CONTAINED
