"""The clock of a test: time stands still, or goes on a little with every look, until the test moves it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from tests.nations import START

STILL = timedelta(0)


class Clock:
    """Each look is `tick` later than the one before, from whatever thread."""

    def __init__(self, now: datetime = START, tick: timedelta = STILL) -> None:
        self.now, self.tick = now, tick
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self.now += self.tick
            return self.now

    def wait(self, seconds: float | None = None, **parts: float) -> None:
        """Move the time on: by a second, by `seconds`, or by the `parts` of a timedelta."""
        if not parts:
            parts = {"seconds": 1 if seconds is None else seconds}
        with self._lock:
            self.now += timedelta(**parts)

    def set_back(self, **parts: float) -> None:
        """Move the time back by the `parts` of a timedelta."""
        self.wait(**{name: -value for name, value in parts.items()})
