"""The cost of a push under a clause with `anonymise = "agency"`, beside the same push without, in one run.

Two hubs in this process, each with a database, differ in this term alone. An agency pushes to each by turns:
ATT&CK ICS from ../shared/data if present, else generated objects. Afterwards the search for names is measured
alone, beside reading the objects without names. All times are CPU time of this process.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from hub.actions.submission.submit import names_of
from hub.proofs import canonical
from hub.stix import reading
from scripts.benchmarks.speed.objects import pushed_by
from tests.world import build, clause

ICS: Final = Path(__file__).resolve().parents[3] / "shared" / "data" / "attack-ics-18.1.json"
PER_POST: Final = 500
MEMBER: Final = "kr-agency"
NAMES: Final = ("kr-agency", "한빛전력공사", "Hanbit Electric", "HE", "hanbit.example", "한빛.example")
MAX_OBJECT: Final = 2_097_152


def work(count: int) -> list[dict[str, Any]]:
    """Return the objects to push: ATT&CK ICS if present, else `count` generated objects."""
    return list(json.loads(ICS.read_bytes())["objects"]) if ICS.exists() else pushed_by(MEMBER, 0, count)


def seconds(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


def push(objects: Sequence[dict[str, Any]], **terms: str) -> float:
    """Return the CPU seconds of pushing all objects to a new hub. Asserts that the recipient sees them."""
    with tempfile.TemporaryDirectory() as home:
        world = build(f"sqlite:///{home}/hub.db")
        world.agree(["KR", "US"], clause("KR", "US", "amber", **terms))
        taken = sum(
            seconds(lambda n=n: world.push(MEMBER, *objects[n : n + PER_POST]))
            for n in range(0, len(objects), PER_POST)
        )
        arrived = len(world.ids("us-cert"))
        assert arrived > 0.9 * len(objects), arrived  # identities stay at home where sources do
        assert names_of(world.callers[MEMBER].member)
        world.close()
        return taken


def read(objects: Sequence[dict[str, Any]], names: Sequence[str]) -> float:
    return seconds(lambda: [reading.read(obj, 0, MAX_OBJECT, canonical.digest, names) for obj in objects])


@click.command(context_settings={"show_default": True})
@click.option("--count", default=1_826, help="Objects to make when ATT&CK ICS is not there.")
@click.option("--rounds", default=5)
def main(count: int, rounds: int) -> None:
    """Print the cost of hiding the source, and of the search for its names."""
    objects = json.loads(json.dumps(work(count)))
    rows = (
        ("push", lambda: push(objects), lambda: push(objects, anonymise="agency")),
        ("reading objects", lambda: read(objects, ()), lambda: read(objects, NAMES)),
    )
    table = Table(title=f"{len(objects)} objects, median CPU seconds of {rounds} rounds by turns")
    for heading in ("", "without", "with", "ratio"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, without, with_it in rows:
        without()
        found = [(without(), with_it()) for _ in range(rounds)]
        cells = [f"{statistics.median(each):.2f}" for each in zip(*found, strict=True)]
        table.add_row(name, *cells, f"{statistics.median(b / a for a, b in found):.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
