"""What watches over the order of locks notices every kind of violation, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import Insert, delete, func, insert, select, text, update

from hub.store.database.connection import Store
from hub.store.schema.allowance_tables import allowance
from hub.store.schema.tables import (
    hub_state,
    lease,
    ledger,
    nonce,
    origin,
)
from tests.kept import KeptDatabase
from tests.lock_order import RECORDER, Rank, classified, held_to

_TURN = select(func.pg_advisory_xact_lock(7, 8))
_SHARED = select(func.pg_advisory_xact_lock_shared(7))
_ALONE = select(func.pg_advisory_xact_lock(7))
_NONCE = insert(nonce).values(thumbprint="t", nonce="n", expires_at=0, receipt="r")
_HUB_STATE = select(hub_state.c.id).with_for_update()
_MOVE = update(hub_state).values(generation=2)
_KR = select(origin.c.code).where(origin.c.code == "KR").with_for_update()
_US = select(origin.c.code).where(origin.c.code == "US").with_for_update()
_KR_LEDGER = update(ledger).where(ledger.c.recipient == "KR").values(position=1)
_US_LEDGER = select(ledger.c.position).where(ledger.c.recipient == "US").with_for_update()
_LEDGERS = select(ledger.c.position).order_by(ledger.c.recipient).with_for_update()
_NO_ORDER = select(ledger.c.position).with_for_update()
_ROW = insert(lease).values(name="a", until=0)
_OTHER_ROW = delete(allowance)
_READ = select(ledger.c.position)
_INSERTED = insert(origin).values(code="AU", submissions=0)


@pytest.fixture
def store(kept_postgresql: KeptDatabase) -> Iterator[Store]:
    store = Store.open(kept_postgresql.emptied(alone=True))
    yield store
    store.close()
    RECORDER.violations()


def _do(store: Store, *statements: object) -> list[str]:
    with store.write() as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]
    return RECORDER.violations()


@pytest.mark.parametrize(
    "statements",
    [
        (_NONCE, _TURN, _SHARED, _HUB_STATE, _KR, _US, _KR_LEDGER, _US_LEDGER, _ROW, _OTHER_ROW),
        (_NONCE, _ALONE, _HUB_STATE, _MOVE, _LEDGERS, _KR_LEDGER, _US_LEDGER),
        (_HUB_STATE, _ROW, _MOVE),  # held already
        (_KR_LEDGER, _ROW, _KR_LEDGER),
        (_LEDGERS, _ROW, _US_LEDGER),
        (_SHARED, _ROW, _SHARED),
        (_ALONE, _SHARED),
        (_OTHER_ROW, _ROW),
        (_ROW, _READ),  # which locks nothing
    ],
)
def test_what_keeps_the_order_is_let_pass(store: Store, statements: tuple[object, ...]) -> None:
    assert _do(store, *statements) == []


@pytest.mark.parametrize(
    ("statements", "taken", "held"),
    [
        ((_SHARED, _NONCE), "nonce", "generation"),
        ((_SHARED, _TURN), "turn", "generation"),
        ((_TURN, _NONCE), "nonce", "turn"),
        ((_ROW, _NONCE), "nonce", "row"),
        ((_HUB_STATE, _ALONE), "generation", "hub_state"),
        ((_KR, _HUB_STATE), "hub_state", "origin KR"),
        ((_ROW, _MOVE), "hub_state", "row"),
        ((_KR_LEDGER, _KR), "origin KR", "ledger KR"),
        ((_US, _KR), "origin KR", "origin US"),
        ((_US_LEDGER, _KR_LEDGER), "ledger KR", "ledger US"),
        ((_ROW, _US_LEDGER), "ledger US", "row"),
        ((_US_LEDGER, _LEDGERS), "ledger every one", "ledger US"),
        ((_LEDGERS, _KR), "origin KR", "ledger every one"),
        ((_ROW, _INSERTED), "origin AU", "row"),
        ((_ROW, _SHARED), "generation", "row"),
        ((_NO_ORDER,), "ledger several, in no order", ""),
        ((_SHARED, _ALONE), "generation was taken to share", ""),
    ],
)
def test_what_violates_it_is_named_with_both_statements(
    store: Store, statements: tuple[object, ...], taken: str, held: str
) -> None:
    (found,) = _do(store, *statements)
    assert found.startswith(taken)
    assert f"after {held}" in found if held else True


def test_another_transaction_begins_anew(store: Store) -> None:
    assert _do(store, _ROW) == []
    assert _do(store, _NONCE) == []


def test_what_is_rolled_back_is_not_held(store: Store) -> None:
    with suppress(ZeroDivisionError):
        _fail_behind(store, _ROW)
    assert _do(store, _NONCE) == []


def _fail_behind(store: Store, statement: Insert) -> None:
    with store.write() as connection:
        connection.execute(statement)
        raise ZeroDivisionError


def test_it_is_noticed_in_a_thread_too(store: Store) -> None:
    thread = threading.Thread(target=lambda: _violate(store))
    thread.start()
    thread.join()
    assert len(RECORDER.violations()) == 1


def _violate(store: Store) -> None:
    with store.write() as connection:
        connection.execute(_ROW)
        connection.execute(_NONCE)


def test_preparations_of_tests_are_not_judged(store: Store) -> None:
    with RECORDER.off():
        _violate(store)
    assert RECORDER.violations() == []


@pytest.mark.parametrize(
    ("statement", "rank"),
    [
        ("INSERT INTO nonce VALUES (1) ON CONFLICT DO UPDATE SET expires_at = 1", Rank.NONCE),
        ("WITH x AS (INSERT INTO disclosure SELECT 1) SELECT * FROM x", Rank.ROW),
        ('UPDATE "ledger" SET position = 1 WHERE recipient = %(recipient_1)s', Rank.LEDGER),
        ("DELETE FROM origin", Rank.ORIGIN),
        ("SELECT 1 FROM member FOR SHARE", Rank.ROW),
        ("SELECT 1 FROM hub_state FOR NO KEY UPDATE", Rank.HUB_STATE),
        ("SELECT pg_advisory_xact_lock(1)", Rank.GENERATION),
    ],
)
def test_a_statement_is_known_by_what_it_locks(statement: str, rank: Rank) -> None:
    assert [kind.rank for kind in classified(statement)] == [rank]


def test_a_test_that_violates_it_fails() -> None:
    """As tests/conftest.py has it."""
    with pytest.raises(AssertionError, match="locks out of order"):
        held_to(lambda: ["nonce after row"])


def test_a_statement_by_hand_is_heard_as_well(store: Store) -> None:
    with store.write() as connection:
        connection.execute(text("INSERT INTO lease VALUES ('a', 0)"))
        connection.exec_driver_sql("DELETE FROM nonce")
    assert len(RECORDER.violations()) == 1
