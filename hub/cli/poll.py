"""`hub poll`: fetches objects from the hub into a file, a pipe or a terminal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import Final

import click

from hub.cli.output import json_option, plain, plain_json, print_json, warn
from hub.cli.progress import progress
from hub.cli.remote import remote
from hub.cli.signals import told_when_interrupted
from hub.client import Hub, Incremental, PollReport, Unreachable
from hub.client.polling.incremental import lines

# (hub/README: poll-to-terminal)
_SHOWN: Final = 20  # objects on a terminal
_LONGEST_PAUSE_SECONDS: Final = 3_600.0  # a hub's Retry-After may be mistaken
_LONGEST_SHOWN: Final = 2_000  # characters of an object on a terminal


class _Stdout:
    """Writes lines to stdout, or to nowhere if silent (--json)."""

    def __init__(self, *, is_silent: bool) -> None:
        self._is_silent = is_silent

    def append(self, lines: bytes) -> None:
        if not self._is_silent:
            sys.stdout.buffer.write(lines)
            # Flushed before the state file is written: a crash then repeats a page, and loses none.
            sys.stdout.buffer.flush()


@click.command()
@click.argument("collection")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Append objects to this file.")
@click.option("--state", type=click.Path(dir_okay=False, path_type=Path), help="Continue from this file.")
@click.option(
    "--type", "types", multiple=True, metavar="T", help="Only objects of this STIX type; repeatable."
)
@click.option(
    "--levels",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append each object's TLP level to this file.",
)
@click.option(
    "--follow", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Poll again after so many seconds."
)
@click.option("--verify", is_flag=True, help="Not offered by this version.")
@remote
@json_option
def poll(
    hub: Hub,
    collection: str,
    out: Path | None,
    state: Path | None,
    types: tuple[str, ...],
    levels: Path | None,
    follow: float | None,
    verify: bool,
    as_json: bool,
) -> None:
    """Poll COLLECTION, and print one object per line.

    With --out and --state a crash loses and repeats no objects; on stdout a crash may repeat one page. A
    terminal shows the first 20 objects. A line of --levels has an object's id, version, origin, and the
    effective level at the hub. The effective level may differ from the marking in the object.
    """
    if verify:
        raise click.UsageError("--verify is not offered by this version: the hub keeps no provenance yet")
    # The state file would move on, and the objects would be nowhere.
    if as_json and state is not None and out is None:
        raise click.UsageError(
            "--json prints no objects: with --state, give --out too, or they would be skipped"
        )
    if out is None and not as_json and sys.stdout.isatty():
        if state is not None or follow is not None or levels is not None:
            raise click.UsageError(
                f"a terminal shows the first {_SHOWN} objects alone: with --state, --follow or --levels, "
                "give --out too, or write to a pipe"
            )
        _show_first(hub, collection, types)
        return
    with (
        hub.incremental(
            collection, _Stdout(is_silent=as_json), out=out, state=state, types=types, levels=levels
        ) as incremental,
        told_when_interrupted(lambda: _until_then(incremental.so_far, out, state)),
        progress(is_silent=as_json) as show,
    ):
        on_progress = partial(show, f"objects from {collection}")
        incremental.once(on_progress)  # a wrong address or token ends the command, also with --follow
        if follow is not None:
            _follow(incremental, follow, on_progress)
        report = incremental.so_far
    if as_json:
        print_json(report.to_json())
    elif out is not None:
        last = plain(report.last_date_added or "no time yet")
        click.echo(f"{report.objects} objects; the last was added at {last}.")


def _show_first(hub: Hub, collection: str, types: tuple[str, ...]) -> None:
    """Print the first objects without control characters, and say how to get all objects."""
    # One page: users try `hub poll` on a terminal first, and a collection may have a million objects.
    page = next(hub.pages(collection, types=types, limit=_SHOWN), None)
    if page is None:
        warn("there is no object that you may see")
        return
    shown = page.objects[:_SHOWN]
    for item in shown:
        line = plain_json(lines([item]).decode().rstrip())
        left = len(line) - _LONGEST_SHOWN
        click.echo(line if left <= 0 else f"{line[:_LONGEST_SHOWN]} … {left} more characters")
    if page.more or len(page.objects) > len(shown):
        warn(f"these are the first {len(shown)} objects: --out FILE, or a pipe, takes all, as they are")


def _until_then(report: PollReport, out: Path | None, state: Path | None) -> str:
    written = f"{report.objects} objects were written to {out or 'standard output'}"
    if state is not None:
        return f"{written}; the same command goes on from there"
    again = "begins from the start and appends all of them again" if out else "begins from the start"
    return f"{written}; without --state the same command {again}"


def _follow(incremental: Incremental, seconds: float, on_progress: Callable[[int], None]) -> None:
    """Poll every `seconds` until interrupted. While the hub is unreachable, warn and wait."""
    pause = seconds
    with _interrupt() as interrupted:
        while not interrupted(pause):
            pause = seconds
            try:
                incremental.once(on_progress)
            # Only an unreachable hub is waited for. A refusal (401, 403) ends the command.
            except Unreachable as error:
                pause = max(seconds, min(error.retry_after or 0, _LONGEST_PAUSE_SECONDS))
                warn(f"{error}; polling again in {pause:g} s")


@contextmanager
def _interrupt() -> Iterator[Callable[[float], bool]]:
    """Yield a function that waits some seconds, and returns True at once after an interrupt (SIGINT).

    A running poll is finished first, so that all written objects are counted. A second interrupt ends the
    poll at once.
    """
    happened = Event()
    before = signal.getsignal(signal.SIGINT)

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        happened.set()

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield happened.wait
    finally:
        signal.signal(signal.SIGINT, before)
