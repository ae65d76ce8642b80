"""The rows that everything is ordered by, and the nonces that count once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from hub.model import Kind, Member, MemberId, NationCode, Purpose, RegisteredKey, StixId
from hub.store.agreement import agreements, basis
from hub.store.database.connection import Connection, Store
from hub.store.ledger import ledgers
from hub.store.members import members
from hub.store.members.members import UsedNonce
from hub.store.records import submissions
from tests.patience import PATIENCE_SECONDS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
US, KR, JP = map(NationCode, ("US", "KR", "JP"))
_AT_ONCE = 8


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store with the ledgers of two nations."""
    store = Store.open(database_url)
    store.migrate()
    with store.write() as connection:
        assert ledgers.open_ledgers(connection, [KR, US]) == [KR, US]
    yield store
    store.close()


def _at_once(act: object) -> list[object]:
    start = threading.Barrier(_AT_ONCE, timeout=PATIENCE_SECONDS)

    def run(n: int) -> object:
        start.wait()
        return act(n)  # type: ignore[operator]

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(run, range(_AT_ONCE)))


def test_only_new_ledgers_are_opened(store: Store) -> None:
    with store.write() as connection:
        assert ledgers.open_ledgers(connection, [KR, US]) == []
    with store.write() as connection:
        assert ledgers.open_ledgers(connection, [JP, KR, US]) == [JP]


def test_ledgers_opened_at_once_are_opened_once(store: Store) -> None:
    def open_one(_: int) -> int:
        with store.write() as connection:
            return len(ledgers.open_ledgers(connection, [JP, KR, US]))

    assert sorted(_at_once(open_one)) == [0] * (_AT_ONCE - 1) + [1]  # type: ignore[type-var]


def test_a_lease_is_held_by_one_until_it_is_over_or_given_back(store: Store) -> None:
    until = NOW + timedelta(seconds=10)
    for now, is_taken in [
        (NOW, True),
        (NOW, False),
        (until - timedelta(microseconds=1), False),
        (until, True),
    ]:
        with store.write() as connection:
            assert ledgers.take_lease(connection, "work", now, now + timedelta(seconds=10)) == is_taken
    with store.write() as connection:
        assert ledgers.take_lease(connection, "other", NOW, until)
        ledgers.give_lease_back(connection, "work", until)
        assert not ledgers.take_lease(connection, "work", NOW, until)
        ledgers.give_lease_back(connection, "work", until + timedelta(seconds=10))
        assert ledgers.take_lease(connection, "work", NOW, until)


def test_of_many_that_ask_for_a_lease_one_gets_it(store: Store) -> None:
    def take(_: int) -> bool:
        with store.write() as connection:
            return ledgers.take_lease(connection, "work", NOW, NOW + timedelta(seconds=10))

    assert sum(map(bool, _at_once(take))) == 1


def _uses(connection: Connection, thumbprint: str, nonce: str) -> bool:
    """Tell whether a nonce was new."""
    receipt = str(uuid.uuid4())
    return members.use_nonce(connection, UsedNonce(thumbprint, nonce, NOW, receipt)) == receipt


def test_the_receipt_of_a_nonce_is_that_of_who_used_it_first(store: Store) -> None:
    with store.write() as connection:
        assert members.use_nonce(connection, UsedNonce("k", "n", NOW, "first")) == "first"
    with store.write() as connection:
        assert members.use_nonce(connection, UsedNonce("k", "n", NOW, "second")) == "first"
        assert members.settle_nonce(connection, UsedNonce("k", "n", NOW, "first")) == "first"
        assert members.settle_nonce(connection, UsedNonce("k", "other", NOW, "third")) is None


def test_a_nonce_counts_once_for_each_key_until_it_is_forgotten(store: Store) -> None:
    uses = [("k1", "n1", True), ("k1", "n2", True), ("k2", "n1", True), ("k1", "n1", False)]
    for thumbprint, nonce, is_new in uses:
        with store.write() as connection:
            assert _uses(connection, thumbprint, nonce) is is_new
    with store.write() as connection:
        assert members.prune_nonces(connection, NOW) == 0
        assert members.prune_nonces(connection, NOW + timedelta(microseconds=1)) == 3
        assert _uses(connection, "k1", "n1")


def test_a_nonce_of_a_transaction_that_failed_was_not_used(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            assert _uses(connection, "k", "n")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.write() as connection:
        assert _uses(connection, "k", "n")
        assert not _uses(connection, "k", "n")


def test_of_many_uses_at_once_one_is_the_first(store: Store) -> None:
    def use(_: int) -> bool:
        with store.write() as connection:
            return _uses(connection, "k", "n")

    assert sum(map(bool, _at_once(use))) == 1


def test_the_counters_that_decisions_are_checked_against(store: Store) -> None:
    with store.write() as connection:
        agreements.hold_for_change(connection)
        agreements.advance(connection, NOW)
        submissions.hold(connection, US)
        assert basis.counters(connection, US).submissions == 0
        submissions.advance(connection, US)
        assert [basis.counters(connection, nation).submissions for nation in (US, KR)] == [1, 0]
        agreements.hold_generation(connection)
        generation = basis.counters(connection, KR).generation
        assert generation == agreements.generation(connection)
        assert (generation.number, generation.changed_at) == (1, NOW)
        with pytest.raises(LookupError):
            basis.counters(connection, NationCode("XX"))


def test_members_and_keys_read_back_as_they_were(store: Store) -> None:
    cert = Member(MemberId("us-cert"), US, Kind.CERT, "US CERT", StixId("identity--x"))
    court = Member(MemberId("court"), None, Kind.AUDITOR, "Court", StixId("identity--y"))
    key = RegisteredKey("t" * 43, cert.id, Purpose.SUBMIT, "ed25519", {"kty": "OKP", "x": "é"}, NOW)
    with store.write() as connection:
        assert [members.add_member(connection, one, NOW) for one in (cert, court, cert)] == [
            True,
            True,
            False,
        ]
        assert [members.add_key(connection, key, None) for _ in range(2)] == [True, False]
        assert members.revoke_key(connection, key.thumbprint, "lost", NOW)
        assert not members.revoke_key(connection, "unknown", "lost", NOW)
    with store.read() as connection:
        assert members.members(connection) == [court, cert]
        found = members.find_key(connection, key.thumbprint)
        assert found is not None
        assert found.revoked_at == NOW
        assert (found.jwk, found.registered_at, found.member) == (key.jwk, NOW, cert.id)
        assert members.find_key(connection, "unknown") is None
        assert members.keys(connection, court.id) == []
