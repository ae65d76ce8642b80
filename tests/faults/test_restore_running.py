"""`hub restore` beside a running server, and killed in the middle: the old database or the new one, whole."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hub.actions.operation import restore
from hub.actions.operation.backup import backup
from hub.errors import Closed
from hub.store.database import epochs
from hub.store.database.connection import Store
from hub.store.database.epochs import State
from tests import postgres
from tests.ahead import sign_ahead
from tests.faults import faulty
from tests.faults.faulty import Holder, LivePoller
from tests.journeys.live import Live
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.stix_objects import malware, stix_id

# --- helps --------------------------------------------------------------------------------------


def command(live: Live, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `hub` as the operator, on the machine of the server."""
    return subprocess.run(
        [sys.executable, "-m", "hub", *arguments],
        env=live.environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def joined(live: Live) -> None:
    """Register the members beforehand, so that the backup knows them."""
    for id in ("us-cert", "us-agency", "kr-cert", "kr-agency"):
        live.member(id)


def held(live: Live) -> set[str]:
    """The malware that the database holds, by id, as a US member sees it."""
    found = faulty.everything(live, "us-agency", "us")
    return {item["id"] for item in found if item["type"] == "malware"}


def ids(*numbers: int) -> set[str]:
    return {stix_id("malware", n) for n in numbers}


@pytest.fixture(autouse=True)
def ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is signed before a restore is refused for half a minute; by this clock for two seconds."""
    sign_ahead(monkeypatch)


def later_than_the_epoch(live: Live) -> None:
    """Wait until what is signed now is taken again."""
    faulty.persist(lambda: faulty.post(live, "us-cert", [malware(999, tlp="green")]), faulty.Counter())


# --- beside a server ----------------------------------------------------------------------------


def test_a_server_that_runs_serves_what_was_restored(hub: Live, tmp_path: Path) -> None:
    hub.agree("US", "KR", max_tlp="green")
    joined(hub)
    before = [malware(n, tlp="green") for n in range(3)]
    assert faulty.post(hub, "us-agency", before).ok
    file = tmp_path / "backup"
    told = succeeded(command(hub, "backup", str(file)))
    assert f"`hub restore {file}`" in told
    poller = LivePoller(hub, "kr-agency", "us", 2)
    assert faulty.post(hub, "us-agency", [malware(n, tlp="green") for n in (10, 11, 12)]).ok
    first = faulty.get_objects(hub, "kr-agency", "us", limit=1).json()
    poller.once()
    poller.catch_up()
    received = len(poller.received)

    refused = command(hub, "restore", str(file))
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    told = succeeded(command(hub, "restore", "--yes", str(file)))
    assert "submissions since" in told
    assert "answers with objects since" in told
    assert "hub epoch open" in told
    for _ in range(8):  # whichever worker answers
        assert faulty.get_objects(hub, "kr-agency", "us").status_code == 503
        assert hub.get("kr-agency", "/readyz").ok
    shown = succeeded(command(hub, "epoch", "show"))
    assert "The hub is closed" in shown
    assert "submissions since" in shown
    assert "submissions since" in succeeded(command(hub, "epoch", "open"))

    assert held(hub) == ids(0, 1, 2)
    later_than_the_epoch(hub)
    assert faulty.post(hub, "us-agency", [malware(n, tlp="green") for n in (11, 20, 21)]).ok
    poller.catch_up()
    new = {item["id"] for item in poller.received[received:]}
    assert new == ids(11, 20, 21, 999)
    walked: list[Any] = []
    page = first
    while page["more"]:
        page = faulty.get_objects(hub, "kr-agency", "us", limit=100, next=page["next"]).json()
        walked += page.get("objects", [])
    assert ids(11, 20, 21, 999) <= {item["id"] for item in walked}
    assert all(one < two for one, two in zip(poller.dates[1::2], poller.dates[2::2], strict=False))
    faulty.assert_sound(hub)


def test_while_it_is_written_everybody_waits_or_is_put_off_and_nothing_is_half(
    hub: Live, tmp_path: Path
) -> None:
    hub.agree("US", "KR", max_tlp="green")
    joined(hub)
    assert faulty.post(hub, "us-agency", [malware(0, tlp="green")]).ok
    file = tmp_path / "backup"
    succeeded(command(hub, "backup", str(file)))
    writer = faulty.LiveWriter(hub, "us-agency", 1_000)
    poller = LivePoller(hub, "kr-cert", "us", 50)
    hub.member("kr-cert")
    with faulty.running(writer):
        writer.progress(3)
        for _ in range(2):
            succeeded(command(hub, "restore", "--yes", str(file)))
            succeeded(command(hub, "epoch", "open"))
    writer.acknowledged.clear()  # what came between is lost, as was told
    assert ids(0) <= held(hub)
    faulty.assert_caught_up(hub, poller)
    faulty.assert_sound(hub)


# --- SQLite: what a crash leaves ----------------------------------------------------------------


@pytest.fixture
def sqlite_hub(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Live]:
    path = tmp_path / "hub.db"
    shutil.copyfile(migrated_sqlite, path)
    path.chmod(0o600)
    with faulty.killable_hub(f"sqlite:///{path}", tmp_path) as live:
        yield live


def test_a_wal_that_a_crash_has_left_is_harmless(sqlite_hub: Live, tmp_path: Path) -> None:
    live = sqlite_hub
    joined(live)
    assert faulty.post(live, "us-agency", [malware(0, tlp="green")]).ok
    file = tmp_path / "backup"
    succeeded(command(live, "backup", str(file)))
    assert faulty.post(live, "us-agency", [malware(1, tlp="green")]).ok
    live.service.store.close()
    faulty.kill_everything(live)
    assert (tmp_path / "hub.db-wal").stat().st_size > 0
    told = succeeded(command(live, "restore", "--yes", str(file)))
    assert "submissions since" in told  # what the -wal held was seen
    succeeded(command(live, "epoch", "open"))
    faulty.start_again(live)
    assert held(live) == ids(0)
    faulty.assert_sound(live)


_KILLED_AT = """
import os, signal, sys
from pathlib import Path
from hub.store.backup import restoring, restoring_sqlite

point, url, file = sys.argv[1:]
go_on, steps = restoring_sqlite._Entering._go_on, []

def killed(self, *told):
    steps.append(told)
    if point == "locked":
        os.kill(os.getpid(), signal.SIGKILL)
    go_on(self, *told)
    if point == "begun" or (point == "half" and told[1] < told[2] // 2 and len(steps) > 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if point == "written" and told[0] == 101:
        os.kill(os.getpid(), signal.SIGKILL)

restoring_sqlite._Entering._go_on = killed
restoring_sqlite._PAGES_AT_ONCE = 8
restoring.restore(url, Path(file))
"""


@pytest.mark.parametrize(
    ("point", "is_new"), [("locked", False), ("begun", False), ("half", False), ("written", True)]
)
def test_a_restore_that_is_killed_leaves_the_old_or_the_new_whole(
    sqlite_hub: Live, tmp_path: Path, point: str, is_new: bool
) -> None:
    live = sqlite_hub
    joined(live)
    assert faulty.post(live, "us-agency", [malware(0, tlp="green")]).ok
    file, url = tmp_path / "backup", live.environ["HUB_DATABASE_URL"]
    backup(url, file)
    assert faulty.post(live, "us-agency", [malware(1, tlp="green")]).ok
    done = subprocess.run([sys.executable, "-c", _KILLED_AT, point, url, str(file)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (restore.epoch(live.service).closed_at is not None) is is_new
    restore.open_again(live.service)
    assert held(live) == (ids(0) if is_new else ids(0, 1))
    faulty.assert_sound(live)
    restore.restore(url, file)  # what the killed one has left is in nobody's way
    restore.open_again(live.service)
    assert held(live) == ids(0)
    assert not list(tmp_path.glob(".hub.db*"))


# --- PostgreSQL: the lock -----------------------------------------------------------------------


@pytest.fixture
def postgresql_hub(postgresql_url: str, tmp_path: Path) -> Iterator[Live]:
    with faulty.killable_hub(postgresql_url, tmp_path) as live:
        yield live


def test_whoever_waited_for_the_lock_meets_what_was_restored(postgresql_hub: Live, tmp_path: Path) -> None:
    """Also a read, whose snapshot is older than the restore for which it waited."""
    live = postgresql_hub
    live.agree("US", "KR", max_tlp="green")
    joined(live)
    file, url = tmp_path / "backup", live.environ["HUB_DATABASE_URL"]
    backup(url, file)
    assert faulty.post(live, "us-agency", [malware(0, tlp="green")]).ok
    with psycopg.connect(postgres.conninfo(url)) as held_up:
        # Nobody of the hub's reads this while it waits for the lock, but the restore waits for it.
        held_up.execute("LOCK TABLE deletion")
        restoring = Holder(lambda: restore.restore(url, file))
        wait_for(lambda: _waiting(url, "deletion") == 1, "the restore to hold the hub's state")
        polls = [Holder(lambda: faulty.get_objects(live, "kr-agency", "us")) for _ in range(4)]
        wait_for(lambda: _waiting(url, "hub_state") >= 4, "the requests to wait")
        fresh = Holder(lambda: _state(url))  # of a process that has seen no epoch yet
        wait_for(lambda: _waiting(url, "hub_state") >= 5, "a new process to wait")
        held_up.rollback()
        restoring.result()
    with pytest.raises(Closed):
        fresh.result()
    for poll in polls:
        response = poll.result()
        assert response.status_code == 503, response.text
        assert "closed" in response.text
    restore.open_again(live.service)
    assert held(live) == set()
    faulty.assert_clean_log(live)


def test_a_restore_that_is_killed_leaves_the_old(postgresql_hub: Live, tmp_path: Path) -> None:
    live = postgresql_hub
    joined(live)
    file, url = tmp_path / "backup", live.environ["HUB_DATABASE_URL"]
    backup(url, file)
    assert faulty.post(live, "us-agency", [malware(0, tlp="green")]).ok
    with psycopg.connect(postgres.conninfo(url)) as held_up:
        held_up.execute("LOCK TABLE deletion")
        script = "import sys; from pathlib import Path; from hub.store.backup import restoring"
        script += "; restoring.restore(sys.argv[1], Path(sys.argv[2]))"
        process = subprocess.Popen([sys.executable, "-c", script, url, str(file)])
        wait_for(lambda: _waiting(url, "deletion") == 1, "the restore to hold the hub's state")
        process.kill()
        process.wait()
        held_up.rollback()
    wait_for(lambda: restore.epoch(live.service).closed_at is None, "the hub to go on")
    assert held(live) == ids(0)
    faulty.assert_sound(live)


def _state(url: str) -> State:
    with closing(Store.open(url)) as store, store.read() as connection:
        return epochs.state_of(connection)


def _waiting(url: str, table: str) -> int:
    with psycopg.connect(postgres.conninfo(url)) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", (table,)
        ).fetchone()
    assert row is not None
    return int(row[0])
