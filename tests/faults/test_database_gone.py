"""PostgreSQL goes away and comes back: a cluster of the test's own is stopped at once, and started.

For SQLite there is nothing of the kind: the database is a file that every worker has open, and goes on
being that file whatever is done to its name or permissions.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import postgres, scratch
from tests.faults import faulty
from tests.faults.faulty import LivePoller, LiveWriter
from tests.ports import free_port
from tests.stix_objects import malware

# The tests' clusters acknowledge before they have written; PostgreSQL's default does not.
_SAFE = "&options=-c%20synchronous_commit%3Don"


class Cluster:
    """A PostgreSQL server in a folder of its own, which may be stopped and started."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.url = postgres.ensure_started(home)

    def stop(self) -> None:
        """End the server at once, whoever is connected, as a crash would."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Let it recover; return when it takes connections."""
        options = f"-c listen_addresses='' -c fsync=off -c unix_socket_directories='{self.home}'"
        self._control("start", "-w", "-t", "60", "-l", str(self.home / "log"), "-o", options)

    def _control(self, action: str, *options: str) -> None:
        postgres.run(self.home, "pg_ctl", action, "-D", str(self.home / "data"), *options)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    home = postgres.make_home(scratch.folder())
    try:
        yield Cluster(home)
    finally:
        postgres.remove(home)


def test_while_the_database_is_gone_everybody_is_told_to_come_back(cluster: Cluster, tmp_path: Path) -> None:
    with postgres.database(cluster.url) as url, faulty.killable_hub(url + _SAFE, tmp_path) as hub:
        hub.agree("US", "JP", max_tlp="green")
        writer, poller = (
            LiveWriter(hub, "us-agency", 0),
            LivePoller(hub, "jp-cert", "released", 5),
        )
        hub.member("jp-cert")
        with faulty.running(writer, poller):
            writer.progress(2)
            poller.progress(2)
            cluster.stop()
            assert not faulty.permitted(faulty.get_objects(hub, "jp-cert", "us"))
            assert not faulty.permitted(faulty.post(hub, "us-agency", [malware(900_001, tlp="green")]))
            # What readiness was found is told for a second.
            faulty.wait_for(lambda: not faulty.is_ready(hub), "the hub to tell that its database is gone")
            cluster.start()
            faulty.wait_for(lambda: faulty.is_ready(hub), "the hub to find its database again")
            writer.progress(2)
            poller.progress(2)
        faulty.assert_kept(hub, writer)
        faulty.assert_caught_up(hub, poller)
        faulty.assert_sound(hub)


def test_workers_that_begin_while_the_database_is_gone_wait_for_it(cluster: Cluster, tmp_path: Path) -> None:
    with postgres.database(cluster.url) as url, faulty.killable_hub(url + _SAFE, tmp_path) as hub:
        assert faulty.post(hub, "us-agency", [malware(1, tlp="green")]).ok
        cluster.stop()
        for _ in range(2):
            faulty.kill_worker(hub, min)
        log = tmp_path / "server.log"
        faulty.wait_for(lambda: log.read_text().count("waits to begin") > 1, "the new workers to begin")
        assert hub.process.poll() is None
        cluster.start()
        # One worker may be ready while the other, which looks each second, still answers 503.
        faulty.wait_for(lambda: log.read_text().count("waits no more") > 1, "both to find the database again")
        assert faulty.everything(hub, "us-agency", "us") == [malware(1, tlp="green")]


def test_a_server_whose_workers_wait_for_the_database_ends_when_told_to(
    cluster: Cluster, tmp_path: Path
) -> None:
    with postgres.database(cluster.url) as url, faulty.killable_hub(url + _SAFE, tmp_path) as hub:
        cluster.stop()
        for _ in range(2):
            faulty.kill_worker(hub, min)
        hub.process.terminate()
        assert hub.process.wait(25) == 0  # less than gunicorn gives its workers before it kills them
        cluster.start()


def test_a_server_that_is_started_while_the_database_is_gone_waits_for_it(
    cluster: Cluster, tmp_path: Path
) -> None:
    with postgres.database(cluster.url) as url, faulty.killable_hub(url + _SAFE, tmp_path) as hub:
        assert faulty.post(hub, "us-agency", [malware(1, tlp="green")]).ok
        port, log = free_port(), tmp_path / "second.log"
        cluster.stop()
        command = [sys.executable, "-m", "hub", "serve", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
        with log.open("wb") as out:
            second = subprocess.Popen(command, env=dict(hub.environ), stdout=out, stderr=out, cwd=tmp_path)
        try:
            faulty.wait_for(lambda: _status(port, "healthz") == 200, "the second server to live")
            assert _status(port, "readyz") == 503
            assert _status(port, "taxii2/") == 503
            assert "waiting for the database" in log.read_text()
            assert second.poll() is None
            cluster.start()
            faulty.wait_for(lambda: _status(port, "readyz") == 200, "the second server to be ready")
        finally:
            second.terminate()
            assert second.wait(faulty.PATIENCE_SECONDS) == 0
        assert "Traceback" not in log.read_text()


def _status(port: int, path: str) -> int:
    try:
        return requests.get(f"http://127.0.0.1:{port}/{path}", timeout=faulty.PATIENCE_SECONDS).status_code
    except requests.RequestException:
        return 0
