"""PUSH and DRAIN over HTTP: the hub on SQLite and on PostgreSQL beside medallion's memory backend.

The objects are the ATT&CK for ICS bundle in ../shared/data if present, else the same number of generated
objects. One unmodified taxii2-client pushes and polls everywhere, in posts of 500 and pages of 1,000. The hub
verifies a signature per post, validates, decides for five nations and commits; a foreign cert polls all
objects under an agreement. medallion has no such checks, and keeps all objects in one process.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import requests
from rich.console import Console
from rich.table import Table
from taxii2client.v21 import Collection, as_pages

from tests import postgres
from tests.journeys.live import live_hub

ICS = Path(__file__).resolve().parents[3] / "shared" / "data" / "attack-ics-18.1.json"
PER_POST = 500
PER_PAGE = 1_000
PATIENCE_SECONDS = 30

Peer = tuple[Collection, Collection]  # where to push, where to drain


def work(count: int) -> list[dict[str, Any]]:
    """Return the objects to push: ATT&CK ICS if present, else `count` indicators."""
    if ICS.exists():
        return list(json.loads(ICS.read_bytes())["objects"])
    return [
        {
            "type": "indicator",
            "spec_version": "2.1",
            "id": f"indicator--{uuid.uuid4()}",
            "created": "2026-01-01T00:00:00.000Z",
            "modified": "2026-01-01T00:00:00.000Z",
            "valid_from": "2026-01-01T00:00:00Z",
            "pattern_type": "stix",
            "pattern": f"[ipv4-addr:value = '198.51.{n // 256 % 256}.{n % 256}']",
            "description": "made for measuring " * 40,
        }
        for n in range(count)
    ]


@contextmanager
def hub(database_url: str | None, workers: int) -> Iterator[Peer]:
    """Yield a live hub on SQLite (None) or on this database, with an agreement from KR to JP in force."""
    with tempfile.TemporaryDirectory() as home:
        url = database_url or f"sqlite:///{home}/hub.db"
        with live_hub(url, Path(home), workers) as live:
            live.agree("KR", "JP")
            yield live.collection("kr-agency", "kr"), live.collection("jp-cert", "kr")


@contextmanager
def postgresql(workers: int) -> Iterator[Peer]:
    """Yield a live hub on a new PostgreSQL cluster, and remove the cluster afterwards."""
    home = postgres.make_home()
    try:
        server = postgres.ensure_started(home)
        with postgres.database(server) as url, hub(url, workers) as peer:
            yield peer
    finally:
        postgres.remove(home)


@contextmanager
def medallion() -> Iterator[Peer]:
    """Yield medallion's memory backend under gunicorn, with one worker: its memory belongs to one process."""
    collection = str(uuid.uuid4())
    with tempfile.TemporaryDirectory() as home, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        (Path(home) / "data.json").write_text(json.dumps(_medallion_data(collection)))
        (Path(home) / "config.json").write_text(
            json.dumps(
                {
                    "backend": {
                        "module": "medallion.backends.memory_backend",
                        "module_class": "MemoryBackend",
                        "filename": "data.json",
                    },
                    "users": {"user": "secret"},
                    "taxii": {"max_page_size": PER_PAGE},
                }
            )
        )
        target = "medallion:load_app('config.json')"
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "-b",
            f"127.0.0.1:{port}",
            "--threads",
            "8",
            "-t",
            "600",
            target,
        ]
        process = subprocess.Popen(command, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(f"http://127.0.0.1:{port}/taxii2/", process)
            url = f"http://127.0.0.1:{port}/root/collections/{collection}/"
            peer = Collection(url, user="user", password="secret")
            yield peer, peer
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def _medallion_data(collection: str) -> dict[str, Any]:
    return {
        "/discovery": {"title": "peer", "default": "/root/", "api_roots": ["/root/"]},
        "root": {
            "information": {
                "title": "root",
                "versions": ["application/taxii+json;version=2.1"],
                "max_content_length": 104857600,
            },
            "status": [],
            "collections": [
                {
                    "id": collection,
                    "title": "peer",
                    "can_read": True,
                    "can_write": True,
                    "media_types": ["application/stix+json;version=2.1"],
                    "objects": [],
                    "manifest": [],
                }
            ],
        },
    }


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise click.ClickException("the peer did not start")


def push(collection: Collection, objects: Sequence[dict[str, Any]]) -> None:
    for n in range(0, len(objects), PER_POST):
        status = collection.add_objects({"objects": objects[n : n + PER_POST]})
        if status.failure_count:
            raise click.ClickException(f"refused: {status.failures[0]}")


def drain(collection: Collection, expected: int) -> None:
    pages = as_pages(collection.get_objects, PER_PAGE)
    found = {o["id"] for page in pages for o in page.get("objects", [])}
    if len(found) < expected:
        raise click.ClickException(f"drained {len(found)} of {expected} objects")


def rate(act: Callable[[], None], count: int) -> float:
    start = time.perf_counter()
    act()
    return count / (time.perf_counter() - start)


@click.command()
@click.option("--count", default=1_826, help="Objects to make when ATT&CK ICS is not there.")
@click.option("--workers", default=2, help="Workers of the hub.")
@click.option("--rounds", default=3, help="Drains of each peer; the median counts.")
def main(count: int, workers: int, rounds: int) -> None:
    """Measure each peer in turn and print objects per second, and the ratio to medallion."""
    objects = work(count)
    peers = {
        "medallion 3.0.0, memory": medallion,
        "hub, SQLite": lambda: hub(None, workers),
        "hub, PostgreSQL": lambda: postgresql(workers),
    }
    rates: dict[str, tuple[float, float]] = {}
    for name, start in peers.items():
        with ExitStack() as stack:
            to_push, to_drain = stack.enter_context(start())
            pushed = rate(lambda to=to_push: push(to, objects), len(objects))
            drains = [rate(lambda of=to_drain: drain(of, len(objects)), len(objects)) for _ in range(rounds)]
            rates[name] = pushed, sorted(drains)[rounds // 2]
    _print(rates, len(objects))


def _print(rates: dict[str, tuple[float, float]], count: int) -> None:
    table = Table(title=f"{count} objects over HTTP by taxii2-client, objects/s (ratio to medallion)")
    for heading in ("", "PUSH, posts of 500", "DRAIN, pages of 1,000"):
        table.add_column(heading, justify="left" if not heading else "right")
    base = next(iter(rates.values()))
    for name, found in rates.items():
        table.add_row(name, *(f"{one:,.0f} ({one / of:.1f})" for one, of in zip(found, base, strict=True)))
    Console().print(table)


if __name__ == "__main__":
    main()
