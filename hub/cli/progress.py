"""How far a long act has come: on a terminal alone, and on stderr, so that it mixes with no output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hub.cli.output import plain

Tell = Callable[..., None]  # what is done now; optionally how much is done, of how much in all


@contextmanager
def progress(*, is_silent: bool = False) -> Iterator[Tell]:
    """Give a function that shows `what` is done, and `done` of `total` where they are known."""
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

        def tell(what: str, done: int | None = None, total: int | None = None) -> None:
            count = "" if done is None else f": {done}" if total is None else f": {done} of {total}"
            bar.update(task, description=plain(what + count), completed=done or 0, total=total)

        yield tell
