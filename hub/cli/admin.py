"""Commands on the hub's own machine: making, serving and tending it."""

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

_WORK_SECONDS: Final = 10.0


@contextmanager
def opened() -> Iterator[Service]:
    """Give the hub that configuration and environment describe, closed again afterwards."""
    service = open_service(load(os.environ))
    try:
        yield service
    finally:
        service.store.close()


@click.command()
@click.option(
    "--apply", is_flag=True, help="Take new values of nations.toml, for what is submitted from now on."
)
@click.option(
    "--add-nation", "add", multiple=True, metavar="CC", help="Add a nation that stands in nations.toml."
)
@json_option
def init(apply: bool, add: tuple[str, ...], as_json: bool) -> None:
    """Create or migrate the database, the hub's secrets, nations and collections. Harmless to repeat.

    What decides (the nations and their ids, default_tlp, unmarked, informative_markings, public_sources) is
    kept in the database; where nations.toml says otherwise later, no command starts. --apply takes new
    values; whatever was submitted before stays as it is. Ids never change and nations stay, but until the
    first member has joined --apply takes those, too. Restart every serving process afterwards.
    """
    settings = load(os.environ)
    service = new_service(settings)
    try:
        done = initialise(service, settings.nations_file, apply=apply, add=_nations(add))
        steps = next_steps(service)
    finally:
        service.store.close()
    for fault in exposed(settings.database_url, settings.secrets_dir):
        warn(f"{fault.place} {fault.what}")
    nations = list(service.registry.nations)
    if as_json:
        print_json({"nations": nations, "public_url": service.public_url, **_view(done)})
    else:
        _tell_changes(done)
        click.echo(f"The hub is ready for {', '.join(nations)} at {service.public_url}.")
        click.echo("\n".join(steps))


def _nations(codes: Iterable[str]) -> list[NationCode]:
    return [NationCode(code.upper()) for code in codes]


def _view(done: Initialised) -> dict[str, Any]:
    applied = [{"key": one.key, "from": one.kept, "to": one.given} for one in done.applied]
    return {"applied": applied, "added_nations": list(done.added)}


def _tell_changes(done: Initialised) -> None:
    for one in done.applied:
        click.echo(plain(f"{one.key}: {one.given or 'nothing'}, until now {one.kept or 'nothing'}."))
    if done.applied:
        click.echo(
            "This holds for what is submitted from now on. Restart every process of the hub that runs."
        )


@click.command()
@click.option("--once", is_flag=True, help="One pass, then end; without it, a pass every ten seconds.")
@json_option
def work(once: bool, as_json: bool) -> None:
    """Tell of recalls, append histories, mark rows that are over, forget what is too old.

    `hub serve` does it in one worker at a time. Without --once it goes on until interrupted, and
    waits for a database that is away.
    """
    if as_json and not once:
        raise click.UsageError("--json prints one value: give --once with it.")
    with opened() as service:
        if once:
            _tell(work_once(service), as_json=as_json)
        else:
            _work_on(service)


def _work_on(service: Service) -> None:
    with end_on_sigterm():
        while True:
            try:
                _tell(work_once(service), as_json=False)
            except Unavailable as error:
                warn(error.in_full)
            time.sleep(_WORK_SECONDS)


def _tell(report: WorkReport, *, as_json: bool) -> None:
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
    """Forget nonces that have expired, and tokens that expired or were revoked 90 days ago.

    Statuses older than 30 days are not answered any more; as evidence they stay. `hub work` prunes too.
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
    """Verify the database, who is shown what, and every signature; change nothing.

    May run beside a serving hub. Prints each fault with its place and remedy; exit code 1 if there is any.
    Files that others may use are faults; tokens that end soon, or are not used, are warnings.
    """
    settings = load(os.environ)
    with progress(is_silent=as_json) as tell:
        report, cautions = _checked(settings, lambda part: tell(f"checking {part}"))
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
    if faults:
        warn(f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}")
        click.get_current_context().exit(1)


def _checked(settings: Settings, tell: Callable[[str], None]) -> tuple[Report, Sequence[str]]:
    """Return what was found, and what to look after where the database can be read."""
    try:
        service = open_service(settings)
    except DamagedDatabase:
        return DAMAGED, []
    with closing(service.store):
        report = check_everything(service, tell)
        return report, [] if report.faults else token_cautions(service)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def backup(file: Path, as_json: bool) -> None:
    """Write a consistent copy of the database to FILE while the hub serves. The secrets are not in it.

    FILE must not exist. What a restore takes is printed, and said in full in deploy/guide/restore.md.
    """
    settings = load(os.environ)
    with end_on_sigterm():
        size = back_up(settings.database_url, file)
    remedy = restoring(file)
    if as_json:
        print_json({"file": str(file), "bytes": size, "restore": remedy})
    else:
        click.echo(f"{file}: {size} bytes, the whole database but not the secrets in {settings.secrets_dir}.")
        click.echo(f"To restore: {remedy}")
