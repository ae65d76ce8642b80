"""Why a member does not see an object: the hub's own decision, on the demo's database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hub.actions.house import House
from hub.actions.judging import candidate_of
from hub.cli.demo.sample import Question
from hub.errors import HubError
from hub.model import Member, MemberId, ObjectVersion, Period, StixId, Withhold
from hub.rules.release import decide
from hub.store import members, objects
from hub.store.connection import Connection


def reason(house: House, question: Question) -> str:
    """Return the sentence why the reader is not served the newest version of the object.

    Raises HubError when the rules give none: then the object is not withheld at all.
    """
    with house.store.read() as connection:
        asked = _Asked(connection, house, question)
        version = asked.newest(StixId(question.id))
        found = None if version is None else asked.reason(version, set())
    if found is None:
        raise HubError(f"{question.id} is not withheld from {question.reader}")
    return found


class _Asked:
    """One question, with what the answer depends on at this moment."""

    def __init__(self, connection: Connection, house: House, question: Question) -> None:
        self._connection = connection
        self._submitter = self._member(question.submitter)
        self._reader = self._member(question.reader)
        self._periods: Sequence[Period] = house.bindings.periods(connection)
        self._now: datetime = house.clock()

    def _member(self, id: str) -> Member:
        found = members.find_member(self._connection, id)
        if found is None:
            raise HubError(f"there is no member {id}")
        return found

    def newest(self, id: StixId) -> ObjectVersion | None:
        """Return the newest version that the submitter has of this id."""
        versions = objects.versions_of(self._connection, MemberId(self._submitter.id), [id])
        return next((version for version in versions if version.is_newest), None)

    def reason(self, version: ObjectVersion, visited: set[StixId]) -> str | None:
        """Return why `version` is withheld: by itself, or by what it refers to (policy 2.7)."""
        visited.add(version.id)
        if own := self._own_reason(version):
            return own
        for id in sorted(version.refers - visited):
            referred = self.newest(id)
            if referred is not None and (why := self.reason(referred, visited)):
                return f"refers to a withheld object: {why}"
        return None

    def _own_reason(self, version: ObjectVersion) -> str | None:
        origin, recipient = self._submitter.nation, self._reader.nation
        submitting, reading = self._submitter.kind.clearance, self._reader.kind.clearance
        if origin is None or recipient is None or submitting is None or reading is None:
            raise HubError(f"{self._reader.id} or {self._submitter.id} belongs to no nation")
        decision = decide(candidate_of(version, origin, submitting), recipient, self._periods, self._now)
        if isinstance(decision, Withhold):
            return decision.reason
        if reading < decision.clearance:
            return f"{version.tlp.label.upper()}: visible from clearance {decision.clearance.label} up"
        return None
