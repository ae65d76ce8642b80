"""`hub check` and `hub backup` beside a serving hub, and the hub that is made of the backup."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from taxii2client.v21 import as_pages

from hub.store.backup import copies
from tests.actions.restoring import restored
from tests.cli.conftest import Run
from tests.cli.results import json_of
from tests.journeys.live import Live, live_hub
from tests.patience import PATIENCE_SECONDS
from tests.stix_objects import malware, stix_id

# --- refusals ---


@pytest.mark.parametrize("command", ["check", "backup"])
def test_a_hub_that_was_never_made_is_refused_in_one_sentence(run: Run, command: str, tmp_path: Path) -> None:
    result = run(command, *([tmp_path / "b"] if command == "backup" else []))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "run `hub init`" in result.stderr
    assert not (tmp_path / "b").exists()


def test_a_fault_is_printed_with_its_place_and_ends_with_one(run: Run, tmp_path: Path) -> None:
    run("init")
    with closing(sqlite3.connect(tmp_path / "var" / "hub.db")) as connection, connection:
        connection.execute("UPDATE ledger SET position = 99 WHERE recipient = 'KR'")
    told = run("check")
    assert told.exit_code == 1
    assert told.stdout.startswith("ledger KR: says that its last position is 99, and its last row is 16; ")
    assert told.stderr == "hub: 1 fault\n"
    as_json = run("check", "--json")
    assert as_json.exit_code == 1
    value = json.loads(as_json.stdout)
    assert value["checked"]["releases"] == 80
    assert [fault.keys() for fault in value["faults"]] == [{"place", "what"}]


def test_a_file_that_is_no_database_any_more_is_a_fault(run: Run, tmp_path: Path) -> None:
    run("init")
    (tmp_path / "var" / "hub.db").write_bytes(b"x" * 8_192)
    told = run("check")
    assert (told.exit_code, told.stderr) == (1, "hub: 1 fault\n")
    assert told.stdout.startswith("database file: cannot be read; restore a backup\n")


def test_a_backup_that_is_told_to_end_leaves_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run("init")
    folder = tmp_path / "backups"
    folder.mkdir()

    def told(_url: str, partial: Path) -> None:
        partial.with_name(f"{partial.name}-journal").touch()
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(copies, "copy", told)
    assert run("backup", folder / "backup").exit_code == 130
    assert list(folder.iterdir()) == []


def test_a_hub_of_another_version_is_refused(run: Run, tmp_path: Path) -> None:
    run("init")
    with closing(sqlite3.connect(tmp_path / "var" / "hub.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0011'")
    assert "older version" in run("check").stderr
    assert "run `hub init`" in run("check").stderr
    assert run("backup", tmp_path / "copy").exit_code == 0  # before an upgrade is when it is needed


# --- sound ---


def test_a_sound_hub_is_counted(run: Run) -> None:
    run("init")
    counts = "16 objects, 80 releases, 0 submissions, 0 deletions, 0 agreements, 0 disclosures"
    assert run("check").stdout == f"checked: {counts}\n"
    assert json_of(run("check", "--json"))["faults"] == []


def test_a_backup_is_told_of_without_the_secrets(run: Run, tmp_path: Path) -> None:
    run("init")
    value = json_of(run("backup", tmp_path / "copy", "--json"))
    assert value.keys() == {"file", "bytes", "restore"}
    assert value["bytes"] == (tmp_path / "copy").stat().st_size
    assert "not the secrets in" in run("backup", tmp_path / "other").stdout
    held = (tmp_path / "copy").read_bytes()
    for secret in (tmp_path / "var" / "secrets").iterdir():
        assert secret.read_bytes() not in held


# --- while it serves ---


def a_while_ago() -> datetime:
    """A moment by which a restored hub takes what is signed now, without that anybody waits."""
    return datetime.now(UTC) - timedelta(minutes=1)


_PAUSE_SECONDS = 0.1  # of each member, so that the commands meanwhile have the processors too


@dataclass
class Traffic:
    """Members that push and poll until they are told to stop."""

    live: Live
    pushed: list[str] = field(default_factory=list)
    polled: int = 0
    acts: list[Future[None]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        with ThreadPoolExecutor() as pool:
            for lane, id in enumerate(("us-agency", "us-cert", "kr-agency")):
                self.acts.append(pool.submit(self._push, id, lane))
            self.acts.append(pool.submit(self._poll))
            try:
                yield
            finally:
                self.stop.set()
        for act in self.acts:
            act.result()  # raises what went wrong in it

    def wait_for(self, pushes: int) -> None:
        for _ in range(int(PATIENCE_SECONDS) * 10):
            if len(self.pushed) >= pushes or any(act.done() for act in self.acts):
                return
            self.stop.wait(0.1)
        raise AssertionError(f"only {len(self.pushed)} pushes in {PATIENCE_SECONDS} s")

    def _push(self, id: str, lane: int) -> None:
        for n in range(10_000 * lane, 10_000 * (lane + 1)):
            if self.stop.wait(_PAUSE_SECONDS):
                return
            status = self.live.push(id, [malware(n, tlp="green"), malware(n, version=2, tlp="green")])
            assert status.failure_count == 0, status.failures
            self.pushed.append(stix_id("malware", n))

    def _poll(self) -> None:
        while not self.stop.wait(_PAUSE_SECONDS):
            ids(self.live, "kr-agency")
            self.polled += 1


def ids(live: Live, reader: str) -> set[str]:
    collection = live.collection(reader, "released")
    return {
        obj["id"]
        for envelope in as_pages(collection.get_objects, per_request=50)
        for obj in envelope.get("objects", [])
    }


def hub(live: Live, *arguments: object) -> Any:
    """Run the command on the hub's own machine, as a process of its own."""
    command = [sys.executable, "-m", "hub", *map(str, arguments), "--json"]
    home = live.environ["HUB_HOME"]
    done = subprocess.run(command, env=live.environ, cwd=home, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def test_a_backup_taken_while_members_push_and_poll_becomes_a_sound_hub(
    database_url: str, tmp_path: Path
) -> None:
    with live_hub(database_url, tmp_path) as live:
        for id in ("us-agency", "us-cert", "kr-agency", "kr-cert"):
            live.member(id)
        live.agree("US", "KR")
        traffic = Traffic(live)
        with traffic.flowing():
            traffic.wait_for(pushes=10)
            acknowledged = set(traffic.pushed)
            value = hub(live, "backup", tmp_path / "copy")
            assert hub(live, "check")["faults"] == []
            taken = len(traffic.pushed)
            traffic.wait_for(pushes=taken + 5)
        assert traffic.polled > 0
        assert value["bytes"] > 0
    with restored(database_url, tmp_path / "copy", a_while_ago) as url, live_hub(url, tmp_path) as again:
        again.accounts.update(live.accounts)
        assert hub(again, "check")["faults"] == []
        seen = ids(again, "kr-agency")
        assert acknowledged <= seen
        lost = [id for id in traffic.pushed if id not in seen]
        assert lost, "what was pushed after the backup cannot be in it"
        assert again.push("us-agency", [malware(90_000, tlp="green")]).failure_count == 0
        assert stix_id("malware", 90_000) in ids(again, "kr-agency")
        assert requests.get(f"{again.url}/readyz", timeout=PATIENCE_SECONDS).ok
        assert hub(again, "check")["faults"] == []
