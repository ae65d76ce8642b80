"""`hub restore` and `hub epoch`: restore a backup, and open the hub after the losses are repaired."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from hub.actions.operation import restore as restoring
from hub.actions.operation.restore import Epoch
from hub.cli.admin import opened
from hub.cli.output import json_option, plain, print_json
from hub.cli.signals import end_on_sigterm
from hub.model import format_instant, say_instant
from hub.settings import load

_WARNING: Final = (
    "All that came after this backup is lost by it, and the hub closed until `hub epoch open`. Restore?"
)
_NEXT: Final = (
    "The hub is closed. Suspend and revoke again what is named above, and let the certs end and delete "
    "again: they can, while all else waits. Then `hub epoch open`."
)
_NOT_KNOWN: Final = "Nothing is known to be lost."


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask for a confirmation.")
@json_option
def restore(file: Path, yes: bool, as_json: bool) -> None:
    """Replace the database by the backup FILE. The hub may serve meanwhile.

    A backup of an older version is migrated. All changes after the backup are lost; the known losses are
    printed. Agreements ended, objects deleted, and members, tokens and keys stopped after the backup are
    valid again. The hub is therefore closed to all but you and the certs, until `hub epoch open`.
    """
    settings = load(os.environ)
    # A restore discards changes for ever, so that a script has to say --yes.
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("Nobody can be asked here: give --yes to restore.")
        click.confirm(_WARNING, abort=True, err=True)
    # Interrupted at any time, the database is whole: the old or the new (hub/actions/operation/restore.py).
    with end_on_sigterm():
        loss = restoring.restore(settings.database_url, file)
    if as_json:
        print_json({"file": str(file), "loss": list(loss), "next": "hub epoch open"})
        return
    click.echo(plain(f"{file} is the database."))
    _print_loss(loss)
    click.echo(_NEXT)


@click.group()
def epoch() -> None:
    """Show the possible losses of a restore or a fail-over, and open the hub again.

    An epoch is one unbroken history of the database. A new epoch begins when a backup is restored, and when a
    PostgreSQL standby is promoted. The hub is then closed if any acknowledged change may be lost.
    """


@epoch.command()
@json_option
def show(as_json: bool) -> None:
    """Show the epoch, its beginning, whether the hub is closed, and the known losses."""
    with opened() as service:
        found = restoring.epoch(service)
    if as_json:
        print_json(_view(found))
        return
    click.echo(f"epoch {found.id}, since {say_instant(found.since)}")
    if found.closed_at is None:
        click.echo("The hub is open.")
    else:
        click.echo(f"The hub is closed, since {say_instant(found.closed_at)}.")
        _print_loss(found.loss)


@epoch.command("open")
@json_option
def open_again(as_json: bool) -> None:
    """Open the hub to everybody, and print the known losses. Harmless to repeat."""
    with opened() as service:
        found = restoring.open_again(service)
    # `found` is the epoch before the command, with its losses. The hub is open now.
    if as_json:
        print_json(_view(found) | {"closed_at": None})
    elif found.closed_at is None:
        click.echo("The hub is open already.")
    else:
        _print_loss(found.loss)
        click.echo("The hub is open.")


def _print_loss(loss: Sequence[str]) -> None:
    # No known loss is not the same as no loss, so that this sentence is printed too.
    for sentence in loss or [_NOT_KNOWN]:
        click.echo(plain(f"- {sentence}") if loss else sentence)


def _view(found: Epoch) -> dict[str, Any]:
    closed_at = None if found.closed_at is None else format_instant(found.closed_at)
    return {
        "epoch": found.id,
        "since": format_instant(found.since),
        "closed_at": closed_at,
        "loss": list(found.loss),
    }
