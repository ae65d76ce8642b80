"""A simulation of an agreement before its signing, compared with the objects served afterwards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hub.cli.demo.sample import Sample
from hub.cli.demo.setup import MEMBERS, DemoHub, certs_of, conclude, example, work_at_once
from hub.client import unmodified
from hub.model import JsonObject

_PER_PAGE: Final = 500
_SHOWN: Final = 4  # types of objects on a line

SimulatedLine = tuple[str, str, str, str]  # origin, recipient, type, TLP
ServedIds = Mapping[str, set[str]]  # ids of the served objects, by member


@dataclass(frozen=True, slots=True)
class Simulation:
    """An agreement, the releases predicted to its parties before signing, and the releases after signing."""

    agreement: JsonObject
    predicted: Counter[SimulatedLine]
    withdrawn: int  # predicted; the sample's agreement withdraws nothing
    served: Counter[SimulatedLine]

    def differences(self) -> list[str]:
        """Return a sentence for each difference between predicted and served objects."""
        found = [
            f"{origin}→{recipient}: {self.predicted[line]} {kind} of {tlp} were told, "
            f"{self.served[line]} came"
            for line in sorted(self.predicted.keys() | self.served.keys())
            for origin, recipient, kind, tlp in [line]
            if self.predicted[line] != self.served[line]
        ]
        return [*found, *(["objects were told to be withdrawn"] if self.withdrawn else [])]

    def lines(self) -> Iterator[str]:
        """Yield a line for each direction and level."""
        kinds: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        for (origin, recipient, kind, tlp), count in self.predicted.items():
            kinds[origin, recipient, tlp][kind] += count
        for (origin, recipient, tlp), found in sorted(kinds.items()):
            parts = ", ".join(f"{count} {kind}" for kind, count in found.most_common(_SHOWN))
            rest = found.total() - sum(count for _, count in found.most_common(_SHOWN))
            parts += f", {rest} others" if rest else ""
            yield f"{origin} → {recipient}, TLP:{tlp.upper()}: {found.total()} ({parts})"

    def to_json(self) -> list[JsonObject]:
        """Return the predicted releases in the form of a simulation's answer."""
        names = ("origin", "recipient", "type", "tlp")
        return [
            dict(zip(names, line, strict=True)) | {"count": count}
            for line, count in sorted(self.predicted.items())
        ]


def simulate_and_sign(demo_hub: DemoHub, sample: Sample, name: str) -> Simulation:
    """Simulate an example agreement as each party, conclude the agreement, and compare the polls."""
    document = example(name)
    predicted: Counter[SimulatedLine] = Counter()
    withdrawn = 0
    # Each party's answer counts only objects of its own nation; the answers together cover all.
    for cert in certs_of(document):
        with demo_hub.member(cert, governs=True) as hub:
            answer = hub.simulate(document)
        withdrawn += sum(line["count"] for line in answer["withdrawn"])
        for line in answer["released"]:
            predicted[line["origin"], line["recipient"], line["type"], line["tlp"]] += line["count"]
    before = _served_ids(demo_hub, document)
    agreement = conclude(demo_hub, name)
    work_at_once(demo_hub.service)  # appends the history of the new clauses
    served = _newly_served(sample, before, _served_ids(demo_hub, document))
    return Simulation(agreement, predicted, withdrawn, served)


def _served_ids(demo_hub: DemoHub, document: JsonObject) -> ServedIds:
    readers = [reader for reader, (nation, _, _) in MEMBERS.items() if nation in document["parties"]]
    polls = {r: unmodified.poll(demo_hub.url, demo_hub.auth(r), "released", _PER_PAGE) for r in readers}
    return {reader: {value["id"] for value in values} for reader, values in polls.items()}


def _newly_served(sample: Sample, before: ServedIds, after: ServedIds) -> Counter[SimulatedLine]:
    """Count the newly served objects of each nation, by their origin and level in `expected.json`."""
    expected = {
        id: (MEMBERS[group.submitter][0], group.handled_as.partition(",")[0].lower())
        for group in sample.groups
        for id in group.objects
    }
    new = {(MEMBERS[reader][0], id) for reader, ids in after.items() for id in ids - before[reader]}
    return Counter(
        (expected[id][0], recipient, id.partition("--")[0], expected[id][1])
        for recipient, id in new
        if id in expected  # notes and definitions of the hub are no objects of the sample
    )
