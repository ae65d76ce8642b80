"""The progress of a long command: on a terminal alone, and on stderr, apart from the output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hub.cli.output import plain

ShowProgress = Callable[..., None]  # the step; optionally the number done, and the number in all


@contextmanager
def progress(*, is_silent: bool = False) -> Iterator[ShowProgress]:
    """Yield a function that shows the step, and `done` of `total` where both numbers are known."""
    # A log file would get one line for each step of the bar.
    if is_silent or not sys.stderr.isatty():
        yield lambda *_arguments: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("", total=None)

        def show(step: str, done: int | None = None, total: int | None = None) -> None:
            count = "" if done is None else f": {done}" if total is None else f": {done} of {total}"
            # `plain`: a step may contain the name of a file or collection, which others chose.
            bar.update(task, description=plain(step + count), completed=done or 0, total=total)

        yield show
