"""Other TAXII 2.1 servers on the same work: medallion's memory backend, and OpenTAXII in its own environment.

Neither verifies signatures, decides releases or keeps evidence. The objects without `modified` are left out:
OpenTAXII refuses these. A peer has one collection, and is measured up to its size: its costs grow with the
square of the number of objects.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from hub.web.serving import _PRODUCTION
from scripts.benchmarks.speed.client import ClientProcesses, Job, post
from scripts.benchmarks.speed.figures import Measure
from scripts.benchmarks.speed.hubs import administer, cluster, process
from scripts.benchmarks.speed.objects import MEMBERS, RARE, made, pushed_by
from scripts.benchmarks.speed.preloading import TAXII
from scripts.benchmarks.speed.reads import PAGE, KnownData, Subject, measure, reads
from tests.ports import free_port

LARGEST: Final = {"medallion": 1_000, "OpenTAXII": 100_000}
LARGEST_BATCH: Final = 100
_WALKED_PAGES: Final = 5
_SLOW: Final = 1.0  # requests per second
_STARTED_SECONDS: Final = 60
_OPENTAXII: Final = (
    "opentaxii==0.9.3",
    "sqlalchemy<2",
    "marshmallow<4",
    "flask<3",
    "setuptools<80",
    "gunicorn",
)
# OpenTAXII 0.9.3 stores a POST and then fails: its receipt holds a UUID that it cannot serialise.
_OPENTAXII_APP: Final = """
import functools, json, types
from opentaxii.taxii2 import http
http.json = types.SimpleNamespace(dumps=functools.partial(json.dumps, default=str))
from opentaxii.http import app
"""
_SETUP: Final = Path(__file__).with_name("opentaxii_setup.py")
_DATED: Final = "modified"


class PeerAbsent(Exception):
    """The peer cannot be measured here, with the reason."""


@dataclass(frozen=True)
class FilledPeer:
    """A filled peer, with the dates and ids that its reads ask for."""

    subject: Subject
    known: KnownData


@contextmanager
def serving(name: str, size: int, workers: int, *, is_sqlite: bool) -> Iterator[FilledPeer]:
    """Give the named peer with `size` objects. Raises PeerAbsent where it cannot be had."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-speed-")))
        running = None if is_sqlite else stack.enter_context(cluster(None))
        start = _medallion if name == "medallion" else _opentaxii
        yield stack.enter_context(start(home, size, workers, running))


def measured(
    client: ClientProcesses, peer: FilledPeer, batches: Sequence[int], seconds: float
) -> dict[str, Measure]:
    """Measure the reads and the pushes of one writer, by the names of the hub's rows."""
    subject = peer.subject
    found: dict[str, Measure] = {}
    for read in reads(subject, peer.known, "one", is_sqlite=True, pages=_WALKED_PAGES):
        alone = found.get("TAIL, 1 connection")
        if read.connections > 1 and alone is not None and alone.rate < _SLOW:
            continue  # many slow answers at once say no more than one
        measures, _ = measure(client, [subject], read, 1, seconds)
        found[read.name] = measures[subject.name]
    for batch in batches:
        objects = [one for one in pushed_by(MEMBERS[5], 900 + batch, batch * 24) if _DATED in one]
        groups = [objects[n : n + batch] for n in range(0, len(objects) - batch + 1, batch)]
        requests = [post(f"{subject.paths['one']}objects/", _posting(subject), _envelope(g)) for g in groups]
        result = client.run(Job(subject.address, [requests], statuses=(202,), patience=seconds * 2))
        name = f"PUSH {batch:,}, 1 writer"
        found[name] = Measure()
        found[name].add(result.count * batch, result.seconds, 0.0, result.received + result.sent)
    return found


def _posting(subject: Subject) -> dict[str, str]:
    return subject.headers | {"Content-Type": TAXII}


def _envelope(objects: Sequence[Any]) -> bytes:
    return orjson.dumps({"objects": objects})


def _objects(size: int) -> list[dict[str, Any]]:
    return [one.content for one in made(range(size)) if _DATED in one.content]


def _known(objects: list[dict[str, Any]], last: str, before_ten: str) -> KnownData:
    walked = min(len(objects), _WALKED_PAGES * PAGE)
    drained = dict.fromkeys(("DRAIN collection", "DRAIN released", "MANIFEST"), walked)
    ids = [one["id"] for one in random.Random(3).sample(objects, min(100, len(objects)))]
    rare = sum(one["type"] == RARE for one in objects)
    return KnownData(drained, [], ids, last, before_ten, rare, len(objects))


def _wait(url: str, headers: dict[str, str], log: Path) -> None:
    deadline = time.monotonic() + _STARTED_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise PeerAbsent(f"it did not start: {log.read_text()[-300:]}")


# --- medallion ------------------------------------------------------------------------------------


