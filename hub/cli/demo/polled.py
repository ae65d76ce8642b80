"""Polls by every member, compared with the expected objects: each object, each value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hub.cli.demo.sample import Group, Sample
from hub.cli.demo.setup import MEMBERS, DemoHub
from hub.client import unmodified
from hub.errors import HubError
from hub.model import JsonObject
from hub.stix.marking.tlp import TLP_IDS

_PER_PAGE: Final = 50  # small, so that the demo turns pages

SeenBy = Mapping[str, Sequence[JsonObject]]  # by reader


@dataclass(frozen=True, slots=True)
class PollOfAll:
    """One poll by every member, and a sentence for each deviation (none: all is well)."""

    seen: SeenBy
    differences: tuple[str, ...]

    def count(self, reader: str, group: Group) -> int:
        """Return the number of the group's objects served to the reader."""
        return sum(value["id"] in group.objects for value in self.seen[reader])

    def total(self, reader: str) -> int:
        """Return the number of all objects served to the reader."""
        return len(self.seen[reader])


def push_all(demo_hub: DemoHub, sample: Sample) -> None:
    """Push each submitter's objects to its nation's collection. Raises HubError for a refused object."""
    for submitter in dict.fromkeys(group.submitter for group in sample.groups):
        own = [group for group in sample.groups if group.submitter == submitter]
        nation = MEMBERS[submitter][0].lower()
        objects = [value for group in own for value in group.objects.values()]
        # In one POST: the groups of a submitter refer to each other, and names take their level once.
        status = unmodified.push(demo_hub.url, demo_hub.auth(submitter), nation, objects)
        if status.failure_count:
            first = status.failures[0]["message"]
            raise HubError(f"{status.failure_count} objects of {submitter} were refused: {first}")


def poll_all(demo_hub: DemoHub, sample: Sample, *, after: bool = False) -> PollOfAll:
    """Poll as every member, and compare. `after`: after the end of the agreement that the demo ends."""
    seen: dict[str, list[JsonObject]] = {}
    for reader in MEMBERS:
        seen[reader] = list(unmodified.poll(demo_hub.url, demo_hub.auth(reader), "released", _PER_PAGE))
    # The hub publishes its identity and the marking definitions to everybody (policy 6).
    registry = demo_hub.service.registry
    own: set[str] = {registry.hub_identity_id, *TLP_IDS, *registry.rel_to}
    found = [
        difference
        for reader in MEMBERS
        for difference in compare(reader, seen[reader], expected(sample, reader, after=after), own)
    ]
    return PollOfAll(seen, tuple(found))


def expected(sample: Sample, reader: str, *, after: bool) -> dict[str, JsonObject]:
    """Return the submitted objects for this reader by `expected.json`."""
    # No rule of hub/ is used here: the demo would otherwise compare the hub with itself.
    return {
        id: value
        for group in sample.groups
        if reader in (group.readers_after if after else group.readers)
        for id, value in group.objects.items()
    }


def compare(
    reader: str, seen: Sequence[JsonObject], wanted: Mapping[str, JsonObject], own: set[str]
) -> list[str]:
    """Return one sentence for each object that is missing, withheld but served, altered, or served twice.

    `own` are the ids of the objects that the hub itself publishes to everybody, without any agreement.
    """
    served = {value["id"]: value for value in seen}
    times = Counter(value["id"] for value in seen)
    return [
        *(f"{reader} does not see {id}" for id in sorted((wanted.keys() | own) - served.keys())),
        *(f"{reader} sees {id}, which is withheld" for id in sorted(served.keys() - wanted.keys() - own)),
        *(f"{reader} was served {id} {n} times" for id, n in sorted(times.items()) if n > 1),
        *(
            f"{reader} was served {id} other than it was submitted"
            for id in sorted(served.keys() & wanted.keys())
            if served[id] != wanted[id]
        ),
    ]
