"""The facts that decide on a version without a look at other versions."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from hub.model.objects import Facts
from hub.model.people import MemberId, NationCode, Reach, Tlp


class DecidingFacts(NamedTuple):
    """The facts that decide on one version as submitted, without its age (policy 3, 4, 6 and 8).

    `is_closed`: closed, or unmarked and kept at home. `rel_to` and `limits` as in `Facts`.
    """

    member: MemberId
    type: str
    tlp: Tlp
    is_closed: bool
    rel_to: frozenset[NationCode] | None
    limits: Reach | None

    def at(self, submitted_at: datetime) -> Facts:
        """Return the facts of a version of this age."""
        closed = "closed, or unmarked and kept at home" if self.is_closed else None
        return Facts(self.member, self.type, self.tlp, submitted_at, closed, self.rel_to, self.limits)


class FactSet(NamedTuple):
    """The facts of a version, and of all versions without which it is visible to nobody (policy 2.7, 4).

    `others` are the later versions of the record, the referred records, and what these need in turn.
    `oldest_at` is the first submission among all of these.
    """

    own: DecidingFacts
    others: frozenset[DecidingFacts]
    oldest_at: datetime


class SettledFacts(NamedTuple):
    """The newest version of a record that others refer to; `facts` None: facts alone do not decide on it."""

    facts: FactSet | None
    is_unmarked_name: bool
