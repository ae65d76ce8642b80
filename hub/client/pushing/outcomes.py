"""What became of what was pushed, grouped: equal failures, equal notes, and how objects are handled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.client.http.explaining import records
from hub.model import JsonObject, Tlp

_FIRST: Final = 3  # ids that a group names
_BECAUSE: Final = {
    "marking": "marking",
    "reference": "what is referred to",
    "ceiling": "how far agreements go",
    "type": "a type that no agreement covers",
}


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """An object with what the hub says of it. `id` or `version` may be empty where it has none."""

    id: str
    version: str
    message: str


@dataclass(frozen=True, slots=True)
class ObjectHandling:
    """How the hub handles an object: its level, whether that is for want of a marking, and where it goes.

    `leaves`: some other nation sees it, or is about to; if not, `because` of one of four words (policy 5).
    None: this member is not told.
    """

    tlp: Tlp
    is_unmarked: bool
    leaves: bool | None = None
    because: tuple[str, ...] = ()

    @classmethod
    def of(cls, explanation: Any, *, is_unmarked: bool) -> ObjectHandling | None:
        """Return what an explanation of the hub says of an own object; None where it says nothing of one."""
        # Of several records those first of which the member is told where they go: its own.
        for record in sorted(records(explanation), key=lambda one: "abroad" not in one):
            label = record.get("effective_tlp")
            level = next((one for one in Tlp if one.label == label), None)
            if level is not None:
                return cls(level, is_unmarked, *_abroad(record.get("abroad")))
        return None

    def to_json(self) -> JsonObject:
        decision = None if self.leaves is None else "leaves" if self.leaves else "stays at home"
        told = {"tlp": self.tlp.label, "unmarked": self.is_unmarked}
        return told | {"abroad": decision, "because": list(self.because)}


def _abroad(told: Any) -> tuple[bool | None, tuple[str, ...]]:
    if not isinstance(told, dict) or told.get("decision") not in ("leaves", "stays at home"):
        return None, ()
    because = told.get("because")
    words = because if isinstance(because, list) else []
    return told["decision"] == "leaves", tuple(word for word in words if isinstance(word, str))


def sorted_handlings(handlings: Mapping[ObjectHandling, int]) -> list[tuple[ObjectHandling, int]]:
    """Return the handlings with their counts, by level, marked ones first, the most frequent way first."""
    return sorted(
        handlings.items(), key=lambda one: (one[0].tlp, one[0].is_unmarked, not one[0].leaves, -one[1])
    )


def together(outcomes: Iterable[ItemOutcome]) -> list[str]:
    """Return a line for each message, the most frequent first: how many have it, and the first ids."""
    groups: dict[str, list[str]] = defaultdict(list)
    for one in outcomes:
        groups[one.message].append(one.id)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return [line(message, len(ids), ids) for message, ids in ordered]


def line(message: str, count: int, ids: Sequence[str]) -> str:
    """Return what is said of `count` objects that have the same message; `ids` has the first of them.

    An id that could not be read is empty.
    """
    first = [id for id in ids[:_FIRST] if id]
    if count == 1:
        return f"{first[0]}: {message}" if first else message
    if not first:
        return f"{count} × {message}"
    message = message.removesuffix(".")  # the ids follow
    return f"{count} × {message}: {', '.join(first)}" + (", …" if count > len(first) else "")


def handled(handlings: Mapping[ObjectHandling, int]) -> list[str]:
    """Return a sentence for each level: how many objects have it, how many leave, and why others do not."""
    levels: dict[tuple[Tlp, bool], list[tuple[ObjectHandling, int]]] = defaultdict(list)
    for handling, count in sorted_handlings(handlings):
        levels[handling.tlp, handling.is_unmarked].append((handling, count))
    return [
        f"{sum(count for _, count in ways)} {tlp.label.upper()}"
        f"{' because unmarked' if is_unmarked else ''}{_ways(ways)}"
        for (tlp, is_unmarked), ways in levels.items()
    ]


def _ways(ways: Sequence[tuple[ObjectHandling, int]]) -> str:
    told = [
        f"{count} {_way(handling, is_one=count == 1)}"
        for handling, count in ways
        if handling.leaves is not None
    ]
    return f": {'; '.join(told)}" if told else ""


def _way(handling: ObjectHandling, *, is_one: bool) -> str:
    if handling.leaves:
        return "leaves your nation" if is_one else "leave your nation"
    *others, last = [_BECAUSE.get(word, word) for word in handling.because] or [""]
    reasons = f"{', '.join(others)} and {last}" if others else last
    return ("stays at home" if is_one else "stay at home") + (f" because of {reasons}" if reasons else "")
