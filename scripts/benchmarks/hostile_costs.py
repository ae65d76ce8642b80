"""What one hostile request costs the hub: CPU seconds and memory, each in a process of its own.

Run by hand, all or those named: `python -m scripts.benchmarks.hostile_costs [NAME]...`. Every request is
correctly signed, so that it gets as far as its author meant. The limit to hold is 20 s and 500 MB.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import orjson
from rich.console import Console
from rich.table import Table

from hub.stix import patterns
from tests.hostility import hostile
from tests.hostility.door import Door, open_door

MAX_CPU_SECONDS: Final = 20
MAX_MEGABYTES: Final = 500
PATTERN_BYTES: Final = 16_000


class Cost(NamedTuple):
    """What was measured; memory is the growth of the process beyond what the hub had when it was ready."""

    size: int
    cpu_seconds: float
    megabytes: float
    answer: str


Case = Callable[[Door], Cost]


def _submissions() -> dict[str, Case]:
    return {name: partial(_submission, make) for name, make in hostile.BODIES.items()}


def _submission(make: Callable[[], Iterator[bytes]], door: Door) -> Cost:
    """Post all bodies of a shape and measure the last: those before it lay the ground."""
    *before, last = make()
    for body in before:
        door.push_bytes("us-agency", body)
    del before
    return _measured(len(last), lambda: _said(door.push_bytes("us-agency", last)))


def _polls() -> dict[str, Case]:
    return {name: partial(_poll, query) for name, query in hostile.QUERIES.items()}


def _poll(query: str, door: Door) -> Cost:
    door.push_bytes("us-agency", hostile.many_small_objects(20_000))
    return _measured(len(query), lambda: _said(door.get("us-cert", f"{door.objects_path('US')}?{query}")))


def _said(answer: Any) -> str:
    value = orjson.loads(answer.data)
    if "total_count" in value:
        failures = value.get("failures", [])
        first = failures[0]["message"] if failures else ""
        return f"{answer.status_code}: {value['success_count']} of {value['total_count']}; {first}"
    return f"{answer.status_code}: {value.get('description', len(value.get('objects', [])))}"


def _measured(size: int, act: Callable[[], str]) -> Cost:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    answer = act()
    spent = time.process_time() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return Cost(size, spent, grown / 1024, answer)


CASES: Final = {**_submissions(), **_polls()}


def _child(name: str, pipe: Connection) -> None:
    with tempfile.TemporaryDirectory() as folder, open_door(Path(folder)) as door:
        pipe.send(CASES[name](door))


def measure(name: str) -> Cost:
    """Return what the case costs in a fresh process."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(name, sending))
    process.start()
    sending.close()
    try:
        return Cost(*receiving.recv())
    except EOFError:
        raise SystemExit(f"{name}: the process died") from None
    finally:
        process.join()


def requests_table(names: list[str], console: Console) -> None:
    """Print what each request costs; what is over a limit stands out."""
    table = Table("request", "bytes", "CPU s", "MB", "answer", title="One request each")
    for name in names:
        cost = measure(name)
        is_over = cost.cpu_seconds > MAX_CPU_SECONDS or cost.megabytes > MAX_MEGABYTES
        shown = [f"{cost.size:,}", f"{cost.cpu_seconds:.1f}", f"{cost.megabytes:.0f}", cost.answer[:90]]
        table.add_row(name, *shown, style="red" if is_over else None)
        print(name, *shown, file=sys.stderr)
    console.print(table)


def patterns_table(console: Console) -> None:
    """Print what the parser costs for each shape of pattern, per byte and in all."""
    table = Table("pattern", "bytes", "us a byte", "verdict", title="Patterns, parsed")
    for name, make in hostile.PATTERNS.items():
        pattern = make(PATTERN_BYTES)
        start = time.process_time()
        fault = patterns.pattern_fault.__wrapped__(pattern)
        spent = time.process_time() - start
        table.add_row(name, f"{len(pattern):,}", f"{spent / len(pattern) * 1e6:.1f}", (fault or "valid")[:70])
    console.print(table)


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Print the costs of all cases, or of those NAMES."""
    console = Console(width=180)
    requests_table(list(names) or list(CASES), console)
    if not names:
        patterns_table(console)


if __name__ == "__main__":
    main()
