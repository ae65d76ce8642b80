"""The effect of SIGTERM and Ctrl-C on a command."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

import click

from hub.cli.output import warn

INTERRUPTED: Final = 130  # exit code after SIGINT: 128 + 2, as in shells


@contextmanager
def end_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end this process like Ctrl-C: `finally` blocks run, and remove unfinished files."""

    def unwind(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def told_when_interrupted(sentence: Callable[[], str]) -> Iterator[None]:
    """Let Ctrl-C end the command with exit code 130 and `sentence`: the work done, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        warn(f"interrupted: {sentence()}")  # called only now: the counts are those of the interruption
        click.get_current_context().exit(INTERRUPTED)
