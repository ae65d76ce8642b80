"""`hub poll`: objects from the hub."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import click

from hub.cli.output import json_option, print_json, warn
from hub.cli.remote import remote
from hub.client import Hub, Incremental, Unreachable


class _Stdout:
    """Lines to stdout, or nowhere."""

    def __init__(self, *, is_silent: bool) -> None:
        self._is_silent = is_silent

    def append(self, lines: bytes) -> None:
        if not self._is_silent:
            sys.stdout.buffer.write(lines)
            sys.stdout.buffer.flush()


@click.command()
@click.argument("collection")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Append objects to this file.")
@click.option("--state", type=click.Path(dir_okay=False, path_type=Path), help="Go on where this file says.")
@click.option(
    "--type", "types", multiple=True, metavar="T", help="Only objects of this STIX type; repeatable."
)
@click.option(
    "--levels", type=click.Path(dir_okay=False, path_type=Path), help="Append each object's TLP level here."
)
@click.option("--follow", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Poll again and again.")
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
    """Poll COLLECTION, one object per line.

    With --out and --state a crash loses and repeats nothing; on stdout it may repeat one page. A line of
    --levels has an object's id, version, origin and the level at which the hub handles it, which is not
    always the one that it carries.
    """
    if verify:
        raise click.UsageError("--verify is not offered by this version: the hub keeps no provenance yet")
    if as_json and state is not None and out is None:
        raise click.UsageError(
            "--json prints no objects: with --state, give --out too, or they would be skipped"
        )
    with hub.incremental(
        collection, _Stdout(is_silent=as_json), out=out, state=state, types=types, levels=levels
    ) as incremental:
        incremental.once()  # a wrong address or token shows here, also with --follow
        if follow is not None:
            _follow(incremental, follow)
        report = incremental.so_far
    if as_json:
        print_json(report.to_json())
    elif out is not None:
        click.echo(
            f"{report.objects} objects; the last was added at {report.last_date_added or 'no time yet'}."
        )


def _follow(incremental: Incremental, seconds: float) -> None:
    """Poll again and again until interrupted. A hub that is away for a while is waited for."""
    with _interrupt() as interrupted:
        while not interrupted(seconds):
            try:
                incremental.once()
            except Unreachable as error:
                warn(f"{error}; polling again in {seconds:g} s")


@contextmanager
def _interrupt() -> Iterator[Callable[[float], bool]]:
    """Give a wait of some seconds that is true, at once, after an interrupt (SIGINT).

    The poll that an interrupt meets is finished, so that what is written is also counted; a second
    interrupt ends it where it is.
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
