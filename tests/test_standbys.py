"""What the tests of standbys and fail-over rely on: the sets of servers do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import Diagnostic
from sqlalchemy import create_engine, text

from tests import pgbouncer, postgres, processes
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.standbys import TIMELINE, Server, Servers, furthest, one_of, servers

_STARTS_ONE = """
import time
from tests.standbys import servers
with servers("a") as made:
    made.standbys[0].freeze_whole()
    print(made.home, flush=True)
    time.sleep(1e6)
"""
Warned = tuple[str | None, str | None]
_COUNT = "SELECT count(*) FROM kept WHERE word = %s"


@pytest.fixture(scope="module")
def pair() -> Iterator[Servers]:
    """A primary with two standbys, which every test leaves as it found them."""
    with servers("a", "b") as made:
        _make_table(made.primary)
        yield made


def _make_table(server: Server) -> None:
    with server.connect() as connection:
        connection.execute("CREATE TABLE kept (word text)")


def _keep(server: Server, word: str) -> list[Warned]:
    """Commit the word; return what the server warned of: how severely, and in which of its functions."""
    warnings: list[Warned] = []

    def warn(said: Diagnostic) -> None:  # it may be read only now
        warnings.append((said.severity_nonlocalized, said.source_function))

    with server.connect() as connection:
        connection.add_notice_handler(warn)
        connection.execute("INSERT INTO kept VALUES (%s)", [word])
    return warnings


def _has(server: Server, word: str) -> bool:
    with server.connect() as connection:
        row = connection.execute(_COUNT, [word]).fetchone()
    return row == (1,)


@contextmanager
def _waiting_commit(primary: Server, word: str) -> Iterator[tuple[int, Future[list[Warned]]]]:
    """The process id of a session whose COMMIT waits for a standby, and what will come of it."""
    with ThreadPoolExecutor(1) as executor:
        commit = executor.submit(_keep, primary, word)
        (pid,) = primary.wait_until_waiting()
        assert not commit.done()
        yield pid, commit


@pytest.fixture
def only_a(pair: Servers) -> Iterator[tuple[Server, Server]]:
    """The primary and its only synchronous standby, which is frozen."""
    standby = pair.standbys[0]
    pair.primary.set_synchronous("a")
    standby.freeze()
    try:
        yield pair.primary, standby
    finally:
        standby.thaw()
        pair.primary.set_synchronous("")


def test_a_row_written_on_the_primary_is_on_every_standby(pair: Servers) -> None:
    _keep(pair.primary, "replicated")
    for standby in pair.standbys:
        standby.catch_up(pair.primary)
        assert _has(standby, "replicated")


def test_a_paused_standby_shows_what_was_and_acknowledges_what_is(pair: Servers) -> None:
    standby = pair.standbys[0]
    pair.primary.set_synchronous("a")
    standby.pause()
    _keep(pair.primary, "hidden")
    assert not _has(standby, "hidden")
    standby.resume()
    standby.catch_up(pair.primary)
    assert _has(standby, "hidden")
    pair.primary.set_synchronous("")


def test_a_commit_waits_for_the_only_synchronous_standby(only_a: tuple[Server, Server]) -> None:
    primary, standby = only_a
    with _waiting_commit(primary, "late") as (_, commit):
        assert not _has(standby, "late")
        standby.thaw()
        assert commit.result(PATIENCE_SECONDS) == []
    standby.catch_up(primary)
    assert _has(standby, "late")


def test_a_commit_whose_wait_is_cancelled_succeeds_with_a_warning(only_a: tuple[Server, Server]) -> None:
    primary, standby = only_a
    with _waiting_commit(primary, "doubtful") as (pid, commit):
        primary.cancel(pid)
        assert commit.result(PATIENCE_SECONDS) == [("WARNING", "SyncRepWaitForLSN")]
    assert _has(primary, "doubtful")
    assert not _has(standby, "doubtful")


def test_a_commit_whose_session_is_terminated_stays_and_gets_no_answer(
    only_a: tuple[Server, Server],
) -> None:
    primary, _ = only_a
    with _waiting_commit(primary, "unanswered") as (pid, commit):
        primary.terminate(pid)
        with pytest.raises(psycopg.OperationalError):
            commit.result(PATIENCE_SECONDS)
    assert _has(primary, "unanswered")


def test_a_server_that_stands_still_answers_nobody_and_goes_on_afterwards(pair: Servers) -> None:
    standby = pair.standbys[1]
    pair.primary.set_synchronous("b")
    standby.freeze_whole()
    with pytest.raises(psycopg.OperationalError, match="timeout"):
        standby.connect(connect_timeout=2)
    with _waiting_commit(pair.primary, "stood still") as (_, commit):
        standby.thaw()
        assert commit.result(PATIENCE_SECONDS) == []
    pair.primary.set_synchronous("")


def test_a_url_of_several_servers_leads_to_the_one_that_takes_writes(pair: Servers) -> None:
    a, b = pair.standbys
    engine = create_engine(one_of(a, b, pair.primary))
    with engine.begin() as connection:
        assert connection.execute(text("SELECT inet_server_port()")).scalar_one() == pair.primary.port
    engine.dispose()


def test_whoever_may_connect_may_ask_for_the_timeline(pair: Servers) -> None:
    pair.primary.ask("CREATE ROLE reader LOGIN")
    with psycopg.connect(postgres.conninfo(pair.primary.url_to(user="reader"))) as connection:
        assert connection.execute(TIMELINE).fetchone() == ("00000001",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM kept")


def test_what_is_acknowledged_survives_the_primary_and_the_old_one_keeps_its_timeline() -> None:
    with servers("a", "b") as made:
        old, (a, b) = made.primary, made.standbys
        _make_table(old)
        old.set_synchronous("ANY 1 (a, b)")
        _keep(old, "on both")
        a.freeze()
        _keep(old, "on b alone")
        old.kill()
        assert furthest([a, b]) is b
        assert made.fail_over("ANY 1 (a)") is b
        assert b.timeline() == "00000002"
        assert _has(b, "on both")
        assert _has(b, "on b alone")
        assert _keep(b, "after") == []
        a.catch_up(b)
        assert _has(a, "on b alone")
        assert _has(a, "after")
        old.start()
        assert old.timeline() == "00000001"
        assert not _has(old, "after")
        old.stop()
        old.copy(b)
        old.catch_up(b)
        assert _has(old, "after")


@pytest.mark.parametrize("leave", [Server.promote, Server.detach])
def test_what_was_on_its_way_to_a_frozen_standby_is_lost_when_it_leaves(
    leave: Callable[[Server], None],
) -> None:
    with servers("a") as made:
        (standby,) = made.standbys
        _make_table(made.primary)
        standby.catch_up(made.primary)
        standby.freeze()
        _keep(made.primary, "lost")
        leave(standby)
        made.primary.kill()
        assert not _has(standby, "lost")


def test_a_session_through_pgbouncer_lives_through_a_promotion() -> None:
    with servers("a") as made, pgbouncer.pgbouncer(made.primary) as front:
        _make_table(made.primary)
        with psycopg.connect(postgres.conninfo(front.url), autocommit=True, prepare_threshold=None) as client:

            def timeline() -> str:
                row = client.execute(TIMELINE).fetchone()
                assert row is not None
                return str(row[0])

            assert timeline() == "00000001"
            with ThreadPoolExecutor(1) as executor, front.paused():
                made.primary.kill()
                asked = executor.submit(timeline)
                wait_for(lambda: front.waiting() == 1, "the client to wait")
                front.point_to(made.fail_over())
                assert not asked.done()
            assert asked.result(PATIENCE_SECONDS) == "00000002"


def test_a_session_through_pgbouncer_is_moved_between_transactions_without_a_pause() -> None:
    with servers("a") as made, pgbouncer.pgbouncer(made.primary) as front:
        old = made.primary
        with psycopg.connect(postgres.conninfo(front.url), prepare_threshold=None) as client:
            assert client.execute(TIMELINE).fetchone() == ("00000001",)
            front.point_to(made.fail_over())
            assert client.execute(TIMELINE).fetchone() == ("00000001",), "its transaction goes on"
            client.commit()
            assert client.execute(TIMELINE).fetchone() == ("00000002",)
            client.commit()
        assert old.timeline() == "00000001"


def test_a_set_whose_run_was_killed_is_removed_by_the_next() -> None:
    command = [sys.executable, "-c", _STARTS_ONE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as run:
        assert run.stdout is not None
        left = Path(run.stdout.readline().strip())
        run.kill()
    assert _running_in(left)
    os.utime(left / "owner", (0, 0))
    postgres.remove(postgres.make_home(left.parent))
    assert not left.exists()
    assert _running_in(left) == []


def test_nothing_is_left_of_a_test_that_fails() -> None:
    homes: list[Path] = []

    def fail() -> None:
        with servers("a", "b") as made, pgbouncer.pgbouncer(made.primary) as front:
            homes.extend([made.home, front.home])
            made.standbys[0].freeze()
            made.standbys[1].freeze_whole()
            made.primary.kill()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not any(home.exists() for home in homes)
    assert [_running_in(home) for home in homes] == [[], []]


def _running_in(home: Path) -> list[str]:
    lines = [processes.command_line(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")]
    return [line for line in lines if str(home) in line]
