"""A throw-away PostgreSQL cluster: one per test run, shared by its workers, gone when the run ends.

It listens on a UNIX socket in its own 0700 folder and on no port, and keeps nothing safe (fsync off).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests import processes
from tests.patience import PATIENCE_SECONDS

_OLDEST = 15
_PREFIX = "hub-pg-"
_NEW_SECONDS = 60
_SEGMENT = 6  # the line of postmaster.pid with the key and the id of its segment of shared memory
_held: dict[Path, TextIO] = {}
_OPTIONS = (
    "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off "
    "-c max_connections=200 -c shared_buffers=64MB -c jit=off "
    # Little is kept of what was written, for it may lie in memory, and nothing is tidied behind the tests.
    "-c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=128MB -c autovacuum=off"
)


def make_home(folder: Path = Path("/tmp")) -> Path:
    """Return a new folder for a cluster. Its path is short: a socket's may not exceed 107 bytes.

    Clusters beside it whose process was killed before it could remove them are removed now.
    """
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # somebody else's, or gone since
            _remove_if_left(left)
    home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    _held[home] = (home / "owner").open("w")
    fcntl.flock(_held[home], fcntl.LOCK_EX)  # as long as this process lives
    return home


def _end(home: Path, pid_file: Path) -> None:
    """End the server whose process the file names, if it is still the one that was started in `home`."""
    is_postgresql = pid_file.name == "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    if lines and lines[0].isdigit() and str(home) in processes.command_line(pid := int(lines[0])):
        processes.end_family(pid, signal.SIGQUIT if is_postgresql else signal.SIGTERM)
    if is_postgresql and pid_file.exists() and len(lines) > _SEGMENT and lines[_SEGMENT].strip():
        # It was killed: the segment of memory by which it kept others from its data is left.
        segment = lines[_SEGMENT].split()[-1]
        subprocess.run(["ipcrm", "-m", segment], stderr=subprocess.DEVNULL, check=False)


def _remove_if_left(home: Path) -> None:
    with (home / "owner").open() as owner:
        if time.time() - os.fstat(owner.fileno()).st_mtime < _NEW_SECONDS:
            return  # its owner may be about to take the lock
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        remove(home)


def ensure_started(home: Path) -> str:
    """Return the URL of the cluster in `home`, which runs: the first worker to ask starts it."""
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "data" / "postmaster.pid").exists():
            _start(home)
    return f"postgresql+psycopg://postgres@/postgres?host={home}"


def remove(home: Path) -> None:
    """End all that was started in `home`, also what stands still or was killed, and remove the folder."""
    for pid_file in home.glob("*/*.pid"):
        _end(home, pid_file)
    shutil.rmtree(home)
    if (owner := _held.pop(home, None)) is not None:
        owner.close()


@dataclass(frozen=True)
class MadeDatabase:
    """A database on a server, by its URL and its name."""

    server_url: str
    name: str

    @property
    def url(self) -> str:
        return make_url(self.server_url).set(database=self.name).render_as_string(hide_password=False)

    def drop(self) -> None:
        """Remove it, whoever is still connected."""
        statement = sql.SQL("DROP DATABASE {} WITH (FORCE)")
        _execute(self.server_url, statement.format(sql.Identifier(self.name)))


def make(server_url: str) -> MadeDatabase:
    """Make a new, empty database on the server."""
    made = MadeDatabase(server_url, f"hub_test_{uuid.uuid4().hex}")
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0")
    _execute(server_url, statement.format(sql.Identifier(made.name)))
    return made


@contextmanager
def database(server_url: str) -> Iterator[str]:
    """The URL of a new, empty database on the server, dropped afterwards whoever is still connected."""
    made = make(server_url)
    try:
        yield made.url
    finally:
        made.drop()


def conninfo(url: str) -> str:
    """Return the URL as libpq has it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _execute(server_url: str, statement: sql.Composed) -> None:
    with psycopg.connect(conninfo(server_url), autocommit=True) as connection:
        connection.execute(statement)


def _start(home: Path) -> None:
    programs()  # refuses first: without the programs there may be no such user either
    give(home)
    data = str(home / "data")
    run(home, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    options = f"{_OPTIONS} -c unix_socket_directories='{home}'"
    run(home, "pg_ctl", "start", "-D", data, "-w", "-t", "60", "-l", str(home / "log"), "-o", options)


def run(home: Path, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs to its end. Raises RuntimeError with what it said when it fails."""
    # Output to a file: the server would inherit a pipe and keep it open.
    with (home / "output").open("w+") as output:
        done = subprocess.run(
            [programs() / program, *arguments], **as_user(output), timeout=PATIENCE_SECONDS, check=False
        )
        output.seek(0)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {output.read()}")


def as_user(output: TextIO) -> dict[str, Any]:
    """Return the arguments of subprocess for a program of PostgreSQL that writes to `output`."""
    return {
        "user": user(),
        "group": user(),
        "extra_groups": [] if user() else None,
        "cwd": "/",
        "stdin": subprocess.DEVNULL,
        "stdout": output,
        "stderr": subprocess.STDOUT,
    }


def give(path: Path) -> None:
    """Let the file or folder belong to whom the server runs as."""
    if name := user():
        shutil.chown(path, name, name)


def user() -> str | None:
    """Whom the server runs as: whoever runs the tests (None), but for root, which PostgreSQL refuses."""
    return "postgres" if os.geteuid() == 0 else None


def programs() -> Path:
    """Return the folder of the newest PostgreSQL. Raises RuntimeError when there is none that is fit."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    fit = [path for path in found if float(path.parent.name) >= _OLDEST]
    if fit:
        return max(fit, key=lambda path: float(path.parent.name))
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    raise RuntimeError(
        f"no PostgreSQL {_OLDEST} or newer: install the package postgresql-{_OLDEST} (scripts/test does), "
        "or let HUB_TEST_POSTGRES name a server"
    )
