"""`hub backup`: whole or not at all, and what a restore to an earlier state means for those who poll."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from hub.actions.checks import check
from hub.actions.operation.backup import backup, restoring
from hub.actions.reading import poll
from hub.cli.signals import end_on_sigterm
from hub.errors import Conflict, SettingsError, Unavailable, Unprocessable
from hub.store.backup import copies
from hub.store.database.connection import Store
from tests.actions.restoring import program, restored
from tests.stix_objects import malware, stix_id
from tests.world import EVERY_VERSION, Poller, World, build, clause, paged

KINDS = ("cert", "agency")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Two nations that share."""
    world = build(database_url, codes=("KR", "US"), kinds=KINDS)
    world.agree(["US", "KR"], clause("US", "KR", "green"))
    yield world
    world.close()


@contextmanager
def reopened(world: World, database_url: str, file: Path) -> Iterator[World]:
    """Give the same people over the restored database, in a new process."""
    with restored(database_url, file, world.clock) as url:
        again = world.changed(store=Store.open(url))
        again.service.store.clock = world.clock
        world.clock.wait(60)  # what was signed before the restore is refused
        try:
            yield again
        finally:
            again.close()


# --- refusals ---


def test_a_file_that_is_there_is_never_overwritten(world: World, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_bytes(b"yesterday's")
    with pytest.raises(Conflict, match="never overwrites"):
        backup(database_url, file)
    assert file.read_bytes() == b"yesterday's"


def test_a_backup_that_was_finished_meanwhile_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "backup"

    def overtaken(_url: str, partial: Path) -> None:
        partial.write_bytes(b"second")
        file.write_bytes(b"first")

    monkeypatch.setattr(copies, "copy", overtaken)
    with pytest.raises(Conflict, match="never overwrites"):
        backup("sqlite:///x", file)
    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(file, b"first")]


def test_a_link_that_leads_nowhere_is_in_the_way_too(tmp_path: Path) -> None:
    (tmp_path / "backup").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Conflict):
        backup("sqlite:////nowhere", tmp_path / "backup")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unprocessable, match="no folder"):
        backup("sqlite:////nowhere", tmp_path / "missing" / "backup")


def test_no_database_is_made_to_be_copied(tmp_path: Path) -> None:
    database = tmp_path / "hub.db"
    with pytest.raises(SettingsError, match="run `hub init`"):
        backup(f"sqlite:///{database}", tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_leaves_no_backup(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(Unavailable, match="cannot be copied"):
        backup(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path / "backup")
    assert [path.name for path in tmp_path.iterdir()] == ["hub.db"]


def test_sqlite_hears_a_signal_while_it_copies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "hub.db")) as made, made:
        made.execute("CREATE TABLE t (n INTEGER)")
        numbers = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 100000)"
        made.execute(f"INSERT INTO t {numbers} SELECT n FROM r")
    monkeypatch.setattr(copies, "_STEPS_UNHEARD", 100)
    signals = iter([signal.SIGTERM])
    monkeypatch.setattr(copies, "_go_on", lambda: [os.kill(os.getpid(), one) for one in signals] and 0)
    with end_on_sigterm(), pytest.raises((Unavailable, KeyboardInterrupt)):
        backup(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path / "backup")
    assert [path.name for path in tmp_path.iterdir()] == ["hub.db"]


def test_a_server_that_is_not_there_leaves_no_backup(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be copied"):
        backup(f"postgresql+psycopg://nobody@/hub?host={tmp_path}", tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []


def test_without_postgresqls_program_one_sentence_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(copies, "_PACKAGED", tmp_path)
    with pytest.raises(SettingsError, match="pg_dump"):
        backup("postgresql+psycopg://nobody@/hub", tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["hub:s3cret@localhost/hub", "hub@localhost/hub?password=s3cret"])
def test_the_password_is_on_no_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    script = tmp_path / "pg_dump"
    script.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/told\necho "$PGPASSWORD" > {tmp_path}/known\nexit 1\n'
    )
    script.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(Unavailable):
        backup(f"postgresql+psycopg://{place}", tmp_path / "backup")
    told = (tmp_path / "told").read_text()
    assert "postgresql://hub@localhost/hub" in told
    assert "s3cret" not in told
    assert (tmp_path / "known").read_text() == "s3cret\n"


# --- copies ---


def test_a_backup_is_readable_by_its_owner_alone_and_says_how_to_restore(
    world: World, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "copy"
    assert backup(database_url, file) == file.stat().st_size > 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".copy*"))
    assert str(file) in restoring(file)


