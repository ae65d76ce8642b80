"""Where the CPU time of a work goes: one process, no HTTP server, cProfile by package.

The hub's application answers prepared requests in this process. The profiler makes calls dearer, so the
milliseconds come from a run without it; the shares come from the profile.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click
from flask import Flask
from werkzeug.test import EnvironBuilder

from hub.app import create_app
from hub.settings import load
from scripts.benchmarks.speed.client import ClientProcesses
from scripts.benchmarks.speed.hubs import MeasuredHub, filled_hub
from scripts.benchmarks.speed.pushes import Pushing
from scripts.benchmarks.speed.reads import Subject, learn, reads
from scripts.benchmarks.speed.run import RunSettings
from tests.statements import sent

_TIMES: Final = 20
_SHOWN: Final = 10  # packages
_FUNCTIONS: Final = 8
_ROOT: Final = Path(__file__).parents[3]
_ENDED: Final = 300

Ask = Callable[[], None]


def profiled(databases: list[str], size: int, settings: RunSettings) -> None:
    """Print CPU milliseconds, Python calls, statements and packages' shares for each work."""
    for database in databases:
        client = ClientProcesses()
        try:
            with filled_hub(
                database, size, 1, settings.kept, lambda words: click.echo(words, err=True)
            ) as hub:
                for name, act, times in _works(client, hub):
                    if settings.wants(name):
                        click.echo(_shown(f"{database} {size:,} {name}", act, times))
        finally:
            client.close()


def _say(words: str) -> None:
    click.echo(words, err=True)


def _works(client: ClientProcesses, hub: MeasuredHub) -> Iterator[tuple[str, Ask, int]]:
    app = _application(hub)
    paths = {alias: hub.path(alias) for alias in ("us", "released")}
    subject = Subject("hub", hub.address, hub.reader(), hub.roots, paths)
    known = learn(client, subject, "released")
    for read in reads(subject, known, "released", is_sqlite=hub.cluster is None):
        if read.connections == 1:
            yield read.name, _asking(app, "GET", read.targets[0], subject.headers, b""), _TIMES
    pushing = Pushing(hub)
    for batch in (1, 100, 1_000):
        times = max(1, min(_TIMES, 1_000 // batch))
        waiting = pushing.submissions("us-agency", batch, 2 * times + 2)
        yield f"PUSH {batch:,}", _pushing(app, waiting), times


def _application(hub: MeasuredHub) -> Flask:
    """Return the application over the service that the live hub also uses."""
    return create_app(load(hub.live.environ), hub.live.service)


def _asking(app: Flask, method: str, target: str, headers: dict[str, str], body: bytes) -> Ask:
    path, _, query = target.partition("?")

    def ask() -> None:
        builder = EnvironBuilder(path, method=method, query_string=query, headers=headers, data=body)
        environ = builder.get_environ() | {"RAW_URI": target}
        found: list[str] = []
        parts = app.wsgi_app(environ, lambda status, *_: found.append(status) or found.append)  # type: ignore[arg-type,func-returns-value,return-value]
        for _ in parts:
            pass
        if not target.rpartition("/campaign--")[1] and int(found[0][:3]) >= _ENDED:
            raise click.ClickException(f"{found[0]} to {target}")

    return ask


def _pushing(app: Flask, waiting: list[bytes]) -> Ask:
    def ask() -> None:
        head, _, body = waiting.pop().partition(b"\r\n\r\n")
        first, *fields = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in fields)
        _asking(app, "POST", first.split(" ")[1], headers, body)()

    return ask


def _shown(title: str, act: Ask, times: int) -> str:
    act()
    with sent() as statements:
        began = time.process_time()
        for _ in range(times):
            act()
        taken = (time.process_time() - began) / times * 1_000
    profile = cProfile.Profile()
    profile.runcall(lambda: [act() for _ in range(times)])
    stats = pstats.Stats(profile, stream=io.StringIO())
    calls = stats.total_calls / times  # type: ignore[attr-defined]
    lines = [f"{title}: {taken:,.2f} ms CPU, {calls:,.0f} calls, {len(statements) / times:,.0f} statements"]
    lines += [f"    {share:5.1%}  {name}" for name, share in _packages(stats)]
    lines += [f"        {share:5.1%}  {name}" for name, share in _functions(stats)]
    return "\n".join(lines)


def _packages(stats: pstats.Stats) -> list[tuple[str, float]]:
    found: dict[str, float] = defaultdict(float)
    for (file, _, name), (_, _, own, _, _) in stats.stats.items():  # type: ignore[attr-defined]
        found[_package(file, name)] += own
    return _largest(found, _SHOWN)


def _functions(stats: pstats.Stats) -> list[tuple[str, float]]:
    found = {
        f"{_package(file, name)} {Path(file).name}:{line} {name}": own
        for (file, line, name), (_, _, own, _, _) in stats.stats.items()  # type: ignore[attr-defined]
    }
    return _largest(found, _FUNCTIONS)


def _largest(found: dict[str, float], count: int) -> list[tuple[str, float]]:
    total = sum(found.values())
    ordered = sorted(found.items(), key=lambda item: -item[1])
    return [(name, seconds / total) for name, seconds in ordered[:count]]


def _package(file: str, name: str) -> str:
    """Return the hub's package, the library, or the built-in type that a function belongs to."""
    if file == "~":
        for word in ("sqlite3", "psycopg", "orjson", "jsonschema", "Ed25519", "zlib", "hashlib"):
            if word in name:
                return word
        return "built in"
    path = Path(file)
    if path.is_relative_to(_ROOT / "hub"):
        return ".".join(path.relative_to(_ROOT).parts[:3]).removesuffix(".py")
    parts = path.parts
    return parts[parts.index("site-packages") + 1] if "site-packages" in parts else "standard library"
