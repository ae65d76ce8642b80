"""Sessions that live through a promotion, and servers that were left behind: the first statement tells."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from hub.errors import InDoubt, SettingsError, Unavailable
from hub.store.database import commits, epochs
from hub.store.database.connection import Store
from tests.failover import parts
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.pgbouncer import pgbouncer
from tests.standbys import Servers, one_of, servers
from tests.stix_objects import malware, stix_id

_MEMBER = "us-agency"
_NONE = "?prepare_threshold=none"


@pytest.fixture
def pair() -> Iterator[Servers]:
    with servers("a") as made:
        yield made


def test_a_session_that_lives_through_a_promotion_is_caught_by_its_first_statement(pair: Servers) -> None:
    """Through PgBouncer, whose clients notice nothing."""
    with pgbouncer(pair.primary) as front:
        small = parts.build(front.url + _NONE)
        pair.primary.set_synchronous("ANY 1 (a)")
        first = parts.state(small)
        assert parts.send(small, _MEMBER, parts.signed(small, _MEMBER, malware(1))).outcomes[0].succeeded
        small.clock.wait()
        before = parts.signed(small, _MEMBER, malware(2))
        sessions = small.service.store._engine.pool.status()
        paused = threading.Event()

        def send() -> Any:
            assert paused.wait(PATIENCE_SECONDS)  # or it is done before
            return parts.outcome_of(lambda: parts.send(small, _MEMBER, before))

        with parts.meanwhile(send) as sending:
            with front.paused():
                paused.set()
                wait_for(front.waiting, "the first statement to wait")
                pair.primary.kill()
                front.point_to(pair.fail_over())
            refusal = sending.result()
        assert small.service.store._engine.pool.status() == sessions, "no connection was lost"
        assert isinstance(refusal, Unavailable)
        assert "sign again" in str(refusal)
        second = parts.state(small)
        assert (first.timeline, second.timeline, second.kept_timeline) == ("00000001", "00000002", "00000002")
        assert second.epoch != first.epoch
        assert second.closed_at is None, "every COMMIT was on a standby"
        small.clock.wait(31)
        with pytest.raises(Unavailable, match="sign again"):
            parts.send(small, _MEMBER, before)
        small.clock.wait()
        assert parts.send(small, _MEMBER, parts.signed(small, _MEMBER, malware(2))).outcomes[0].succeeded
        assert parts.state(small).epoch == second.epoch, "it changed once"
        assert small.ids(_MEMBER) == {stix_id("malware", n) for n in (1, 2)}
        small.close()


def test_an_old_primary_named_first_is_not_used_by_who_has_seen_the_new_one(pair: Servers) -> None:
    old, new = pair.primary, pair.standbys[0]
    small = parts.build(one_of(old, new))
    old.set_synchronous("ANY 1 (a)")
    parts.send(small, _MEMBER, parts.signed(small, _MEMBER, malware(1)))
    old.kill()
    assert pair.fail_over() is new
    epoch = parts.state(small).epoch
    parts.wait_out(small)
    parts.send(small, _MEMBER, parts.signed(small, _MEMBER, malware(2)))
    old.start()
    old.set_synchronous("")  # whoever wrote there would not be held up
    small.service.store.close()  # its next sessions are new ones
    rows = _counts(old)
    request = parts.signed(small, _MEMBER, malware(3))
    for act in (
        lambda: parts.send(small, _MEMBER, request),
        lambda: small.ids(_MEMBER),
        lambda: parts.state(small),
        lambda: parts.nonces(small),
    ):
        with pytest.raises(Unavailable, match="left behind"):
            act()
    assert _counts(old) == rows, "nothing was written there"
    wait_for(lambda: _sessions(old) == 0, "the server to end the sessions")
    fresh = parts.another(small, one_of(new))
    assert parts.state(fresh).epoch == epoch
    old.stop()
    assert parts.send(small, _MEMBER, request).outcomes[0].succeeded
    assert small.ids(_MEMBER) == {stix_id("malware", n) for n in (1, 2, 3)}
    small.close()
    fresh.close()


def _counts(server: parts.Server) -> list[int]:
    tables = ("submission", "nonce", "disclosure", "release")
    with server.connect() as connection:
        found = [connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables]
    return [row[0] for row in found if row]


def _sessions(server: parts.Server) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'hub' AND pid <> pg_backend_pid()"
    return int(server.ask(query))


def test_a_standby_is_refused_and_nothing_is_asked_of_it(pair: Servers) -> None:
    small = parts.build(pair.primary.url)
    pair.standbys[0].catch_up(pair.primary)
    store = Store.open(pair.standbys[0].url)
    for transaction in (store.read, store.write, store.record):
        with pytest.raises(Unavailable), transaction():
            raise AssertionError("it was entered")
    store.close()
    small.close()


def test_behind_pgbouncer_too_no_wait_is_without_an_end(pair: Servers) -> None:
    parts.build(pair.primary.url).close()
    with pgbouncer(pair.primary) as front:
        store = Store.open(front.url + _NONE)
        for transaction in (store.read, store.write, store.record):
            for name, seconds in (
                ("lock_timeout", epochs.LOCK_SECONDS),
                ("idle_in_transaction_session_timeout", epochs.IDLE_TRANSACTION_SECONDS),
            ):
                with transaction() as connection:
                    query = f"SELECT setting::integer / 1000 FROM pg_settings WHERE name = '{name}'"
                    assert connection.exec_driver_sql(query).scalar_one() == seconds
        with store.write() as one, store.write() as two, store.read() as three:
            for _ in range(12):  # nothing is prepared in sessions that are shared
                assert [c.exec_driver_sql("SELECT 1").scalar_one() for c in (one, two, three)] == [1, 1, 1]
        store.close()
    assert pair.primary.ask("SELECT count(*) FROM pg_prepared_statements") == 0


def test_behind_pgbouncer_too_a_commit_that_waits_in_vain_is_given_up_and_settled(
    pair: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PgBouncer passes on what cancels it, and the warning that tells."""
    (standby,) = pair.standbys
    with pgbouncer(pair.primary) as front:
        small = parts.build(front.url + _NONE)
        pair.primary.set_synchronous("a")
        parts.state(small)
        standby.freeze()
        request = parts.signed(small, _MEMBER, malware(1))
        with parts.meanwhile(lambda: parts.send(small, _MEMBER, request)) as sending:
            first = wait_for(lambda: _waiting_since(pair.primary), "the COMMIT to wait")
            # In the same session: PgBouncer gives it to whoever comes next.
            wait_for(lambda: _waiting_since(pair.primary) not in {None, first}, "the settlement to wait")
            standby.thaw()
            receipt = sending.result()
        assert parts.statuses(small, _MEMBER) == [receipt.id]
        standby.freeze()
        monkeypatch.setattr(commits, "COMMIT_SECONDS", 0.3)
        monkeypatch.setattr(commits, "SETTLE_SECONDS", 0.3)
        with pytest.raises(InDoubt):
            parts.send(small, _MEMBER, parts.signed(small, _MEMBER, malware(2)))
        standby.thaw()
        small.close()


def _waiting_since(server: parts.Server) -> datetime | None:
    """Return since when a COMMIT waits for a standby."""
    since: datetime | None = server.ask(
        "SELECT query_start FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    )
    return since


def test_a_threshold_that_is_no_number_is_refused_by_its_name() -> None:
    with pytest.raises(SettingsError, match="prepare_threshold"):
        Store.open("postgresql+psycopg://localhost/hub?prepare_threshold=never")
