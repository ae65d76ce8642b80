"""What a member that sees no agreement is told of its own object: whether it leaves, and by what it does not.

Never to which nation nor under which agreement (policy 5): of every reason for which it stays at home one of
four words is left, and of all nations together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from typing import Final

from hub.model import JsonObject

_NO_AGREEMENT: Final = "no agreement in force"


class Obstacle(Enum):
    """By what an object stays at home, in the order in which it is told."""

    MARKING = "marking"
    REFERENCE = "reference"
    CEILING = "ceiling"  # agreements do not go as far; where there is none, they go nowhere
    TYPE = "type"


_ORDER: Final = tuple(Obstacle)
# By how the sentences of `rules.release` begin. Another is a matter of how far agreements go: it tells least.
_BEGINNINGS: Final = {
    "marked REL TO ": Obstacle.MARKING,
    "RED is released only ": Obstacle.MARKING,
    "goes back to ": Obstacle.REFERENCE,
    "refers to ": Obstacle.REFERENCE,
    "handled like what it refers to": Obstacle.REFERENCE,
    "type ": Obstacle.TYPE,
}


def obstacles(reasons: Iterable[str], closed: str | None) -> frozenset[Obstacle]:
    """Return by what a nation does not see a version, of which `reasons` are told to those who may know."""
    return frozenset(Obstacle.MARKING if reason == closed else _obstacle(reason) for reason in reasons)


def _obstacle(reason: str) -> Obstacle:
    found = (word for beginning, word in _BEGINNINGS.items() if reason.startswith(beginning))
    return next(found, Obstacle.CEILING)


def is_agreed(reasons: Iterable[str]) -> bool:
    """Tell whether an agreement with the nation is in force, by the reasons why it does not see a version."""
    return not any(reason.endswith(_NO_AGREEMENT) for reason in reasons)


def leaving() -> JsonObject:
    """Return what is told of an object that some nation is, or is about to be, served in some form."""
    return {"decision": "leaves", "because": []}


def staying(agreed: Sequence[Collection[Obstacle]], others: Sequence[Collection[Obstacle]]) -> JsonObject:
    """Return what is told of an object that no nation sees, by what stands against it for each.

    Nations with which there is no agreement (`others`) count where there is one with none.
    """
    found = {word for own in agreed or others for word in own}
    return {"decision": "stays at home", "because": [word.value for word in _ORDER if word in found]}
