"""A filled hub on each database: made once, copied for each run, and served with the settings of production.

PostgreSQL runs as in production: durable, on disk, with its own defaults. The agreement: every nation shares
up to TLP:AMBER+STRICT with three others, and with IN the rare type alone, up to TLP:GREEN. So a second
agreement over everything can begin and end for IN. The hub's rate limits are off, because one member sends
all requests.
"""

from __future__ import annotations

import pickle
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from hub.client.http.auth import load_key
from scripts.benchmarks.speed.machine import families
from scripts.benchmarks.speed.objects import MEMBERS, NATIONS, RARE
from scripts.benchmarks.speed.preloading import fill
from tests import postgres
from tests.journeys.live import Live, LiveAccount, live_hub

LAST: Final = "IN"  # receives the rare type alone, until the agreement that is measured
GIVING: Final = tuple(nation for nation in NATIONS if nation != LAST)
READER: Final = "kr-cert"
# No member is limited: 0 means no limit (config/hub.toml).
_UNLIMITED: Final = {"requests_per_minute": "0", "objects_per_minute": "0"}
_VALID: Final = {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2046-01-01T00:00:00Z"}


@dataclass
class MeasuredHub:
    """A hub that serves, with the roots of all its processes: gunicorn's master, and the postmaster."""

    live: Live
    accounts: dict[str, LiveAccount]
    roots: list[int]
    workers: int
    size: int
    bytes_on_disk: int
    filled_seconds: tuple[float, float]  # by the clock, and of CPU
    cluster: Path | None = None

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.live.url.rpartition(":")[2])

    def path(self, alias: str) -> str:
        """Return the path of a collection, with a last slash."""
        return self.live.collection_url(alias).removeprefix(self.live.url)

    def reader(self, member: str = READER) -> dict[str, str]:
        return {
            "Host": "127.0.0.1",
            "Authorization": f"Bearer {self.accounts[member].token}",
            "Accept": "application/taxii+json;version=2.1",
        }

    def worker_pids(self) -> list[int]:
        return families(self.roots[:1])[1:]


# --- databases ------------------------------------------------------------------------------------


@contextmanager
def cluster(kept: Path | None) -> Iterator[Path]:
    """Give the folder of a running, durable cluster: a new one, or the one in `kept`."""
    home = postgres.make_home(Path(tempfile.gettempdir())) if kept is None else kept / "postgresql"
    home.mkdir(parents=True, exist_ok=True)
    postgres.give(home)
    data = str(home / "data")
    try:
        if not (home / "data").exists():
            postgres.run(
                home, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"
            )
        options = f"-c listen_addresses='' -c max_connections=200 -c unix_socket_directories='{home}'"
        postgres.run(home, "pg_ctl", "start", "-D", data, "-w", "-l", str(home / "log"), "-o", options)
        yield home
    finally:
        if kept is None:
            postgres.remove(home)
        else:
            postgres.run(home, "pg_ctl", "stop", "-D", data, "-m", "fast", "-w")


def postmaster(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().split()[0])


def url_of(home: Path, database: str = "postgres") -> str:
    return f"postgresql+psycopg://postgres@/{database}?host={home}"


def administer(home: Path, text: str, *names: str) -> list[Any]:
    """Send a statement for the cluster; the names stand in for `{}`."""
    with psycopg.connect(postgres.conninfo(url_of(home)), autocommit=True) as connection:
        statement = sql.SQL(text).format(*map(sql.Identifier, names))  # type: ignore[arg-type]
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


# --- filled once --------------------------------------------------------------------------------


@contextmanager
def filled_hub(
    database: str, size: int, workers: int, kept: Path | None, progress: Callable[[str], None]
) -> Iterator[MeasuredHub]:
    """Give a serving hub with `size` objects, on a copy where the filled database is kept."""
    with tempfile.TemporaryDirectory(prefix="hub-speed-") as scratch:
        home = Path(scratch) / "hub" if kept is None else kept / f"{database}-{size}"
        if database == "sqlite":
            yield from _on_sqlite(home, Path(scratch), size, workers, progress)
        else:
            with cluster(kept) as running:
                yield from _on_postgresql(home, running, size, workers, progress)


