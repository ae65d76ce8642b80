"""Commands on the hub's own machine: set up, work, prune, check and back up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import click

from hub.actions.checks.check import DAMAGED, Report
from hub.actions.checks.check import check as check_everything
from hub.actions.operation.backup import backup as back_up
from hub.actions.operation.backup import restoring
from hub.actions.operation.initialise import Initialised, initialise
from hub.actions.operation.prune import Pruned
from hub.actions.operation.prune import prune as prune_once
from hub.actions.operation.upkeep import exposed, token_cautions
from hub.actions.operation.work import WorkReport
from hub.actions.operation.work import work as work_once
from hub.actions.service.service import Service
from hub.app import new_service, open_service
from hub.cli.next_steps import next_steps
from hub.cli.output import json_option, plain, print_json, warn
from hub.cli.progress import progress
from hub.cli.signals import end_on_sigterm
from hub.errors import DamagedDatabase, Unavailable
from hub.model import NationCode
from hub.settings import Settings, load

_WORK_SECONDS: Final = 10.0  # between two passes


@contextmanager
def opened() -> Iterator[Service]:
    """Open the hub of this configuration and environment for a `with` block, and close the hub afterwards."""
    service = open_service(load(os.environ))
    try:
        yield service
    finally:
        service.store.close()


@click.command()
@click.option("--apply", is_flag=True, help="Use new values of nations.toml, for submissions from now on.")
@click.option(
    "--add-nation", "add", multiple=True, metavar="CC", help="Add a nation that nations.toml lists."
)
@json_option
def init(apply: bool, add: tuple[str, ...], as_json: bool) -> None:
    """Create or migrate the database, the hub's secrets, nations and collections. Harmless to repeat.

    The database keeps the values that decide releases: nations with their ids, default_tlp, unmarked,
    informative_markings and public_sources. No command starts while nations.toml has other values. --apply
    takes the new values; earlier submissions stay unchanged. Ids never change, and nations are never removed;
    only before the first member is registered --apply changes these too. Restart all serving processes
    afterwards.
    """
    settings = load(os.environ)
    # `new_service`, not `open_service`: tables and secrets may be missing, or of an older version.
    service = new_service(settings)
    try:
        done = initialise(service, settings.nations_file, apply=apply, add=_nations(add))
        steps = next_steps(service)
    finally:
        service.store.close()
    # A warning and no refusal: the hub is made already, and `hub check` reports the same fault until mended.
    for fault in exposed(settings.database_url, settings.secrets_dir):
        warn(f"{fault.place} {fault.what}")
    nations = list(service.registry.nations)
    if as_json:
        print_json({"nations": nations, "public_url": service.public_url, **_view(done)})
    else:
        _print_changes(done)
        click.echo(f"The hub is ready for {', '.join(nations)} at {service.public_url}.")
        click.echo("\n".join(steps))


def _nations(codes: Iterable[str]) -> list[NationCode]:
    return [NationCode(code.upper()) for code in codes]


def _view(done: Initialised) -> dict[str, Any]:
    applied = [{"key": one.key, "from": one.kept, "to": one.given} for one in done.applied]
    return {"applied": applied, "added_nations": list(done.added)}


def _print_changes(done: Initialised) -> None:
    # `plain`: a value of nations.toml may contain control characters.
    for one in done.applied:
        click.echo(plain(f"{one.key}: {one.given or 'nothing'}, until now {one.kept or 'nothing'}."))
    if done.applied:
        click.echo(
            "This holds for what is submitted from now on. Restart every process of the hub that runs."
        )


@click.command()
@click.option("--once", is_flag=True, help="Do the work once. Default: again every ten seconds.")
@json_option
def work(once: bool, as_json: bool) -> None:
    """Write recall notices, append histories, mark ended rows, delete old nonces and tokens.

    `hub serve` does this work too, in one worker at a time. Without --once the command runs until
    interrupted, and waits while the database is unavailable.
    """
    if as_json and not once:
        raise click.UsageError("--json prints one value: give --once with it.")
    with opened() as service:
        if once:
            _print_report(work_once(service), as_json=as_json)
        else:
            _work_on(service)


def _work_on(service: Service) -> None:
    with end_on_sigterm():
        while True:
            try:
                _print_report(work_once(service), as_json=False)
            # The database may come back. `hub serve` waits too, so that no operator has to restart either.
            except Unavailable as error:
                warn(error.in_full)
            time.sleep(_WORK_SECONDS)


def _print_report(report: WorkReport, *, as_json: bool) -> None:
    pruned = report.pruned
    if as_json:
        counts = {"pruned_nonces": pruned.nonces, "pruned_tokens": pruned.tokens}
        print_json({"done": report.is_done, "told": report.told, "withdrawn": report.withdrawn, **counts})
    elif report.is_done:
        told = f"{report.told} told of a recall, " if report.told else ""
        click.echo(f"{told}{report.withdrawn} rows marked as over, {_forgotten(pruned)}.")
    else:
        click.echo("Another process is at work; nothing was done.")


def _forgotten(pruned: Pruned) -> str:
    return f"{pruned.nonces} nonces forgotten, {pruned.tokens} tokens forgotten"


@click.command()
@json_option
def prune(as_json: bool) -> None:
    """Delete expired nonces, and tokens that expired or were revoked 90 days ago.

    The hub does not answer statuses older than 30 days; the database keeps statuses as evidence.
    `hub work` prunes too.
    """
    with opened() as service:
        pruned = prune_once(service)
    if as_json:
        print_json({"pruned_nonces": pruned.nonces, "pruned_tokens": pruned.tokens})
    else:
        click.echo(f"{_forgotten(pruned)}.")


@click.command()
@json_option
def check(as_json: bool) -> None:
    """Verify the database, all releases and all signatures. Change nothing.

    The hub may serve meanwhile. Prints each fault with its place and remedy; exit code 1 if any fault is
    found. Files that other users may open are faults. Tokens that expire soon or are unused are warnings.
    """
    settings = load(os.environ)
    with progress(is_silent=as_json) as show:
        report, cautions = _checked(settings, lambda part: show(f"checking {part}"))
    # Files are checked here and not in `actions.checks`, which reads the database alone.
    faults = [*exposed(settings.database_url, settings.secrets_dir), *report.faults]
    if as_json:
        told = [{"place": fault.place, "what": fault.what} for fault in faults]
        print_json({"checked": report.checked, "faults": told, "warnings": cautions})
    else:
        for fault in faults:
            click.echo(plain(f"{fault.place}: {fault.what}"))
        for caution in cautions:
            click.echo(plain(f"warning: {caution}"))
        click.echo(f"checked: {', '.join(f'{count} {name}' for name, count in report.checked.items())}")
    # Cautions leave the exit code 0: a monitor alarms for faults alone.
    if faults:
        warn(f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}")
        click.get_current_context().exit(1)


def _checked(settings: Settings, show: Callable[[str], None]) -> tuple[Report, Sequence[str]]:
    """Return the report, and warnings about tokens if the report has no fault."""
    try:
        service = open_service(settings)
    except DamagedDatabase:
        # A database that cannot be opened is a fault of the report, with its remedy, and no error.
        return DAMAGED, []
    with closing(service.store):
        report = check_everything(service, show)
        # After a fault the rows of the tokens may be unreadable too.
        return report, [] if report.faults else token_cautions(service)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def backup(file: Path, as_json: bool) -> None:
    """Write a consistent copy of the database to FILE while the hub serves. FILE has no secrets.

    FILE must not exist. The command prints how to restore; deploy/guide/restore.md explains all steps.
    """
    settings = load(os.environ)
    with end_on_sigterm():  # removes the unfinished copy
        size = back_up(settings.database_url, file)
    remedy = restoring(file)
    if as_json:
        print_json({"file": str(file), "bytes": size, "restore": remedy})
    else:
        click.echo(f"{file}: {size} bytes, the whole database but not the secrets in {settings.secrets_dir}.")
        click.echo(f"To restore: {remedy}")
