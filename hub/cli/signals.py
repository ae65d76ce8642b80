"""What a signal from whoever runs a command means to it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


@contextmanager
def end_on_sigterm() -> Iterator[None]:
    """Let SIGTERM unwind this process like Ctrl-C does, so that it leaves nothing half done behind."""

    def unwind(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
