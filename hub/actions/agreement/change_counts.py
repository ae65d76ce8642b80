"""The counts of a simulation: versions that a change releases or withdraws, with a few examples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hub.model import SUBMITTED, Clearance, Form, JsonObject, NationCode, StixId, Tlp
from hub.store.database.connection import Connection
from hub.store.ledger import derived_objects

_EXAMPLES: Final = 5  # of each direction, of what is released and of what is withdrawn


class SimulatedLine(NamedTuple):
    """The key of a count: versions of one type and level, gained or lost from one clearance on."""

    origin: NationCode
    recipient: NationCode
    type: str
    tlp: Tlp
    clearance: Clearance


class SeenForm(NamedTuple):
    """The lowest clearance that sees a version, and the form of the version for that clearance."""

    clearance: Clearance
    form: Form


class Example(NamedTuple):
    """A version with a change, and its form as known to the caller."""

    id: StixId
    form: Form


@dataclass(slots=True)
class ChangeCounts:
    """The numbers of changed versions by line, and a few example ids by direction."""

    counts: Counter[SimulatedLine] = field(default_factory=Counter)
    examples: dict[tuple[NationCode, NationCode], list[Example]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, line: SimulatedLine, count: int, example: Callable[[], Example]) -> None:
        """Count versions; `example` returns one of these, and is called only if more examples are wanted."""
        self.counts[line] += count
        kept = self.examples[line.origin, line.recipient]
        if len(kept) >= _EXAMPLES:
            return
        one = example()
        # A link has no content of interest: its redaction is the example.
        if not one.form.is_link and one not in kept:
            kept.append(one)

    def lines(self) -> list[JsonObject]:
        return [
            {
                "origin": line.origin,
                "recipient": line.recipient,
                "type": line.type,
                "tlp": line.tlp.label,
                "clearance": line.clearance.label,
                "count": count,
            }
            for line, count in sorted(self.counts.items())
        ]

    def shown(self, connection: Connection, change: str) -> list[JsonObject]:
        """Return the examples by ids known to the caller; a derived object not made yet has no id."""
        return [
            {"change": change, "origin": origin, "recipient": recipient, "object": known}
            for (origin, recipient), examples in sorted(self.examples.items())
            for id, form in examples
            for known in ([id] if form == SUBMITTED else _made(connection, origin, id, form))
        ]


def _made(connection: Connection, origin: NationCode, id: StixId, form: Form) -> Collection[StixId]:
    return derived_objects.made_ids(connection, origin, [id], form).values()