@contextmanager
def _medallion(home: Path, size: int, workers: int, running: Path | None) -> Iterator[FilledPeer]:
    """One worker: its memory belongs to one process."""
    del workers, running
    collection, port = str(uuid.uuid4()), free_port()
    objects = _objects(size)
    dates = [
        f"2026-01-02T00:{n // 60_000:02}:{n // 1_000 % 60:02}.{n % 1_000:03}000Z" for n in range(len(objects))
    ]
    (home / "data.json").write_text(json.dumps(_medallion_data(collection, objects, dates)))
    backend = {
        "module": "medallion.backends.memory_backend",
        "module_class": "MemoryBackend",
        "filename": "data.json",
    }
    config = {"backend": backend, "users": {"user": "secret"}, "taxii": {"max_page_size": 1_000}}
    (home / "config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "gunicorn", *_like_the_hub(port, 1), "medallion:load_app('config.json')"]
    basic = base64.b64encode(b"user:secret").decode()
    headers = {"Host": "127.0.0.1", "Authorization": f"Basic {basic}", "Accept": TAXII}
    with process(command, home) as pid:
        _wait(f"http://127.0.0.1:{port}/taxii2/", headers, home / "server.log")
        paths = {"one": f"/peer/collections/{collection}/"}
        subject = Subject("medallion", ("127.0.0.1", port), headers, [pid], paths)
        yield FilledPeer(subject, _known(objects, dates[-1], dates[-11]))


def _like_the_hub(port: int, workers: int) -> list[str]:
    kind, threads = _PRODUCTION["worker_class"], _PRODUCTION["threads"]
    return [
        *("-b", f"127.0.0.1:{port}", "-w", str(workers), "-k", str(kind)),
        *("--threads", str(threads), "-t", "600"),
    ]


def _medallion_data(collection: str, objects: list[dict[str, Any]], dates: list[str]) -> dict[str, Any]:
    manifest = [
        {
            "id": one["id"],
            "date_added": date,
            "version": one["modified"],
            "media_type": "application/stix+json;version=2.1",
        }
        for one, date in zip(objects, dates, strict=True)
    ]
    resource = {
        "id": collection,
        "title": "peer",
        "can_read": True,
        "can_write": True,
        "media_types": ["application/stix+json;version=2.1"],
        "objects": objects,
        "manifest": manifest,
    }
    root = {"title": "root", "versions": [TAXII], "max_content_length": 104_857_600}
    return {
        "/discovery": {"title": "peer", "default": "/peer/", "api_roots": ["/peer/"]},
        "peer": {"information": root, "status": [], "collections": [resource]},
    }


# --- OpenTAXII ------------------------------------------------------------------------------------


@contextmanager
def _opentaxii(home: Path, size: int, workers: int, running: Path | None) -> Iterator[FilledPeer]:
    python = _environment(is_postgresql=running is not None)
    database = f"sqlite:///{home}/data.db"
    if running is not None:
        administer(running, "DROP DATABASE IF EXISTS opentaxii WITH (FORCE)")
        administer(running, "CREATE DATABASE opentaxii TEMPLATE template0")
        database = f"postgresql+psycopg2://postgres@/opentaxii?host={running}"
    (home / "config.json").write_text(json.dumps(_opentaxii_config(home, database)))  # JSON is YAML too
    (home / "wsgi.py").write_text(_OPENTAXII_APP)
    objects = _objects(size)
    with (home / "objects").open("wb") as file:
        file.writelines(orjson.dumps(one) + b"\n" for one in objects)
    environ = {**os.environ, "OPENTAXII_CONFIG": str(home / "config.json")}
    done = subprocess.run(
        [python, str(_SETUP), "objects"], cwd=home, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PeerAbsent(f"it could not be filled: {done.stderr[-300:]}")
    told, port = json.loads(done.stdout.splitlines()[-1]), free_port()
    command = [python, "-m", "gunicorn", *_like_the_hub(port, workers), "wsgi:app"]
    headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {told['token']}", "Accept": TAXII}
    with process(command, home, environ) as pid:
        _wait(f"http://127.0.0.1:{port}/taxii2/", headers, home / "server.log")
        paths = {"one": f"/taxii2/{told['root']}/collections/{told['collection']}/"}
        subject = Subject("OpenTAXII", ("127.0.0.1", port), headers, [pid], paths)
        yield FilledPeer(subject, _known(objects, told["last"], told["before_ten"]))


def _opentaxii_config(home: Path, database: str) -> dict[str, Any]:
    known = {"create_tables": True}
    return {
        "domain": "127.0.0.1",
        "auth_api": {
            "class": "opentaxii.auth.sqldb.SQLDatabaseAPI",
            "parameters": {"db_connection": f"sqlite:///{home}/auth.db", "secret": "secret", **known},
        },
        "taxii1": None,
        "taxii2": {
            "title": "peer",
            "description": "peer",
            "contact": "peer",
            "public_discovery": False,
            "max_content_length": 104_857_600,
            "persistence_api": {
                "class": "opentaxii.persistence.sqldb.Taxii2SQLDatabaseAPI",
                "parameters": {"db_connection": database, **known},
            },
        },
        "logging": {"opentaxii": "warning", "root": "warning"},
    }


def _environment(*, is_postgresql: bool) -> str:
    """Return the Python of OpenTAXII's own environment, made once and kept beside temporary files."""
    packages = [*_OPENTAXII, *(["psycopg2-binary"] if is_postgresql else [])]
    home = Path(tempfile.gettempdir()) / f"hub-speed-opentaxii-{'postgresql' if is_postgresql else 'sqlite'}"
    python, ready = home / "bin" / "python", home / "ready"
    if ready.exists():
        return str(python)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(home)],
        [*install, "--retries", "1", "--timeout", "10", *packages],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        except subprocess.TimeoutExpired:
            raise PeerAbsent("it could not be installed in ten minutes") from None
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
            raise PeerAbsent(f"it could not be installed: {reason[:200]}")
    ready.touch()
    return str(python)