def _on_sqlite(
    home: Path, scratch: Path, size: int, workers: int, progress: Callable[[str], None]
) -> Iterator[MeasuredHub]:
    url = f"sqlite:///{home / 'hub.db'}"
    if not (home / "accounts").exists():
        with _emptied(home):
            _fill(url, home, size, progress)
            with sqlite3.connect(home / "hub.db") as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    used = home
    if not home.is_relative_to(scratch):
        used = scratch / "hub"
        shutil.copytree(home, used)
    bytes_on_disk = (used / "hub.db").stat().st_size
    with _serving(f"sqlite:///{used / 'hub.db'}", used, workers) as (live, accounts):
        yield MeasuredHub(live, accounts, [live.process.pid], workers, size, bytes_on_disk, _seconds(used))


def _on_postgresql(
    home: Path, running: Path, size: int, workers: int, progress: Callable[[str], None]
) -> Iterator[MeasuredHub]:
    name = f"filled_{size}"
    if not (home / "accounts").exists():
        with _emptied(home):
            administer(running, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
            administer(running, "CREATE DATABASE {} TEMPLATE template0", name)
            _fill(url_of(running, name), home, size, progress)
            with psycopg.connect(postgres.conninfo(url_of(running, name)), autocommit=True) as connection:
                connection.execute("VACUUM (ANALYZE)")  # as the server itself does after a while
    administer(running, "DROP DATABASE IF EXISTS used WITH (FORCE)")
    administer(running, "CREATE DATABASE used TEMPLATE {}", name)
    ((bytes_on_disk,),) = administer(running, "SELECT pg_database_size('used')")
    with tempfile.TemporaryDirectory(prefix="hub-speed-") as scratch:
        used = Path(scratch) / "hub"
        shutil.copytree(home, used)
        with _serving(url_of(running, "used"), used, workers) as (live, accounts):
            roots = [live.process.pid, postmaster(running)]
            yield MeasuredHub(live, accounts, roots, workers, size, bytes_on_disk, _seconds(used), running)
    administer(running, "DROP DATABASE used WITH (FORCE)")


@contextmanager
def _emptied(home: Path) -> Iterator[None]:
    """Begin with an empty folder. The accounts are written last: an interrupted filling starts again."""
    if home.exists():
        shutil.rmtree(home)
    home.mkdir(parents=True)
    yield


def _seconds(home: Path) -> tuple[float, float]:
    wall, cpu = map(float, (home / "filled").read_text().split())
    return wall, cpu


@contextmanager
def _serving(url: str, home: Path, workers: int) -> Iterator[tuple[Live, dict[str, LiveAccount]]]:
    with live_hub(url, home, workers, **_UNLIMITED) as live:
        live.accounts = pickle.loads((home / "accounts").read_bytes())
        yield live, live.accounts


def _fill(url: str, home: Path, size: int, progress: Callable[[str], None]) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    with live_hub(url, home, 1, **_UNLIMITED) as live:
        accounts = {member: live.member(member) for member in MEMBERS}
        agree(live, *(terms for nation in NATIONS for terms in _first_clauses(nation)))
        signing = {member: load_key(account.submit_key) for member, account in accounts.items()}

        def told(total: int) -> None:
            progress(f"{total:,} of about {size:,} objects, {time.perf_counter() - began:.0f} s")

        fill(live.service, signing, size, told)
        taken = f"{time.perf_counter() - began:.1f} {time.process_time() - cpu:.1f}"
        (home / "filled").write_text(taken)
        (home / "accounts").write_bytes(pickle.dumps(accounts))


def _first_clauses(nation: str) -> list[dict[str, Any]]:
    others = [other for other in GIVING if other != nation]
    found = [{"from": nation, "to": others, "max_tlp": "amber+strict", "audience": "cert"}]
    if nation != LAST:
        found.append({"from": nation, "to": [LAST], "max_tlp": "green", "types": [RARE]})
    return found


def agree(live: Live, *clauses: dict[str, Any]) -> dict[str, Any]:
    """Put an agreement of these clauses in force, signed by every party; return the hub's view of it."""
    parties = sorted({nation for terms in clauses for nation in (terms["from"], *terms["to"])})
    document = {"title": "Measured", "parties": parties, **_VALID, "clauses": [*clauses]}
    view = live.governor(parties[0]).propose(document)
    for party in parties:
        view = live.governor(party).sign(view["id"], digest=view["digest"])
    assert view["state"] == "in force"
    return view


# --- any other server ---------------------------------------------------------------------------


@contextmanager
def process(command: list[str], home: Path, environ: dict[str, str] | None = None) -> Iterator[int]:
    """Run a server in `home` with its output in a file; give its process id."""
    with (home / "server.log").open("wb") as log:
        started = subprocess.Popen(command, cwd=home, env=environ, stdout=log, stderr=log)
    try:
        yield started.pid
    finally:
        started.terminate()
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
