"""What a submission's receipt says: each item's outcome, in a size that follows from the size of the body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from hub.model import Outcome, StixObject, Unreadable

_ALWAYS_LISTED: Final = 100
_BYTES_FOR_ONE: Final = 400  # the objects of real feeds have as many and more
_PLACES_SHOWN: Final = 5
_MESSAGE_CHARACTERS: Final = 1_000


def receipted(
    outcomes: Iterable[Outcome], items: Sequence[StixObject | Unreadable], body_bytes: int
) -> tuple[Outcome, ...]:
    """Return the outcomes to keep and to answer, in the order of the submission.

    Of items that cannot be read the first 100 have an outcome each, or one for each 400 bytes of the body: so
    each whose item is as large as feeds send. All others have one together, the last, which counts them
    and names the first places. Messages are cut at 1,000 characters.
    """
    left, listed, others = max(_ALWAYS_LISTED, body_bytes // _BYTES_FOR_ONE), [], []
    for n, (outcome, item) in enumerate(zip(outcomes, items, strict=True)):
        if isinstance(item, Unreadable):
            if not left:
                others.append((n, outcome))
                continue
            left -= 1
        listed.append(_cut(outcome))
    if others:
        listed.append(_together(others))
    return tuple(listed)


def _together(others: Sequence[tuple[int, Outcome]]) -> Outcome:
    first, outcome = others[0]
    places = ", ".join(f"item {n}" for n, _ in others[:_PLACES_SHOWN])
    more = ", …" if len(others) > _PLACES_SHOWN else ""
    message = (
        f"{len(others)} more items cannot be read: {places}{more}; item {first}: {outcome.message}; "
        "correct those that are listed, and send fewer at once to have each listed"
    )
    return _cut(replace(outcome, id=f"(item {first})", message=message, count=len(others)))


def _cut(outcome: Outcome) -> Outcome:
    if outcome.message is None or len(outcome.message) <= _MESSAGE_CHARACTERS:
        return outcome
    return replace(outcome, message=outcome.message[:_MESSAGE_CHARACTERS] + "…")
