"""Explains why a nation sees a version or not: judges anew, with every version needed by that version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from hub.model import NationCode, ObjectVersion, Obstacle, Reason, View, Withhold
from hub.rules.release.deciding import decide
from hub.rules.release.judgement import Judging, Stored, by_record
from hub.rules.release.justifications import NEVER
from hub.rules.release.references import reached

_MOST_LISTED: Final = 20  # needed and withheld versions in one explanation: more say no more
_AND_MORE: Final = "and more of that kind"


class _WithheldVersion(NamedTuple):
    """A version withheld without regard to references, and the reasons."""

    version: ObjectVersion
    reasons: Sequence[Reason]


class JudgedAnew:
    """Versions of one nation judged anew, whatever was decided, with all direct and indirect references.

    Intermediate results are computed once for each nation.
    """

    def __init__(self, judging: Judging, stored: Stored) -> None:
        # Rows are not read here: `actions.oversight.explanations` compares the answer with the rows
        # (hub/README: explain-both).
        self._nodes = judging.nodes(stored)
        self._context = judging.context
        self._versions = judging.versions
        self._records = by_record(judging.versions.values())
        self._decisions: dict[tuple[int, NationCode], Withhold | None] = {}
        self._withheld: dict[NationCode, dict[int, _WithheldVersion]] = {}
        self._reached: dict[NationCode, dict[int, list[int]]] = {}
        self.judgements = judging.judge(stored)

    def reasons(self, version: ObjectVersion, nation: NationCode) -> list[str]:
        """Return every reason against all forms of the version for this nation (policy 4)."""
        found = [reason.sentence for reason in self._obstacles(version, nation)]
        # Own reasons come first.
        if self._is_withheld(version, nation):
            needed = self._withheld_needed(version, nation)
            found += _for_others(version, needed[:_MOST_LISTED])
            if len(needed) > _MOST_LISTED:
                found.append(_AND_MORE)
        return list(dict.fromkeys(found))

    # (hub/README: four-words)
    def stays_by(self, version: ObjectVersion, nations: Iterable[NationCode]) -> list[Obstacle]:
        """Return the obstacles of a version visible to none of these nations (policy 5).

        Each reason becomes one of four words, and the words of all nations together. Nations without an
        agreement count only where no nation has an agreement.
        """
        # INVARIANT: the words name no nation, so a member without
        # agreements learns of none (policy 5, 9; I6).
        agreed: list[set[Obstacle]] = []
        others: list[set[Obstacle]] = []
        for nation in nations:
            is_agreed = all(reason.obstacle is not None for reason in self._obstacles(version, nation))
            (agreed if is_agreed else others).append(self._obstacle_words(version, nation))
        found = {word for own in agreed or others for word in own}
        return [word for word in Obstacle if word in found]

    def _obstacles(self, version: ObjectVersion, nation: NationCode) -> Sequence[Reason]:
        """Return the reasons against all forms of the version for this nation, without references."""
        # Seen in another form means no obstacle: the nation has the object, under another id (policy 7).
        withheld = self._withheld_itself(version, nation)
        return () if withheld is None or withheld.is_seen_otherwise else withheld.reasons

    def _withheld_itself(self, version: ObjectVersion, nation: NationCode) -> Withhold | None:
        """Return why the version as submitted is withheld, without references; None: released."""
        place = version.key, nation
        if place not in self._decisions:
            decision = decide(
                self._context.candidate(version), nation, self._context.periods, self._context.now
            )
            self._decisions[place] = decision if isinstance(decision, Withhold) else None
        return self._decisions[place]

    def _is_withheld(self, version: ObjectVersion, nation: NationCode) -> bool:
        """Tell whether the version is withheld from the nation, by own reasons or by a needed version."""
        return NEVER in self.judgements[version.key][View(nation)]

    def _obstacle_words(self, version: ObjectVersion, nation: NationCode) -> set[Obstacle]:
        reasons = [*self._obstacles(version, nation)]
        # Policy 5: a withheld later version of the same record is no
        # reference; the reasons there count as own.
        is_referring = False
        if self._is_withheld(version, nation):
            reasons += [one for later in self._later(version, nation) for one in later.reasons]
            is_referring = self._needs_withheld_others(version, nation)
        # No agreement at all is told as `ceiling`, so that no member learns of an agreement (policy 5).
        found = {reason.obstacle or Obstacle.CEILING for reason in reasons}
        return found | {Obstacle.REFERENCE} if is_referring else found

    def _later(self, version: ObjectVersion, nation: NationCode) -> list[_WithheldVersion]:
        """Return the later versions of the record withheld for own reasons."""
        withheld = self._withheld_from(nation)
        record = self._records[version.record]
        return [
            withheld[one.key]
            for one in record
            if one.version_key > version.version_key and one.key in withheld
        ]

    def _withheld_needed(self, version: ObjectVersion, nation: NationCode) -> list[_WithheldVersion]:
        """Return the needed versions withheld for own reasons: at most one more than `_MOST_LISTED`."""
        withheld = self._withheld_from(nation)
        if nation not in self._reached:
            self._reached[nation] = reached(self._nodes, withheld, _MOST_LISTED + 1)
        return [withheld[key] for key in self._reached[nation][version.key]]

    def _needs_withheld_others(self, version: ObjectVersion, nation: NationCode) -> bool:
        """Tell whether a referenced version of another record is withheld from the nation."""
        found = self._withheld_needed(version, nation)
        if any(one.version.record != version.record for one in found):
            return True
        if len(found) <= _MOST_LISTED:
            return False
        # The list was cut, perhaps before the first version of another record: a second walk decides.
        withheld = self._withheld_from(nation).items()
        others = [key for key, one in withheld if one.version.record != version.record]
        return bool(reached(self._nodes, others, 1)[version.key])

    def _withheld_from(self, nation: NationCode) -> dict[int, _WithheldVersion]:
        if nation not in self._withheld:
            found = ((v, self._withheld_itself(v, nation)) for v in self._versions.values())
            self._withheld[nation] = {
                v.key: _WithheldVersion(v, why.reasons) for v, why in found if why is not None
            }
        return self._withheld[nation]


def _for_others(version: ObjectVersion, needed: Iterable[_WithheldVersion]) -> Iterator[str]:
    """Yield a sentence for each set of reasons, with the ids of all versions withheld for that set."""
    # One sentence for equal reasons: a report on a thousand objects gives one line, not a thousand.
    groups: dict[tuple[bool, tuple[Reason, ...]], dict[str, None]] = {}
    for other, own in needed:
        ids = groups.setdefault((other.record == version.record, tuple(own)), {})
        ids[other.id] = None
    for (is_later, reasons), ids in groups.items():
        named = f"{'a withheld object' if len(ids) == 1 else 'withheld objects'} {', '.join(ids)}"
        what = "a later version is withheld" if is_later else f"refers to {named}"
        yield f"{what}: {', '.join(reason.sentence for reason in reasons)}"
