"""Polls, and what asks as a poll does, go by indexes to their rows, however many there are (I6).

Plans and counts are compared, never seconds.
"""

from __future__ import annotations

import pytest

from tests.store.plans import reads
from tests.store.plans.judging import counts, wide_accesses
from tests.store.plans.large import Large

_BUFFERS = 1_500  # of 8 KB; the tables have some twenty thousand
_FIRST_BUFFERS = 5_000  # each row of a page is looked for once more, under each justification
_FOREIGN = "disclosures of a foreign object"


def acts_of(hub: Large) -> dict[str, reads.Act]:
    told = reads.oversight(hub)
    return reads.polls(hub) | reads.explanations(hub) | {name: told[name] for name in reads.WITH_POLLS}


@pytest.mark.parametrize("known", ["none", "kept"])
def test_every_poll_goes_by_an_index_to_its_rows(large: Large, known: str) -> None:
    large.let(known)
    assert {name: wide for name, act in acts_of(large).items() if (wide := wide_accesses(large, act))} == {}


@pytest.mark.parametrize("known", ["none", "kept"])
def test_small_hubs_have_the_plans_of_large_ones(sizes: list[Large], known: str) -> None:
    for hub in sizes:
        hub.let(known)
        assert {name: wide for name, act in acts_of(hub).items() if (wide := wide_accesses(hub, act))} == {}


@pytest.mark.parametrize("known", ["none", "kept"])
def test_no_poll_costs_more_in_a_large_hub(large: Large, sizes: list[Large], known: str) -> None:
    for hub in (large, sizes[1]):
        hub.let(known)
    found = {name: counts(large, act) for name, act in acts_of(large).items() if name != _FOREIGN}
    if not large.world.service.store.is_sqlite:
        most = {"the first versions": _FIRST_BUFFERS}
        assert {name: one for name, one in found.items() if one.buffers > most.get(name, _BUFFERS)} == {}
        return
    small = {name: counts(sizes[1], act).steps for name, act in acts_of(sizes[1]).items() if name != _FOREIGN}
    steps = {name: one.steps for name, one in found.items()}
    assert {name: (small[name], n) for name, n in steps.items() if n > small[name] * 1.1 + 50} == {}
