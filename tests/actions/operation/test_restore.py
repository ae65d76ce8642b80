"""`hub restore`: back to a backup in another epoch, and closed until what that lost is made good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from hub.actions.checks import check
from hub.actions.operation import administer, restore, work
from hub.actions.operation.administer import OtherNames
from hub.actions.operation.backup import backup
from hub.actions.reading import poll
from hub.errors import Closed, Unavailable
from hub.model import Scope
from hub.store.database import epochs
from hub.store.database.connection import Store
from hub.store.schema import schemas
from tests.actions.restoring import beside, restorer, sharing_world
from tests.stix_objects import malware, stix_id
from tests.world import Poller, World, clause, paged


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with sharing_world(database_url) as world:
        yield world


@pytest.fixture
def back(world: World, database_url: str, tmp_path: Path) -> Callable[[], list[str]]:
    return restorer(world, database_url, tmp_path / "backup")


def opened(world: World) -> World:
    """Open the hub, later than what is signed before is refused."""
    restore.open_again(world.service)
    world.clock.wait(60)
    return world


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
    page = paged.objects(world.service, query)
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
