"""What a signal from whoever runs a command means to it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

import click

from hub.cli.output import warn

INTERRUPTED: Final = 130  # the exit code of a command that SIGINT ended


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


@contextmanager
def told_when_interrupted(sentence: Callable[[], str]) -> Iterator[None]:
    """Let Ctrl-C end the command with what was done until then, and what to type to go on; exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        warn(f"interrupted: {sentence()}")
        click.get_current_context().exit(INTERRUPTED)
