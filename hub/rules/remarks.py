"""What a submitter is told of an object that was taken: how it is handled, and what would alter that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hub.model import Kind, Member, ObjectVersion, StixId, Tlp
from hub.rules.claims import Claim, Registered
from hub.rules.marking import unknown_markings
from hub.rules.names import DEFINITIONS, NAMES, OBSERVABLES

_BY_OTHERS: Final = "handled like what it refers to"
_BARE: Final = "names no creator: with your identity in created_by_ref nobody else may submit under its id"
_HOME: Final = "unmarked, so it stays in your nation; mark it to share it"
_TEXT: Final = "mark it, or its text may be passed on"
_CONTAINED: Final = "a report or grouping that contains it carries a marking that the hub cannot keep."


@dataclass(frozen=True, slots=True)
class Remarks:
    """Who submitted, and what is known of identities and markings."""

    submitter: Member
    registered: Registered
    accepted: frozenset[StixId]
    informative: frozenset[StixId]

    def on(self, version: ObjectVersion, named_at: Sequence[str]) -> Iterator[str]:
        """Give the sentences on a version, as it is handled; `named_at`: where it tells of its submitter."""
        if named_at:
            yield (
                f"tells of its submitter at {', '.join(named_at)}: it does not leave by agreements that hide "
                "who submitted it; submit a version without"
            )
        if version.is_home:
            yield _HOME
        if version.is_closed:
            yield f"withheld from all other nations: {self._closed_by(version)}"
        yield from self._taken(version)
        if version.type in NAMES and version.markings.tlp is None and version.tlp > Tlp.GREEN:
            yield _TEXT
        claim = self.registered.claim(version.id, version.creator, self.submitter.id)
        if claim is Claim.BARE and version.type not in OBSERVABLES | DEFINITIONS:
            yield _BARE

    def _closed_by(self, version: ObjectVersion) -> str:
        if version.markings.fault is not None:
            return version.markings.fault
        unknown = unknown_markings(version.markings, self.accepted, self.informative)
        if unknown:
            return (
                f"{', '.join(sorted(unknown))} is neither TLP, nor a statement that you have submitted, "
                "nor one that the hub's configuration lists as informative."
            )
        is_taken = version.taken.handling is not None and version.taken.handling.is_closed
        return _BY_OTHERS if is_taken else _CONTAINED

    def _taken(self, version: ObjectVersion) -> Iterator[str]:
        """Say what it took over; where an ally lets it go, the cert alone is told (policy 5 and 8)."""
        taken, limits = version.taken.handling, version.taken.limits
        if limits is not None and self.submitter.kind is Kind.CERT:
            nations = sorted(code for code, _ in limits if code != self.submitter.nation)
            yield f"{_BY_OTHERS}: it goes to {', '.join(nations) or 'no other nation'} alone"
        elif limits is not None:
            yield _BY_OTHERS
        if taken is not None and _binds(version):
            yield f"{_BY_OTHERS}, as {version.tlp.label.upper()}"


def _binds(version: ObjectVersion) -> bool:
    """Tell whether what it took over handles it more strictly than its own markings do."""
    taken, own = version.taken.handling, version.markings.tlp
    return taken is not None and (own is None or taken.tlp > own or taken.rel_to is not None)
