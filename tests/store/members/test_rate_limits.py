"""One instant for each member and kind: whoever holds it moves it alone, and nothing is lost in between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from hub.model import Kind, Member, MemberId, NationCode, StixId
from hub.store.database.connection import Store
from hub.store.members import members
from hub.store.members.rate_limits import hold_used_until, set_used_until
from hub.store.schema.allowance_tables import allowance
from tests.patience import PATIENCE_SECONDS

US, KR = MemberId("us-cert"), MemberId("kr-cert")
UNUSED = datetime(1970, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
_WRITERS, _ROUNDS = 4, 10


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store that knows two members."""
    store = Store.open(database_url)
    store.migrate()
    with store.write() as connection:
        for id in (US, KR):
            member = Member(id, NationCode(id[:2].upper()), Kind.CERT, id, StixId("identity--x"))
            members.add_member(connection, member, NOON)
    yield store
    store.close()


def held(store: Store, member: MemberId, kind: str) -> datetime:
    with store.write() as connection:
        return hold_used_until(connection, member, kind)


def move(store: Store, member: MemberId, kind: str, until: datetime) -> None:
    with store.write() as connection:
        hold_used_until(connection, member, kind)
        set_used_until(connection, member, kind, until)


def test_what_fails_leaves_no_trace(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            hold_used_until(connection, US, "requests")
            set_used_until(connection, US, "requests", NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(allowance)).scalar() == 0


def test_an_allowance_that_nobody_has_used_is_used_until_1970(store: Store) -> None:
    assert held(store, US, "requests") == UNUSED
    assert held(store, US, "requests") == UNUSED


def test_it_is_kept_to_the_microsecond_for_each_member_and_kind_apart(store: Store) -> None:
    move(store, US, "requests", NOON)
    move(store, US, "objects", NOON + timedelta(microseconds=1))
    assert held(store, US, "requests") == NOON
    assert held(store, US, "objects") == NOON + timedelta(microseconds=1)
    assert held(store, KR, "requests") == UNUSED
    move(store, US, "requests", UNUSED)  # what was forgiven goes back
    assert held(store, US, "requests") == UNUSED


def test_those_who_move_it_wait_for_each_other_from_the_first_use_on(store: Store) -> None:
    start = threading.Barrier(_WRITERS, timeout=PATIENCE_SECONDS)

    def advance(_: int) -> None:
        start.wait()
        for _round in range(_ROUNDS):
            with store.write() as connection:
                until = hold_used_until(connection, US, "objects")
                set_used_until(connection, US, "objects", until + timedelta(seconds=1))

    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(advance, range(_WRITERS)))
    assert held(store, US, "objects") == UNUSED + timedelta(seconds=_WRITERS * _ROUNDS)