def test_a_backup_holds_nothing_that_was_erased(world: World, database_url: str, tmp_path: Path) -> None:
    world.push("us-agency", malware(1, tlp="green", name="kept" * 100))
    world.push("us-agency", malware(2, tlp="green", name="gone" * 100))
    world.delete("us-agency", stix_id("malware", 2))
    backup(database_url, tmp_path / "copy")
    held = _plain(database_url, tmp_path / "copy")
    assert b"kept" * 100 in held
    assert b"gone" * 100 not in held


def _plain(database_url: str, file: Path) -> bytes:
    """What stands in a backup, for whoever looks into the file."""
    if database_url.startswith("sqlite"):
        return file.read_bytes()
    text = subprocess.run([program("pg_restore"), "--file=-", file], check=True, capture_output=True).stdout
    return b"".join(bytes.fromhex(part.decode()) for part in _hexadecimal(text))


def _hexadecimal(text: bytes) -> list[bytes]:
    return re.findall(rb"\\\\x((?:[0-9a-f]{2})+)", text)


# --- back to an earlier state ---


def test_a_restored_hub_is_sound_and_goes_on(world: World, database_url: str, tmp_path: Path) -> None:
    world.push("us-agency", *(malware(n, tlp="green") for n in range(5)))
    before = world.see("kr-agency")
    backup(database_url, tmp_path / "copy")
    with reopened(world, database_url, tmp_path / "copy") as again:
        assert check.check(again.service).faults == []
        assert again.see("kr-agency") == before
        again.push("us-agency", malware(9, tlp="green"))
        assert stix_id("malware", 9) in again.ids("kr-agency")
        assert check.check(again.service).faults == []


def test_a_poller_that_saw_more_than_the_backup_misses_nothing_of_what_follows(
    world: World, database_url: str, tmp_path: Path
) -> None:
    world.push("us-agency", malware(1, tlp="green"))
    backup(database_url, tmp_path / "copy")
    world.push("us-agency", *(malware(n, tlp="green") for n in range(2, 9)))  # lost with the database
    poller = world.follow("kr-agency")
    poller.poll()
    world.clock.wait(1)
    with reopened(world, database_url, tmp_path / "copy") as again:
        again.push("us-agency", *(malware(n, tlp="green") for n in range(20, 24)))
        again.push("us-agency", *(malware(n, tlp="green") for n in range(2, 9)))  # once more
        follower = Poller(again, "kr-agency", None, 3, poller.last)
        new = {row.id for row in follower.poll()}
    assert new == {stix_id("malware", n) for n in (*range(2, 9), *range(20, 24))}


def test_a_walk_from_before_goes_on_and_misses_nothing_of_what_follows(
    world: World, database_url: str, tmp_path: Path
) -> None:
    backup(database_url, tmp_path / "copy")
    world.push("us-agency", *(malware(n, tlp="green") for n in range(9)))  # lost with the database
    query = world.query("kr-agency", limit=15, selections=EVERY_VERSION)
    page = paged.objects(world.service, query)
    assert page.more
    cursor = poll.seal_cursor(world.service, query, page)
    world.clock.wait(1)
    with reopened(world, database_url, tmp_path / "copy") as again:
        again.push("us-agency", *(malware(n, tlp="green") for n in range(20, 24)))
        rows = again.drain(poll.open_cursor(again.service, query, cursor))
    assert {row.id for row in rows} == {stix_id("malware", n) for n in range(20, 24)}


def test_what_was_ended_after_the_backup_has_to_be_ended_again(
    world: World, database_url: str, tmp_path: Path
) -> None:
    ended = world.agree(["US", "KR"], clause("US", "KR", "amber"))
    world.push("us-agency", malware(1, tlp="amber"))
    backup(database_url, tmp_path / "copy")
    world.terminate(ended, by="KR")
    assert world.ids("kr-cert") == set()
    world.clock.now += timedelta(seconds=1)
    with reopened(world, database_url, tmp_path / "copy") as again:
        assert again.ids("kr-cert") == {stix_id("malware", 1)}
        again.terminate(ended, by="KR")
        assert again.ids("kr-cert") == set()
        assert check.check(again.service).faults == []
