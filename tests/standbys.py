"""A primary and its standbys, real servers on loopback that may be paused, frozen, killed and promoted.

All is on disk before it is acknowledged (fsync on), and nothing ends a connection by a time limit: what is
frozen stays connected. Each server listens on a port of its own, and on a socket in the folder of the set.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import sql

from tests import postgres, processes, scratch
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.ports import free_port

DATABASE = "hub"
TIMELINE = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = '{home}'
wal_level = replica
fsync = on
wal_sender_timeout = 0
wal_receiver_timeout = 0
wal_retrieve_retry_interval = 100ms
wal_keep_size = 512MB
max_wal_senders = 10
shared_buffers = 32MB
jit = off
# In the server's folder, so that nothing is left in memory when it is killed.
dynamic_shared_memory_type = mmap
"""


class Server:
    """One PostgreSQL server of a set; whether it is the primary or a standby may change."""

    def __init__(self, home: Path, name: str) -> None:
        self.home = home
        self.name = name
        self.port = free_port()
        self.data = home / name
        self.log = home / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._receiver: int | None = None  # the process that receives WAL, while it is frozen

    # --- how it is reached ------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the set's database on this server, by TCP."""
        return one_of(self)

    def url_to(self, database: str = DATABASE, user: str = "postgres") -> str:
        """Return the SQLAlchemy URL of a database on this server, by its socket, for any role."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.home}&port={self.port}"

    def connect(self, **options: Any) -> psycopg.Connection:
        """Return a connection to the set's database by its socket, as superuser."""
        options = {"connect_timeout": int(PATIENCE_SECONDS), **options}
        return psycopg.connect(postgres.conninfo(self.url_to()), **options)

    def ask(self, statement: str | sql.Composed, *values: Any) -> Any:
        """Return the first value that a statement gives, executed alone on a connection of its own."""
        return next((row[0] for row in self.rows(statement, *values)), None)

    def rows(self, statement: str | sql.Composed, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows that a statement gives, executed alone on a connection of its own."""
        url = postgres.conninfo(self.url_to("postgres"))
        with psycopg.connect(url, autocommit=True, connect_timeout=int(PATIENCE_SECONDS)) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    # --- start and end ----------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it as what it was, primary or standby; return when it answers."""
        command = [postgres.programs() / "postgres", "-D", self.data, "-c", f"port={self.port}"]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(command, **postgres.as_user(log), start_new_session=True)
        wait_for(self._answers, f"server {self.name} to answer")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it. "fast": once its standbys, unless frozen, have all; "immediate": as in a crash."""
        self.thaw()
        self._end(signal.SIGINT if mode == "fast" else signal.SIGQUIT)

    def kill(self) -> None:
        """Kill the postmaster and all its children by SIGKILL; return when none is left."""
        if self.is_running:
            processes.kill_family(self._pid)
        self._reap()
        self._receiver = None

    # --- a standby falls behind, and catches up -----------------------------------------------------

    def pause(self) -> None:
        """Let a standby go on receiving and acknowledging, but show nothing newer than now."""
        self.ask("SELECT pg_wal_replay_pause()")
        paused = "SELECT pg_get_wal_replay_pause_state() = 'paused'"
        wait_for(lambda: self.ask(paused), f"{self.name} to pause replay")

    def resume(self) -> None:
        """Undo `pause`."""
        self.ask("SELECT pg_wal_replay_resume()")

    def freeze(self) -> None:
        """Let a standby receive and acknowledge nothing more, though it stays connected and answers.

        What is on its way arrives after `thaw`; it is lost if the standby is detached or promoted before.
        """
        wait_for(self._freeze, f"{self.name} to be frozen between two messages")

    def freeze_whole(self) -> None:
        """Let the server and all its processes stand still: whoever asks it anything gets no answer."""
        processes.stop_family(self._pid)

    def thaw(self) -> None:
        """Undo `freeze` and `freeze_whole`."""
        if self.is_running:
            processes.go_on(self._pid)
        self._receiver = None

    def catch_up(self, primary: Server) -> None:
        """Return when this standby shows all that is committed on the primary now."""
        behind = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        end = primary.ask("SELECT pg_current_wal_lsn()::text")
        wait_for(lambda: self.ask(behind, end), f"{self.name} to have replayed {end}")

    # --- fail-over ----------------------------------------------------------------------------------

    def detach(self) -> None:
        """Take this standby from its primary: it receives nothing from then on."""
        self._set("primary_conninfo", "")
        wait_for(self._receives_no_more, f"{self.name} to leave its primary")

    def position(self) -> int:
        """Return up to where this standby has the WAL. Raises OperationalError if it can't be asked."""
        received = "SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'::pg_lsn"
        return int(self.ask(received))

    def promote(self) -> None:
        """Make a primary of this standby, with a new timeline; return when it takes writes."""
        self.ask("SELECT pg_promote(false)")

        def is_primary() -> bool:
            self._let_receiver_end()
            return not self.ask("SELECT pg_is_in_recovery()")

        wait_for(is_primary, f"{self.name} to become the primary")
        self._receiver = None

    def follow(self, primary: Server) -> None:
        """Let this standby receive from that primary from now on; return when it does."""
        self._set("primary_conninfo", _conninfo(primary, self.name))
        streams = "SELECT status = 'streaming' AND sender_port = %s FROM pg_stat_wal_receiver"
        wait_for(lambda: self.ask(streams, primary.port), f"{self.name} to follow {primary.name}")

    def copy(self, primary: Server) -> None:
        """Make this server, which is not running, a standby with a new copy of the primary, and start it."""
        if self.data.exists():
            shutil.rmtree(self.data)
        source = ["-d", _conninfo(primary, self.name), "-D", str(self.data)]
        postgres.run(self.home, "pg_basebackup", *source, "-R", "-c", "fast", "-X", "stream", "--no-sync")
        self.start()
        self.follow(primary)

    def set_synchronous(self, names: str) -> None:
        """Set `synchronous_standby_names`; return when every commit, of old sessions too, abides by it."""
        self._set("synchronous_standby_names", names)
        # Sessions go by a mark that the checkpointer makes when it reads the configuration. It does so before
        # it looks for requests: the second was made after the first was done, and so after that.
        for _ in range(2):
            self.ask("CHECKPOINT")

    def timeline(self) -> str:
        """Return the timeline that this primary writes, eight hexadecimal digits."""
        return str(self.ask(TIMELINE))

    # --- commits that wait --------------------------------------------------------------------------

    def waiting(self) -> list[int]:
        """Return the process ids of the sessions whose COMMIT waits for a standby."""
        found = self.rows("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' ORDER BY pid")
        return [int(pid) for (pid,) in found]

    def wait_until_waiting(self, count: int = 1) -> list[int]:
        """Return them when there are that many."""
        pids: list[int] = wait_for(
            lambda: found if len(found := self.waiting()) >= count else None, f"{count} commits to wait"
        )
        return pids

    def cancel(self, pid: int) -> None:
        """Cancel what a session does: a COMMIT that waits returns with a warning."""
        self.ask("SELECT pg_cancel_backend(%s)", pid)

    def terminate(self, pid: int) -> None:
        """End a session: its COMMIT gets no answer, though what it committed stays."""
        self.ask("SELECT pg_terminate_backend(%s)", pid)

    # --- within -------------------------------------------------------------------------------------

    @property
    def _pid(self) -> int:
        assert self._process is not None, f"server {self.name} was never started"
        return self._process.pid

    def _answers(self) -> bool:
        assert self.is_running, f"server {self.name} has ended: {self.log.read_text()[-2000:]}"
        with suppress(psycopg.OperationalError):
            return self.ask("SELECT true") is True
        return False

    def _end(self, number: signal.Signals) -> None:
        if self.is_running:
            processes.send(self._pid, number)
        self._reap()

    def _reap(self) -> None:
        # While its process can still be asked how it ended, the next takes it for one that runs.
        if self._process is not None:
            self._process.wait(PATIENCE_SECONDS)

    def _set(self, name: str, value: str) -> None:
        statement = sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
        self.ask(statement)
        self.ask("SELECT pg_reload_conf()")
        shown = "SELECT current_setting(%s) = %s"
        wait_for(lambda: self.ask(shown, name, value), f"{self.name} to read its configuration")

    def _freeze(self) -> bool:
        """Stop the receiver; let it go on if it was not waiting for the next message."""
        pid = self.ask("SELECT pid FROM pg_stat_wal_receiver WHERE status = 'streaming'")
        if pid is None:
            return False
        processes.stop(pid)
        waits = "SELECT wait_event = 'WalReceiverMain' FROM pg_stat_activity WHERE pid = %s"
        if self.ask(waits, pid):
            self._receiver = pid
            return True
        processes.send(pid, signal.SIGCONT)
        return False

    def _receives_no_more(self) -> bool:
        self._let_receiver_end()
        return not self.ask("SELECT EXISTS (SELECT FROM pg_stat_wal_receiver)")

    def _let_receiver_end(self) -> None:
        """Let a frozen receiver, once the server wants its end, find that before anything that arrived."""
        if self._receiver is not None:
            # While replay is paused the server does not say so, nor does it start another.
            wanted = "SELECT status = 'stopping' OR pg_is_wal_replay_paused() FROM pg_stat_wal_receiver"
            if self.ask(wanted):
                processes.send(self._receiver, signal.SIGTERM)
                processes.send(self._receiver, signal.SIGCONT)


class Servers:
    """A primary and the standbys that receive from it."""

    def __init__(self, home: Path, standbys: Sequence[str]) -> None:
        self.home = home
        self.primary = Server(home, "primary")
        self.standbys = [Server(home, name) for name in standbys]

    def start(self) -> None:
        """Make the primary with an empty database, and the standbys as copies of it, and start them all."""
        postgres.programs()
        postgres.give(self.home)
        data = self.primary.data
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        postgres.run(self.home, "initdb", "-D", str(data), *options)
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION.format(home=self.home))
        self.primary.start()
        self.primary.ask(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
        for standby in self.standbys:
            standby.copy(self.primary)

    def fail_over(self, synchronous: str = "") -> Server:
        """Make the furthest standby the primary, as an operator should, and return it.

        First every standby leaves the old primary; when one is promoted the others follow it. Nothing is
        done to the old primary.
        """
        for standby in self.standbys:
            standby.detach()
        self.primary = furthest(self.standbys)
        self.standbys.remove(self.primary)
        self.primary.promote()
        for standby in self.standbys:
            standby.follow(self.primary)
        self.primary.set_synchronous(synchronous)
        return self.primary


def furthest(standbys: Sequence[Server]) -> Server:
    """Return the standby that has most. One that can't be asked may have more: psycopg.OperationalError."""
    return max(standbys, key=Server.position)


def one_of(*servers: Server, database: str = DATABASE) -> str:
    """Return the SQLAlchemy URL that tries the servers in this order, if several, for one to write on."""
    hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in servers)
    if len(servers) == 1:
        return f"postgresql+psycopg://postgres@127.0.0.1:{servers[0].port}/{database}"
    return f"postgresql+psycopg://postgres@/{database}?{hosts}&target_session_attrs=read-write"


@contextmanager
def servers(*standbys: str) -> Iterator[Servers]:
    """A running set with standbys of these names; commits wait for none yet. All is gone afterwards."""
    home = postgres.make_home(scratch.folder())
    made = Servers(home, standbys)
    everyone = [made.primary, *made.standbys]
    try:
        made.start()
        yield made
    finally:
        for server in everyone:
            server.kill()
        postgres.remove(home)


def _conninfo(primary: Server, name: str) -> str:
    return f"host=127.0.0.1 port={primary.port} user=postgres application_name={name}"
