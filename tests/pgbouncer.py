"""PgBouncer in transaction mode before a server, whose place another server may take."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests import postgres, processes, scratch
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.ports import free_port
from tests.standbys import DATABASE, Server

_CONFIGURATION = """
[databases]
{databases}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir = {home}
pidfile = {folder}/pgbouncer.pid
auth_type = trust
auth_file = {folder}/users.txt
admin_users = postgres
pool_mode = transaction
server_login_retry = 1
query_wait_timeout = 0
# What the hub says of its waits in `options` this version can't pass on, and would refuse.
ignore_startup_parameters = options, extra_float_digits
"""


class PgBouncer:
    """A running PgBouncer."""

    def __init__(self, home: Path, server: Server, users: Sequence[str]) -> None:
        self.home = home
        self.port = free_port()
        self._folder = home / "pgbouncer"
        self._log = home / "pgbouncer.log"
        self._target = server
        self._users = users
        self._databases = [DATABASE]
        self._process: subprocess.Popen[bytes] | None = None

    def url_to(self, database: str = DATABASE, user: str = "postgres") -> str:
        """Return the SQLAlchemy URL of a database, for one of the users, through PgBouncer.

        This version knows no prepared statements in transaction mode: clients must make none.
        """
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the set's database through PgBouncer."""
        return self.url_to()

    def start(self) -> None:
        """Start it; return when it answers."""
        program = _program()
        self._folder.mkdir()
        for folder in (self.home, self._folder):
            postgres.give(folder)
        (self._folder / "users.txt").write_text("".join(f'"{user}" ""\n' for user in self._users))
        self._configure()
        with self._log.open("a") as log:
            command = [program, self._folder / "pgbouncer.ini"]
            self._process = subprocess.Popen(command, **postgres.as_user(log), start_new_session=True)
        wait_for(self._answers, "pgbouncer to answer")

    def kill(self) -> None:
        """End it at once; its clients are disconnected."""
        if self._process is not None and self._process.poll() is None:
            processes.kill_family(self._process.pid)
            self._process.wait(PATIENCE_SECONDS)

    def admin(self, command: str) -> list[dict[str, str]]:
        """Return what the admin console answers, such as to SHOW POOLS. Raises RuntimeError if it refuses."""
        done = self._ask(command)
        if done.returncode:
            raise RuntimeError(f"pgbouncer refused {command}: {done.stderr}")
        return list(csv.DictReader(done.stdout.splitlines()))

    def point_to(self, server: Server, *more: str) -> None:
        """Use that server from now on: the configuration is edited and read again.

        A transaction that runs goes on where it is, and what comes after it goes to the new one. Databases
        named in addition to the set's own are to be had too.
        """
        self._target = server
        self._databases += more
        self._configure()
        self.admin("RELOAD")
        wait_for(self._has_target, f"pgbouncer to use {server.name}")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let clients wait with what they ask next, instead of being told that a server is gone.

        It begins when all transactions that run have ended. What the clients asked is answered afterwards.
        """
        self.admin("PAUSE")
        try:
            yield
        finally:
            self.admin("RESUME")

    def waiting(self) -> int:
        """Return how many clients wait for a connection to the server."""
        return sum(int(pool["cl_waiting"]) for pool in self.admin("SHOW POOLS"))

    def _configure(self) -> None:
        place = f"host=127.0.0.1 port={self._target.port}"
        text = _CONFIGURATION.format(
            databases="\n".join(f"{name} = {place}" for name in self._databases),
            port=self.port,
            home=self.home,
            folder=self._folder,
        )
        (self._folder / "pgbouncer.ini").write_text(text)

    def _has_target(self) -> bool:
        shown = {row["name"]: row["port"] for row in self.admin("SHOW DATABASES")}
        return all(shown.get(name) == str(self._target.port) for name in self._databases)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"pgbouncer has ended: {self._log.read_text()[-2000:]}"
        return self._ask("SHOW VERSION").returncode == 0

    def _ask(self, command: str) -> subprocess.CompletedProcess[str]:
        # By psql, whose time can be bounded: PAUSE waits for clients.
        place = ["-h", str(self.home), "-p", str(self.port), "-U", "postgres", "-d", "pgbouncer"]
        return subprocess.run(
            [postgres.programs() / "psql", "-X", "--csv", *place, "-c", command],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )


@contextmanager
def pgbouncer(server: Server, users: Sequence[str] = ("postgres",)) -> Iterator[PgBouncer]:
    """A PgBouncer before the server for these roles; it is gone afterwards."""
    home = postgres.make_home(scratch.folder())
    made = PgBouncer(home, server, users)
    try:
        made.start()
        yield made
    finally:
        made.kill()
        postgres.remove(home)


def _program() -> str:
    # Not everybody's PATH has the folder of the system's servers.
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise RuntimeError("no PgBouncer: install the package pgbouncer (scripts/test does)")
    return found
