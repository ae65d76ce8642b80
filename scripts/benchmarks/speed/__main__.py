"""Measures the hub beside its limits and other TAXII servers, and prints one table."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import click

from scripts.benchmarks.speed import machine, peers, report, table
from scripts.benchmarks.speed.client import ClientProcesses
from scripts.benchmarks.speed.figures import with_growth
from scripts.benchmarks.speed.run import Run, RunSettings

_SIZES: Final = (1_000, 100_000)
_ROUNDS: Final = 3
_SECONDS: Final = 2.0
_QUICK_SECONDS: Final = 0.3
_QUICK_OBJECTS: Final = 1_000  # in one push of all writers
_BYTES_OF_AN_OBJECT: Final = 12_000  # on disk, with room for the copy and the pushes


@click.command(context_settings={"show_default": True, "max_content_width": 110})
@click.option("--quick", is_flag=True, help="1,000 objects, one short turn of each work: under two minutes.")
@click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.IntRange(100),
    help="Objects; repeatable. [default: 1000 100000]",
)
@click.option("--database", type=click.Choice(["sqlite", "postgresql", "both"]), default="both")
@click.option("--only", multiple=True, help="Works by the beginning of their name, such as TAIL; repeatable.")
@click.option("--peer", "wanted", multiple=True, type=click.Choice([*peers.LARGEST]), help="[default: both]")
@click.option("--no-peers", is_flag=True, help="The hub and its limits alone.")
@click.option("--workers", default=2, help="Processes of each server.")
@click.option("--rounds", type=click.IntRange(1), help="Turns of each read; the median counts. [default: 3]")
@click.option("--seconds", type=click.FloatRange(0), help="Of each turn. [default: 2]")
@click.option("--sixteen", is_flag=True, help="Sixteen writers at once, too.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep filled databases in this folder, and use the kept.",
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write JSON there."
)
@click.option(
    "--profile", is_flag=True, help="Show instead where the CPU time of each work goes, in one process."
)
def main(**options: Any) -> None:
    """Measure the hub, its limits and its peers on the same work, and print one table with ratios.

    The works, the limits and the goals are those of the design. Absolute figures depend on the machine and
    on its load; ratios of one run can be compared.
    """
    began = time.monotonic()
    settings = _settings(options)
    both, database = ["sqlite", "postgresql"], options["database"]
    databases = both if database == "both" else [database]
    sizes = sorted(options["sizes"] or (_SIZES[:1] if options["quick"] else _SIZES))
    _check_room(max(sizes), settings.kept)
    if options["profile"]:
        from scripts.benchmarks.speed.profiling import profiled  # noqa: PLC0415

        profiled(databases, sizes[0], settings)
        return
    described = machine.describe(Path(tempfile.gettempdir()))
    runs = _measure(databases, sizes, settings)
    figures = [figure for run in runs for figure in run.figures]
    with_growth(figures)
    notes = report.notes(described, settings, runs, time.monotonic() - began)
    click.echo("\n".join([*table.lines(figures, settings.peers), "", *notes]))
    if (file := options["json_file"]) is not None:
        told = report.as_json(described, settings, runs, notes) | {"sizes": sizes, "databases": databases}
        file.write_text(json.dumps(told, indent=1))


def _settings(options: dict[str, Any]) -> RunSettings:
    quick, kept = options["quick"], options["keep"]
    return RunSettings(
        workers=options["workers"],
        rounds=options["rounds"] or (1 if quick else _ROUNDS),
        seconds=options["seconds"] or (_QUICK_SECONDS if quick else _SECONDS),
        writers=(1, 4, 16) if options["sixteen"] else (1, 4),
        objects_at_once=_QUICK_OBJECTS if quick else 1 << 30,
        peers=() if options["no_peers"] else options["wanted"] or tuple(peers.LARGEST),
        only=options["only"],
        kept=None if kept is None else kept.absolute(),
    )


def _measure(databases: list[str], sizes: list[int], settings: RunSettings) -> list[Run]:
    client = ClientProcesses()
    runs = []
    try:
        for database in databases:
            for size in sizes:
                run = Run(settings, client, database, size, lambda words: click.echo(words, err=True))
                run.measure()
                runs.append(run)
    finally:
        client.close()
    return runs


def _check_room(size: int, kept: Path | None) -> None:
    folder = Path(tempfile.gettempdir())
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        folder = kept
    needed = size * _BYTES_OF_AN_OBJECT
    if machine.free_bytes(folder) < needed:
        raise click.ClickException(
            f"{folder} has less than {needed / 1e9:.0f} GB free: set TMPDIR, or --size"
        )


if __name__ == "__main__":
    main()
