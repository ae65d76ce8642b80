"""`hub push`: sends objects to the hub, and prints their outcomes."""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import Final

import click

from hub.cli.output import json_option, print_json, say, warn
from hub.cli.progress import progress
from hub.cli.remote import remote
from hub.cli.signals import told_when_interrupted
from hub.client import Hub, PushReport, PushStopped
from hub.client.pushing import outcomes
from hub.model import Tlp

_LINES_SHOWN: Final = 20  # of failures, of notes
_STATUSES_SHOWN: Final = 5


@click.command()
@click.argument("collection")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=str, allow_dash=True))
@click.option(
    "--mark",
    type=click.Choice([level.label for level in Tlp], case_sensitive=False),
    help="Mark each object without a TLP level with this level, before the request is signed.",
)
@click.option("--no-explain", is_flag=True, help="Do not ask afterwards how the hub handles the objects.")
@remote
@json_option
def push(
    hub: Hub, collection: str, files: tuple[str, ...], mark: str | None, no_explain: bool, as_json: bool
) -> None:
    """Push FILES to COLLECTION: each file has a bundle, an envelope, an array, or objects.

    A file may have one object, or one object per line; `-` is stdin. Files are JSON in UTF-8, plain or packed
    by gzip. The command reports each object that cannot be sent with its file and line, and sends the rest.

    A report or grouping goes in one request with the objects that it names. If a request cannot take all, the
    report goes first. A name goes with the least strict container. Pushing again after an interruption is
    harmless.

    An object without a TLP level takes the level of the report or grouping that names the object, else the
    nation's default. --mark writes the given level into object_marking_refs instead; reports and groupings
    then no longer decide its level. An object with a marking, or with a level in its labels or extension, and
    marking definitions are never changed.
    """
    sent = 0  # also read by the sentence for an interruption

    def until_then() -> str:
        return (
            f"the hub has taken {sent} objects; push the same again to go on, what it has is not stored twice"
        )

    with told_when_interrupted(until_then), progress(is_silent=as_json) as show:

        def on_progress(done: int, total: int) -> None:
            nonlocal sent
            sent = done
            show(f"to {collection}", done, total)

        try:
            report = hub.push_files(
                collection,
                files,
                on_progress,
                on_read=lambda count: show("objects read", count),
                mark=None if mark is None else Tlp.of(mark.lower()),
                explain=not no_explain,
            )
            stopped = None
        except PushStopped as error:
            report, stopped = error.report, error
    if as_json or stopped is None or report.submitted:
        _print_push(report, as_json=as_json)
    if stopped is not None:
        # The hub will refuse the same request again; after 429 and 5xx the same request may succeed.
        is_refused = stopped.status in range(400, 500) and stopped.status != HTTPStatus.TOO_MANY_REQUESTS
        warn(f"{stopped}; {'correct that first' if is_refused else 'push the same again to go on'}")
    # One refused object is a failure of the command, so that a script notices.
    if stopped is not None or report.failed:
        sys.exit(1)


def _print_push(report: PushReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_json())
    else:
        for line in _lines(report):
            say(line)
    reasons = outcomes.together(report.failures)  # one line for all objects with the same reason
    for line in reasons[:_LINES_SHOWN]:
        warn(line)
    if len(reasons) > _LINES_SHOWN:
        warn(f"… and {len(reasons) - _LINES_SHOWN} other reasons; --json has all")


def _lines(report: PushReport) -> list[str]:
    marked = f", {report.marked} marked" if report.marked else ""
    pending = f", {report.pending} pending" if report.pending else ""
    counts = f"{report.succeeded} succeeded, {report.failed} failed{pending}{marked}"
    lines = [f"{report.submitted} submitted, {counts}."]
    lines += outcomes.handled(report.handlings)
    notes = sorted(report.notes.items(), key=lambda note: -note[1].count)
    lines += [outcomes.line(text, note.count, note.ids) for text, note in notes[:_LINES_SHOWN]]
    if len(notes) > _LINES_SHOWN:
        lines.append(f"… and {len(notes) - _LINES_SHOWN} other notes; --json has them")
    if report.unexplained is not None:
        lines.append(report.unexplained)
    if report.statuses:
        more = len(report.statuses) - _STATUSES_SHOWN
        shown = ", ".join(report.statuses[:_STATUSES_SHOWN]) + (f" and {more} more" if more > 0 else "")
        lines.append(f"status: {shown}")
    return lines
