"""`scripts/soak`: writers, pollers and certs at once against a real server, and what was found."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.soak.soaking import SoakPlan, postgresql, soak
from tests.soak.verifying import SoakResult

_SHORT_SECONDS = 6.0
_SHOWN = 50
_ROWS = {
    "pushes": "pushes",
    "objects": "objects",
    "versions": "versions",
    "deletions": "deletions",
    "agreements": "agreements made",
    "ended": "agreements ended",
    "expired": "agreements expired",
    "polls": "polls",
    "received": "objects received",
    "kills": "workers killed",
    "broken": "broken connections",
    "503": "answers 503",
    "429": "answers 429",
}


@click.command(context_settings={"show_default": True})
@click.option("--minutes", type=float, default=10.0, help="How long members write, on each database.")
@click.option("--seconds", type=float, help="The same in seconds; wins over --minutes.")
@click.option("--short", is_flag=True, help="About 40 seconds in all, for continuous integration.")
@click.option("--database", type=click.Choice(["sqlite", "postgresql", "both"]), default="both")
@click.option("--seed", type=int, default=1, help="Decides what everybody does, though not when.")
@click.option("--chaos/--calm", default=True, help="Kill a worker now and then.")
def main(minutes: float, seconds: float | None, short: bool, database: str, seed: int, chaos: bool) -> None:
    """Soak the hub and print what was done and found; exit code 1 when anything was violated."""
    length = _SHORT_SECONDS if short else seconds or minutes * 60
    plan = SoakPlan(length, seed, kill_every=max(3.0, length / 40) * chaos, pace=1.0 if length < 60 else 3.0)
    folder = Path(tempfile.mkdtemp(prefix="hub-soak-"))
    kinds = ["sqlite", "postgresql"] if database == "both" else [database]
    results = {kind: _soak(plan, kind, folder / kind) for kind in kinds}
    _print(plan, results)
    if any(result.violations for result in results.values()):
        click.echo(f"seed {seed}; the evidence is in {folder}", err=True)
        sys.exit(1)
    shutil.rmtree(folder)


def _soak(plan: SoakPlan, kind: str, folder: Path) -> SoakResult:
    folder.mkdir()
    database: AbstractContextManager[str] = nullcontext(f"sqlite:///{folder / 'hub.db'}")
    with postgresql() if kind == "postgresql" else database as url:
        return soak(plan, url, folder)


def _print(plan: SoakPlan, results: dict[str, SoakResult]) -> None:
    table = Table(title=f"{plan.writers} writers for {plan.seconds:g} s on each database, seed {plan.seed}")
    for heading in ("", *results):
        table.add_column(heading, justify="right" if heading else "left")
    for key, name in _ROWS.items():
        table.add_row(name, *(f"{result.counts[key]:,}" for result in results.values()))
    table.add_row("violations", *(f"{len(result.violations):,}" for result in results.values()))
    Console().print(table)
    for kind, result in results.items():
        for sentence in result.violations[:_SHOWN]:
            click.echo(f"{kind}: {sentence}", err=True)


if __name__ == "__main__":
    main()
