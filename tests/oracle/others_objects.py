"""What a version takes from others' objects that it refers to, once, when it is submitted (policy 2.7, 8)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.oracle.acceptance import Acceptance
from tests.oracle.agreements import OracleAgreement
from tests.oracle.records import LastShown, Served
from tests.oracle.versions import Handling, OracleVersion, lowest, narrower, together


@dataclass
class OthersObjects(Acceptance):
    """Looks at other members' records: those of the own nation are taken over, an ally's limit."""

    @abstractmethod
    def releases(
        self, served: Served, nation: str, agreements: Sequence[OracleAgreement], now: datetime
    ) -> str | None:
        """The lowest kind of member of the nation who sees as much, by section 4 or 3; None: nobody does."""

    def taken(self, version: OracleVersion, agreements: Sequence[OracleAgreement], now: datetime) -> Handling:
        account = self.accounts[version.member]
        parts = []
        for id in sorted(version.refers()):
            found = self._counted(version, id)
            own = [shown for shown in found if self.nation(shown.version) == account.nation]
            # The cert decides for its nation.
            if own and account.kind != "cert":
                claims = [self.claim(s.version.member, s.version.obj) for s in own]
                strongest = max(claims)
                parts += [s.handling for s, claim in zip(own, claims, strict=True) if claim == strongest]
            parts += [
                Handling(limits=self._limits(version, shown, agreements, now))
                for shown in found
                if shown not in own and shown.handling.is_above
            ]
        return together(parts)

    def names_colleagues(self, version: OracleVersion) -> bool:
        """Whether it names what only other members of its nation submitted, by ids of their own (7)."""
        nation = self.nation(version)
        counted = [shown for id in version.refers() for shown in self._counted(version, id)]
        return any(self.nation(shown.version) == nation for shown in counted)

    def _counted(self, version: OracleVersion, id: str) -> list[LastShown]:
        """The others' records of an id that a version refers to, which count."""
        if self.owns(version.member, id):
            return []
        found = self.first_of_equal(self.others(version.member, id))
        return [shown for shown in found if not self._is_aside(version, shown)]

    def _is_aside(self, version: OracleVersion, shown: LastShown) -> bool:
        """Common ids, but for a name that itself carries a marking, and what a translation is of (2.7)."""
        other = shown.version
        if not self.is_common(other) or self.is_marked_name(other):
            return False
        return version.type != "language-content" or self.was_public(other)

    def _limits(
        self, version: OracleVersion, shown: LastShown, agreements: Sequence[OracleAgreement], now: datetime
    ) -> Mapping[str, str]:
        """Where what refers to an ally's record goes, and from which clearance (8)."""
        account, other = self.accounts[version.member], shown.served
        back, home = self.nation(other.original), account.nation
        if not shown.is_now:
            allowed = lowest(shown.handling.level)
            return {back: allowed, home: narrower(allowed, account.kind)}
        found = {back: self.releases(other, back, (), now) or "cert"}
        # By the agreements that its own nation is party to, for it must not learn of others.
        known = [agreement for agreement in agreements if home in agreement.parties]
        for nation in sorted({account.nation for account in self.accounts.values()} - {back}):
            kind = self.releases(other, nation, known, now)
            if kind is not None:
                found[nation] = kind
        # What it may see still, without being released now, is on its way: then it goes home by its own.
        found.setdefault(home, account.kind)
        return found
