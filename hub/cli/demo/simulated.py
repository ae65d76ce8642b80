"""What an agreement would release, asked before it is signed and held against what is served once it is."""

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
Holdings = Mapping[str, set[str]]  # by member, the ids of what it is served


@dataclass(frozen=True, slots=True)
class Simulation:
    """An agreement, what each party was told of it before signing, and what came when it was in force."""

    agreement: JsonObject
    told: Counter[SimulatedLine]
    withdrawn: int
    came: Counter[SimulatedLine]

    def differences(self) -> list[str]:
        """Return every way in which what came is not what was told."""
        found = [
            f"{origin}→{recipient}: {self.told[line]} {kind} of {tlp} were told, {self.came[line]} came"
            for line in sorted(self.told.keys() | self.came.keys())
            for origin, recipient, kind, tlp in [line]
            if self.told[line] != self.came[line]
        ]
        return [*found, *(["objects were told to be withdrawn"] if self.withdrawn else [])]

    def lines(self) -> Iterator[str]:
        """Give a line for each direction and level."""
        kinds: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        for (origin, recipient, kind, tlp), count in self.told.items():
            kinds[origin, recipient, tlp][kind] += count
        for (origin, recipient, tlp), found in sorted(kinds.items()):
            parts = ", ".join(f"{count} {kind}" for kind, count in found.most_common(_SHOWN))
            rest = found.total() - sum(count for _, count in found.most_common(_SHOWN))
            parts += f", {rest} others" if rest else ""
            yield f"{origin} → {recipient}, TLP:{tlp.upper()}: {found.total()} ({parts})"

    def to_json(self) -> list[JsonObject]:
        """Return what was told, as a simulation gives it."""
        names = ("origin", "recipient", "type", "tlp")
        return [
            dict(zip(names, line, strict=True)) | {"count": count}
            for line, count in sorted(self.told.items())
        ]


def sign_foreseen(demo_hub: DemoHub, sample: Sample, name: str) -> Simulation:
    """Let each party simulate an example agreement, then conclude it, and see what comes by it."""
    document = example(name)
    told: Counter[SimulatedLine] = Counter()
    withdrawn = 0
    for cert in certs_of(document):
        with demo_hub.member(cert, governs=True) as hub:
            answer = hub.simulate(document)
        withdrawn += sum(line["count"] for line in answer["withdrawn"])
        for line in answer["released"]:
            told[line["origin"], line["recipient"], line["type"], line["tlp"]] += line["count"]
    before = _holdings(demo_hub, document)
    agreement = conclude(demo_hub, name)
    work_at_once(demo_hub.service)
    return Simulation(agreement, told, withdrawn, _came(sample, before, _holdings(demo_hub, document)))


def _holdings(demo_hub: DemoHub, document: JsonObject) -> Holdings:
    readers = [reader for reader, (nation, _, _) in MEMBERS.items() if nation in document["parties"]]
    polls = {r: unmodified.poll(demo_hub.url, demo_hub.auth(r), "released", _PER_PAGE) for r in readers}
    return {reader: {value["id"] for value in values} for reader, values in polls.items()}


def _came(sample: Sample, before: Holdings, after: Holdings) -> Counter[SimulatedLine]:
    """Count what is newly served to each nation, by what the table says of it."""
    places = {
        id: (MEMBERS[group.submitter][0], group.handled_as.partition(",")[0].lower())
        for group in sample.groups
        for id in group.objects
    }
    new = {(MEMBERS[reader][0], id) for reader, ids in after.items() for id in ids - before[reader]}
    return Counter(
        (places[id][0], recipient, id.partition("--")[0], places[id][1])
        for recipient, id in new
        if id in places
    )
