"""What writers of one nation cost each other: the rate of 1, 4 and 16, and the time in turns and under locks.

The writers are threads of one process, each with signed submissions. "Turn" is the time in which no other
submission of the nation goes on; "locks" the time in which other nations' submissions and endings wait: on
PostgreSQL from the generation's lock to COMMIT, on SQLite from BEGIN IMMEDIATE. `decided` counts decisions
for each submission.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from hub.actions.submission import submit
from hub.model import Submission
from hub.store.database.connection import Store
from hub.store.database.turns import Turns
from tests import postgres
from tests.stix_objects import indicator
from tests.world import World, build, clause

WRITERS = (1, 4, 16)
LEVELS = ("clear", "green", "amber", "red")


class Times:
    """Seconds by name. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.seconds: dict[str, float] = {}

    def add(self, name: str, seconds: float) -> None:
        with self._lock:
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds


@contextmanager
def measured(times: Times) -> Iterator[None]:
    """Measure every turn, every hold of the locks and every decision meanwhile."""
    of, write, hold, decide = Turns.of, Store.write, submit.hold, submit.decide
    held = threading.local()

    @contextmanager
    def timed_turn(self: Turns, nation: str) -> Iterator[None]:
        with of(self, nation):
            began = time.perf_counter()
            try:
                yield
            finally:
                times.add("turn", time.perf_counter() - began)

    @contextmanager
    def timed_write(self: Store, **options: bool) -> Iterator[Any]:
        with write(self, **options) as connection:
            held.began = time.perf_counter()
            yield connection
        times.add("locks", time.perf_counter() - held.began)

    def timed_hold(service: Any, *given: Any) -> None:
        hold(service, *given)
        if not service.store.is_sqlite:
            held.began = time.perf_counter()

    def timed_decide(*given: Any) -> Any:
        times.add("decided", 1)
        return decide(*given)

    changed: list[tuple[Any, str, Callable[..., Any], Callable[..., Any]]] = [
        (Turns, "of", of, timed_turn),
        (Store, "write", write, timed_write),
        (submit, "hold", hold, timed_hold),
        (submit, "decide", decide, timed_decide),
    ]
    for owner, name, _, new in changed:
        setattr(owner, name, new)
    try:
        yield
    finally:
        for owner, name, old, _ in changed:
            setattr(owner, name, old)


def measure(world: World, table: Table, database: str, objects: int, pushes: int) -> None:
    """Add a row for each number of writers."""
    world.agree(["US", "KR"], clause("US", "KR", "amber"))
    first = rate_of_one = 0.0
    for writers in (WRITERS[0], *WRITERS):  # the first is not counted: imports and caches
        submissions = list(prepared(world, objects, pushes, int(first)))
        first += objects * pushes
        times = Times()
        with measured(times), ThreadPoolExecutor(writers) as pool:
            began, cpu = time.perf_counter(), time.process_time()
            list(pool.map(lambda one: submit.submit(world.service, one), submissions))
            wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        count = objects * pushes
        if first == count:
            continue
        rate_of_one = rate_of_one or count / wall
        each = {name: seconds / count * 1e6 for name, seconds in times.seconds.items()}
        table.add_row(
            *(database, str(objects), str(writers), f"{count / wall:,.0f}"),
            *(f"{count / wall / rate_of_one:.2f}", f"{cpu / count * 1e6:,.0f}"),
            *(f"{each['turn']:,.0f}", f"{each['locks']:,.0f}", f"{times.seconds['decided'] / pushes:.2f}"),
        )


def prepared(world: World, objects: int, pushes: int, first: int) -> Iterator[Submission]:
    for n in range(pushes):
        numbers = range(first + n * objects, first + (n + 1) * objects)
        yield world.submission("us-agency", *(indicator(i, tlp=LEVELS[i % 4]) for i in numbers))


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Give an empty database of each kind."""
    home = postgres.make_home()
    try:
        with tempfile.TemporaryDirectory() as folder, postgres.database(postgres.ensure_started(home)) as url:
            yield {"SQLite": f"sqlite:///{folder}/hub.db", "PostgreSQL": url}
    finally:
        postgres.remove(home)


@click.command()
@click.option("--objects", default=100, help="Objects of each submission.")
@click.option("--pushes", default=48, help="Submissions of each run.")
def main(objects: int, pushes: int) -> None:
    """Measure both databases, and print one table. Times are microseconds for each object."""
    table = Table(
        *("database", "objects", "writers", "objects/s", "of one writer", "CPU", "turn", "locks", "decided")
    )
    with databases() as urls:
        for database, url in urls.items():
            world = build(url, codes=("KR", "US"), require_signature=True)
            measure(world, table, database, objects, pushes)
            world.close()
    Console().print(table)


if __name__ == "__main__":
    main()
