"""The costs of hostile requests, per MB sent: CPU seconds, memory and growth of the database.

`scripts/bench hostile_costs [--scale 0.1] [NAME]...` runs all cases, or the named cases, each in a separate
process. The exit code is 1 if a case is over a bound. Every request is correctly signed, so that no early
check refuses the request. A request below 1 MB counts as 1 MB, because the rate limit bounds small requests.
`--scale` makes the cases smaller; the bounds stay. `--shapes` measures `tests.hostility.hostile` instead.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from scripts.benchmarks.hostile_cases import CASES, SHAPES, Cost
from tests.hostility.in_process import in_process_hub

MAX_CPU_SECONDS_A_MB: Final = 10.0
MAX_MEGABYTES_A_MB: Final = 60.0
MAX_GROWTH_A_MB: Final = 60.0  # of the database; here a request counts as one of at least 0.2 MB
MAX_CPU_SECONDS: Final = 60.0  # of one request, however large
MAX_POLLS_MEGABYTES: Final = 200.0  # of sixteen polls: a page for each of eight threads, three times
PATIENCE_SECONDS: Final = 900.0
ALL: Final = {**CASES, **SHAPES}


def overruns(cost: Cost) -> list[str]:
    """Return the exceeded bounds as short words."""
    megabytes = max(1.0, cost.size / 1e6)
    growth_bound = MAX_GROWTH_A_MB * max(0.2, cost.size / 1e6)
    memory_bound = MAX_POLLS_MEGABYTES if cost.is_reading else MAX_MEGABYTES_A_MB * megabytes
    measured = {
        "CPU": (cost.cpu_seconds, min(MAX_CPU_SECONDS, MAX_CPU_SECONDS_A_MB * megabytes)),
        "memory": (cost.megabytes, memory_bound),
        "database": (cost.growth, growth_bound),
    }
    return [name for name, (found, bound) in measured.items() if found > bound]


def measure(name: str, scale: float) -> Cost | None:
    """Return the costs of the case in a new process; None if the process died or ran over 15 minutes."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(name, scale, sending))
    process.start()
    sending.close()
    try:
        return Cost(*receiving.recv()) if receiving.poll(PATIENCE_SECONDS) else None
    except EOFError:
        return None
    finally:
        process.terminate()
        process.join()


def _child(name: str, scale: float, pipe: Connection) -> None:
    with tempfile.TemporaryDirectory() as folder, in_process_hub(Path(folder)) as hub:
        pipe.send(ALL[name](hub, Path(folder), scale))


def table_of(names: Iterable[str], scale: float, console: Console) -> bool:
    """Print the costs of each case. Return whether all costs are within the bounds."""
    table = Table("request", "bytes", "CPU s", "MB", "database MB", "over", "answer")
    is_within = True
    for name in names:
        cost = measure(name, scale)
        over = ["no end"] if cost is None else overruns(cost)
        is_within = is_within and not over
        shown = ["", "", "", "", ", ".join(over), ""]
        if cost is not None:
            numbers = f"{cost.cpu_seconds:.2f}", f"{cost.megabytes:.0f}", f"{cost.growth:.1f}"
            shown = [f"{cost.size:,}", *numbers, ", ".join(over), cost.answer[:70]]
        table.add_row(name, *shown, style="red" if over else None)
        print(name, *shown, sep=" | ", file=sys.stderr, flush=True)
    console.print(table)
    return is_within


@click.command()
@click.option("--scale", default=1.0, help="Size of the cases; 0.1 takes less than a minute.")
@click.option("--shapes", is_flag=True, help="Measure the shapes of the hostility tests instead.")
@click.argument("names", nargs=-1)
def main(scale: float, shapes: bool, names: tuple[str, ...]) -> None:
    """Print the costs of all cases, or of the cases NAMES. Exit code 1 if a cost is over a bound."""
    if unknown := [name for name in names if name not in ALL]:
        raise click.BadParameter(f"no case {unknown[0]!r}; there are: {'; '.join(ALL)}")
    if not table_of(names or (SHAPES if shapes else CASES), scale, Console(width=180)):
        sys.exit(1)


if __name__ == "__main__":
    main()
