"""Hidden rows are never read: what a reader asks costs the same with five thousand of them (policy 9, I6).

On SQLite the steps of the virtual machine are counted, on PostgreSQL buffers and rows that are read in vain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.actions.release import fact_sets
from tests import postgres
from tests.lock_order import RECORDER
from tests.store.plans import reads
from tests.store.plans.hidden import ABROAD, OF_THE_CERT, ROWS, HiddenPair, pair_of
from tests.store.plans.judging import counts
from tests.store.plans.large import Large

Acts = Callable[[Large], dict[str, reads.Act]]
# A hidden row that is read costs a buffer at least, and more than one step. Less is by what lies beside the
# visible rows on a page of the database.
_BUFFERS = ROWS // 50
_STEPS = 10


@pytest.fixture(params=["sqlite", "postgresql"])
def two_urls(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The URLs of two new databases."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("hidden")
        for name in ("bare.db", "full.db"):
            (folder / name).touch(mode=0o600)
        yield f"sqlite:///{folder / 'bare.db'}", f"sqlite:///{folder / 'full.db'}"
        return
    server = request.getfixturevalue("postgres_server")
    with postgres.database(server) as bare, postgres.database(server) as full:
        yield bare, full


@pytest.fixture
def from_agency(two_urls: tuple[str, str]) -> Iterator[HiddenPair]:
    """Hubs that differ in what KR's agency may not see, abroad and at home."""
    made = pair_of(two_urls, ABROAD | OF_THE_CERT)
    yield made
    made.close()


@pytest.fixture
def from_nation(two_urls: tuple[str, str]) -> Iterator[HiddenPair]:
    """Hubs that differ in what nobody of KR may see."""
    made = pair_of(two_urls, ABROAD)
    yield made
    made.close()


def differing(pair: HiddenPair, acts: Acts) -> dict[str, tuple[int, int]]:
    """Return the acts that cost more where more is hidden, with both counts."""
    bare, full = acts(pair.bare), acts(pair.full)
    found = {}
    for name, act in bare.items():
        one, other = counts(pair.bare, act), counts(pair.full, full[name])
        if abs(other.steps - one.steps) > _STEPS:
            found[name] = one.steps, other.steps
        if abs(other.rows_removed - one.rows_removed) > _BUFFERS:
            found[name] = one.rows_removed, other.rows_removed
        if abs(other.buffers - one.buffers) > _BUFFERS + one.buffers // 50:
            found[name] = one.buffers, other.buffers
    return found


def test_questions_cost_the_same_whatever_is_hidden(from_agency: HiddenPair) -> None:
    def acts(hub: Large) -> dict[str, reads.Act]:
        return reads.explanations(hub) | reads.lookups(hub)

    assert differing(from_agency, acts) == {}


def test_simulations_cost_the_same_whatever_other_nations_hide(from_nation: HiddenPair) -> None:
    assert differing(from_nation, reads.simulations) == {}


def test_simulations_by_known_facts_cost_the_same_whatever_other_nations_hide(
    from_nation: HiddenPair,
) -> None:
    for hub in (from_nation.bare, from_nation.full):
        with RECORDER.off():
            fact_sets.determine(hub.world.service, time.monotonic() + 600)
        hub.keep_statistics()
    assert differing(from_nation, reads.simulations) == {}


def test_polls_cost_the_same_whatever_is_hidden(from_agency: HiddenPair) -> None:
    assert differing(from_agency, reads.polls) == {}
