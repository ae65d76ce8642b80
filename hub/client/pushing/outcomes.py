"""The outcomes of a push in groups: equal failures, equal messages, and equal handling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.client.http.explaining import records
from hub.model import JsonObject, Tlp

_FIRST: Final = 3  # ids in the line of a group
# The four words of policy 5: a member without agreements learns no other reason.
_BECAUSE: Final = {
    "marking": "marking",
    "reference": "what is referred to",
    "ceiling": "how far agreements go",
    "type": "a type that no agreement covers",
}


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """An object with the hub's message. `id` or `version` is empty for an object without one."""

    id: str
    version: str
    message: str


@dataclass(frozen=True, slots=True)
class ObjectHandling:
    """The hub's handling of an object: its level, whether for lack of a marking, and whether it crosses.

    `leaves`: another nation sees the object, or soon will. Otherwise `because` has words of policy 5. None:
    the hub does not say so to this member.
    """

    tlp: Tlp
    is_unmarked: bool
    leaves: bool | None = None
    because: tuple[str, ...] = ()

    @classmethod
    def of(cls, explanation: Any, *, is_unmarked: bool) -> ObjectHandling | None:
        """Return the handling in an explanation of an own object; None if the explanation has no level."""
        # Records with `abroad` first: the hub sends `abroad` for own records alone.
        for record in sorted(records(explanation), key=lambda one: "abroad" not in one):
            label = record.get("effective_tlp")
            level = next((one for one in Tlp if one.label == label), None)
            if level is not None:
                return cls(level, is_unmarked, *_abroad(record.get("abroad")))
        return None

    def to_json(self) -> JsonObject:
        decision = None if self.leaves is None else "leaves" if self.leaves else "stays at home"
        fields = {"tlp": self.tlp.label, "unmarked": self.is_unmarked}
        return fields | {"abroad": decision, "because": list(self.because)}


def _abroad(given: Any) -> tuple[bool | None, tuple[str, ...]]:
    # An answer in another form counts as no answer: a guess could call a withheld object released.
    if not isinstance(given, dict) or given.get("decision") not in ("leaves", "stays at home"):
        return None, ()
    because = given.get("because")
    words = because if isinstance(because, list) else []
    return given["decision"] == "leaves", tuple(word for word in words if isinstance(word, str))


def sorted_handlings(handlings: Mapping[ObjectHandling, int]) -> list[tuple[ObjectHandling, int]]:
    """Return the handlings with their counts: by level, marked before unmarked, the most frequent first."""
    return sorted(
        handlings.items(), key=lambda one: (one[0].tlp, one[0].is_unmarked, not one[0].leaves, -one[1])
    )


def together(outcomes: Iterable[ItemOutcome]) -> list[str]:
    """Return a line for each message, the most frequent first: the number of objects, and first ids."""
    groups: dict[str, list[str]] = defaultdict(list)
    for one in outcomes:
        groups[one.message].append(one.id)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return [line(message, len(ids), ids) for message, ids in ordered]


def line(message: str, count: int, ids: Sequence[str]) -> str:
    """Return the line for `count` objects with the same message; `ids` has the first ids.

    An unreadable id is empty.
    """
    first = [id for id in ids[:_FIRST] if id]
    if count == 1:
        return f"{first[0]}: {message}" if first else message
    if not first:
        return f"{count} × {message}"
    message = message.removesuffix(".")  # the ids follow
    return f"{count} × {message}: {', '.join(first)}" + (", …" if count > len(first) else "")


def handled(handlings: Mapping[ObjectHandling, int]) -> list[str]:
    """Return a sentence for each level: its number of objects, how many leave, and why the rest stay."""
    levels: dict[tuple[Tlp, bool], list[tuple[ObjectHandling, int]]] = defaultdict(list)
    for handling, count in sorted_handlings(handlings):
        levels[handling.tlp, handling.is_unmarked].append((handling, count))
    return [
        f"{sum(count for _, count in ways)} {tlp.label.upper()}"
        f"{' because unmarked' if is_unmarked else ''}{_ways(ways)}"
        for (tlp, is_unmarked), ways in levels.items()
    ]


def _ways(ways: Sequence[tuple[ObjectHandling, int]]) -> str:
    parts = [
        f"{count} {_way(handling, is_one=count == 1)}"
        for handling, count in ways
        if handling.leaves is not None
    ]
    return f": {'; '.join(parts)}" if parts else ""


def _way(handling: ObjectHandling, *, is_one: bool) -> str:
    if handling.leaves:
        return "leaves your nation" if is_one else "leave your nation"
    # A newer hub may send another word.
    *others, last = [_BECAUSE.get(word, word) for word in handling.because] or [""]
    reasons = f"{', '.join(others)} and {last}" if others else last
    return ("stays at home" if is_one else "stay at home") + (f" because of {reasons}" if reasons else "")
