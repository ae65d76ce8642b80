"""Who sees an object and why, and who has fetched it: asked of the hub, and held against the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hub.cli.demo.sample import Group, Sample, SampleQuestion
from hub.cli.demo.setup import MEMBERS, DemoHub
from hub.errors import HubError
from hub.model import Clearance, JsonObject

_SHOWN: Final = "AMBER"  # how the object is handled that is told of


@dataclass(frozen=True, slots=True)
class ShownObject:
    """An object, who sees it and why, and who has fetched it, as its nation's cert is told."""

    asked_by: str
    group: Group
    explained: JsonObject
    disclosed: Sequence[JsonObject]

    @property
    def fetched_by(self) -> set[str]:
        return {one["member"] for one in self.disclosed if one["kind"] == "objects"}

    def differences(self) -> list[str]:
        """Return every way in which it is not as the table says."""
        id = self.explained["object"]
        decisions = {one["nation"]: one for one in self.explained["decisions"]}
        seen = {reader for reader in MEMBERS if _may_see(reader, self.group.submitter, decisions)}
        return [
            *(f"{id} is explained as seen by {one}" for one in sorted(seen - self.group.readers)),
            *(f"{id} is explained as withheld from {one}" for one in sorted(self.group.readers - seen)),
            *(f"{one} is on record with {id}" for one in sorted(self.fetched_by - self.group.readers)),
            *(f"{one} is not on record with {id}" for one in sorted(self.group.readers - self.fetched_by)),
        ]


def account(demo_hub: DemoHub, group: Group) -> ShownObject:
    """Ask about the first object of a group, all of which are handled alike, as its nation's cert."""
    cert = _cert_of(group.submitter)
    id = next(iter(group.objects))
    with demo_hub.member(cert) as hub:
        return ShownObject(cert, group, hub.explain(id), hub.disclosures(id))


def shown(sample: Sample, accounts: Sequence[ShownObject]) -> ShownObject:
    """Return the account that is told, of those of every group."""
    return accounts[[group.handled_as for group in sample.groups].index(_SHOWN)]


def reason(demo_hub: DemoHub, question: SampleQuestion) -> str:
    """Return the hub's sentence why the reader is not served the newest version of the object.

    Raises HubError when it gives none: then the object is not withheld at all.
    """
    nation, kind, _ = MEMBERS[question.reader]
    with demo_hub.member(_cert_of(question.submitter)) as hub:
        explained = hub.explain(question.id, recipient=nation)
    (decision,) = explained["decisions"]
    if decision["decision"] == "withhold":
        return str(decision["reason"])
    if kind.clearance is not None and kind.clearance < Clearance[decision["clearance"].upper()]:
        level = str(explained["effective_tlp"]).upper()
        return f"{level}: visible from clearance {decision['clearance']} up"
    raise HubError(f"{question.id} is not withheld from {question.reader}")


def _cert_of(member: str) -> str:
    """Return who is told, for a member's nation, which nation sees an object and why."""
    return f"{MEMBERS[member][0].lower()}-cert"


def _may_see(reader: str, submitter: str, decisions: dict[str, JsonObject]) -> bool:
    nation, kind, _ = MEMBERS[reader]
    decision = decisions[nation]
    if decision["decision"] == "withhold" or kind.clearance is None:
        return False
    return reader == submitter or kind.clearance >= Clearance[decision["clearance"].upper()]
