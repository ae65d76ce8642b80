"""The cost of a poll, beside another checkout of the hub in one run, and the database's part of this cost.

Two live hubs have the same objects, each in its own database. A foreign cert polls both by turns, over 1 and
8 connections: pages of 1,000 objects, and empty pages at the end. Then the statement that reads and records a
page is timed alone: with keys only, with the bodies, and with the bodies read afterwards.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import event, select

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = 1_000
PER_POST: Final = 500
READER: Final = "kr-cert"
TAIL: Final = "&added_after=2100-01-01T00:00:00Z"
CONNECTIONS: Final = (1, 8)


# --- a hub, of this checkout or of another --------------------------------------------------------


def _serve(database_url: str, home: str, objects: int) -> None:
    """Run a live hub with `objects` objects until standard input ends, with the code in PYTHONPATH."""
    from tests.journeys.live import live_hub  # noqa: PLC0415 - of the checkout that is measured
    from tests.stix_objects import TLP, malware  # noqa: PLC0415

    with live_hub(database_url, Path(home), workers=1) as live:
        live.agree("US", "KR", max_tlp="green")
        text = "x" * 900  # so that an object has about 1.2 KB
        for _ in range(0, objects, PER_POST):
            ids = [f"malware--{uuid.uuid4()}" for _ in range(PER_POST)]
            made = [malware(id=id, description=text, object_marking_refs=[TLP["green"]]) for id in ids]
            live.push("us-cert", made)
        path = urlsplit(live.collection_url("us")).path
        told = {"url": live.url, "path": path, "token": live.member(READER).token}
        click.echo(json.dumps(told))
        sys.stdin.read()


@contextmanager
def _hub(checkout: Path, database_url: str, objects: int) -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, __file__, "serve", database_url, home, str(objects)]
        environ = {**os.environ, "PYTHONPATH": str(checkout)}
        process = subprocess.Popen(
            command, env=environ, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)


@contextmanager
def _database(kind: str) -> Iterator[str]:
    from tests import postgres  # noqa: PLC0415

    with ExitStack() as stack:
        if kind == "sqlite":
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            yield f"sqlite:///{folder}/hub.db"
            return
        cluster = postgres.make_home()
        stack.callback(postgres.remove, cluster)
        yield stack.enter_context(postgres.database(postgres.ensure_started(cluster)))


# --- requests ------------------------------------------------------------------------------------


def _rate(hub: dict[str, str], query: str, connections: int, seconds: float) -> float:
    """Return the number of answered requests per second."""
    address = urlsplit(hub["url"])
    headers = {"Authorization": f"Bearer {hub['token']}", "Accept": "application/taxii+json;version=2.1"}

    def ask(_: int) -> int:
        connection, count = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60), 0
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            connection.request("GET", f"{hub['path']}objects/?limit={PAGE}{query}", headers=headers)
            response = connection.getresponse()
            response.read()
            if response.status != http.client.OK:
                raise click.ClickException(f"{response.status}")
            count += 1
        return count

    start = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        done = sum(pool.map(ask, range(connections)))
    return done / (time.perf_counter() - start)


def _compare(table: Table, kind: str, hubs: list[dict[str, str]], rounds: int, seconds: float) -> None:
    for name, query in (("page of 1,000", ""), ("empty tail", TAIL)):
        for connections in CONNECTIONS:
            for hub in hubs:
                _rate(hub, query, connections, seconds / 4)
            found = [[_rate(hub, query, connections, seconds) for hub in hubs] for _ in range(rounds)]
            rates = [statistics.median(each) for each in zip(*found, strict=True)]
            ratio = statistics.median(one[0] / one[-1] for one in found)
            cells = [f"{rate:,.1f}" for rate in rates]
            table.add_row(kind, name, str(connections), *cells, f"{ratio:.2f}")


# --- the statement by itself ---------------------------------------------------------------------


def _statement(table: Table, kind: str, objects: int, rounds: int) -> None:
    from hub.actions.service.present import present  # noqa: PLC0415
    from hub.model import Disclosed  # noqa: PLC0415
    from hub.store.ledger import pages  # noqa: PLC0415
    from hub.store.schema.tables import content  # noqa: PLC0415
    from tests.stix_objects import malware  # noqa: PLC0415
    from tests.world import build, clause  # noqa: PLC0415

    with _database(kind) as url:
        world = build(url)
        world.agree(["US", "KR"], clause("US", "KR", "green"))
        for n in range(0, objects, PER_POST):
            made = [malware(i, tlp="green", description="x" * 900) for i in range(n, n + PER_POST)]
            world.push("us-cert", *made)
        store, query = world.service.store, world.query(READER, "US", PAGE)
        with store.read() as connection:
            now = present(world.service, connection)
            ask = pages.PageRequest(
                query,
                Disclosed.OBJECTS,
                10**9,
                *world.service.in_force.visible(connection, query.reader, now),
            )

        def told() -> pages.PageEntries:
            with store.record() as connection:
                return pages.read_and_record(connection, ask, store.clock)

        page = told()

        def bodies() -> None:
            with store.read() as connection:
                pages.bodies(connection, page)

        def both() -> None:
            with store.record() as connection:
                pages.read_and_record(connection, ask, store.clock)
                ids = select(content.c.id, content.c.body).where(
                    content.c.id.in_([entry.content_id for entry in page.entries])
                )
                connection.execute(ids).all()

        sent: list[None] = []
        event.listen(store._recording, "before_cursor_execute", lambda *_: sent.append(None))
        told()
        rows = (
            ("read and recorded, keys alone", told, len(sent)),
            ("bodies afterwards", bodies, 0),
            ("keys and bodies in one transaction", both, 0),
        )
        for name, act, statements in rows:
            table.add_row(kind, name, f"{_milliseconds(act, rounds):.2f}", str(statements or ""))
        world.close()


def _milliseconds(act: Callable[[], object], rounds: int) -> float:
    act()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        act()
        taken.append((time.perf_counter() - start) * 1_000)
    return statistics.median(taken)


@click.group(invoke_without_command=True, context_settings={"show_default": True})
@click.option("--before", type=click.Path(path_type=Path), help="Another checkout, to be measured beside.")
@click.option("--objects", default=2_000)
@click.option("--rounds", default=5)
@click.option("--seconds", default=2.0, help="Of each round.")
@click.option("--database", type=click.Choice(["sqlite", "postgresql", "both"]), default="both")
@click.pass_context
def main(
    context: click.Context, before: Path | None, objects: int, rounds: int, seconds: float, database: str
) -> None:
    """Print the costs of polls."""
    if context.invoked_subcommand is not None:
        return
    checkouts = [ROOT, *([before.resolve()] if before else [])]
    kinds = ["sqlite", "postgresql"] if database == "both" else [database]
    polls = Table(title="Requests a second, by turns in one run")
    for heading in (
        "database",
        "poll",
        "connections",
        "this",
        *(["before"] if before else []),
        "this/before",
    ):
        polls.add_column(heading)
    inside = Table(title=f"A page of {PAGE:,} in the database, median milliseconds")
    for heading in ("database", "what", "ms", "statements sent"):
        inside.add_column(heading)
    for kind in kinds:
        with ExitStack() as stack:
            hubs = [
                stack.enter_context(_hub(one, stack.enter_context(_database(kind)), objects))
                for one in checkouts
            ]
            _compare(polls, kind, hubs, rounds, seconds)
        _statement(inside, kind, objects, rounds * 10)
    Console(width=110).print(polls, inside)


@main.command(hidden=True)
@click.argument("database_url")
@click.argument("home")
@click.argument("objects", type=int)
def serve(database_url: str, home: str, objects: int) -> None:
    """Run one of the two hubs."""
    _serve(database_url, home, objects)


if __name__ == "__main__":
    main()
