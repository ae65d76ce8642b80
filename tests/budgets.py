"""How long a property may go on drawing examples: a slow machine tries fewer, and none fails for it.

A property whose time is used up stops each further example before it begins, but never before it has tried a
least number. One that draws no more by then has simply nothing to do. One that draws on its way is stopped as
if it drew too much: any other end, sooner than where the same draws went before, Hypothesis takes for a test
that depends on something else. Stopped so, it is drawn again, up to a hundred times for each that was tried.
HUB_TEST_SECONDS says how long each may take, and 0 that the count alone decides. So it is too where somebody
asks for more, by HUB_TEST_EXAMPLES or by another profile.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.control import current_build_context
from hypothesis.errors import UnsatisfiedAssumption
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.strategies import DataObject

_SECONDS = 10.0
_LEAST_EXAMPLES = 5
_FAILURES = (Exception, pytest.fail.Exception)  # Hypothesis stops an example by what is neither


class Budget:
    """What one property may use, beginning now."""

    def __init__(self, seconds: float | None = None, least: int = _LEAST_EXAMPLES) -> None:
        self._seconds, self._least = _allowed() if seconds is None else seconds, least
        self._began = time.monotonic()
        self._tried = 0
        self._has_failed = False

    @property
    def is_spent(self) -> bool:
        """Tell whether to pass over the next example.

        Never after a failure: it is made smaller by trying again, and has to fail again.
        """
        if not self._seconds or self._has_failed or self._tried < self._least:
            return False
        return time.monotonic() - self._began > self._seconds

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Count what the block tries, if it comes to its end."""
        try:
            yield
        except UnsatisfiedAssumption:
            raise
        except _FAILURES:
            self.failed()
            raise
        self._tried += 1

    def failed(self) -> None:
        """Let everything be tried from now on."""
        self._has_failed = True


@contextmanager
def bounded(test: Any) -> Iterator[None]:
    """Let this property, if it is one, keep within its budget meanwhile."""
    handle = getattr(test, "hypothesis", None)
    if handle is None:
        yield
        return
    inner, budget = handle.inner_test, Budget()

    @functools.wraps(inner)
    def within(*arguments: Any, **named: Any) -> None:
        if budget.is_spent and not _draws_on((*arguments, *named.values())):
            return
        _stop_when(budget)
        with budget.trying():
            inner(*arguments, **named)

    handle.inner_test = within
    try:
        yield
    finally:
        handle.inner_test = inner


def _draws_on(given: Iterable[object]) -> bool:
    return any(isinstance(one, DataObject) for one in given)


def _stop_when(budget: Budget) -> None:
    if budget.is_spent:
        current_build_context().data.mark_overrun()


def machines(make: Callable[[], RuleBasedStateMachine]) -> Callable[[], RuleBasedStateMachine]:
    """Return what makes such machines until the time is used up."""
    budget = Budget(least=1)

    def made() -> RuleBasedStateMachine:
        _stop_when(budget)
        return _counted(make(), budget)

    return made


def _counted(machine: RuleBasedStateMachine, budget: Budget) -> RuleBasedStateMachine:
    teardown = machine.teardown

    def counting() -> None:
        if isinstance(sys.exc_info()[1], _FAILURES):  # what a rule raised on the way here
            budget.failed()
        with budget.trying():
            teardown()

    machine.teardown = counting  # type: ignore[method-assign]
    return machine


def _allowed() -> float:
    """Return for how many seconds a property draws; 0 where its count alone decides."""
    asked_for_more = "HUB_TEST_EXAMPLES" in os.environ or settings.get_current_profile_name() != "steady"
    return 0.0 if asked_for_more else float(os.environ.get("HUB_TEST_SECONDS", _SECONDS))
