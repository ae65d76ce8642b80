"""Reads go by indexes to their rows, however many there are, and whatever the planner knows (I6).

Plans and counts are compared, never seconds.
"""

from __future__ import annotations

import pytest

from tests.store.plans import reads
from tests.store.plans.judging import counts, wide_accesses
from tests.store.plans.large import Large

# What grows with the question itself: pages with the object, items of the submissions, ids that are there.
_GROWING = ("disclosures", "a status", "submissions", "one submission", "others' records of many ids")
_BUFFERS = 1_500  # of 8 KB; the tables have some twenty thousand


@pytest.mark.parametrize("known", ["none", "kept"])
def test_every_read_goes_by_an_index_to_its_rows(large: Large, known: str) -> None:
    large.let(known)
    acts = reads.oversight(large) | reads.lookups(large)
    if known == "kept":  # otherwise the statements of polls decide: test_plans_of_polls
        acts |= reads.explanations(large)
    else:
        acts = {name: act for name, act in acts.items() if name not in reads.WITH_POLLS}
    found = {name: wide for name, act in acts.items() if (wide := wide_accesses(large, act))}
    assert found == {}


def test_small_hubs_have_the_plans_of_large_ones(sizes: list[Large]) -> None:
    for hub in sizes:
        hub.let("kept")
        acts = reads.oversight(hub) | reads.lookups(hub) | reads.explanations(hub)
        assert {name: wide for name, act in acts.items() if (wide := wide_accesses(hub, act))} == {}


def test_no_read_costs_more_in_a_large_hub(large: Large, sizes: list[Large]) -> None:
    for hub in (large, sizes[1]):
        hub.let("kept")

    def acts(hub: Large) -> dict[str, reads.Act]:
        every = reads.oversight(hub) | reads.lookups(hub) | reads.explanations(hub)
        return {name: act for name, act in every.items() if not name.startswith(_GROWING)}

    found = {name: counts(large, act) for name, act in acts(large).items()}
    if not large.world.service.store.is_sqlite:
        assert {name: one for name, one in found.items() if one.buffers > _BUFFERS} == {}
        return
    small = {name: counts(sizes[1], act).steps for name, act in acts(sizes[1]).items()}
    steps = {name: one.steps for name, one in found.items()}
    assert {name: (small[name], n) for name, n in steps.items() if n > small[name] * 1.1 + 50} == {}
