"""The hub's explanations and disclosures of objects, compared with `expected.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hub.cli.demo.sample import Group, Sample, SampleQuestion
from hub.cli.demo.setup import MEMBERS, DemoHub
from hub.errors import HubError
from hub.model import Clearance, JsonObject

_PRINTED: Final = "AMBER"  # the group of the object that is printed


@dataclass(frozen=True, slots=True)
class ShownObject:
    """An object with the explanation and disclosures that its nation's cert gets."""

    asked_by: str
    group: Group
    explained: JsonObject
    disclosed: Sequence[JsonObject]

    @property
    def fetched_by(self) -> set[str]:
        return {one["member"] for one in self.disclosed if one["kind"] == "objects"}

    def differences(self) -> list[str]:
        """Return a sentence for each deviation from `expected.json`."""
        # A reader that polled must be on record, and no other: `readers` polled before this was asked.
        id = self.explained["object"]
        decisions = {one["nation"]: one for one in self.explained["decisions"]}
        seen = {reader for reader in MEMBERS if _may_see(reader, self.group.submitter, decisions)}
        return [
            *(f"{id} is explained as seen by {one}" for one in sorted(seen - self.group.readers)),
            *(f"{id} is explained as withheld from {one}" for one in sorted(self.group.readers - seen)),
            *(f"{one} is on record with {id}" for one in sorted(self.fetched_by - self.group.readers)),
            *(f"{one} is not on record with {id}" for one in sorted(self.group.readers - self.fetched_by)),
        ]


def explain(demo_hub: DemoHub, group: Group) -> ShownObject:
    """Return the first object of a group, explained to its nation's cert. A group is handled alike."""
    cert = _cert_of(group.submitter)
    id = next(iter(group.objects))
    with demo_hub.member(cert) as hub:
        return ShownObject(cert, group, hub.explain(id), hub.disclosures(id))


def to_print(sample: Sample, explained: Sequence[ShownObject]) -> ShownObject:
    """Return the object to print, of the objects of all groups."""
    return explained[[group.handled_as for group in sample.groups].index(_PRINTED)]


def reason(demo_hub: DemoHub, question: SampleQuestion) -> str:
    """Return the hub's reason for withholding the newest version of the object from the reader.

    Raises HubError if the hub gives no reason, because the object is not withheld.
    """
    nation, kind, _ = MEMBERS[question.reader]
    with demo_hub.member(_cert_of(question.submitter)) as hub:
        explained = hub.explain(question.id, recipient=nation)
    (decision,) = explained["decisions"]
    if decision["decision"] == "withhold":
        return str(decision["reason"])
    # Released to the nation, but perhaps not to a member of this clearance (policy 3 and 4).
    if kind.clearance is not None and kind.clearance < Clearance[decision["clearance"].upper()]:
        level = str(explained["effective_tlp"]).upper()
        return f"{level}: visible from clearance {decision['clearance']} up"
    raise HubError(f"{question.id} is not withheld from {question.reader}")


def _cert_of(member: str) -> str:
    """Return the cert of the member's nation, which alone gets the decisions for all nations (policy 5)."""
    return f"{MEMBERS[member][0].lower()}-cert"


def _may_see(reader: str, submitter: str, decisions: dict[str, JsonObject]) -> bool:
    nation, kind, _ = MEMBERS[reader]
    # By the clearance in the decision, as a program of a member would compute this (policy 4).
    decision = decisions[nation]
    if decision["decision"] == "withhold" or kind.clearance is None:
        return False
    return reader == submitter or kind.clearance >= Clearance[decision["clearance"].upper()]
