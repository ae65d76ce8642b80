"""What the rules say now of stored versions, and of all without which these do not stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import chain
from typing import Final, NamedTuple

from hub.actions.judging import stored_around
from hub.actions.records import with_referred
from hub.model import MemberId, NationCode, ObjectVersion, Reason, StixId, View, Withhold
from hub.rules.judgement import Bench, Judging, by_record
from hub.rules.references import reached
from hub.rules.release import NEVER, decide
from hub.store import objects
from hub.store.connection import Connection

MOST_BLAMED: Final = 20  # of what a version is withheld for: one thousand of them say no more


class Blamed(NamedTuple):
    """A version without which another does not stand, and the reasons for which it is withheld itself."""

    version: ObjectVersion
    reasons: Sequence[Reason]


class Inquiry:
    """Versions of one nation judged anew, whatever was decided, with all that they refer to, however far.

    What is asked about many of them costs a few statements, and is worked out once for each nation.
    """

    def __init__(self, connection: Connection, bench: Bench, versions: Collection[ObjectVersion]) -> None:
        ids: dict[MemberId, set[StixId]] = defaultdict(set)
        for version in versions:
            ids[version.member].add(version.id)
        whole = (objects.versions_of(connection, *own) for own in ids.items())
        judging = Judging(bench, with_referred(connection, chain.from_iterable(whole)))
        stored = stored_around(connection, judging)
        self._nodes = judging.nodes(stored)
        self._bench = bench
        self._versions = judging.versions
        self._records = by_record(judging.versions.values())
        self._decisions: dict[tuple[int, NationCode], Withhold | None] = {}
        self._withheld: dict[NationCode, dict[int, Blamed]] = {}
        self._reached: dict[NationCode, dict[int, list[int]]] = {}
        self.judgements = judging.judge(stored)

    def obstacles(self, version: ObjectVersion, nation: NationCode) -> Sequence[Reason]:
        """Return for what no form of the version is released to the nation, references aside."""
        withheld = self._withheld_itself(version, nation)
        return () if withheld is None or withheld.is_seen_otherwise else withheld.reasons

    def _withheld_itself(self, version: ObjectVersion, nation: NationCode) -> Withhold | None:
        """Return why the version as submitted is withheld from the nation, references aside; None: not."""
        place = version.key, nation
        if place not in self._decisions:
            decision = decide(self._bench.candidate(version), nation, self._bench.periods, self._bench.now)
            self._decisions[place] = decision if isinstance(decision, Withhold) else None
        return self._decisions[place]

    def hangs(self, version: ObjectVersion, nation: NationCode) -> bool:
        """Tell whether the version is withheld from the nation, for itself or for what it needs."""
        return NEVER in self.judgements[version.key][View(nation)]

    def later(self, version: ObjectVersion, nation: NationCode) -> list[Blamed]:
        """Return the later versions of the record that are withheld from the nation for themselves."""
        withheld = self._withheld_from(nation)
        record = self._records[version.record]
        return [
            withheld[one.key]
            for one in record
            if one.version_key > version.version_key and one.key in withheld
        ]

    def blamed(self, version: ObjectVersion, nation: NationCode) -> list[Blamed]:
        """Return all else for which the version is withheld: of more than `MOST_BLAMED`, one more."""
        withheld = self._withheld_from(nation)
        if nation not in self._reached:
            self._reached[nation] = reached(self._nodes, withheld, MOST_BLAMED + 1)
        return [withheld[key] for key in self._reached[nation][version.key]]

    def needs_withheld_others(self, version: ObjectVersion, nation: NationCode) -> bool:
        """Tell whether what the version refers to, its own record aside, is withheld from the nation."""
        found = self.blamed(version, nation)
        if any(one.version.record != version.record for one in found):
            return True
        if len(found) <= MOST_BLAMED:
            return False
        withheld = self._withheld_from(nation).items()
        others = [key for key, one in withheld if one.version.record != version.record]
        return bool(reached(self._nodes, others, 1)[version.key])

    def _withheld_from(self, nation: NationCode) -> dict[int, Blamed]:
        if nation not in self._withheld:
            found = ((v, self._withheld_itself(v, nation)) for v in self._versions.values())
            self._withheld[nation] = {v.key: Blamed(v, why.reasons) for v, why in found if why is not None}
        return self._withheld[nation]
