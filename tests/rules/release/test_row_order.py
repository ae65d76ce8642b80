"""Rows of one commit: the widest clearance first, then referents before what refers to them (policy 9)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model import SUBMITTED, Clearance, Ground
from hub.rules.release.row_order import as_dated, clearance_of

LEVELS = [Clearance.PARTNER, Clearance.AGENCY, Clearance.CERT]


def ordered(refers: dict[int, set[int]], clearances: dict[int, Clearance]) -> list[int]:
    versions: Any = {
        n: SimpleNamespace(id=f"x--{n}", refers={f"x--{m}" for m in refers[n]}, has_spec_version=n % 2 == 0)
        for n in refers
    }
    rows: Any = [
        (n, SUBMITTED, frozenset({frozenset({Ground(period=None, clearance=clearances[n])})})) for n in refers
    ]
    return [key for key, _, _ in as_dated(rows, versions)]


def reached(refers: dict[int, set[int]], start: int, within: set[int]) -> set[int]:
    found: set[int] = set()
    waiting = [start]
    while waiting:
        new = {m for m in refers[waiting.pop()] if m in within} - found
        found |= new
        waiting += new
    return found


GRAPHS = st.integers(1, 9).flatmap(
    lambda size: st.fixed_dictionaries(
        {n: st.sets(st.integers(0, size - 1), max_size=3) for n in range(size)}
    )
)


@given(GRAPHS, st.data())
def test_what_is_referred_to_comes_first_unless_it_refers_back(
    refers: dict[int, set[int]], data: st.DataObject
) -> None:
    clearances = {n: data.draw(st.sampled_from(LEVELS)) for n in refers}
    order = ordered(refers, clearances)
    assert sorted(order) == sorted(refers)
    assert [clearances[n] for n in order] == sorted(clearances.values())
    for n, others in refers.items():
        alike = {m for m in refers if clearances[m] is clearances[n]}
        for m in (others & alike) - {n}:
            if n not in reached(refers, m, alike):
                assert order.index(m) < order.index(n)


@pytest.mark.parametrize("size", [10_000])
def test_a_chain_and_a_circle_of_any_length_are_ordered(size: int) -> None:
    everybody = dict.fromkeys(range(size), Clearance.PARTNER)
    chain = {n: {n + 1} if n + 1 < size else set() for n in range(size)}
    assert ordered(cast("dict[int, set[int]]", chain), everybody) == list(reversed(range(size)))
    circle = {n: {(n + 1) % size} for n in range(size)}
    assert sorted(ordered(circle, everybody)) == list(range(size))


def test_what_refers_to_a_circle_comes_after_it() -> None:
    everybody = dict.fromkeys(range(4), Clearance.PARTNER)
    assert ordered({0: {1}, 1: {3}, 3: {1}, 2: {0}}, everybody) == [1, 3, 0, 2]


def test_of_several_grounds_the_widest_counts() -> None:
    grounds = [Ground(period=None, clearance=one) for one in LEVELS]
    assert clearance_of(frozenset({frozenset(grounds)})) == Clearance.PARTNER
