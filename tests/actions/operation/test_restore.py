"""`hub restore`: back to a backup in another epoch, and closed until what that lost is made good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from hub.actions.checks import check
from hub.actions.operation import administer, restore, work
from hub.actions.operation.administer import OtherNames
from hub.actions.operation.backup import backup
from hub.actions.reading import poll
from hub.errors import Closed, Conflict, SettingsError, Unavailable, Unprocessable
from hub.model import Scope
from hub.store.backup import copies
from hub.store.database import epochs
from hub.store.database.connection import Store
from hub.store.schema import schemas
from tests.actions.restoring import beside
from tests.stix_objects import malware, stix_id
from tests.world import START, Poller, World, build, clause

KINDS = ("cert", "agency", "partner")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Two nations that share, and whose members sign."""
    world = build(database_url, codes=("KR", "US"), kinds=KINDS, require_signature=True)
    world.agree(["US", "KR"], clause("US", "KR", "amber"))
    yield world
    world.close()


@pytest.fixture
def back(world: World, database_url: str, tmp_path: Path) -> Callable[[], list[str]]:
    """Make a backup at once; when called, restore it, and return what was lost."""
    file = tmp_path / "backup"

    def restored() -> list[str]:
        return list(restore.restore(database_url, file, world.clock))

    backup(database_url, file)
    return restored


def opened(world: World) -> World:
    """Open the hub, later than what is signed before is refused."""
    restore.open_again(world.service)
    world.clock.wait(60)
    return world


# --- what cannot be restored leaves everything as it was ---


def test_junk_is_refused_in_a_sentence(world: World, database_url: str, tmp_path: Path) -> None:
    before = world.see("kr-cert")
    junk = {
        "nothing": b"",
        "text": b"no database" * 1_000,
        "sql": b"-- PostgreSQL database dump\nSELECT 1;\n",
        "torn": b"",
    }
    backup(database_url, tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    junk["torn"] = whole[: len(whole) // 2]
    for name, content in junk.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Unprocessable, match="is no backup of a hub"):
            restore.restore(database_url, tmp_path / name, world.clock)
    with pytest.raises(Unprocessable, match="is no file"):
        restore.restore(database_url, tmp_path / "missing", world.clock)
    assert (world.see("kr-cert"), restore.epoch(world.service).closed_at) == (before, None)


def test_a_database_of_somebody_else_is_refused(world: World, database_url: str, tmp_path: Path) -> None:
    with beside(database_url) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE t (n INTEGER)"))
        engine.dispose()
        backup(url, tmp_path / "copy")
    with pytest.raises(Unprocessable, match="is no backup of a hub"):
        restore.restore(database_url, tmp_path / "copy", world.clock)


def test_a_database_that_was_never_initialised_is_refused(
    world: World, database_url: str, tmp_path: Path
) -> None:
    with beside(database_url) as url:
        store = Store.open(url)
        store.migrate()
        store.close()
        backup(url, tmp_path / "copy")
    with pytest.raises(Unprocessable, match="never initialised"):
        restore.restore(database_url, tmp_path / "copy", world.clock)


def test_a_backup_of_a_later_version_is_refused(world: World, database_url: str, tmp_path: Path) -> None:
    with world.service.store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    backup(database_url, tmp_path / "copy")
    with world.service.store.write() as connection:
        (newest,) = schemas.newest()
        connection.execute(text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest})
    with pytest.raises(SettingsError, match="later version"):
        restore.restore(database_url, tmp_path / "copy", world.clock)


def test_a_database_of_another_version_stays(
    world: World, database_url: str, back: Callable[[], list[str]]
) -> None:
    for version, remedy in (("9999", "update the hub"), ("0010", "hub init")):
        with world.service.store.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
        with pytest.raises(SettingsError, match=remedy):
            back()
    with world.service.store.write() as connection:
        connection.execute(
            text("UPDATE alembic_version SET version_num = :v"), {"v": next(iter(schemas.newest()))}
        )


