"""Two acts at once, made on purpose: one is held between deciding and writing while the other is done."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest

from hub.store.database.turns import Turns
from tests.patience import PATIENCE_SECONDS


def without_turns(patch: pytest.MonkeyPatch) -> None:
    """Let submissions of one nation be decided at once, as after a turn that did not come in time.

    The turn spares work alone: whatever overtakes a decision is found by its basis.
    """
    patch.setattr(Turns, "of", lambda *_: contextlib.nullcontext())
    patch.setattr(Turns, "take", lambda *_: None)


class Pause:
    """Holds the first caller of a function behind its end; all later ones pass."""

    def __init__(self, patch: pytest.MonkeyPatch, module: ModuleType, name: str) -> None:
        self._reached, self._go = threading.Event(), threading.Event()
        self._first = threading.Lock()
        self._act: Callable[..., Any] = getattr(module, name)
        patch.setattr(module, name, self._call)

    def _call(self, *arguments: Any, **named: Any) -> Any:
        result = self._act(*arguments, **named)
        if self._first.acquire(blocking=False):
            self._reached.set()
            assert self._go.wait(PATIENCE_SECONDS)
        return result

    def while_held(self, held: Callable[[], Any], other: Callable[[], Any]) -> Any:
        """Do `other` while `held` waits, then let it finish; return what `held` returns."""
        with ThreadPoolExecutor(1) as pool:
            future: Future[Any] = pool.submit(held)
            future.add_done_callback(lambda _: self._reached.set())
            try:
                assert self._reached.wait(PATIENCE_SECONDS)
                assert not future.done(), "it never came to the place where it is held"
                other()
            finally:
                self._go.set()
            return future.result(PATIENCE_SECONDS)
