"""A property keeps within its time, and no result follows from the time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.budgets import bounded, machines

EXAMPLES = 50


@pytest.fixture(autouse=True)
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is tried takes longer than it may."""
    monkeypatch.delenv("HUB_TEST_EXAMPLES", raising=False)
    monkeypatch.setenv("HUB_TEST_SECONDS", "0.000001")


def made(tried: list[int], holds: Callable[[int], bool] = lambda _: True) -> Callable[[], None]:
    """Return a property of whole numbers that keeps what it tries."""

    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True)
    @given(st.integers(0, 1_000_000))
    def example(number: int) -> None:
        tried.append(number)
        time.sleep(0.001)
        assert holds(number)

    return example


def test_without_time_the_least_number_is_tried_and_nothing_fails() -> None:
    tried: list[int] = []
    example = made(tried)
    with bounded(example):
        example()
    assert len(tried) == 5


def test_without_time_no_more_is_drawn_than_was_asked_for() -> None:
    """Examples that are stopped count for nothing, so that drawing them had no end for minutes."""
    drawn: list[int] = []

    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True)
    @given(st.integers(0, 1_000_000).map(lambda number: drawn.append(number) or number))  # type: ignore[func-returns-value]
    def example(number: int) -> None:
        time.sleep(0.001)

    with bounded(example):
        example()
    assert len(drawn) == EXAMPLES


def test_what_draws_on_its_way_is_stopped_too() -> None:
    tried: list[int] = []

    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True)
    @given(data=st.data())
    def example(data: st.DataObject) -> None:
        time.sleep(0.001)
        tried.append(data.draw(st.integers(0, 1_000_000)))

    with bounded(example):
        example()
    assert len(tried) == 5


@pytest.mark.parametrize(("name", "value"), [("HUB_TEST_EXAMPLES", "50"), ("HUB_TEST_SECONDS", "0")])
def test_who_asks_for_more_has_all_of_them(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    tried: list[int] = []
    example = made(tried)
    with bounded(example):
        example()
    assert len(tried) == EXAMPLES


def test_what_fails_is_made_small_and_reported_though_the_time_is_used_up() -> None:
    tried: list[int] = []
    example = made(tried, lambda number: number < 10)
    with bounded(example), pytest.raises(AssertionError):
        example()
    assert tried[-1] == 10


def test_the_time_begins_anew_with_every_run() -> None:
    tried: list[int] = []
    example = made(tried)
    for _ in range(2):
        with bounded(example):
            example()
    assert len(tried) == 10
    example()
    assert len(tried) == 10 + EXAMPLES


@pytest.mark.parametrize("is_right", [True, False])
def test_a_machine_keeps_within_its_time_too(is_right: bool) -> None:
    made: list[RuleBasedStateMachine] = []

    class Counting(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)
            self.count = 0

        @rule()
        def more(self) -> None:
            time.sleep(0.001)
            self.count += 1
            assert is_right or self.count < 3

    some = settings(max_examples=EXAMPLES, stateful_step_count=5, deadline=None, database=None)
    if is_right:
        run_state_machine_as_test(machines(Counting), settings=some)
        assert len(made) == 1
        return
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machines(Counting), settings=some)
