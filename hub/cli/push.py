"""`hub push`: objects to the hub."""

from __future__ import annotations

import sys

import click

from hub.cli.output import json_option, print_json, warn
from hub.cli.progress import progress
from hub.cli.remote import remote
from hub.cli.signals import told_when_interrupted
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
    sent = 0

    def until_then() -> str:
        return (
            f"the hub has taken {sent} objects; push the same again to go on, what it has is not stored twice"
        )

    with told_when_interrupted(until_then), progress(is_silent=as_json) as tell:

        def on_progress(done: int, total: int) -> None:
            nonlocal sent
            sent = done
            tell(f"to {collection}", done, total)

        try:
            report = hub.push_files(
                collection, files, on_progress, on_read=lambda count: tell("objects read", count)
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
