"""`hub push`: objects to the hub."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.progress import Progress

from hub.cli.output import json_option, print_json, warn
from hub.cli.remote import remote
from hub.client import Hub, PushReport, PushStopped

_FAILURES_SHOWN = 100


@click.command()
@click.argument("collection")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=str, allow_dash=True))
@remote
@json_option
def push(hub: Hub, collection: str, files: tuple[str, ...], as_json: bool) -> None:
    """Push FILES (bundle, envelope, or one object per line; `-` is stdin) to COLLECTION.

    A report or grouping goes with what it names, in one request as far as that takes it, else first; a name
    goes with the laxest that names it. Pushing again after an interruption is harmless.
    """
    with Progress(console=Console(stderr=True), disable=as_json or not sys.stderr.isatty()) as bar:
        task = bar.add_task(f"to {collection}", total=None)
        try:
            report = hub.push_files(
                collection, files, lambda done, total: bar.update(task, completed=done, total=total)
            )
            stopped = None
        except PushStopped as error:
            report, stopped = error.report, error
    _print_push(report, as_json)
    if stopped is not None:
        warn(f"{stopped}; push the same again to go on")
    if stopped is not None or report.failed:
        sys.exit(1)


def _print_push(report: PushReport, as_json: bool) -> None:
    if as_json:
        print_json(report.to_json())
    else:
        click.echo(f"{report.submitted} submitted, {report.succeeded} succeeded, {report.failed} failed.")
    for failure in report.failures[:_FAILURES_SHOWN]:
        warn(f"{failure.id}: {failure.message}")
    if len(report.failures) > _FAILURES_SHOWN:
        warn(f"… and {len(report.failures) - _FAILURES_SHOWN} more; --json has all")
