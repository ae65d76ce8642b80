"""Why does a nation see a version, or not: judged anew, with all without which the version does not stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from hub.model import NationCode, ObjectVersion, Obstacle, Reason, View, Withhold
from hub.rules.release.deciding import NEVER, decide
from hub.rules.release.judgement import Judging, Stored, by_record
from hub.rules.release.references import reached

_MOST_BLAMED: Final = 20  # of what a version is withheld for: one thousand of them say no more
_AND_MORE: Final = "and more of that kind"


class _Blamed(NamedTuple):
    """A version without which another does not stand, and the reasons for which it is withheld itself."""

    version: ObjectVersion
    reasons: Sequence[Reason]


class JudgedAnew:
    """Versions of one nation judged anew, whatever was decided, with all that they refer to, however far.

    What is asked about many of them is worked out once for each nation.
    """

    def __init__(self, judging: Judging, stored: Stored) -> None:
        self._nodes = judging.nodes(stored)
        self._context = judging.context
        self._versions = judging.versions
        self._records = by_record(judging.versions.values())
        self._decisions: dict[tuple[int, NationCode], Withhold | None] = {}
        self._withheld: dict[NationCode, dict[int, _Blamed]] = {}
        self._reached: dict[NationCode, dict[int, list[int]]] = {}
        self.judgements = judging.judge(stored)

    def reasons(self, version: ObjectVersion, nation: NationCode) -> list[str]:
        """Return every reason for which no form of the version is released to the nation (policy 4)."""
        found = [reason.sentence for reason in self._obstacles(version, nation)]
        if self._hangs(version, nation):
            blamed = self._blamed(version, nation)
            found += _for_others(version, blamed[:_MOST_BLAMED])
            if len(blamed) > _MOST_BLAMED:
                found.append(_AND_MORE)
        return list(dict.fromkeys(found))

    # (hub/README: four-words)
    def stays_by(self, version: ObjectVersion, nations: Iterable[NationCode]) -> list[Obstacle]:
        """Return by what a version that none of these nations sees stays at home (policy 5).

        Of every reason one of four words is left, and of all nations together. Nations with which there is no
        agreement count where there is one with none.
        """
        agreed: list[set[Obstacle]] = []
        others: list[set[Obstacle]] = []
        for nation in nations:
            is_agreed = all(reason.obstacle is not None for reason in self._obstacles(version, nation))
            (agreed if is_agreed else others).append(self._stopped_by(version, nation))
        found = {word for own in agreed or others for word in own}
        return [word for word in Obstacle if word in found]

    def _obstacles(self, version: ObjectVersion, nation: NationCode) -> Sequence[Reason]:
        """Return for what no form of the version is released to the nation, references aside."""
        withheld = self._withheld_itself(version, nation)
        return () if withheld is None or withheld.is_seen_otherwise else withheld.reasons

    def _withheld_itself(self, version: ObjectVersion, nation: NationCode) -> Withhold | None:
        """Return why the version as submitted is withheld from the nation, references aside; None: not."""
        place = version.key, nation
        if place not in self._decisions:
            decision = decide(
                self._context.candidate(version), nation, self._context.periods, self._context.now
            )
            self._decisions[place] = decision if isinstance(decision, Withhold) else None
        return self._decisions[place]

    def _hangs(self, version: ObjectVersion, nation: NationCode) -> bool:
        """Tell whether the version is withheld from the nation, for itself or for what it needs."""
        return NEVER in self.judgements[version.key][View(nation)]

    def _stopped_by(self, version: ObjectVersion, nation: NationCode) -> set[Obstacle]:
        reasons = [*self._obstacles(version, nation)]
        is_referring = False
        if self._hangs(version, nation):
            reasons += [one for later in self._later(version, nation) for one in later.reasons]
            is_referring = self._needs_withheld_others(version, nation)
        found = {reason.obstacle or Obstacle.CEILING for reason in reasons}
        return found | {Obstacle.REFERENCE} if is_referring else found

    def _later(self, version: ObjectVersion, nation: NationCode) -> list[_Blamed]:
        """Return the later versions of the record that are withheld from the nation for themselves."""
        withheld = self._withheld_from(nation)
        record = self._records[version.record]
        return [
            withheld[one.key]
            for one in record
            if one.version_key > version.version_key and one.key in withheld
        ]

    def _blamed(self, version: ObjectVersion, nation: NationCode) -> list[_Blamed]:
        """Return all else for which the version is withheld: of more than `_MOST_BLAMED`, one more."""
        withheld = self._withheld_from(nation)
        if nation not in self._reached:
            self._reached[nation] = reached(self._nodes, withheld, _MOST_BLAMED + 1)
        return [withheld[key] for key in self._reached[nation][version.key]]

    def _needs_withheld_others(self, version: ObjectVersion, nation: NationCode) -> bool:
        """Tell whether what the version refers to, its own record aside, is withheld from the nation."""
        found = self._blamed(version, nation)
        if any(one.version.record != version.record for one in found):
            return True
        if len(found) <= _MOST_BLAMED:
            return False
        withheld = self._withheld_from(nation).items()
        others = [key for key, one in withheld if one.version.record != version.record]
        return bool(reached(self._nodes, others, 1)[version.key])

    def _withheld_from(self, nation: NationCode) -> dict[int, _Blamed]:
        if nation not in self._withheld:
            found = ((v, self._withheld_itself(v, nation)) for v in self._versions.values())
            self._withheld[nation] = {v.key: _Blamed(v, why.reasons) for v, why in found if why is not None}
        return self._withheld[nation]


def _for_others(version: ObjectVersion, blamed: Iterable[_Blamed]) -> Iterator[str]:
    """Give a sentence for each set of reasons, with all that is withheld for them."""
    groups: dict[tuple[bool, tuple[Reason, ...]], dict[str, None]] = {}
    for other, own in blamed:
        ids = groups.setdefault((other.record == version.record, tuple(own)), {})
        ids[other.id] = None
    for (is_later, reasons), ids in groups.items():
        named = f"{'a withheld object' if len(ids) == 1 else 'withheld objects'} {', '.join(ids)}"
        what = "a later version is withheld" if is_later else f"refers to {named}"
        yield f"{what}: {', '.join(reason.sentence for reason in reasons)}"
