"""What became of a push, in few lines: a table of what is said."""

from __future__ import annotations

from collections import Counter

import pytest

from hub.client.pushing.outcomes import (
    ItemOutcome,
    ObjectHandling,
    handled,
    together,
)
from hub.model import Tlp


def many(message: str, count: int) -> list[ItemOutcome]:
    return [ItemOutcome(f"id-{n}", "1", message) for n in range(count)]


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], []),
        (many("no", 1), ["id-0: no"]),
        (many("no", 3), ["3 × no: id-0, id-1, id-2"]),
        (many("no", 100), ["100 × no: id-0, id-1, id-2, …"]),
        (many("a", 1) + many("b", 2) + many("a", 1), ["2 × a: id-0, id-0", "2 × b: id-0, id-1"]),
        ([ItemOutcome("", "", "line 2: no")], ["line 2: no"]),
        ([ItemOutcome("", "", "no"), ItemOutcome("", "", "no")], ["2 × no"]),
        ([ItemOutcome("", "", "no"), ItemOutcome("a", "1", "no")], ["2 × no: a, …"]),
        (many("few", 1) + many("most", 2), ["2 × most: id-0, id-1", "id-0: few"]),
    ],
)
def test_equal_outcomes_are_one_line(outcomes: list[ItemOutcome], expected: list[str]) -> None:
    assert together(outcomes) == expected


REFERENCE = "what is referred to"
CEILING = "how far agreements go"
TYPE = "a type that no agreement covers"
LEAVES = ObjectHandling(Tlp.AMBER, is_unmarked=True, leaves=True)


def stays(tlp: Tlp, *because: str, is_unmarked: bool = False) -> ObjectHandling:
    return ObjectHandling(tlp, is_unmarked, leaves=False, because=because)


@pytest.mark.parametrize(
    ("handlings", "expected"),
    [
        ({}, []),
        ({ObjectHandling(Tlp.GREEN, is_unmarked=False): 2}, ["2 GREEN"]),
        ({LEAVES: 70}, ["70 AMBER because unmarked: 70 leave your nation"]),
        (
            {stays(Tlp.AMBER, "reference", is_unmarked=True): 6, LEAVES: 64},
            [f"70 AMBER because unmarked: 64 leave your nation; 6 stay at home because of {REFERENCE}"],
        ),
        (
            {
                stays(Tlp.RED, "marking"): 1,
                stays(Tlp.GREEN, "ceiling", "type"): 2,
                ObjectHandling(Tlp.GREEN, is_unmarked=False, leaves=True): 1,
                stays(Tlp.AMBER_STRICT): 3,
            },
            [
                f"3 GREEN: 1 leaves your nation; 2 stay at home because of {CEILING} and {TYPE}",
                "3 AMBER+STRICT: 3 stay at home",
                "1 RED: 1 stays at home because of marking",
            ],
        ),
    ],
)
def test_each_level_is_one_line(handlings: dict[ObjectHandling, int], expected: list[str]) -> None:
    assert handled(Counter(handlings)) == expected