def test_without_postgresqls_program_one_sentence_says_which(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(copies, "_PACKAGED", tmp_path)
    with pytest.raises(SettingsError, match="pg_restore"):
        restore.restore("postgresql+psycopg://nobody@/hub", tmp_path / "file")


def test_the_database_itself_is_no_backup_of_it(migrated_sqlite: Path, tmp_path: Path) -> None:
    world = build(_copied(migrated_sqlite, tmp_path / "hub.db"), codes=("US",), kinds=("cert",))
    with pytest.raises(Unprocessable, match="the database itself"):
        restore.restore(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path / "hub.db")
    with pytest.raises(Unprocessable, match=r"hub\.db-wal lies beside it"):
        restore.restore(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "hub.db")
    world.close()


def _copied(model: Path, path: Path) -> str:
    path.write_bytes(model.read_bytes())
    return f"sqlite:///{path}"


def test_a_file_into_which_nothing_can_be_written_has_to_be_moved_away(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    world = build(_copied(migrated_sqlite, tmp_path / "hub.db"), codes=("US",), kinds=("cert",))
    backup(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path / "copy")
    world.close()
    (tmp_path / "hub.db").write_bytes(b"x" * 8_192)
    with pytest.raises(Unavailable, match=r"move it, hub\.db-wal and hub\.db-shm away"):
        restore.restore(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path / "copy")
    (tmp_path / "hub.db").unlink()
    (loss,) = restore.restore(f"sqlite:///{tmp_path / 'hub.db'}", tmp_path / "copy")
    assert "no database to compare" in loss


def test_two_do_not_restore_at_once(migrated_sqlite: Path, tmp_path: Path) -> None:
    url = _copied(migrated_sqlite, tmp_path / "hub.db")
    build(url, codes=("US",), kinds=("cert",)).close()
    backup(url, tmp_path / "copy")
    refused = []

    def clock() -> datetime:
        if not refused:
            with pytest.raises(Conflict, match="Another") as error:
                restore.restore(url, tmp_path / "copy")
            refused.append(error)
        return START

    restore.restore(url, tmp_path / "copy", clock)
    assert len(refused) == 1


# --- another epoch ---


def test_the_file_is_only_read(
    world: World, database_url: str, tmp_path: Path, back: Callable[[], list[str]]
) -> None:
    before = (tmp_path / "backup").read_bytes()
    back()
    assert (tmp_path / "backup").read_bytes() == before
    back()  # once more is harmless
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"backup", "hub.db", "hub.db-wal", "hub.db-shm"}


def test_a_process_that_runs_goes_on_with_what_was_restored(
    world: World, back: Callable[[], list[str]]
) -> None:
    before = world.see("kr-cert")
    epoch = restore.epoch(world.service)
    world.push("us-agency", malware(1, tlp="green"))
    back()
    now = restore.epoch(world.service)
    assert now.id != epoch.id
    assert now.since == now.closed_at == world.clock.now
    opened(world)
    assert world.see("kr-cert") == before
    world.push("us-agency", malware(2, tlp="green"))
    assert world.ids("kr-cert") == {stix_id("malware", 2)}
    assert check.check(world.service).faults == []


def test_dates_go_on_behind_all_that_were_given(world: World, back: Callable[[], list[str]]) -> None:
    world.clock.wait(10)
    world.push("us-agency", malware(1, tlp="green"))
    given = world.released("kr-cert")[-1].date_added
    world.clock.wait(-3_600)  # and the clock was set back
    back()
    opened(world)
    world.push("us-agency", malware(2, tlp="green"))
    assert world.released("kr-cert")[-1].date_added > given + timedelta(minutes=1) - timedelta(seconds=1)


def test_pollers_by_date_and_by_next_get_all_that_is_new(world: World, back: Callable[[], list[str]]) -> None:
    world.push("us-agency", *(malware(n, tlp="green") for n in range(2, 9)))  # is lost
    poller: Poller = world.follow("kr-agency")
    poller.poll()
    query = world.query("kr-agency", "US", 3)
    page = poll.objects(world.service, query)
    cursor = poll.seal_cursor(world.service, query, page)
    back()
    opened(world)
    world.push("us-agency", *(malware(n, tlp="green") for n in range(20, 24)))
    world.push("us-agency", *(malware(n, tlp="green") for n in range(2, 9)))  # once more
    new = {stix_id("malware", n) for n in (*range(2, 9), *range(20, 24))}
    assert {row.id for row in poller.poll()} == new
    assert {row.id for row in world.drain(poll.open_cursor(world.service, query, cursor))} == new


def test_what_was_signed_before_is_refused_and_what_is_signed_later_is_taken(
    world: World, back: Callable[[], list[str]]
) -> None:
    world.push("us-agency", malware(1, tlp="green"))
    back()
    restore.open_again(world.service)
    for seconds in (0, 30):
        world.clock.wait(seconds)
        with pytest.raises(Unavailable, match="sign again") as refused:
            world.push("us-agency", malware(1, tlp="green"))
        assert refused.value.retry_after_seconds in range(1, 34)
    world.clock.wait(2)
    assert world.push("us-agency", malware(1, tlp="green")).outcomes[0].succeeded


def test_what_was_known_stays_known_when_a_backup_is_restored_again(
    world: World, back: Callable[[], list[str]]
) -> None:
    world.push("us-agency", malware(1, tlp="green"))
    first = back()
    assert any(sentence.startswith("submissions since") for sentence in first)
    assert back() == first


# --- what is lost ---


def test_what_is_lost_is_told(world: World, database_url: str, tmp_path: Path) -> None:
    service = world.service
    world.push("us-agency", malware(1, tlp="green"))
    ended = world.agree(["US", "KR"], clause("KR", "US", "green"))
    administer.register_identity(service, "us-partner", stix_id("identity", 77))
    extra = administer.issue_token(service, "us-agency", [Scope.READ])
    backup(database_url, tmp_path / "copy")
    world.clock.wait(1)
    world.delete("us-agency", stix_id("malware", 1))
    world.terminate(ended, by="KR")
    proposed = world.agree(["US", "KR"], clause("KR", "US", "amber"), signers=["US"])
    administer.revoke_token(service, extra.public_id)
    administer.suspend_member(service, "kr-partner")
    administer.remove_identity(service, "us-partner", stix_id("identity", 77))
    administer.alias_member(service, "us-partner", OtherNames(["Acme"], ["acme.example"]))
    administer.issue_token(service, "us-cert", [Scope.READ])
    world.push("us-cert", malware(2, tlp="green"))
    world.see("kr-cert")
    lost = "\n".join(restore.restore(database_url, tmp_path / "copy", world.clock))
    when = f"{world.clock.now:%Y-%m-%d %H:%M:%S} UTC"
    for sentence in (
        f"us-cert proposed agreement {proposed['id']}, {when}",
        f"KR terminated agreement {ended['id']}, {when}",
        f"US signed agreement {proposed['id']}, {when}",
        f"us-agency deleted {stix_id('malware', 1)} of US, {when}",
        f"member kr-partner was suspended, {when}",
        f"token {extra.public_id} of us-agency was revoked, {when}",
        f"{stix_id('identity', 77)} was taken from us-partner",
        "the names of us-partner were changed",
        "tokens registered since: 1",
        f"submissions since {when}: 1; their members have to push again",
        f"answers with objects since {when}: ",
    ):
        assert sentence in lost, lost
    known = list(restore.epoch(world.service).loss)  # and what a process that runs remembers
    assert known[: len(lost.split("\n"))] == lost.split("\n")
    assert list(restore.open_again(world.service).loss) == known
    assert restore.open_again(world.service).closed_at is None


def test_nothing_is_lost_between_a_backup_and_its_restore(
    world: World, back: Callable[[], list[str]]
) -> None:
    assert back() == []


def test_without_a_database_nothing_is_known_of_the_loss(
    world: World, database_url: str, tmp_path: Path
) -> None:
    world.push("us-agency", malware(1, tlp="green"))
    backup(database_url, tmp_path / "copy")
    with beside(database_url) as url:
        (told,) = restore.restore(url, tmp_path / "copy", world.clock)
        store = Store.open(url)
        assert store.is_current()
        with pytest.raises(Closed), store.read():
            pass
        store.close()
    last = f"{world.clock.now:%Y-%m-%d %H:%M:%S} UTC"
    assert told.startswith("there was no database to compare the backup with: ")
    assert f"its last act is of {last}" in told


def test_where_the_database_cannot_be_read_a_sentence_says_so(
    world: World, back: Callable[[], list[str]]
) -> None:
    with world.service.store.write() as connection:
        connection.execute(text("ALTER TABLE agreement_event RENAME COLUMN jws TO damaged"))
    if world.service.store.is_sqlite:
        (told,) = back()
        assert told.startswith("the database could not be read")
        assert check.check(opened(world).service).faults == []
        return
    with pytest.raises(Unavailable, match="nothing of it was changed"):  # its tables are not the hub's
        back()


# --- older schemas ---


def test_a_backup_of_an_older_version_is_migrated(world: World, database_url: str, tmp_path: Path) -> None:
    with beside(database_url) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            schemas.migrate(connection, "0010")
            for statement in _OLD:
                connection.execute(text(statement), {"positions": b"\x03\x01"})
        engine.dispose()
        backup(url, tmp_path / "old")
    before = (tmp_path / "old").read_bytes()
    loss = restore.restore(database_url, tmp_path / "old", world.clock)
    assert any("submissions" in sentence or "agreement" in sentence for sentence in loss)
    assert (tmp_path / "old").read_bytes() == before
    with world.service.store.read(when_closed=True) as connection:
        rows = connection.execute(text("SELECT recipient, last_date, decided_at FROM ledger")).all()
        state = epochs.state_of(connection)
        serial = connection.execute(text("SELECT id, runs FROM disclosure")).all()
    assert [(row.recipient, row.decided_at) for row in rows] == [("US", 5)]
    assert rows[0].last_date > 60_000_000
    assert serial == [(41, "3+1")]
    assert state.closed_at is not None


_OLD = (
    "INSERT INTO hub_state (id, generation, changed_at) VALUES (1, 3, 5)",
    "INSERT INTO origin (code, submissions) VALUES ('US', 0)",
    "INSERT INTO ledger (recipient, position, last_date, revision) VALUES ('US', 0, 5, 0)",
    """INSERT INTO member (id, nation, kind, name, identity, created_at)
        VALUES ('us-cert', 'US', 'cert', 'x', 'identity--x', 5)""",
    """INSERT INTO disclosure (id, member, recipient, at, kind, revision, generation, first_position,
        last_position, positions) VALUES (41, 'us-cert', 'US', 5, 'objects', 0, 0, 3, 4, :positions)""",
)


# --- closed ---


def test_the_operators_commands_work_while_closed_and_chores_are_put_off(
    world: World, database_url: str, tmp_path: Path, back: Callable[[], list[str]]
) -> None:
    back()
    assert check.check(world.service).faults == []
    backup(database_url, tmp_path / "another")
    administer.suspend_member(world.service, "kr-partner")
    administer.resume_member(world.service, "kr-partner")
    with pytest.raises(Closed, match="closed"):
        work.work(world.service)


def test_rows_are_numbered_on_after_a_restore(world: World, back: Callable[[], list[str]]) -> None:
    back()
    opened(world)
    world.push("us-agency", malware(1, tlp="green"))
    world.agree(["US", "KR"], clause("KR", "US", "green"))
    assert world.ids("kr-cert") == {stix_id("malware", 1)}
    assert check.check(world.service).faults == []


def test_what_is_dated_by_an_earlier_decision_is_sound_though_dates_run_ahead(
    world: World, back: Callable[[], list[str]]
) -> None:
    """A clock that is set back dates nothing before what is committed, and rows have later dates yet."""
    back()
    restore.open_again(world.service)
    world.clock.wait(32)  # what is signed now is taken, and rows are dated half a minute ahead
    world.push("us-agency", malware(1, tlp="green"))
    world.clock.wait(-3_600)
    with world.service.store.write() as connection:  # long ago, for whose clock was right then
        connection.execute(text("UPDATE hub_state SET epoch_at = 0"))
    world.push("us-agency", malware(2, tlp="green"))
    assert check.check(world.service).faults == []
